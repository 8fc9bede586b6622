# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs leave their ITS: nothing stays on either side, whatever is broken, or it is said what blocks."""

from __future__ import annotations

import contextlib
import threading
import typing as t

import pytest
from departing import OPERATOR, assert_departs, assert_gone, path_of, registered, with_work
from fleet import ITS, MANAGED_CLUSTERS, Fleet, wait_until, works_of

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]


def test_it_leaves_both_sides_as_they_were_and_comes_back_at_once(fleet: Fleet, take: Take) -> None:
    name, stays = take(2)
    registered(fleet, stays)
    before = fleet.its.objects(), fleet.wec(name).objects()
    mark = fleet.mark()
    never = fleet.deregister([name])
    assert never.recap[name].changed == never.recap[name].failed == 0, never.output

    for again_as in (name, f"{name}-b"):
        run = fleet.register([name], wec_name=again_as)
        assert run.code == 0, run.output
        mark = fleet.mark()
        checked = fleet.deregister([name], "--check", "--diff", wec_name=again_as, deregister_purge=True)
        assert checked.recap[name].changed == 1, checked.output
        assert f"delete ManagedCluster {again_as}" in checked.text
        assert fleet.writes(mark) == []
        left = fleet.deregister([name], wec_name=again_as, deregister_purge=True)
        assert left.code == 0, left.output
        after = fleet.its.objects(), fleet.wec(name).objects()
        assert after[1] ^ before[1] == set()
        assert {one for one in after[0] ^ before[0] if name in one} == set()
        mark = fleet.mark()
        twice = fleet.deregister([name], wec_name=again_as, deregister_purge=True)
        assert twice.recap[name].changed == twice.recap[name].failed == 0, twice.output
        assert fleet.writes(mark) == []
    assert fleet.is_available(stays)


@pytest.mark.long
def test_without_purge_the_operator_stays_and_is_said_to(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    result = fleet.leave(wec, purge=False)
    assert not result.get("failed"), result
    kinds = {(one["kind"], one["name"]) for one in result["leftovers"]}
    assert ("Namespace", OPERATOR) in kinds
    assert all(one["expected"] for one in result["leftovers"])
    assert "This stays on the WEC: Namespace open-cluster-management" in result["msg"]
    assert_gone(fleet, wec)
    assert fleet.leave(wec)["changed"] is False
    registered(fleet, wec)
    assert fleet.is_available(wec)


def test_works_of_others_are_refused_or_waited_for_or_go(fleet: Fleet, wec: str) -> None:
    with_work(fleet, wec)
    mark = fleet.mark()
    refused = fleet.leave(wec)
    assert refused["problem"]["code"] == "foreign_manifestworks"
    assert "by-hand" in refused["msg"]
    late = fleet.leave(wec, drain="wait", wait_timeout=3)
    assert late["problem"]["code"] == "foreign_manifestworks"
    assert fleet.writes(mark) == []
    threading.Timer(4, fleet.its.request, ("DELETE", f"{works_of(wec)}/by-hand")).start()
    waited = fleet.leave(wec, drain="wait")
    assert not waited.get("failed"), waited
    assert fleet.wec(wec).get(path_of("by-hand")) is None
    assert_gone(fleet, wec)
    with_work(fleet, wec)
    ignored = fleet.leave(wec, drain="ignore", purge=True)
    assert not ignored.get("failed"), ignored
    assert fleet.wec(wec).get(path_of("by-hand")) is None
    assert_gone(fleet, wec, purged=True)


def test_who_it_is_not_is_not_taken_off(fleet: Fleet, take: Take) -> None:
    one, other = take(2)
    registered(fleet, one, other)
    mark = fleet.mark()
    wrong_name = fleet.leave(one, context=other)
    assert wrong_name["problem"]["code"] == "other_name", wrong_name
    alive = fleet.leave(one, wec_access="lost")
    assert alive["problem"]["code"] == "lost_wec_alive", alive
    assert fleet.writes(mark) == []
    assert fleet.is_available(one)
    assert fleet.is_available(other)


@pytest.mark.long
def test_an_agent_that_does_not_answer_stops_it_and_it_goes_on_when_the_agent_is_back(fleet: Fleet, wec: str) -> None:
    with_work(fleet, wec)
    fleet.sandbox("partition", wec=wec)
    try:
        stuck = fleet.leave(wec, drain="ignore", wait_timeout=8)
        assert stuck["problem"]["code"] == "agent_not_responding", stuck
        assert "by-hand" in stuck["msg"]
        assert fleet.wec(wec).get(path_of("by-hand")) is not None
        again = fleet.leave(wec, drain="ignore", wait_timeout=4)
        assert again["problem"]["code"] == "agent_not_responding", again
    finally:
        fleet.sandbox("heal", wec=wec)
    done = fleet.leave(wec, drain="ignore", wait_timeout=120)
    assert not done.get("failed"), done
    assert fleet.wec(wec).get(path_of("by-hand")) is None
    assert_gone(fleet, wec)


def test_a_cluster_that_is_lost_leaves_no_trace_on_the_its(fleet: Fleet, take: Take) -> None:
    (name,) = take(1)
    before = fleet.its.objects()
    with_work(fleet, name)
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"spec": {"leaseDurationSeconds": 1}})
    wait_until(lambda: fleet.condition(name, "ManagedClusterConditionAvailable") == "True", 10, "alive")
    fleet.sandbox("partition", wec=name)
    fleet.sandbox("stop", cluster=name)
    unreachable = fleet.leave(name, drain="ignore")
    assert unreachable["problem"]["code"] == "wec_unreachable", unreachable
    assert "wec_access" in unreachable["msg"], unreachable
    wait_until(
        lambda: "lost_wec_alive" not in str(fleet.leave(name, wec_access="lost", check_mode=True)), 30, "it is dead"
    )
    refused = fleet.leave(name, wec_access="lost")
    assert refused["problem"]["code"] == "foreign_manifestworks", refused
    lost = fleet.leave(name, wec_access="lost", drain="ignore")
    assert not lost.get("failed"), lost
    assert lost["released_finalizers"] == [
        {
            "kind": "ManifestWork",
            "name": f"{name}/by-hand",
            "finalizer": "cluster.open-cluster-management.io/manifest-work-cleanup",
        }
    ]
    assert lost["may_still_run"] == ["ConfigMap default/by-hand"]
    assert "certificate" in " ".join(lost["warnings"])
    assert {one for one in fleet.its.objects() ^ before if name in one} == set()
    assert fleet.leave(name, wec_access="lost")["changed"] is False


@contextlib.contextmanager
def stuck_work(fleet: Fleet, wec: str) -> t.Iterator[None]:
    with_work(fleet, wec, finalizers=["example.org/hold"])
    try:
        yield
    finally:
        fleet.wec(wec).request("PATCH", path_of("by-hand"), {"metadata": {"finalizers": []}})


@pytest.mark.long
def test_what_holds_the_workload_is_named(fleet: Fleet, wec: str) -> None:
    with stuck_work(fleet, wec):
        stuck = fleet.leave(wec, drain="ignore", wait_timeout=8)
        assert stuck["problem"]["code"] == "agent_not_responding", stuck
        assert "configmaps/by-hand has the finalizers example.org/hold" in stuck["msg"]
    done = fleet.leave(wec, drain="ignore")
    assert not done.get("failed"), done
    assert_gone(fleet, wec)


@pytest.mark.long
def test_a_mailbox_that_somebody_has_deleted_is_no_obstacle(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    fleet.its.request("DELETE", f"/api/v1/namespaces/{wec}")
    done = fleet.leave(wec)
    assert not done.get("failed"), done
    assert_gone(fleet, wec)
    registered(fleet, wec)


def test_what_is_left_over_is_found_from_both_sides_and_taken_away(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    clean = fleet.playbook("leftovers", [wec])
    assert clean.code == 0, clean.output
    assert wec not in {line.partition(":")[0] for line in clean.output.splitlines()}, clean.output
    fleet.its.request("DELETE", f"{MANAGED_CLUSTERS}/{wec}")
    wait_until(lambda: fleet.managed_cluster(wec) is None, 30, "it is gone")
    mark = fleet.mark()
    found = fleet.playbook("leftovers", [wec])
    assert found.code == 0, found.output
    (line,) = [line for line in found.output.splitlines() if line.startswith(f"{wec}:") and "Klusterlet" in line]
    assert "Klusterlet klusterlet on the WEC: the ITS has no ManagedCluster for it" in line
    assert f"Namespace {wec} on the ITS: there is no ManagedCluster of this name" in found.output
    assert fleet.writes(mark) == []
    assert not fleet.leave(wec, purge=True).get("failed")
    assert fleet.module("wec_leftovers", wec)["leftovers"] == []


@pytest.mark.long
def test_an_operator_that_has_gone_first_is_no_obstacle(fleet: Fleet, wec: str) -> None:
    with_work(fleet, wec)
    fleet.wec(wec).request("DELETE", f"/apis/apps/v1/namespaces/{OPERATOR}/deployments/klusterlet")
    done = fleet.leave(wec, drain="ignore", purge=True)
    assert not done.get("failed"), done
    assert fleet.wec(wec).get(path_of("by-hand")) is None
    assert_gone(fleet, wec, purged=True)


@pytest.mark.long
def test_a_managed_cluster_that_somebody_has_deleted_first(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    fleet.its.request("DELETE", f"{MANAGED_CLUSTERS}/{wec}")
    wait_until(lambda: fleet.managed_cluster(wec) is None, 30, "it is gone")
    done = fleet.leave(wec, purge=True)
    assert not done.get("failed"), done
    assert_gone(fleet, wec, purged=True)


@pytest.mark.long
def test_one_that_is_still_introducing_itself_leaves_as_well(fleet: Fleet, wec: str) -> None:
    before = fleet.wec(wec).objects()
    begun = fleet.join(wec, wait=False)
    assert not begun.get("failed"), begun
    wait_until(lambda: fleet.csrs(wec), 60, "its request")
    done = fleet.leave(wec, purge=True)
    assert not done.get("failed"), done
    assert fleet.wec(wec).objects() ^ before == set()
    assert_gone(fleet, wec, purged=True)
    assert fleet.bootstrap_secrets(wec) == []


@pytest.mark.parametrize("workload", ["keep", pytest.param("remove", marks=pytest.mark.long)])
def test_with_a_lost_its_the_workload_is_kept_or_removed(fleet: Fleet, wec: str, workload: str) -> None:
    with_work(fleet, wec)
    mark = fleet.mark()
    undecided = fleet.leave(wec, its_access="lost")
    assert undecided["problem"]["code"] == "workload_policy_required", undecided
    assert fleet.writes(mark) == []
    done = fleet.leave(wec, its_access="lost", workload=workload, purge=True)
    assert not done.get("failed"), done
    assert [one for one in fleet.writes(mark) if one.startswith(ITS)] == []
    found = fleet.wec(wec).get(path_of("by-hand"))
    assert (found is not None) == (workload == "keep")
    if found is not None:
        assert "ownerReferences" not in found["metadata"]
    assert_gone(fleet, wec, its=False, purged=True)


@pytest.mark.parametrize("moment", [pytest.param(2, marks=pytest.mark.long), 6])
def test_killed_after_some_write_it_is_simply_repeated(fleet: Fleet, wec: str, moment: int) -> None:
    """tests/long has every moment."""
    with_work(fleet, wec)
    assert_departs(fleet, wec, moment)

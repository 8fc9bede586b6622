# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wec_join with state absent, for many WECs at once."""

from __future__ import annotations

import collections
import re
import typing as t

import pytest
from fake_api import FakeApi, Fault
from fake_leaving import KLUSTERLET, Membership, members
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts
from fake_wds import BINDINGS, POLICIES, FakeWds, works_of
from front_ends import AsAction
from records import by_host, in_order

Json = dict[str, t.Any]
Fleet = dict[str, Membership]
HUB_REQUESTS = 15


@pytest.fixture
def run() -> AsAction:
    return AsAction()


@pytest.fixture
def fleet(request: pytest.FixtureRequest, its: FakeIts) -> t.Iterator[Fleet]:
    found = members(its, getattr(request, "param", 6))
    its.requests.clear()
    yield found
    for one in found.values():
        one.wec.close()


def leave(run: AsAction, its: FakeIts, fleet: Fleet, **options: t.Any) -> Json:
    wecs = [{"name": name, "kubeconfig": one.wec.kubeconfig()} for name, one in fleet.items()]
    shared = {"wecs": wecs, "its_kubeconfig": its.kubeconfig(ca=its.authority.pem), "wait_timeout": 20}
    return run("wec_join", state="absent", **{**shared, **options})


def left_on_its(its: FakeIts) -> list[str]:
    return [path for path in its.objects if "edge-" in path and "/leases/" not in path]


@pytest.mark.parametrize("fleet", [25], indirect=True)
def test_a_wec_that_leaves_with_many_costs_the_its_few_requests(run: AsAction, its: FakeIts, fleet: Fleet) -> None:
    result = leave(run, its, fleet)
    assert in_order(result, failed=True) == [], result
    assert left_on_its(its) == []
    assert not [name for name, one in fleet.items() if KLUSTERLET in one.wec.objects]
    counts = collections.Counter(method for method, _path in its.requests)
    assert len(its.requests) <= HUB_REQUESTS * len(fleet), counts
    # Labels and annotations, ManagedCluster, mailbox, properties, two requests, the Secret of its token.
    assert len(its.writes) == 8 * len(fleet), counts


def test_each_has_the_steps_that_it_has_alone(run: AsAction, its: FakeIts, fleet: Fleet, wec: FakeApi) -> None:
    alone = Membership(its, wec, "alone")
    result = leave(run, its, {"alone": alone})
    steps = [(step["side"], step["verb"]) for step in by_host(result)["alone"]["steps"]]
    many = by_host(leave(run, its, fleet))
    assert [[(step["side"], step["verb"]) for step in one["steps"]] for one in many.values()] == [steps] * len(fleet)


def test_one_that_hangs_keeps_nobody_waiting(
    run: AsAction, its: FakeIts, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "ansible_collections.kubestellar.wec.plugins.module_utils._operations.waiting"
    monkeypatch.setattr(f"{waiting}.LINE_EVERY", 0.5)
    fleet["edge-3"].alive.discard("agent")
    result = leave(run, its, fleet, wait_timeout=2, at_once=1, progress_interval=0.1)
    assert in_order(result, failed=True) == ["edge-3"]
    assert by_host(result)["edge-3"]["problem"]["code"] == "agent_not_responding"
    assert f"{MANAGED_CLUSTERS}/edge-3" in its.objects
    assert {path.rpartition("/")[2] for path in its.objects if path.startswith(MANAGED_CLUSTERS)} == {"edge-3"}
    assert re.fullmatch(r"\d of 6 are over\. edge-3: its agent has not taken .*", run.lines[-1])


def test_an_its_that_fails_is_told_of_each_with_its_own_steps(run: AsAction, its: FakeIts, fleet: Fleet) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        # LISTs of works are refused once the labels are gone.
        gone = any(one == ("PATCH", f"{MANAGED_CLUSTERS}/edge-1") for one in its.requests)
        if method == "GET" and path.startswith("/apis/work.open-cluster-management.io") and gone:
            raise Fault(403, "no more", "Forbidden")

    its.before.append(refuse)
    records = by_host(leave(run, its, fleet, wait_timeout=1))
    assert all(one["failed"] for one in records.values())
    assert len({id(one["steps"]) for one in records.values()}) == len(fleet)
    assert not [path for method, path in its.writes if method == "DELETE"]


def test_a_work_that_somebody_sends_meanwhile_is_refused_before_the_cluster_goes(
    run: AsAction, its: FakeIts, fleet: Fleet
) -> None:
    """The batch was looked at before."""

    def send(method: str, path: str, _body: t.Any) -> None:
        work = f"{works_of('edge-2')}/precious"
        if (method, path) == ("PATCH", f"{MANAGED_CLUSTERS}/edge-2") and work not in its.objects:
            fleet["edge-2"].add_work("precious")

    its.before.append(send)
    result = leave(run, its, fleet)
    assert in_order(result, failed=True) == ["edge-2"], result
    assert by_host(result)["edge-2"]["problem"]["code"] == "foreign_manifestworks"
    assert "deletionTimestamp" not in its.objects[f"{MANAGED_CLUSTERS}/edge-2"]["metadata"]


def test_a_cluster_that_was_made_anew_meanwhile_stays(run: AsAction, its: FakeIts, fleet: Fleet) -> None:
    """It is deleted as it was seen, and as nothing else."""
    path = f"{MANAGED_CLUSTERS}/edge-2"

    def make_anew(method: str, target: str, _body: t.Any) -> None:
        if (method, target) == ("DELETE", path):
            its.objects[path]["metadata"]["uid"] = "another"

    its.before.append(make_anew)
    result = leave(run, its, fleet, wait_timeout=1)
    assert in_order(result, failed=True) == ["edge-2"], result
    assert "was made again" in by_host(result)["edge-2"]["msg"]
    assert path in its.objects
    assert "/api/v1/namespaces/edge-2" in its.objects


def test_a_request_that_came_meanwhile_goes_too(run: AsAction, its: FakeIts, fleet: Fleet) -> None:
    def renew(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("DELETE", f"{MANAGED_CLUSTERS}/edge-1"):
            labels = {"open-cluster-management.io/cluster-name": "edge-1"}
            its.put(f"{CSRS}/edge-1-late", {"metadata": {"labels": labels}})

    its.before.append(renew)
    result = leave(run, its, fleet)
    assert in_order(result, failed=True) == [], result
    assert left_on_its(its) == []


def test_a_wds_is_looked_at_for_all_of_them_together(run: AsAction, its: FakeIts, wds: FakeWds, fleet: Fleet) -> None:
    wds.policy("policy", {"location-group": "edge"})
    wds.requests.clear()
    result = leave(run, its, fleet, wds_kubeconfig=wds.kubeconfig())
    assert in_order(result, failed=True) == [], result
    reads = collections.Counter(path for method, path in wds.requests if method == "GET")
    assert reads[POLICIES] < 2 * len(fleet)
    assert reads[BINDINGS] < 4 * len(fleet)


def test_a_name_that_two_have_leaves_neither(run: AsAction, its: FakeIts, fleet: Fleet) -> None:
    own = fleet["edge-1"].wec.kubeconfig()
    wecs = [{"name": "edge-1", "inventory_hostname": host, "kubeconfig": own} for host in ("one", "other")]
    result = leave(run, its, {}, wecs=wecs)
    assert in_order(result, failed=True) == ["one", "other"]
    assert "also that of other" in by_host(result)["one"]["msg"]
    assert its.writes == []


@pytest.mark.parametrize("same_address", [True, False])
def test_a_name_that_two_have_over_two_connections_to_one_its_leaves_neither(
    its: FakeIts, fleet: Fleet, same_address: bool
) -> None:
    first, second = (its.kubeconfig(ca=its.authority.pem) for _time in range(2))
    cluster = second["clusters"][0]["cluster"]
    if same_address:
        second["users"][0]["user"]["token"] = "another's"
    else:
        cluster["server"] = cluster["server"].replace("127.0.0.1", "localhost")
    named = {
        "a": {"its_kubeconfig": first, "wec_name": "edge-1", "wec_kubeconfig": fleet["edge-1"].wec.kubeconfig()},
        "b": {"its_kubeconfig": second, "wec_name": "edge-1", "wec_kubeconfig": fleet["edge-2"].wec.kubeconfig()},
        "c": {"its_kubeconfig": second, "wec_name": "edge-3", "wec_kubeconfig": fleet["edge-3"].wec.kubeconfig()},
    }
    play = AsAction(ansible_play_batch=list(named), inventory_hostname="a", hostvars=named)
    result = play("wec_join", state="absent", wait_timeout=20)
    assert in_order(result, failed=True) == ["a", "b"], result
    assert {by_host(result)[host]["problem"]["code"] for host in "ab"} == {"duplicate_name"}
    assert in_order(result, failed=False) == ["c"]
    assert f"{MANAGED_CLUSTERS}/edge-1" in its.objects
    assert not fleet["edge-1"].wec.writes + fleet["edge-2"].wec.writes

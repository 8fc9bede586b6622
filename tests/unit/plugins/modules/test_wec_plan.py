# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import re
import socket
import typing as t

import pytest
from fake_api import now
from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition
from fake_wds import PROPERTIES
from front_ends import AsAction, FrontEnd

Json = dict[str, t.Any]
Options = dict[str, t.Any]
SECRETS = "/api/v1/namespaces/open-cluster-management/secrets"


@pytest.fixture
def options(its: FakeIts) -> Options:
    return {"its_kubeconfig": its.kubeconfig()}


def planned(result: Json) -> dict[str, str]:
    assert not result.get("failed"), result
    return {one["name"]: one["action"] for one in result["wecs"]}


def member(its: FakeIts, name: str, **labels: str) -> None:
    its.join(name, f"uid-of-{name}")
    if labels:
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": labels}})


def test_each_wec_has_what_is_to_be_done_for_it(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "as-wanted", region="us")
    member(its, "other-label", region="eu")
    member(its, "without-label")
    its.announce("announced")
    wecs = [
        {"name": "as-wanted", "labels": {"region": "us"}},
        {"name": "other-label", "labels": {"region": "us"}, "properties": {"url": "x"}},
        {"name": "without-label", "labels": {"region": "us"}},
        {"name": "announced"},
        {"name": "new", "labels": {"region": "us"}},
        {"name": "wrong", "labels": {"a b": "us"}},
    ]
    result = run("wec_plan", wecs=wecs, show_table=True, **options)
    assert planned(result) == {
        "as-wanted": "nothing",
        "other-label": "configure",
        "without-label": "configure",
        "announced": "register",
        "new": "register",
        "wrong": "blocked",
    }
    assert result["msg"] == "6 WECs: 1 in sync, 2 to register, 2 to configure, 1 blocked."
    assert result["to_register"] == ["announced", "new"]
    # In a small fleet, all of them.
    assert set(result["to_report"]) == {"announced", "new", "other-label", "without-label", "wrong", "as-wanted"}
    assert result["in_sync"] == ["as-wanted"]
    assert result["to_configure"] == ["other-label", "without-label", "wrong"]
    assert its.writes == []
    by_name = {one["name"]: one for one in result["wecs"]}
    steps = by_name["other-label"]["steps"]
    assert [(step["object"], step["before"], step["after"]) for step in steps] == [
        ("ConfigMap customization-properties/other-label", None, {"url": "x"}),
        ("ManagedCluster other-label", {"labels": {"region": "eu"}}, {"labels": {"region": "us"}}),
    ]
    assert by_name["wrong"]["problem"]["code"] == "invalid_desired_state"
    assert "labels[a b]" in by_name["wrong"]["reason"]
    if isinstance(run, AsAction):
        text = "\n".join(run.lines)
        assert "region eu -> us" in text
        assert "+url=x" in text
        assert "as-wanted" not in text
        assert run.lines[-1] == f"6 WECs: 1 in sync, 2 to register, 2 to configure, 1 blocked (plan {result['digest']})"


def test_a_fleet_costs_a_few_lists(run: FrontEnd, its: FakeIts, options: Options) -> None:
    for number in range(30):
        member(its, f"edge-{number}", region="us")
    wecs = [{"name": f"edge-{number}", "labels": {"region": "us"}, "properties": {}} for number in range(30)]
    result = run("wec_plan", wecs=wecs, **options)
    assert set(planned(result).values()) == {"nothing"}
    assert len(its.requests) <= 10


def test_a_plan_that_has_changed_is_refused(run: FrontEnd, its: FakeIts, options: Options) -> None:
    wecs = [{"name": "edge-1"}, {"name": "edge-2"}]
    digest = run("wec_plan", wecs=wecs, **options)["digest"]
    assert not run("wec_plan", wecs=wecs[::-1], expected_plan=digest, **options).get("failed")
    member(its, "edge-1")
    refused = run("wec_plan", wecs=wecs, expected_plan=digest, **options)
    assert refused["problem"]["code"] == "plan_changed"
    assert digest in refused["msg"]
    assert "1 in sync, 1 to register" in refused["msg"]


def test_a_plan_for_all_holds_for_each_part_of_them(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "as-wanted")
    wecs = [{"name": "edge-1", "host": "one"}, {"name": "edge-2"}, {"name": "as-wanted"}]
    digests = run("wec_plan", wecs=wecs, **options)["digests"]
    assert set(digests) == {"one", "edge-2"}
    for part in (wecs[:1], wecs[1:], wecs):
        assert not run("wec_plan", wecs=part, expected_plan=digests, **options).get("failed")
    member(its, "edge-1")
    assert not run("wec_plan", wecs=wecs[1:], expected_plan=digests, **options).get("failed")
    refused = run("wec_plan", wecs=wecs, expected_plan=digests, **options)
    assert refused["problem"]["code"] == "plan_changed"
    assert "it is another for one" in refused["msg"]
    # What nobody has planned for must not be there, however empty the plan was.
    for expected in (digests, {}):
        new = run("wec_plan", wecs=[{"name": "new"}], expected_plan=expected, **options)
        assert new["problem"]["code"] == "plan_changed"
        assert "it is another for new" in new["msg"]
    many = run("wec_plan", wecs=[{"name": f"edge-{one}"} for one in range(10, 25)], expected_plan={}, **options)
    assert "edge-19 and 5 more" in many["msg"]


@pytest.mark.parametrize("wrong", [True, ["0123456789abcdef"], ""])
def test_an_expected_plan_that_is_none_is_refused(run: FrontEnd, options: Options, wrong: t.Any) -> None:
    refused = run("wec_plan", wecs=[{"name": "edge-1"}], expected_plan=wrong, **options)
    assert refused["failed"]
    assert "expected_plan" in refused["msg"]


@pytest.mark.parametrize("case", ["token", "identity", "addon", "asked"])
def test_what_registering_has_to_see_to_though_it_is_joined(
    run: FrontEnd, its: FakeIts, options: Options, case: str
) -> None:
    member(its, "edge-1")
    wec: Json = {"name": "edge-1"}
    if case == "token":
        its.put(f"{SECRETS}/wec-bootstrap-edge-1", {"metadata": {"labels": {"wec.kubestellar.io/bootstrap": "edge-1"}}})
    elif case == "identity":
        its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"].pop("annotations")
    elif case == "addon":
        wec["wait_addon"] = "always"
    else:
        wec["ask_wec"] = True
    assert planned(run("wec_plan", wecs=[wec], **options)) == {"edge-1": "register"}
    assert planned(run("wec_plan", wecs=[{"name": "edge-1", "wait_addon": "never"}], **options)) == {
        "edge-1": "register" if case in ("token", "identity") else "nothing"
    }


def test_an_empty_map_that_is_to_be_exact_removes_all(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1", region="us")
    wec: Json = {"name": "edge-1", "labels_state": "exact"}
    result = run("wec_plan", wecs=[wec], **options)
    assert planned(result) == {"edge-1": "configure"}
    assert result["wecs"][0]["steps"][0]["after"] == {"labels": {"region": None}}


def test_a_name_that_two_hosts_have_is_blocked_for_both(run: FrontEnd, options: Options) -> None:
    wecs = [{"name": "same", "host": "one"}, {"name": "same", "host": "other"}, {"name": "third"}]
    result = run("wec_plan", wecs=wecs, **options)
    assert {one["host"]: one["action"] for one in result["wecs"]} == {
        "one": "blocked",
        "other": "blocked",
        "third": "register",
    }
    assert result["wecs"][0]["problem"]["code"] == "duplicate_name"
    reason = result["wecs"][0]["reason"]
    assert "the name same is also that of other. Give each cluster one host and each host its own wec_name" in reason
    assert reason.count("own wec_name") == 1


def test_a_module_needs_the_wecs() -> None:
    from front_ends import AsModule

    result = AsModule()("wec_plan", its_kubeconfig="x")
    assert "wecs: must be given" in result["msg"]
    result = AsModule()("wec_plan", its_kubeconfig="x", wecs=[{"name": "edge-1"}], hosts=["edge-1"])
    assert "hosts: cannot be given with wecs" in result["msg"]


# -- the hosts of a play -----------------------------------------------------------------------------------------


def of_play(**hosts: Json) -> AsAction:
    return AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname=next(iter(hosts)))


def test_hosts_of_a_play_are_planned_as_the_inventory_has_them(its: FakeIts) -> None:
    member(its, "renamed", region="us")
    its.put(f"{PROPERTIES}/renamed", {"data": {"url": "x"}})
    shared = {"its_kubeconfig": its.kubeconfig(), "group_names": ["edge"]}
    play = of_play(
        one={**shared, "wec_name": "renamed", "wec_labels": {"region": "us"}, "wec_properties": {"url": "x"}},
        two={**shared, "wec_labels": {"region": "us"}},
        three={**shared, "configure_schema": {"labels": {"tier": {"required_in": ["edge"]}}}},
        four={**shared, "wec_labels": ["tier"]},
    )
    result = play("wec_plan")
    assert {one["host"]: one["action"] for one in result["wecs"]} == {
        "one": "nothing",
        "two": "register",
        "three": "blocked",
        "four": "blocked",
    }
    assert "tier" in result["wecs"][2]["reason"]
    assert [one["problem"]["code"] for one in result["wecs"][2:]] == ["invalid_desired_state", "invalid_variable"]


def test_hosts_whose_its_cannot_be_asked_do_not_stop_the_others(its: FakeIts) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"https://127.0.0.1:{closed.getsockname()[1]}"
        play = of_play(
            good={"its_kubeconfig": its.kubeconfig()},
            bad={"its_host": nobody, "its_api_key": "secret-token"},
            none={},
        )
        result = play("wec_plan", show_table=True)
    assert planned(result) == {"good": "register"}
    assert {tuple(one["hosts"]) for one in result["unseen"]} == {("bad",), ("none",)}
    assert result["to_register"] == ["good"]
    assert set(result["to_report"]) == {"good", "bad", "none"}
    assert "cannot be reached" in str(result["unseen"])
    assert "secret-token" not in str(result)
    assert "secret-token" not in "".join(play.lines)
    for expected in (result["digest"], result["digests"]):
        refused = play("wec_plan", expected_plan=expected)
        assert refused["problem"]["code"] == "plan_changed"


def test_two_hubs_are_planned_apart(its: FakeIts) -> None:
    other = FakeIts(its.authority)
    try:
        member(other, "edge-2")
        play = of_play(
            one={"its_kubeconfig": its.kubeconfig()}, two={"its_kubeconfig": other.kubeconfig(), "wec_name": "edge-2"}
        )
        result = play("wec_plan")
        assert planned(result) == {"one": "register", "edge-2": "nothing"}
        assert len({one["its"] for one in result["wecs"]}) == 2
    finally:
        other.close()


def test_of_a_large_fleet_one_that_is_in_sync_is_reported(its: FakeIts) -> None:
    """A run ends where all hosts of a play have failed: so there is one that has not."""
    hosts: Json = {f"edge-{number}": {"its_kubeconfig": its.kubeconfig()} for number in range(30)}
    for name in hosts:
        if name != "edge-7":
            member(its, name)
    result = of_play(**hosts)("wec_plan")
    assert result["to_report"] == ["edge-7", "edge-0"]


def test_the_hosts_to_report_are_a_file_for_limit(its: FakeIts, tmp_path: pathlib.Path) -> None:
    play = of_play(one={"its_kubeconfig": its.kubeconfig()}, two={"its_kubeconfig": its.kubeconfig()})
    file = tmp_path / "retry.txt"
    play("wec_plan", check_mode=True, retry_file=str(file))
    assert not file.exists()
    play("wec_plan", retry_file=str(file))
    assert file.read_text() == "one\ntwo\n"
    failed = play("wec_plan", retry_file=str(tmp_path / "none" / "retry.txt"))
    assert failed["msg"].startswith("retry_file: ")
    assert "Set wec_remaining_file" in failed["msg"]


def test_each_wec_is_to_be_asked_where_that_is_wanted(its: FakeIts) -> None:
    member(its, "one")
    play = of_play(one={"its_kubeconfig": its.kubeconfig()})
    assert play("wec_plan")["to_register"] == []
    assert play("wec_plan", ask_wecs=True)["to_register"] == ["one"]


def test_without_registering_one_that_is_not_registered_is_blocked(its: FakeIts) -> None:
    result = of_play(one={"its_kubeconfig": its.kubeconfig()})("wec_plan", to_register=False)
    assert result["wecs"][0]["problem"]["code"] == "not_registered"


def test_of_a_wec_that_is_only_away_what_it_has_is_not_to_be_created(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    for name in ("away", "other"):
        member(its, name, region="us")
        its.put(f"{PROPERTIES}/{name}", {"data": {"url": "x", "maxPods": "100"}})
        lost = condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped")
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"status": {"conditions": [condition("ManagedClusterJoined"), lost]}})
    own = {"labels": {"region": "us"}, "properties": {"url": "x", "maxPods": "100"}}
    wecs = [{"name": "away", **own}, {"name": "other", **own, "properties": {"url": "y"}}, {"name": "new", **own}]
    found = {one["name"]: one for one in run("wec_plan", wecs=wecs, **options)["wecs"]}
    assert {one["action"] for one in found.values()} == {"register"}
    assert found["away"]["steps"] == []
    (step,) = found["other"]["steps"]
    assert (step["verb"], step["before"], step["after"]) == ("update", {"url": "x"}, {"url": "y"})
    assert [step["verb"] for step in found["new"]["steps"]] == ["create", "update"]


def test_a_wec_that_was_not_asked_is_in_sync_as_far_as_its_heartbeat_tells(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    lease = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/managed-cluster-lease"
    for name, age in (("well", 12), ("late", 100)):
        member(its, name)
        its.change(lease.format(name), {"spec": {"renewTime": now(-age)}})
    result = run("wec_plan", wecs=[{"name": "well"}, {"name": "late"}], **options)
    assert planned(result) == {"well": "nothing", "late": "nothing"}
    well, late = result["wecs"]
    assert re.fullmatch(r"well is in sync, last heartbeat 1\d s ago\.", well["msg"])
    assert well["warnings"] == []
    assert late["msg"].startswith("late is in sync, last heartbeat 10")
    assert late["msg"].endswith("[heartbeat_late]")
    assert [one["code"] for one in late["warnings"]] == ["heartbeat_late"]
    (warning,) = run.warnings
    assert warning.startswith("late (last heartbeat 10")
    assert "well" not in warning

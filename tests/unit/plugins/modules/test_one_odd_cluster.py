# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of 25 WECs shows something odd: the 24 are seen, planned and configured, and that one is named."""

from __future__ import annotations

import typing as t

import pytest
from fake_api import Fault
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from fake_wds import FakeWds
from front_ends import AsAction, AsModule
from odd_clusters import INVALID, NAMES, ODD, OTHERS, VALID, fleet
from records import by_host, in_order

Json = dict[str, t.Any]
CASES = {**VALID, **INVALID}
UNREADABLE = "managed_cluster_unreadable"


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, its: FakeIts) -> str:
    fleet(its, CASES[request.param])
    return str(request.param)


@pytest.fixture
def options(its: FakeIts) -> Json:
    return {"its_kubeconfig": its.kubeconfig()}


def desired_states(**labels: str) -> list[Json]:
    return [{"name": name, "labels": labels} for name in NAMES]


def configured(options: Json, **variables: t.Any) -> Json:
    """The result of one task for all hosts."""
    hosts: Json = {name: {**options, "wec_labels": {"region": "eu"}, **variables} for name in NAMES}
    return AsAction(ansible_play_batch=NAMES, hostvars=hosts, inventory_hostname=NAMES[0])("wec_configure")


def codes(one: Json) -> set[str]:
    return {problem["code"] for problem in one["problems"]}


def test_the_others_have_their_states(case: str, options: Json) -> None:
    show = AsAction()
    result = show("wec_status", wecs=[{"name": name} for name in NAMES], compare=False, show_table=True, **options)
    assert not result.get("failed"), result
    found = {one["name"]: one for one in result["wecs"]}
    assert {found[name]["state"] for name in OTHERS} == {"joined"}
    assert all(not found[name]["problems"] for name in OTHERS)
    if case in INVALID:
        assert found[ODD]["state"] == "unknown"
        assert codes(found[ODD]) == {UNREADABLE}
        assert found[ODD]["problems"][0]["evidence"]
    assert sum(line.startswith("edge-") for line in show.lines) == len(NAMES)


def test_all_that_the_its_has_are_shown(case: str, options: Json) -> None:
    result = AsModule()("wec_status", all=True, **options)
    assert {one["name"] for one in result["wecs"]} == set(NAMES)


def test_the_others_are_compared(case: str, options: Json) -> None:
    show = AsAction()
    result = show("wec_status", wecs=desired_states(region="eu"), show_table=True, **options)
    assert not result.get("failed"), result
    drifting = {one["name"] for one in result["drift"] if one["kind"] == "labels"}
    assert drifting >= set(OTHERS)
    if case in INVALID:
        (odd,) = (one for one in result["wecs"] if one["problems"])
        assert odd["name"] == ODD
        assert odd["msg"].endswith(f"[{UNREADABLE}]")
        assert ODD not in {one["name"] for one in result["drift"]}


def test_the_others_are_planned_and_configured(case: str, its: FakeIts, options: Json) -> None:
    planned = AsAction()("wec_plan", wecs=desired_states(region="us"), show_table=True, **options)
    found = {one["name"]: one for one in planned["wecs"]}
    assert {found[name]["action"] for name in OTHERS} == {"nothing"}
    if case in INVALID:
        assert (found[ODD]["action"], found[ODD]["state"]) == ("blocked", "unknown")
        assert found[ODD]["problem"]["code"] == UNREADABLE
    result = configured(options)
    ended = by_host(result)
    assert all(ended[name]["changed"] and not ended[name]["problem"] for name in OTHERS)
    for name in OTHERS:
        assert its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"]["labels"]["region"] == "eu"
    if case in INVALID:
        assert in_order(result, failed=True) == [ODD]
        assert f"/{ODD}" not in str(its.writes)


def test_the_others_are_labelled(case: str, options: Json) -> None:
    result = AsModule()("wec_label", wecs=desired_states(region="eu"), **options)
    assert all(result["verdicts"][name]["changed"] for name in OTHERS)
    if case in INVALID:
        assert result["verdicts"][ODD]["problem"]["code"] == UNREADABLE


def test_the_others_become_an_inventory(case: str, options: Json) -> None:
    result = AsModule()("wec_export", states=["joined", "joined_unavailable", "unknown", "pending_csr"], **options)
    assert set(result["names"]) >= set(OTHERS)
    if case in INVALID:
        assert ODD in result["names"]


def test_the_others_are_looked_through_for_leftovers(case: str, options: Json) -> None:
    result = AsModule()("wec_leftovers", names=OTHERS[1:], **options)
    assert not result.get("failed"), result
    assert {OTHERS[0], ODD} <= {one["wec"] for one in result["leftovers"] if one["code"] == "not_in_inventory"}


@pytest.mark.parametrize("data", ["x", 7, ["a"], {"url": 5}], ids=str)
def test_properties_of_one_that_cannot_be_read_are_its_own(its: FakeIts, options: Json, data: t.Any) -> None:
    fleet(its, lambda _its: None, {"data": data})
    wecs = [{"name": name, "properties": {"url": "x"}} for name in NAMES]
    drift = AsModule()("wec_status", wecs=wecs, **options)
    assert {one["name"] for one in drift["drift"]} >= set(OTHERS)
    planned = {one["name"]: one["action"] for one in AsModule()("wec_plan", wecs=wecs, **options)["wecs"]}
    assert {planned[name] for name in OTHERS} == {"configure"}
    result = AsModule()("wec_properties", wecs=wecs, **options)
    assert all(result["verdicts"][name]["changed"] for name in OTHERS)
    assert set(AsModule()("wec_export", **options)["names"]) >= set(OTHERS)


def test_a_write_that_is_answered_with_nonsense_fails_for_its_own_wec(its: FakeIts, options: Json) -> None:
    fleet(its, lambda _its: None)
    serve = its.serve

    def odd(method: str, path: str, body: Json | None) -> tuple[int, Json]:
        status, answer = serve(method, path, body)
        return status, {"metadata": {"labels": "x"}} if method == "PATCH" and ODD in path else answer

    its.serve = odd
    result = configured(options)
    assert in_order(result, failed=True) == [ODD]
    assert all(one["changed"] for one in result["wecs"] if one["name"] != ODD)
    assert {one["problem"]["code"] for one in result["wecs"] if one["problem"]} == {"unexpected_answer"}


def test_a_mailbox_that_cannot_be_listed_is_its_own_wecs(its: FakeIts, options: Json) -> None:
    fleet(its, lambda _its: None)

    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if f"/namespaces/{ODD}/manifestworks" in path:
            raise Fault(403, "not there", "Forbidden")

    its.before.append(refuse)
    result = configured(options, wec_labels={"region": None}, configure_labels_state="absent")
    assert in_order(result, failed=True) == [ODD], result
    assert all(one["changed"] for one in result["wecs"] if one["name"] != ODD)


def test_add_ons_that_cannot_be_read(its: FakeIts, options: Json) -> None:
    fleet(its, lambda _its: None)
    addons = "/apis/addon.open-cluster-management.io/v1alpha1"
    its.put(f"{addons}/clustermanagementaddons/addon-status", {})
    for name in NAMES:
        its.put(f"{addons}/namespaces/{name}/managedclusteraddons/addon-status", {"status": {"conditions": []}})
    its.put(f"{addons}/namespaces/{ODD}/managedclusteraddons/addon-status", {"status": "x"})
    result = AsModule()("wec_status", wecs=[{"name": name} for name in NAMES], compare=False, **options)
    assert {one["state"] for one in result["wecs"] if one["name"] != ODD} == {"joined"}
    assert len(AsModule()("wec_plan", wecs=desired_states(region="us"), **options)["wecs"]) == len(NAMES)


def test_both_sides_of_one_wec_that_cannot_be_read(its: FakeIts, wds: FakeWds, options: Json) -> None:
    fleet(its, INVALID["labels that are a list"])
    # Another API server stands in for the WEC; it is not asked.
    found = AsModule()("wec_status", name=ODD, kubeconfig=its.kubeconfig(), **options)["wecs"][0]
    assert (found["state"], codes(found)) == ("unknown", {UNREADABLE})

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import typing as t

import pytest
from fake_api import Fault, now
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from fake_wds import PROPERTIES, FakeWds, add_work, works_of
from front_ends import FrontEnd

Json = dict[str, t.Any]
EDGE, MAP = f"{MANAGED_CLUSTERS}/edge-1", f"{PROPERTIES}/edge-1"
PARTING = "wec.kubestellar.io/parting"


@pytest.fixture
def options(its: FakeIts) -> Json:
    for name in ("edge-1", "edge-2", "edge-3"):
        its.join(name)
    return {"its_kubeconfig": its.kubeconfig()}


@pytest.fixture
def fleet(its: FakeIts, wds: FakeWds, options: Json) -> Json:
    """edge-2 and edge-3 get a workload that needs url and region; edge-1 is new."""
    for name in ("edge-2", "edge-3"):
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"env": "prod", "region": "us"}}})
        its.put(f"{PROPERTIES}/{name}", {"data": {"url": name}})
    wds.policy("web", {"env": "prod"}, needs=["url", "region"])
    return {**options, "wds_kubeconfig": wds.kubeconfig()}


def member(its: FakeIts, wds: FakeWds) -> None:
    """edge-1 gets the workload too: one property is a label, one an annotation, one in the ConfigMap."""
    metadata = {"labels": {"env": "prod", "region": "us"}, "annotations": {"zone": "a"}}
    its.change(EDGE, {"metadata": metadata})
    its.put(MAP, {"data": {"url": "edge-1"}})
    wds.policy("web", {"env": "prod"}, needs=["url", "region", "zone"])
    for name in ("edge-2", "edge-3"):
        its.change(f"{PROPERTIES}/{name}", {"data": {"zone": "b"}})
    wds.hit.clear()


STANDING = {"env": "prod", "region": "us", "zone": "a"}
"""What stands in for the labels and annotations of edge-1 while it leaves: their keys are identifiers."""
LEAVE = {
    "name": "edge-1",
    "labels": {},
    "labels_state": "exact",
    "annotations": {},
    "annotations_state": "exact",
    "properties": {},
    "properties_state": "exact",
    "allow_withdrawal": True,
}


def verdict(result: Json, name: str = "edge-1") -> Json:
    return t.cast(Json, result["verdicts"][name])


def code(result: Json, name: str = "edge-1") -> str | None:
    assert bool(result.get("failed")) is any(one["failed"] for one in result["verdicts"].values())
    problem = verdict(result, name)["problem"]
    return t.cast(str, problem["code"]) if problem else None


def bodies(its: FakeIts, path: str) -> list[Json]:
    """What will be patched there, as the requests come."""
    found: list[Json] = []

    def hook(method: str, its_path: str, body: t.Any) -> None:
        if (method, its_path) == ("PATCH", path):
            found.append(copy.deepcopy(body["metadata"]))

    its.before.append(hook)
    return found


def has(its: FakeIts) -> tuple[Json, Json, Json]:
    """Labels, annotations and properties of edge-1."""
    metadata = its.objects[EDGE]["metadata"]
    data = (its.objects.get(MAP) or {}).get("data") or {}
    return metadata.get("labels") or {}, metadata.get("annotations") or {}, data


# -- entering ----------------------------------------------------------------------------------------------------


def test_properties_come_before_the_labels_that_start_the_delivery(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json
) -> None:
    wanted = {"labels": {"env": "prod", "region": "eu"}, "properties": {"url": "u"}, "annotations": {"note": "n"}}
    result = run("wec_configure", name="edge-1", **wanted, **fleet)
    assert not result.get("failed"), result
    assert its.writes == [("POST", PROPERTIES), ("PATCH", EDGE)]
    assert has(its) == (wanted["labels"], wanted["annotations"], wanted["properties"])
    assert [step["object"] for step in verdict(result)["steps"]] == [
        "ConfigMap customization-properties/edge-1",
        "ManagedCluster edge-1",
    ]
    assert [(one["effect"], one["policy"]) for one in verdict(result)["impacts"]] == [("starts", "web")]
    assert wds.destinations("web") == ["edge-1", "edge-2", "edge-3"]
    assert wds.hit == set()
    assert not run("wec_configure", name="edge-1", **wanted, **fleet)["changed"]
    assert len(its.writes) == 2


def test_a_wec_that_lacks_a_needed_property_is_not_selected(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json
) -> None:
    result = run("wec_configure", name="edge-1", labels={"env": "prod"}, properties={"url": "u"}, **fleet)
    assert code(result) == "property_required"
    for message in ("configmaps app/web", "region", "edge-2, edge-3"):
        assert message in result["msg"]
    assert "url" not in verdict(result)["impacts"][1]["properties"]
    assert its.writes == wds.writes == []


def test_if_it_is_allowed_nevertheless_the_errors_of_the_binding_are_told(
    run: FrontEnd, wds: FakeWds, fleet: Json
) -> None:
    result = run("wec_configure", name="edge-1", labels={"env": "prod", "region": "eu"}, allow_removal=True, **fleet)
    assert code(result) == "binding_errors"
    assert 'Binding web: map has no entry for key "url"' in result["msg"]
    assert result["changed"]
    assert any("configmaps app/web of BindingPolicy web needs url" in warning for warning in run.warnings)


def test_errors_that_were_there_before_are_not_this_changes_fault(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json
) -> None:
    its.change(f"{PROPERTIES}/edge-2", {"data": {"url": None}})
    wanted = {"labels": {"env": "prod", "region": "eu"}, "properties": {"url": "u"}}
    result = run("wec_configure", name="edge-1", **wanted, **fleet)
    assert wds.hit == {"edge-2 lacks url"}
    assert code(result) is None


def test_a_binding_that_does_not_follow_is_told(run: FrontEnd, wds: FakeWds, fleet: Json) -> None:
    wds.lag = 10_000
    wanted = {"labels": {"env": "prod", "region": "eu"}, "properties": {"url": "u"}}
    result = run("wec_configure", name="edge-1", wait_timeout=1, **wanted, **fleet)
    assert code(result) == "kubestellar_not_responding"
    assert "Binding web does not have edge-1 as a destination" in result["msg"]
    assert result["changed"]


def test_a_binding_that_the_transport_has_not_seen_is_told(run: FrontEnd, wds: FakeWds, fleet: Json) -> None:
    wds.delivers = False
    wanted = {"labels": {"env": "prod", "region": "eu"}, "properties": {"url": "u"}}
    result = run("wec_configure", name="edge-1", wait_timeout=1, **wanted, **fleet)
    assert code(result) == "kubestellar_not_responding"
    assert "transport controller has not seen" in result["msg"]


def test_a_wec_is_not_labelled_if_its_properties_could_not_be_written(run: FrontEnd, its: FakeIts, fleet: Json) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("POST", PROPERTIES):
            raise Fault(403, 'User "x" cannot create resource "configmaps"', "Forbidden")

    its.before.append(refuse)
    wanted = {"labels": {"env": "prod", "region": "eu"}, "properties": {"url": "u"}}
    result = run("wec_configure", name="edge-1", **wanted, **fleet)
    assert code(result) == "forbidden"
    assert not result["changed"]
    assert has(its) == ({}, {}, {})


def test_each_wec_of_a_list_is_judged_on_its_own(run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json) -> None:
    wanted = [
        {"name": "edge-1", "labels": {"env": "prod"}},
        {"name": "edge-2", "labels": {"tier": "gold"}, "properties": {"url": "new"}},
        {"name": "edge-3", "cluster_set": "special"},
        {"name": "edge-9", "labels": {"env": "prod"}},
    ]
    result = run("wec_configure", wecs=wanted, **fleet)
    assert [code(result, one["name"]) for one in wanted] == ["property_required", None, None, "not_registered"]
    assert [verdict(result, one["name"])["changed"] for one in wanted] == [False, True, True, False]
    assert its.objects[f"{PROPERTIES}/edge-2"]["data"] == {"url": "new"}
    assert wds.hit == set()


def test_check_mode_tells_everything_and_writes_nothing(run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json) -> None:
    member(its, wds)
    result = run("wec_configure", check_mode=True, **LEAVE, **fleet)
    assert result["changed"]
    assert len(verdict(result)["steps"]) == 3
    assert [one["effect"] for one in verdict(result)["impacts"]] == ["stops"]
    assert verdict(result)["labels"] == verdict(result)["annotations"] == verdict(result)["properties"] == {}
    assert result["diff"]["before"]["ITS: ManagedCluster edge-1"] == {
        "labels": {"env": "prod", "region": "us"},
        "annotations": {"zone": "a"},
    }
    assert its.writes == wds.writes == []


def test_nothing_given_is_told_before_any_call(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.requests.clear()
    result = run("wec_configure", name="edge-1", **options)
    assert result["msg"] == "labels: labels or annotations or properties or cluster_set must be given."
    assert its.requests == []


def test_each_part_has_a_state_of_its_own(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.change(EDGE, {"metadata": {"labels": {"a-b": "1", "c-d": "1"}, "annotations": {"e-f": "1"}}})
    its.put(MAP, {"data": {"g": "1", "h": "1"}})
    result = run(
        "wec_configure",
        name="edge-1",
        labels={"a-b": None},
        labels_state="absent",
        annotations={"i-j": "1"},
        properties={"g": "2"},
        properties_state="exact",
        allow_removal=True,
        **options,
    )
    assert not result.get("failed")
    assert has(its) == ({"c-d": "1"}, {"e-f": "1", "i-j": "1"}, {"g": "2"})


# -- leaving, with a look into the WDS ---------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 3])
def test_what_templates_need_goes_only_when_the_wec_is_no_destination_any_more(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json, lag: int
) -> None:
    member(its, wds)
    wds.lag = lag
    patches = bodies(its, EDGE)
    seen: list[bool] = []
    its.before.append(
        lambda method, _path, _body: seen.append("edge-1" in wds.destinations("web")) if method != "GET" else None
    )
    result = run("wec_configure", **LEAVE, **fleet)
    assert not result.get("failed"), result
    assert its.writes == [("PATCH", EDGE), ("PATCH", EDGE), ("PATCH", MAP)]
    assert seen == [True, False, False]
    standing = {**STANDING, PARTING: "env,region,zone"}
    assert patches == [
        {"labels": {"env": None, "region": None}, "annotations": standing},
        {"annotations": dict.fromkeys(standing)},
    ]
    assert has(its) == ({}, {}, {})
    assert wds.hit == set(), "no other WEC loses its workload, not even for a moment"
    assert not run("wec_configure", **LEAVE, **fleet)["changed"]


def test_leaving_is_refused_unless_it_is_allowed(run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json) -> None:
    member(its, wds)
    result = run("wec_configure", **{**LEAVE, "allow_withdrawal": False}, **fleet)
    assert code(result) == "workload_withdrawal"
    assert its.writes == []


def test_nothing_more_goes_while_kubestellar_is_silent_however_often_it_is_tried(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json
) -> None:
    member(its, wds)
    wds.lag = 10_000
    for _attempt in range(2):
        result = run("wec_configure", wait_timeout=1, **LEAVE, **fleet)
        assert code(result) == "kubestellar_not_responding"
        assert "Binding web still has edge-1 as a destination" in result["msg"]
        assert has(its) == ({}, {**STANDING, PARTING: "env,region,zone"}, {"url": "edge-1"})
        assert wds.hit == set()
    wds.lag = 0
    result = run("wec_configure", **LEAVE, **fleet)
    assert not result.get("failed")
    assert PARTING not in verdict(result)["annotations"]
    assert has(its) == ({}, {}, {})
    assert wds.hit == set()
    assert not run("wec_configure", **LEAVE, **fleet)["changed"]


@pytest.mark.parametrize(
    "more",
    [
        {"annotations": {}, "annotations_state": "exact"},
        {"properties": {}, "properties_state": "exact"},
    ],
    ids=["annotations", "properties"],
)
def test_a_label_that_changes_ends_a_delivery_as_one_that_goes_does(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json, more: Json
) -> None:
    member(its, wds)
    wds.lag = 3
    result = run("wec_configure", name="edge-1", labels={"env": "dev"}, allow_withdrawal=True, **more, **fleet)
    assert not result.get("failed"), result
    assert wds.destinations("web") == ["edge-2", "edge-3"]
    assert wds.hit == set()
    assert PARTING not in has(its)[1]


def test_a_property_goes_only_when_an_earlier_change_of_labels_was_followed(
    run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json
) -> None:
    member(its, wds)
    wds.lag = 5
    its.change(EDGE, {"metadata": {"labels": {"env": "dev"}}})
    wanted: Json = {"name": "edge-1", "properties": {"url": None}, "properties_state": "absent", **fleet}
    assert run("wec_configure", **wanted)["changed"]
    assert wds.destinations("web") == ["edge-2", "edge-3"]
    assert wds.hit == set()


def test_the_end_of_a_delivery_is_waited_for(run: FrontEnd, its: FakeIts, wds: FakeWds, fleet: Json) -> None:
    member(its, wds)
    wds.lag = 3
    wanted: Json = {"name": "edge-1", "labels": {"env": "dev"}, "allow_withdrawal": True, **fleet}
    assert not run("wec_configure", **wanted).get("failed")
    assert wds.destinations("web") == ["edge-2", "edge-3"]
    assert its.writes == [("PATCH", EDGE)]


# -- without a look into the WDS ---------------------------------------------------------------------------------


def test_without_a_wds_it_is_waited_until_works_that_are_going_are_gone(
    run: FrontEnd, its: FakeIts, options: Json
) -> None:
    its.change(EDGE, {"metadata": {"labels": {"env": "prod"}}})
    its.put(MAP, {"data": {"url": "u"}})
    work = add_work(its, "edge-1", "web")
    looks: list[None] = []

    def withdraw(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("GET", works_of("edge-1")) and "env" not in has(its)[0]:
            looks.append(None)
            if len(looks) == 2:
                its.change(work, {"metadata": {"deletionTimestamp": now()}})
            if len(looks) == 10:
                del its.objects[work]
        if (method, path) == ("PATCH", MAP):
            assert work not in its.objects

    its.before.append(withdraw)
    result = run("wec_configure", allow_removal=True, **LEAVE, **options)
    assert not result.get("failed"), result
    assert its.writes == [("PATCH", EDGE), ("PATCH", EDGE), ("PATCH", MAP)]
    assert has(its) == ({}, {}, {})


def test_without_a_wds_works_that_do_not_go_keep_the_rest(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.change(EDGE, {"metadata": {"labels": {"env": "prod"}}})
    its.put(MAP, {"data": {"url": "u"}})
    add_work(its, "edge-1", "web", deletionTimestamp=now())
    result = run("wec_configure", allow_removal=True, wait_timeout=1, **LEAVE, **options)
    assert code(result) == "kubestellar_not_responding"
    assert "web-work" in result["msg"]
    assert has(its) == ({}, {"env": "prod", PARTING: "env"}, {"url": "u"})


def test_without_a_wds_an_interrupted_run_is_finished_only_when_the_works_are_gone(
    run: FrontEnd, its: FakeIts, options: Json
) -> None:
    its.change(EDGE, {"metadata": {"annotations": {"region": "us", PARTING: "region"}}})
    work = add_work(its, "edge-1", "web", deletionTimestamp=now())
    late = run("wec_configure", name="edge-1", labels={}, allow_removal=True, wait_timeout=1, **options)
    assert code(late) == "kubestellar_not_responding"
    assert has(its)[1] == {"region": "us", PARTING: "region"}
    del its.objects[work]
    assert not run("wec_configure", name="edge-1", labels={}, **options).get("failed")
    assert has(its)[1] == {}


def test_what_all_others_have_and_this_one_lacks_is_warned_of(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(f"{PROPERTIES}/edge-2", {"data": {"url": "u", "zone": "z", "only2": "x"}})
    its.put(f"{PROPERTIES}/edge-3", {"data": {"url": "u", "zone": "z"}})
    # Kubernetes puts this one into every namespace.
    its.put(f"{PROPERTIES}/kube-root-ca.crt", {"data": {"ca.crt": "PEM"}})
    result = run("wec_configure", name="edge-1", labels={"env": "prod", "zone": "z"}, **options)
    assert not result.get("failed")
    (warning,) = run.warnings
    assert warning.startswith("edge-1 lacks url, which every other WEC with properties has")


@pytest.mark.parametrize(
    ("wanted", "code_of_failure"),
    [({"labels": {"env": "prod"}}, None), ({"properties": {"url": "u"}}, "forbidden")],
    ids=["labels", "properties"],
)
def test_who_only_labels_needs_no_right_to_read_properties(
    run: FrontEnd, its: FakeIts, options: Json, wanted: Json, code_of_failure: str | None
) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if path.startswith(PROPERTIES):
            raise Fault(403, 'User "x" cannot get resource "configmaps"', "Forbidden")

    its.before.append(refuse)
    result = run("wec_configure", name="edge-1", **wanted, **options)
    assert (result["problem"]["code"] if result.get("failed") else None) == code_of_failure
    assert result.get("changed", False) is (code_of_failure is None)


@pytest.mark.parametrize(
    "wanted",
    [
        {"labels": {"env": "prod"}, "properties": {"url": "u"}},
        {"annotations": {"note": "n"}},
        {"labels": {"never": None}, "labels_state": "absent"},
    ],
    ids=["it gets it", "nothing selects it anew", "no label is set"],
)
def test_nothing_is_warned_of_without_need(run: FrontEnd, its: FakeIts, options: Json, wanted: Json) -> None:
    its.put(f"{PROPERTIES}/edge-2", {"data": {"url": "u"}})
    run("wec_configure", name="edge-1", **wanted, **options)
    assert run.warnings == []


def test_the_first_wec_with_properties_lacks_nothing(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(f"{PROPERTIES}/kube-root-ca.crt", {"data": {"ca.crt": "PEM"}})
    run("wec_configure", name="edge-1", labels={"env": "prod"}, **options)
    assert run.warnings == []

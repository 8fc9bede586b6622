# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from fake_api import Fault, now
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from fake_wds import GENERATION, PROPERTIES, FakeWds, add_work, works_of
from front_ends import FrontEnd

Json = dict[str, t.Any]
NAMESPACE = "/api/v1/namespaces/customization-properties"
MAP = f"{PROPERTIES}/edge-1"


@pytest.fixture
def options(its: FakeIts) -> Json:
    for name in ("edge-1", "edge-2"):
        its.join(name)
    return {"name": "edge-1", "its_kubeconfig": its.kubeconfig()}


@pytest.fixture
def with_wds(its: FakeIts, wds: FakeWds, options: Json) -> Json:
    """Two WECs that get a workload which needs the property url."""
    for name in ("edge-1", "edge-2"):
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"env": "prod"}}})
        its.put(f"{PROPERTIES}/{name}", {"data": {"url": "u", "zone": "z"}})
        add_work(its, name, "web")
        add_work(its, name, "other")
    wds.policy("web", {"env": "prod"}, needs=["url"])
    wds.policy("other", {"env": "prod"})
    return {**options, "wds_kubeconfig": wds.kubeconfig()}


def data(its: FakeIts, name: str = "edge-1") -> dict[str, str]:
    return t.cast("dict[str, str]", its.objects[f"{PROPERTIES}/{name}"]["data"])


def verdict(result: Json, name: str = "edge-1") -> Json:
    return t.cast(Json, result["verdicts"][name])


def code(result: Json, name: str = "edge-1") -> str | None:
    assert bool(result.get("failed")) is any(one["failed"] for one in result["verdicts"].values())
    problem = verdict(result, name)["problem"]
    return t.cast(str, problem["code"]) if problem else None


def on_write(its: FakeIts, method: str, path: str, act: t.Callable[[], t.Any], times: int = 1) -> None:
    """Somebody else is faster, so many times."""
    left = [act] * times

    def hook(its_method: str, its_path: str, _body: t.Any) -> None:
        if (its_method, its_path) == (method, path) and left:
            left.pop()()

    its.before.append(hook)


def fail(status: int, message: str = "") -> t.NoReturn:
    raise Fault(status, message)


# -- writing -----------------------------------------------------------------------------------------------------


def test_properties_are_put_into_a_config_map(run: FrontEnd, its: FakeIts, options: Json) -> None:
    result = run("wec_properties", properties={"url": "u", "maxPods": "100"}, **options)
    assert result["changed"]
    assert data(its) == {"url": "u", "maxPods": "100"}
    assert its.writes == [("POST", PROPERTIES)]
    assert verdict(result)["properties"] == {"url": "u", "maxPods": "100"}
    assert result["diff"] == {
        "before": {"ITS: ConfigMap customization-properties/edge-1": None},
        "after": {"ITS: ConfigMap customization-properties/edge-1": {"url": "u", "maxPods": "100"}},
    }
    assert not run("wec_properties", properties={"url": "u", "maxPods": "100"}, **options)["changed"]
    assert len(its.writes) == 1


@pytest.mark.parametrize("is_raced", [False, True])
def test_the_namespace_is_made_when_it_is_missing(run: FrontEnd, its: FakeIts, options: Json, is_raced: bool) -> None:
    def needs_namespace(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("POST", PROPERTIES) and NAMESPACE not in its.objects:
            raise Fault(404, 'namespaces "customization-properties" not found', "NotFound")

    its.before.append(needs_namespace)
    if is_raced:
        on_write(its, "POST", "/api/v1/namespaces", lambda: its.put(NAMESPACE, {}))
    assert run("wec_properties", properties={"url": "u"}, **options)["changed"]
    assert its.writes == [("POST", PROPERTIES), ("POST", "/api/v1/namespaces"), ("POST", PROPERTIES)]
    assert data(its) == {"url": "u"}


@pytest.mark.parametrize(
    ("state", "wanted", "left"),
    [
        ("present", {"b": "2", "c": "3"}, {"a": "1", "b": "2", "c": "3"}),
        ("exact", {"b": "2", "c": "3"}, {"b": "2", "c": "3"}),
        ("exact", {}, {}),
        ("absent", {"b": None, "never": None}, {"a": "1"}),
    ],
)
def test_what_is_there_is_kept_but_for_what_the_state_says(
    run: FrontEnd, its: FakeIts, options: Json, state: str, wanted: Json, left: Json
) -> None:
    its.put(MAP, {"data": {"a": "1", "b": "1"}, "binaryData": {"blob": "AA=="}, "metadata": {"labels": {"x": "y"}}})
    result = run("wec_properties", properties=wanted, state=state, allow_removal=True, **options)
    assert result["changed"]
    assert data(its) == verdict(result)["properties"] == left
    assert its.objects[MAP]["binaryData"] == {"blob": "AA=="}
    assert its.objects[MAP]["metadata"]["labels"] == {"x": "y"}
    writes = len(its.writes)
    assert not run("wec_properties", properties=wanted, state=state, allow_removal=True, **options)["changed"]
    assert len(its.writes) == writes


def test_the_diff_shows_only_what_changes(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1", "b": "1", "c": "1"}})
    result = run("wec_properties", properties={"a": "2", "c": "1"}, state="exact", allow_removal=True, **options)
    shown = "ITS: ConfigMap customization-properties/edge-1"
    assert result["diff"] == {"before": {shown: {"a": "1", "b": "1"}}, "after": {shown: {"a": "2", "b": None}}}
    assert its.writes == [("PATCH", MAP)] * 2, "the second write is on top of the first, so nothing is in conflict"


def test_check_mode_writes_nothing_and_shows_the_outcome(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1"}})
    result = run("wec_properties", check_mode=True, properties={"b": "2"}, **options)
    assert result["changed"]
    assert verdict(result)["properties"] == {"a": "1", "b": "2"}
    assert "would be changed" in verdict(result)["msg"]
    assert its.writes == []


def test_many_wecs_are_read_at_once(run: FrontEnd, its: FakeIts, options: Json) -> None:
    names = [f"edge-{index}" for index in range(1, 6)]
    for name in names:
        its.join(name)
    its.put(MAP, {"data": {"url": "edge-1"}})
    its.requests.clear()
    wanted = [{"name": name, "properties": {"url": name}} for name in names]
    result = run("wec_properties", wecs=wanted, its_kubeconfig=options["its_kubeconfig"])
    assert {name: one["changed"] for name, one in result["verdicts"].items()} == {
        name: name != "edge-1" for name in names
    }
    assert its.requests.count(("GET", PROPERTIES)) == 1
    assert len([request for request in its.requests if request[0] == "GET"]) == 6


# -- others write too --------------------------------------------------------------------------------------------


def test_what_others_write_meanwhile_stays(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1"}})
    on_write(its, "PATCH", MAP, lambda: its.change(MAP, {"data": {"other": "1"}}))
    assert not run("wec_properties", properties={"b": "2"}, **options).get("failed")
    assert data(its) == {"a": "1", "b": "2", "other": "1"}
    assert its.writes == [("PATCH", MAP)]


def test_a_config_map_that_somebody_makes_meanwhile_is_merged_into(run: FrontEnd, its: FakeIts, options: Json) -> None:
    on_write(its, "POST", PROPERTIES, lambda: its.put(MAP, {"data": {"other": "1"}}))
    run("wec_properties", properties={"b": "2"}, **options)
    assert data(its) == {"b": "2", "other": "1"}


def test_a_config_map_that_somebody_deletes_meanwhile_is_made_anew(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1"}})
    on_write(its, "PATCH", MAP, lambda: its.objects.pop(MAP))
    run("wec_properties", properties={"b": "2"}, **options)
    assert data(its) == {"b": "2"}


def test_what_is_gone_already_is_not_made_in_order_to_remove_from_it(
    run: FrontEnd, its: FakeIts, options: Json
) -> None:
    its.put(MAP, {"data": {"a": "1"}})
    on_write(its, "PATCH", MAP, lambda: its.objects.pop(MAP))
    result = run("wec_properties", properties={"a": None}, state="absent", allow_removal=True, **options)
    assert not result.get("failed")
    assert MAP not in its.objects


def test_a_missing_right_is_told(run: FrontEnd, its: FakeIts, options: Json) -> None:
    on_write(its, "POST", PROPERTIES, lambda: fail(403, 'User "x" cannot create resource "configmaps"'), times=9)
    result = run("wec_properties", properties={"a": "1"}, **options)
    assert code(result) == "forbidden"
    assert 'cannot create resource "configmaps"' in result["msg"]


# -- what is refused before any call -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            {"a": 1.10},
            "properties[a]: 1.1 must be a string, and is a number in YAML: write it in quotes, as you mean it",
        ),
        ({"a": 100}, "properties[a]: 100 must be a string, and is a number in YAML"),
        ({"a": True}, "properties[a]: True must be a string, and is true or false in YAML"),
        ({"a": ["x"]}, "properties[a]: ['x'] must be a string, and is a list"),
        ({"a": None}, "properties[a]: must be a string"),
        ({"type": "x"}, "properties[type]: the key is a keyword of Go"),
        ({"clusterName": "x"}, "properties[clusterName]: the key is KubeStellar's own"),
        ({"max-pods": "x"}, "properties[max-pods]: the key must be letters, digits and '_'"),
        (
            {"a": "x" * 1024 * 1024},
            "properties: would have 1048577 bytes; a ConfigMap holds 1048576. Make them smaller",
        ),
    ],
)
def test_a_bad_property_is_refused_before_any_call(
    run: FrontEnd, its: FakeIts, options: Json, wanted: Json, sentence: str
) -> None:
    its.requests.clear()
    result = run("wec_properties", properties=wanted, **options)
    assert result["failed"]
    assert result["msg"].startswith(sentence)
    assert its.requests == []


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"name": "edge-1"}], "wecs[0].properties: properties must be given"),
        (
            [{"name": "edge-1", "properties": {}}, {"name": "edge-1", "properties": {}}],
            "wecs[1].name: 'edge-1' is there twice",
        ),
        ([{"name": "edge_1", "properties": {}}], "wecs[0].name: 'edge_1'"),
    ],
)
def test_a_bad_list_is_refused_before_any_call(
    run: FrontEnd, its: FakeIts, options: Json, entries: list[Json], sentence: str
) -> None:
    its.requests.clear()
    result = run("wec_properties", wecs=entries, its_kubeconfig=options["its_kubeconfig"])
    assert result["failed"]
    assert sentence in result["msg"]
    assert its.requests == []


def test_nothing_given_is_told(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.requests.clear()
    assert run("wec_properties", **options)["msg"].startswith("properties: properties must be given")
    assert its.requests == []


def test_a_wait_of_nothing_is_refused(run: FrontEnd, options: Json) -> None:
    assert (
        "wait_timeout: 0 must be more than 0" in run("wec_properties", properties={}, wait_timeout=0, **options)["msg"]
    )


def test_what_does_not_fit_to_what_is_there_is_not_written(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "x" * 1_000_000}})
    result = run("wec_properties", properties={"b": "x" * 100_000}, **options)
    assert code(result) == "properties_too_large"
    assert its.writes == []


# -- WECs that are not fit ---------------------------------------------------------------------------------------


def test_an_unknown_wec_fails_alone(run: FrontEnd, its: FakeIts, options: Json) -> None:
    wanted = [{"name": name, "properties": {"a": "1"}} for name in ("edge-9", "edge-1")]
    result = run("wec_properties", wecs=wanted, its_kubeconfig=options["its_kubeconfig"])
    assert code(result, "edge-9") == "not_registered"
    assert code(result, "edge-1") is None
    assert data(its) == {"a": "1"}
    assert f"{PROPERTIES}/edge-9" not in its.objects


# -- removal without a WDS ---------------------------------------------------------------------------------------


def test_a_removal_is_refused_where_nobody_can_tell_what_needs_it(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1", "b": "1"}})
    result = run("wec_properties", properties={"a": "2"}, state="exact", **options)
    assert code(result) == "property_possibly_required"
    assert "b of edge-1" in result["msg"]
    assert its.writes == []


def test_a_removal_that_is_allowed_is_warned_of(run: FrontEnd, its: FakeIts, options: Json) -> None:
    its.put(MAP, {"data": {"a": "1"}})
    result = run("wec_properties", properties={"a": None}, state="absent", allow_removal=True, **options)
    assert result["changed"]
    (warning,) = run.warnings
    assert warning.startswith("a of edge-1 goes, and no WDS was given")


def test_a_removal_that_leaves_a_label_in_its_place_takes_nothing_away(
    run: FrontEnd, its: FakeIts, options: Json
) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"a": "label"}}})
    its.put(MAP, {"data": {"a": "1", "max-pods": "1"}})
    result = run("wec_properties", properties={}, state="exact", **options)
    assert not result.get("failed")
    assert run.warnings == []
    assert data(its) == {}


# -- removal with a WDS ------------------------------------------------------------------------------------------


def test_a_property_that_a_template_needs_is_not_removed(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    result = run("wec_properties", properties={"url": None}, state="absent", **with_wds)
    assert code(result) == "property_required"
    for sentence in ("configmaps app/web", "BindingPolicy web", "url", "edge-2", "allow_removal"):
        assert sentence in result["msg"]
    (found,) = verdict(result)["impacts"]
    assert found["effect"] == "lacks"
    assert (found["policy"], found["properties"]) == ("web", ["url"])
    assert (found["objects"], found["other_wecs"]) == (["configmaps app/web"], ["edge-2"])
    assert its.writes == wds.writes == []
    assert result["wds"]["server"] == wds.url


def test_it_is_removed_if_that_is_allowed_and_the_damage_is_told(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    result = run("wec_properties", properties={"url": None}, state="absent", allow_removal=True, **with_wds)
    assert result["changed"]
    assert data(its) == {"zone": "z"}
    assert any("edge-2" in warning for warning in run.warnings)
    assert wds.hit == {"edge-1 lacks url"}


def test_a_property_that_no_template_needs_goes_without_a_word(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    result = run("wec_properties", properties={"zone": None}, state="absent", **with_wds)
    assert not result.get("failed")
    assert data(its) == {"url": "u"}
    assert run.warnings == []
    assert wds.hit == set()


def test_the_wds_is_only_read(run: FrontEnd, wds: FakeWds, with_wds: Json) -> None:
    run("wec_properties", properties={"url": "other"}, **with_wds)
    assert {method for method, _path in wds.requests} == {"GET"}


def test_a_cluster_that_is_no_wds_is_told(run: FrontEnd, its: FakeIts, options: Json) -> None:
    result = run("wec_properties", properties={"a": "1"}, wds_kubeconfig=its.kubeconfig(), **options)
    assert result["failed"]
    assert "is not a WDS" in result["msg"]
    assert its.writes == []


def test_it_is_not_looked_into_the_wds_when_nothing_changes(run: FrontEnd, wds: FakeWds, with_wds: Json) -> None:
    wds.requests.clear()
    assert not run("wec_properties", properties={"url": "u"}, **with_wds)["changed"]
    assert wds.requests == []


# -- delivery ----------------------------------------------------------------------------------------------------


def marked(its: FakeIts) -> list[str]:
    return [path for method, path in its.writes if method == "PATCH" and "/manifestworks/" in path]


def test_a_changed_value_is_delivered_where_a_template_needs_it(run: FrontEnd, its: FakeIts, with_wds: Json) -> None:
    result = run("wec_properties", properties={"url": "other"}, **with_wds)
    assert not result.get("failed")
    assert verdict(result)["delivery"] == "delivered"
    assert its.writes == [("PATCH", MAP), ("PATCH", f"{works_of('edge-1')}/web-work")]


def test_without_a_wds_every_work_of_kubestellar_is_written_anew(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    its.put(f"{works_of('edge-1')}/foreign", {"metadata": {"annotations": {GENERATION: "1"}}})
    add_work(its, "edge-1", "going", deletionTimestamp=now())
    result = run("wec_properties", properties={"url": "other"}, **{**with_wds, "wds_kubeconfig": None})
    assert verdict(result)["delivery"] == "delivered"
    assert marked(its) == [f"{works_of('edge-1')}/other-work", f"{works_of('edge-1')}/web-work"]


@pytest.mark.parametrize(
    ("properties", "deliver", "sentence"),
    [
        ({"url": "other"}, False, "waits for the next change of the Binding"),
        ({"zone": "other"}, True, "nothing to deliver"),
        ({"new": "1"}, True, "nothing to deliver"),
    ],
    ids=["not wanted", "no template needs it", "nobody can need what is new"],
)
def test_no_work_is_written_anew_for_nothing(
    run: FrontEnd, its: FakeIts, with_wds: Json, properties: Json, deliver: bool, sentence: str
) -> None:
    result = run("wec_properties", properties=properties, deliver=deliver, **with_wds)
    assert result["changed"]
    assert verdict(result)["delivery"] == sentence
    assert marked(its) == []


def test_a_value_that_a_label_hid_and_a_config_map_overrides_is_delivered(
    run: FrontEnd, its: FakeIts, with_wds: Json
) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"url": "label"}}})
    its.change(MAP, {"data": {"url": None}})
    result = run("wec_properties", properties={"url": "u"}, **with_wds)
    assert verdict(result)["delivery"] == "delivered"


def test_a_delivery_that_kubestellar_does_not_make_is_late(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    wds.delivers = False
    result = run("wec_properties", properties={"url": "other"}, wait_timeout=1, **with_wds)
    assert code(result) == "delivery_late"
    assert "web-work has not been written anew" in result["msg"]
    assert verdict(result)["delivery"] == "waits for the next change of the Binding"
    assert result["changed"]
    assert data(its)["url"] == "other"


def test_a_delivery_that_the_wec_cannot_apply_is_late_and_tells_why(
    run: FrontEnd, its: FakeIts, wds: FakeWds, with_wds: Json
) -> None:
    def refuse() -> None:
        failed = {"type": "Applied", "status": "False", "reason": "AppliedManifestWorkFailed", "message": "no quota"}
        its.change(f"{works_of('edge-1')}/web-work", {"status": {"conditions": [failed]}})

    its.after.append(refuse)
    result = run("wec_properties", properties={"url": "other"}, wait_timeout=1, **with_wds)
    assert code(result) == "delivery_late"
    assert "no quota" in result["msg"]


@pytest.mark.parametrize("status", [404, 403])
def test_a_work_that_cannot_be_marked(run: FrontEnd, its: FakeIts, with_wds: Json, status: int) -> None:
    """One that is gone meanwhile needs nothing; a missing right is a problem of this WEC, with a verdict."""
    on_write(
        its, "PATCH", f"{works_of('edge-1')}/web-work", lambda: fail(status, "cannot patch manifestworks"), times=9
    )
    result = run("wec_properties", properties={"url": "other"}, **with_wds)
    assert code(result) == (None if status == 404 else "forbidden")
    assert result["changed"]


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_refusal_returns_what_is_there(run: FrontEnd, its: FakeIts, options: Json, check_mode: bool) -> None:
    its.put(MAP, {"data": {"url": "u", "zone": "z"}})
    result = run("wec_properties", properties={"zone": None}, state="absent", check_mode=check_mode, **options)
    assert code(result) == "property_possibly_required"
    assert verdict(result)["properties"] == data(its) == {"url": "u", "zone": "z"}
    assert not result["changed"]
    assert verdict(result)["steps"] == []
    assert not any(result["diff"].values())


def test_of_a_change_that_fails_half_way_what_was_done_is_returned(run: FrontEnd, its: FakeIts, options: Json) -> None:
    def fail(method: str, path: str, _body: t.Any) -> None:
        if method == "PATCH" and path == f"{MANAGED_CLUSTERS}/edge-1":
            raise Fault(403, "no labels today", "Forbidden")

    its.before.append(fail)
    result = run("wec_configure", properties={"url": "u"}, labels={"env": "prod"}, **options)
    assert code(result) == "forbidden"
    assert result["changed"]
    assert verdict(result)["properties"] == data(its) == {"url": "u"}
    assert "env" not in verdict(result)["labels"]
    assert [step["object"] for step in verdict(result)["steps"]] == ["ConfigMap customization-properties/edge-1"]
    assert "prod" not in str(result["diff"])

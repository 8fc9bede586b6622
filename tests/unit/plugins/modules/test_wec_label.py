# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from fake_api import Fault
from fake_ocm import CLUSTER_SETS, MANAGED_CLUSTERS, FakeIts
from fake_wds import FakeWds, add_work
from front_ends import AsAction, FrontEnd

CLUSTER_SET = "cluster.open-cluster-management.io/clusterset"


@pytest.fixture
def options(its: FakeIts) -> dict[str, t.Any]:
    for name in ("edge-1", "edge-2"):
        its.join(name)
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {CLUSTER_SET: "default", "old": "1"}}})
    return {"its_kubeconfig": its.kubeconfig()}


def labels(its: FakeIts, name: str) -> dict[str, str]:
    return t.cast("dict[str, str]", its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"]["labels"])


def test_labels_are_merged_in_one_patch(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    result = run("wec_label", name="edge-1", labels={"region": "us-east", "old": "2"}, **options)
    assert result["changed"]
    assert labels(its, "edge-1") == {CLUSTER_SET: "default", "old": "2", "region": "us-east"}
    assert its.writes == [("PATCH", f"{MANAGED_CLUSTERS}/edge-1")]
    assert result["diff"]["before"] == {"ITS: ManagedCluster edge-1": {"labels": {"region": None, "old": "1"}}}


def test_what_is_as_desired_is_not_written(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    assert not run("wec_label", name="edge-1", labels={"old": "1"}, **options)["changed"]
    assert its.writes == []


def test_exact_removes_only_what_is_free(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    run("wec_label", name="edge-1", labels={"region": "us-east"}, state="exact", **options)
    assert labels(its, "edge-1") == {CLUSTER_SET: "default", "region": "us-east"}


def test_absent_removes_the_named_labels(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    run("wec_label", name="edge-1", labels={"old": None, "never": None}, state="absent", **options)
    assert labels(its, "edge-1") == {CLUSTER_SET: "default"}


def test_many_wecs_have_a_verdict_each(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    wanted = [{"name": "edge-1", "labels": {"old": "1"}}, {"name": "edge-2", "labels": {"old": "2"}}]
    result = run("wec_label", wecs=wanted, **options)
    assert {name: verdict["changed"] for name, verdict in result["verdicts"].items()} == {
        "edge-1": False,
        "edge-2": True,
    }


def test_check_mode_writes_nothing_and_shows_the_outcome(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    result = run("wec_label", check_mode=True, name="edge-1", labels={"region": "us-east"}, **options)
    assert result["changed"]
    assert result["verdicts"]["edge-1"]["labels"]["region"] == "us-east"
    assert its.writes == []


def test_an_unknown_wec_fails_alone(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    wanted = [{"name": name, "labels": {"region": "us-east"}} for name in ("edge-1", "edge-9")]
    result = run("wec_label", wecs=wanted, **options)
    assert result["failed"]
    assert result["verdicts"]["edge-9"]["problem"]["code"] == "not_registered"
    assert labels(its, "edge-1")["region"] == "us-east"


def test_a_label_that_the_its_takes_back_is_a_failure(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.after.append(lambda: labels(its, "edge-1").update(region="elsewhere"))
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, **options)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "labels_not_effective"


def test_a_missing_right_is_told(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    def refuse(method: str, _path: str, _body: t.Any) -> None:
        if method == "PATCH":
            raise Fault(403, 'User "x" cannot patch resource "managedclusters"', "Forbidden")

    its.before.append(refuse)
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, **options)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "forbidden"
    assert 'cannot patch resource "managedclusters"' in result["msg"]


def test_all_bad_labels_are_told_before_any_call(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    wanted = [
        {"name": "edge-1", "labels": {"a b": "x", "zone": 1}},
        {"name": "edge-2", "labels": {CLUSTER_SET: "other", "ok": "y" * 64}},
    ]
    its.requests.clear()
    result = run("wec_label", wecs=wanted, **options)
    for message in (
        "wecs[0].labels[a b]",
        "wecs[0].labels[zone]: 1 must be a string",
        f"wecs[1].labels[{CLUSTER_SET}]: the key is",
    ):
        assert message in result["msg"]
    assert its.requests == []


def annotations(its: FakeIts, name: str) -> dict[str, str]:
    return t.cast("dict[str, str]", its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get("annotations") or {})


def test_annotations_are_merged_in_the_same_patch(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    wanted = {"labels": {"region": "us-east"}, "annotations": {"example.com/note": "any text: at all!", "zone": ""}}
    result = run("wec_label", name="edge-1", **wanted, **options)
    assert result["verdicts"]["edge-1"]["annotations"] == annotations(its, "edge-1") == wanted["annotations"]
    assert its.writes == [("PATCH", f"{MANAGED_CLUSTERS}/edge-1")]
    assert result["verdicts"]["edge-1"]["usable_as_properties"] == ["old", "region", "zone"]
    assert result["verdicts"]["edge-1"]["unusable_as_properties"] == [CLUSTER_SET]
    assert not run("wec_label", name="edge-1", **wanted, **options)["changed"]


def test_exact_annotations_spare_the_systems_own(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    own = {"wec.kubestellar.io/kube-system-uid": "u", "a.b/c": "1"}
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": own}})
    run("wec_label", name="edge-1", annotations={"d": "1"}, state="exact", **options)
    assert annotations(its, "edge-1") == {"wec.kubestellar.io/kube-system-uid": "u", "d": "1"}
    assert labels(its, "edge-1")["old"] == "1", "labels were not given, so they are left alone"


def test_the_cluster_set_has_an_option_of_its_own(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    assert run("wec_label", name="edge-1", cluster_set="special", **options)["changed"]
    assert labels(its, "edge-1") == {CLUSTER_SET: "special", "old": "1"}
    assert not run("wec_label", name="edge-1", cluster_set="special", **options)["changed"]


@pytest.mark.parametrize("name", ["nope", "global"])
def test_a_set_that_takes_no_wec_by_its_label_is_refused(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], name: str
) -> None:
    """OCM says nothing of a label that names no set: the WEC is then in none."""
    result = run("wec_label", name="edge-1", cluster_set=name, **options)
    assert result["failed"]
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "cluster_set_missing"
    assert name in result["msg"]
    assert its.writes == []


def test_each_set_of_a_batch_is_looked_for_once_and_its_wecs_fail_alone(
    its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.join("edge-3")
    wanted = [{"name": f"edge-{number}", "cluster_set": "edge" if number == 2 else "nope"} for number in (1, 2, 3)]
    result = AsAction()("wec_label", wecs=wanted, **options)
    assert {name: one["failed"] for name, one in result["verdicts"].items()} == {
        "edge-1": True,
        "edge-2": False,
        "edge-3": True,
    }
    assert len([path for _method, path in its.requests if "managedclustersets" in path]) == 2


def test_where_sets_may_not_be_looked_at_a_warning_says_what_is_not_known(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if path.startswith(CLUSTER_SETS):
            raise Fault(403, 'User "x" cannot get resource "managedclustersets"', "Forbidden")

    its.before.append(refuse)
    result = run("wec_label", name="edge-1", cluster_set="nope", **options)
    assert result["changed"], result
    assert labels(its, "edge-1")[CLUSTER_SET] == "nope"
    assert any("ManagedClusterSet nope may not be looked at" in warning for warning in run.warnings)


def test_a_pattern_protects_more_keys(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"team.example/a": "1"}}})
    run("wec_label", name="edge-1", labels={}, state="exact", protected=["team.example/*"], **options)
    assert labels(its, "edge-1") == {CLUSTER_SET: "default", "team.example/a": "1"}


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "nothing": ({}, "labels: labels or annotations or cluster_set must be given"),
    "number": (
        {"annotations": {"a": 1}},
        "annotations[a]: 1 must be a string, and is a number in YAML: write it in quotes",
    ),
    "truth": (
        {"labels": {"a": True}},
        "labels[a]: True must be a string, and is true or false in YAML: write it in quotes, as you mean it",
    ),
    "nothing to set": ({"labels": {"a": None}}, "labels[a]: must be a string"),
    "system": ({"annotations": {"x.kubestellar.io/y": "1"}}, "annotations[x.kubestellar.io/y]: the key is protected"),
    "system, to remove": (
        {"labels": {"kubernetes.io/x": ""}, "state": "absent"},
        "labels[kubernetes.io/x]: the key is",
    ),
    "pattern": ({"labels": {"t/a": "1"}, "protected": ["t/*"]}, "labels[t/a]: the key is protected"),
    "no cluster set": ({"cluster_set": ""}, "cluster_set: '' must not be empty"),
    "bad cluster set": ({"cluster_set": "a b"}, "cluster_set: 'a b' must be letters"),
    "bad name": ({"name": "Edge", "labels": {}}, "name: 'Edge'"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_option_is_told_before_any_call(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], what: str
) -> None:
    changes, message = BAD[what]
    its.requests.clear()
    result = run("wec_label", **{"name": "edge-1", **options, **changes})
    assert result["failed"]
    assert result["msg"].startswith(message)
    assert its.requests == []


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_a_key_that_is_no_text_is_told_before_any_call(its: FakeIts, options: dict[str, t.Any], part: str) -> None:
    """YAML has such keys, and an action gets them as they are; a module only gets texts."""
    its.requests.clear()
    result = AsAction()("wec_label", name="edge-1", **{part: {2024: "x", True: "y"}}, **options)
    assert result["failed"]
    assert f"{part}[2024]: the key must be a string, and is a number in YAML: write it in quotes" in result["msg"]
    assert f"{part}[True]: the key must be a string" in result["msg"]
    assert its.requests == []


def test_a_name_that_is_there_twice_is_told(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.requests.clear()
    result = run("wec_label", wecs=[{"name": "edge-1", "labels": {}}] * 2, **options)
    assert result["msg"] == "wecs[1].name: 'edge-1' is there twice. Give each WEC one entry."
    assert its.requests == []


def unaccepted(its: FakeIts) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"spec": {"hubAcceptsClient": False}})


def without_mailbox(its: FakeIts) -> None:
    del its.objects["/api/v1/namespaces/edge-1"]


def with_a_mailbox_that_goes(its: FakeIts) -> None:
    its.change("/api/v1/namespaces/edge-1", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})


def going(its: FakeIts) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})


UNFIT = [
    (unaccepted, "not_accepted"),
    (without_mailbox, "mailbox_missing"),
    (with_a_mailbox_that_goes, "mailbox_terminating"),
]


@pytest.mark.parametrize(("spoil", "code"), [*UNFIT, (going, "deleting")])
def test_a_wec_that_would_starve_the_others_is_not_labelled(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], spoil: t.Callable[[FakeIts], None], code: str
) -> None:
    spoil(its)
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, **options)
    assert result["failed"]
    assert result["verdicts"]["edge-1"]["problem"]["code"] == code
    assert its.writes == []


@pytest.mark.parametrize("spoil", [spoil for spoil, _code in UNFIT])
def test_it_is_labelled_if_that_is_allowed(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], spoil: t.Callable[[FakeIts], None]
) -> None:
    spoil(its)
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, allow_unaccepted=True, **options)
    assert not result.get("failed")
    assert labels(its, "edge-1")["region"] == "us-east"


def test_a_label_that_may_be_a_property_does_not_go_while_there_is_workload(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    add_work(its, "edge-1", "web")
    wanted: dict[str, t.Any] = {"name": "edge-1", "labels": {"old": None}, "state": "absent", **options}
    result = run("wec_label", **wanted)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "property_possibly_required"
    assert its.writes == []
    assert run("wec_label", allow_removal=True, **wanted)["changed"]
    assert any("old of edge-1 goes" in warning for warning in run.warnings)


def test_a_label_that_can_be_no_property_goes_at_any_time(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"location-group": "edge"}}})
    add_work(its, "edge-1", "web")
    result = run("wec_label", name="edge-1", labels={"location-group": None}, state="absent", **options)
    assert not result.get("failed")
    assert its.writes == [("PATCH", f"{MANAGED_CLUSTERS}/edge-1")]


def test_the_wds_tells_what_starts(run: FrontEnd, its: FakeIts, wds: FakeWds, options: dict[str, t.Any]) -> None:
    wds.policy("web", {"region": "us-east"})
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, wds_kubeconfig=wds.kubeconfig(), **options)
    assert not result.get("failed")
    (found,) = result["verdicts"]["edge-1"]["impacts"]
    assert (found["effect"], found["policy"]) == ("starts", "web")
    assert "BindingPolicy web starts to select edge-1" in result["verdicts"]["edge-1"]["msg"]
    assert wds.destinations("web") == ["edge-1"]


def test_workload_is_withdrawn_only_if_that_is_allowed(
    run: FrontEnd, its: FakeIts, wds: FakeWds, options: dict[str, t.Any]
) -> None:
    wds.policy("web", {"old": "1"})
    wanted: dict[str, t.Any] = {"name": "edge-1", "labels": {"old": "2"}, "wds_kubeconfig": wds.kubeconfig(), **options}
    foreseen = run("wec_label", check_mode=True, **wanted)
    refused = run("wec_label", **wanted)
    for result in (foreseen, refused):
        assert result["failed"]
        assert result["verdicts"]["edge-1"]["problem"]["code"] == "workload_withdrawal"
        assert "BindingPolicy web stops to select edge-1" in result["msg"]
    assert its.writes == []
    allowed = run("wec_label", allow_withdrawal=True, **wanted)
    assert [one["effect"] for one in allowed["verdicts"]["edge-1"]["impacts"]] == ["stops"]
    assert labels(its, "edge-1")["old"] == "2"


def test_what_the_its_does_not_take_is_told_with_its_own_words(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    def refuse(method: str, _path: str, _body: t.Any) -> None:
        if method == "PATCH":
            raise Fault(422, "metadata.labels: Invalid value", "Unprocessable Entity")

    its.before.append(refuse)
    result = run("wec_label", name="edge-1", labels={"region": "us-east"}, **options)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "write_refused"
    assert "metadata.labels: Invalid value" in result["msg"]


def test_a_key_with_a_blank_is_named_whole_and_once(run: FrontEnd, options: dict[str, t.Any]) -> None:
    result = run("wec_label", name="edge-1", labels={"my team": "a b!"}, **options)
    assert result["failed"]
    assert result["options"] == ["labels[my team]"]


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_null_names_the_way_to_remove_a_key(run: FrontEnd, its: FakeIts, options: dict[str, t.Any], part: str) -> None:
    result = run("wec_label", name="edge-1", **{part: {"as": None}}, **options)
    assert (
        result["msg"] == f"{part}[as]: must be a string, and is null. To remove the key, list it with the state absent."
    )
    assert its.writes == []

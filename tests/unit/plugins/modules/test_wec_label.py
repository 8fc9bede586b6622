# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from fake_api import Fault
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from front_ends import FrontEnd

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
    for told in (
        "wecs[0].labels[a b]",
        "wecs[0].labels[zone]: 1 must be text",
        f"wecs[1].labels[{CLUSTER_SET}]: the key is",
    ):
        assert told in result["msg"]
    assert its.requests == []

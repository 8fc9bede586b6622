# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has set which label and property, on the fake ITS. A real hub tells the same story (tests/integration)."""

from __future__ import annotations

import copy
import typing as t

import field_story
import managed_fields
import pytest
from fake_api import Fault, now
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from front_ends import FrontEnd

Json = dict[str, t.Any]
EDGE = f"{MANAGED_CLUSTERS}/edge-1"
MAP = "/api/v1/namespaces/customization-properties/configmaps/edge-1"
APPLIED = {"labels_state": "applied"}


class FakeHub:
    def __init__(self, run: FrontEnd, its: FakeIts) -> None:
        self._run, self._its = run, its
        its.join("edge-1")

    def configure(self, **options: t.Any) -> Json:
        return self._run("wec_configure", name="edge-1", its_kubeconfig=self._its.kubeconfig(), **options)

    def patch(self, part: str, texts: Json, manager: str) -> None:
        path = EDGE if part == "labels" else MAP
        before = copy.deepcopy(self._its.objects[path])
        self._its.change(path, {"metadata": {"labels": texts}} if part == "labels" else {"data": texts})
        managed_fields.updated(before, self._its.objects[path], manager, now())

    def metadata(self) -> Json:
        return t.cast(Json, self._its.objects[EDGE]["metadata"])

    def data(self) -> Json:
        return t.cast(Json, self._its.objects[MAP]["data"])


@pytest.fixture
def hub(run: FrontEnd, its: FakeIts) -> FakeHub:
    return FakeHub(run, its)


def test_the_fake_its_tells_the_story_of_a_real_hub(hub: FakeHub) -> None:
    field_story.tell(hub)


def test_who_sets_a_label_in_between_is_not_overwritten(hub: FakeHub, its: FakeIts) -> None:
    hub.configure(labels={"tier": "gold"}, **APPLIED)
    taken: list[None] = []

    def race(method: str, path: str, _body: t.Any) -> None:
        if method == "PATCH" and path == EDGE and not taken:
            taken.append(None)
            hub.patch("labels", {"tier": "bronze"}, "kubectl-label")

    its.before.append(race)
    result = hub.configure(labels={"tier": "silver"}, **APPLIED)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "field_conflict"
    assert 'conflict with "kubectl-label": .metadata.labels.tier' in result["msg"]
    assert hub.metadata()["labels"]["tier"] == "bronze"


def test_a_managed_cluster_that_is_deleted_in_between_is_not_made_anew(hub: FakeHub, its: FakeIts) -> None:
    its.before.append(lambda method, path, _body: its.objects.pop(path, None) if method == "PATCH" else None)
    result = hub.configure(labels={"tier": "gold"}, **APPLIED)
    assert result["failed"]
    assert EDGE not in its.objects


def test_an_object_that_changes_while_it_is_taken_over_is_looked_at_again(hub: FakeHub, its: FakeIts) -> None:
    hub.patch("labels", {"tier": "gold"}, "kubestellar.wec")
    busy = [None] * 2

    def change(method: str, path: str, body: t.Any) -> None:
        if method == "PATCH" and isinstance(body, list) and busy:
            busy.pop()
            its.change(EDGE, {"status": {"x": str(len(busy))}})

    its.before.append(change)
    assert not hub.configure(labels={}, **APPLIED).get("failed")
    assert "tier" not in hub.metadata()["labels"]


def test_an_object_that_never_rests_is_a_problem(hub: FakeHub, its: FakeIts) -> None:
    hub.patch("labels", {"tier": "gold"}, "kubestellar.wec")

    def refuse(method: str, _path: str, body: t.Any) -> None:
        if method == "PATCH" and isinstance(body, list):
            raise Fault(409, "the object has been modified", "Conflict")

    its.before.append(refuse)
    result = hub.configure(labels={}, **APPLIED)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "write_refused"
    assert hub.metadata()["labels"]["tier"] == "gold"


def test_the_status_names_the_option_that_takes_a_label_of_another_over(
    hub: FakeHub, run: FrontEnd, its: FakeIts
) -> None:
    hub.configure(labels={"tier": "gold"}, **APPLIED)
    hub.patch("labels", {"tier": "silver"}, "kubectl-label")
    wec = {"name": "edge-1", "labels": {"tier": "gold"}, **APPLIED}
    result = run("wec_status", wecs=[wec], its_kubeconfig=its.kubeconfig())
    assert not result.get("failed"), result
    (drift,) = result["drift"]
    assert drift["remedy"] == "Take the keys out of the inventory, or take them over with force_conflicts"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub records who has set which label and property, and lets go what is applied no more."""

from __future__ import annotations

import typing as t

import field_story
from fleet import Fleet

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]
MANAGED_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"


class RealHub:
    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet, self._name = fleet, name

    def configure(self, **options: t.Any) -> Json:
        return self._fleet.module("wec_configure", self._name, **options)

    def patch(self, part: str, texts: Json, manager: str) -> None:
        paths = {"labels": f"{MANAGED_CLUSTERS}/{self._name}", "properties": f"{PROPERTIES}/{self._name}"}
        body = {"metadata": {"labels": texts}} if part == "labels" else {"data": texts}
        self._fleet.its.request("PATCH", f"{paths[part]}?fieldManager={manager}", body)

    def metadata(self) -> Json:
        return t.cast(Json, (self._fleet.managed_cluster(self._name) or {})["metadata"])

    def data(self) -> Json:
        return t.cast(Json, (self._fleet.its.get(f"{PROPERTIES}/{self._name}") or {})["data"])


def test_a_real_hub_tells_the_story_of_the_fake_one(fleet: Fleet, take: Take) -> None:
    (name,) = take(1)
    assert fleet.register([name]).code == 0
    before = fleet.managed_cluster(name) or {}
    field_story.tell(RealHub(fleet, name))
    after = fleet.managed_cluster(name) or {}
    assert after["spec"] == before["spec"], "an apply of labels leaves what was accepted"
    identity = "wec.kubestellar.io/kube-system-uid"
    assert after["metadata"]["annotations"][identity] == before["metadata"]["annotations"][identity]
    assert fleet.is_available(name)

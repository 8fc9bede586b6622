# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub of the sandbox in the story of who sets which label."""

from __future__ import annotations

import typing as t

import field_story
from fleet import MANAGED_CLUSTERS, Fleet

Json = dict[str, t.Any]
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"


def tell(fleet: Fleet, name: str) -> None:
    """Of a WEC that is registered."""
    field_story.tell(RealHub(fleet, name))


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

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an ITS to an inventory: its WECs, and what is known of each."""

from __future__ import annotations

import dataclasses
import typing as t

from .._apis.its import Its
from .._rules.desired import adoption
from .._rules.desired.adoption import Adopted
from .._rules.desired.configuration import Observed
from .._rules.observed import conditions
from . import status
from .status import Status

Json = dict[str, t.Any]
_COPY = "kubectl.kubernetes.io/last-applied-configuration"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which WECs are meant: Kubernetes' own selectors, and states; None and nothing mean all."""

    label_selector: str | None = None
    field_selector: str | None = None
    states: t.Collection[str] = ()


@dataclasses.dataclass(frozen=True)
class Known:
    """One WEC that has a ManagedCluster, and what of it is the user's own."""

    status: Status
    adopted: Adopted
    _facts: Json

    @property
    def name(self) -> str:
        return self.status.view.name

    def as_facts(self) -> Json:
        """What is the case, by the names of host variables."""
        return self._facts


def _facts(one: Status) -> Json:
    view, data = one.view, one.as_data()
    cluster = view.managed_cluster or {}
    clients = (cluster.get("spec") or {}).get("managedClusterClientConfigs") or []
    claims = (cluster.get("status") or {}).get("clusterClaims") or []
    return {
        "wec_name": view.name,
        "wec_state": data["state"],
        "wec_since": data["since"],
        "wec_problems": [problem["code"] for problem in data["problems"]],
        "wec_accepted": data["accepted"],
        "wec_joined": data["joined"],
        "wec_available": data["available"],
        "wec_conditions": {one.type: one.is_true for one in conditions.all_of(cluster)},
        "wec_lease_age": data["lease_age"],
        "wec_kubernetes_version": data["kubernetes_version"],
        "wec_claims": {str(one.get("name")): str(one.get("value")) for one in claims},
        "wec_addon": data["addon"],
        "wec_uid": data["uid"],
        "wec_api_urls": [str(one["url"]) for one in clients if one.get("url")],
        "wec_all_labels": view.labels,
        "wec_all_annotations": {key: value for key, value in view.annotations.items() if key != _COPY},
    }


def look(its: Its, selection: Selection, protected: t.Collection[str]) -> list[Known]:
    """By one LIST of each kind, however many they are; in the order of their names. Raises WecError."""
    its.require_hub()
    views = its.selected_views(selection.label_selector, selection.field_selector)
    maps = its.property_maps() if views else {}

    def known(one: Status) -> Known:
        observed = Observed(one.view, None if one.view.unreadable else maps.get(one.view.name))
        return Known(one, adoption.adopt(observed, protected), _facts(one))

    found = [status.reading(known, one) for one in status.of_views(its, views)]
    return [one for one in found if not selection.states or one.status.state.name in selection.states]

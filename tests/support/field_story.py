# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One story of who sets which label, for the fake ITS and for real hubs: both must end as it says."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]
KEYS = ("tier", "zone", "foreign", "old", "wave")


class Hub(t.Protocol):
    def configure(self, **options: t.Any) -> Json:
        """Run wec_configure for the WEC."""

    def patch(self, part: str, texts: Json, manager: str) -> None:
        """Merge labels or properties, as another client."""

    def metadata(self) -> Json:
        """Of its ManagedCluster."""

    def data(self) -> Json:
        """Its properties."""


def tell(hub: Hub) -> None:
    states = dict.fromkeys(("labels_state", "annotations_state", "properties_state"), "applied")
    first = {"labels": {"tier": "gold", "zone": "a"}, "annotations": {"note": "x"}, "properties": {"p": "1", "q": "1"}}
    # It may have had others before.
    result = hub.configure(allow_removal=True, **first, **states)
    assert not result.get("failed"), result
    assert labels(hub) == {"tier": "gold", "zone": "a"}
    assert owners(hub, "tier") == {("kubestellar.wec", "Apply")}
    assert hub.metadata()["annotations"]["note"] == "x"
    assert not hub.configure(**first, **states)["changed"]

    hub.patch("labels", {"tier": "bronze", "foreign": "1"}, "kubectl-label")
    second = {"labels": {"tier": "gold"}, "annotations": {}, "properties": {"p": "2"}, "allow_removal": True}
    refused = hub.configure(**second, **states)
    assert next(iter(refused["verdicts"].values()))["problem"]["code"] == "field_conflict"
    assert "labels[tier] is 'bronze', set by kubectl-label (20" in refused["msg"]
    assert not refused["changed"]
    assert labels(hub) == {"tier": "bronze", "zone": "a", "foreign": "1"}

    forced = hub.configure(force_conflicts=True, **second, **states)
    assert not forced.get("failed"), forced
    assert labels(hub) == {"tier": "gold", "foreign": "1"}
    assert owners(hub, "tier") == {("kubestellar.wec", "Apply")}
    assert owners(hub, "foreign") == {("kubectl-label", "Update")}
    assert "note" not in hub.metadata()["annotations"]
    assert hub.data() == {"p": "2"}

    # As version 0.1.0 wrote.
    hub.patch("labels", {"old": "1", "zone": "b"}, "kubestellar.wec")
    hub.patch("properties", {"old": "1"}, "kubestellar.wec")
    assert owners(hub, "old") == {("kubestellar.wec", "Update")}
    third = {**second, "labels": {"tier": "gold", "zone": "c"}}
    taken = hub.configure(**third, **states)
    assert not taken.get("failed"), taken
    assert labels(hub) == {"tier": "gold", "foreign": "1", "zone": "c"}
    assert owners(hub, "zone") == {("kubestellar.wec", "Apply")}
    assert hub.data() == {"p": "2"}

    # What a task sets by itself is not the inventory's.
    assert hub.configure(labels={"wave": "3"})["changed"]
    assert owners(hub, "wave") == {("kubestellar.wec-task", "Update")}
    assert not hub.configure(**third, **states)["changed"]

    # The same value of two is of both, and stays with the other.
    both = {**third, "labels": {"tier": "silver", "foreign": "1"}}
    assert hub.configure(**both, **states)["changed"]
    assert owners(hub, "foreign") == {("kubectl-label", "Update"), ("kubestellar.wec", "Apply")}
    assert hub.configure(**{**both, "labels": {"tier": "gold"}}, **states)["changed"]
    assert labels(hub) == {"tier": "gold", "foreign": "1", "wave": "3"}
    assert owners(hub, "foreign") == {("kubectl-label", "Update")}


def labels(hub: Hub) -> Json:
    return {key: value for key, value in hub.metadata()["labels"].items() if key in KEYS}


def owners(hub: Hub, label: str) -> set[tuple[str, str]]:
    return {
        (entry["manager"], entry["operation"])
        for entry in hub.metadata()["managedFields"]
        if f"f:{label}" in ((entry["fieldsV1"].get("f:metadata") or {}).get("f:labels") or {})
    }

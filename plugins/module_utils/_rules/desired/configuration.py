# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one WEC shall have, what it has, and the changes that lead from one to the other in the safe order."""

from __future__ import annotations

import dataclasses
import typing as t

from ..fleet.plan import Step
from ..observed.observed_managed_cluster import ObservedManagedCluster
from . import field_ownership, merging, properties
from . import labels as label_rules
from .field_ownership import ANNOTATIONS, DATA, LABELS, Owner, Ownership
from .impact import Traits
from .merging import APPLIED, EXACT, PRESENT, Changes, Texts

Json = dict[str, t.Any]
PARTING = "wec.kubestellar.io/parting"
"""Annotation of a ManagedCluster: names annotations that stand in for labels until KubeStellar has let the WEC go."""


@dataclasses.dataclass(frozen=True)
class Part:
    """What is desired of one map of texts. ``protected`` are patterns of keys that must not be touched."""

    wanted: Texts = dataclasses.field(default_factory=dict)
    state: str = PRESENT

    @property
    def is_applied(self) -> bool:
        return self.state == APPLIED


@dataclasses.dataclass(frozen=True)
class DesiredState:
    """What one WEC shall have; a part that is None is left alone."""

    name: str
    labels: Part | None = None
    annotations: Part | None = None
    properties: Part | None = None
    cluster_set: str | None = None
    protected: tuple[str, ...] = ()
    manager: str = field_ownership.INVENTORY
    """The field manager of what is set or removed without being applied."""

    @property
    def needs_properties(self) -> bool:
        """Whether it cannot be said what is to be done without knowing the properties that there are."""
        return self.properties is not None and (bool(self.properties.wanted) or self.properties.state == EXACT)


@dataclasses.dataclass(frozen=True)
class Conflict:
    """A key that shall have another value than its owners gave it. ``part``: labels, annotations or properties."""

    part: str
    key: str
    old: str
    new: str
    owners: tuple[Owner, ...]

    def __str__(self) -> str:
        owners = " and ".join(map(str, self.owners))
        return f"{self.part}[{self.key}] is {self.old!r}, set by {owners}, and {self.new!r} in the inventory"


@dataclasses.dataclass(frozen=True)
class Observed:
    """``config_map`` is that of the WEC's properties, None if there is none."""

    view: ObservedManagedCluster
    config_map: Json | None = None

    @property
    def data(self) -> dict[str, str]:
        return dict((self.config_map or {}).get("data") or {})

    @property
    def binary_keys(self) -> tuple[str, ...]:
        return tuple((self.config_map or {}).get("binaryData") or {})

    @property
    def traits(self) -> Traits:
        binary = dict.fromkeys(self.binary_keys, "(binary)")
        return Traits(self.view.labels, self.view.annotations, {**self.data, **binary})

    def ownership(self, path: tuple[str, ...]) -> Ownership:
        return field_ownership.ownership(self.config_map if path == DATA else self.view.managed_cluster, path)


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The changes for one WEC. ``keeps`` are properties that annotations stand in for while labels change; ``parts`` those
    that an earlier run has left standing."""

    name: str
    labels: Changes = dataclasses.field(default_factory=dict)
    annotations: Changes = dataclasses.field(default_factory=dict)
    properties: Changes = dataclasses.field(default_factory=dict)
    before: Traits = dataclasses.field(default_factory=Traits)
    after: Traits = dataclasses.field(default_factory=Traits)
    keeps: Texts = dataclasses.field(default_factory=dict)
    parts: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    unowned: frozenset[str] = frozenset()
    """Keys that get another value and have no owner, or one that does not matter."""

    @property
    def changes(self) -> bool:
        return bool(self.labels or self.annotations or self.properties or self.parts)

    @property
    def leaving_annotations(self) -> Changes:
        """What the annotations need besides their own changes while labels change; ``parting_annotations`` undoes it."""
        if not self.keeps:
            return {}
        return {**self.keeps, PARTING: ",".join(sorted({*self.keeps, *self.parts}))}

    @property
    def parting_annotations(self) -> Changes:
        gone = {key: None for key in (*self.keeps, *self.parts) if key not in self.after.annotations}
        return {**gone, PARTING: None}

    @property
    def added_properties(self) -> dict[str, str]:
        return {key: value for key, value in self.properties.items() if value is not None}

    @property
    def removed_properties(self) -> list[str]:
        return sorted(merging.removed(self.properties))

    def steps(self, has_config_map: bool) -> list[Step]:
        """In the order in which they are carried out."""
        config_map = f"ConfigMap {properties.NAMESPACE}/{self.name}"
        cluster = f"ManagedCluster {self.name}"
        found = []
        if self.added_properties:
            old = {key: self.before.data.get(key) for key in self.added_properties} if has_config_map else None
            verb = "update" if has_config_map else "create"
            reason = "its properties differ from the desired state, and come before labels that start a delivery"
            found.append(Step("ITS", verb, config_map, reason, old, dict(self.added_properties), SET_PROPERTIES))
        if self.labels or self.annotations:
            before, after = self._of_metadata()
            reason = f"its {' and '.join(after)} differ from the desired state"
            found.append(Step("ITS", "update", cluster, reason, before, after, SET_LABELS))
        if self.keeps or self.parts:
            gone = sorted({*self.keeps, *self.parts})
            reason = f"nothing stands in for {', '.join(gone)} any more, when KubeStellar has let the WEC go"
            found.append(Step("ITS", "update", cluster, reason, {}, {}, PART))
        if self.removed_properties:
            old = {key: self.before.data.get(key) for key in self.removed_properties}
            reason = "properties that are not wanted go last"
            gone_data = dict.fromkeys(self.removed_properties)
            found.append(Step("ITS", "update", config_map, reason, old, gone_data, REMOVE_PROPERTIES))
        return found

    def _of_metadata(self) -> tuple[Json, Json]:
        before: Json = {}
        after: Json = {}
        for field, changed, current in (
            ("labels", self.labels, self.before.labels),
            ("annotations", self.annotations, self.before.annotations),
        ):
            if changed:
                before[field] = {key: current.get(key) for key in changed}
                after[field] = dict(changed)
        return before, after


SET_PROPERTIES, SET_LABELS, PART, REMOVE_PROPERTIES = "set_properties", "set_labels", "part", "remove_properties"


def decide(desired: DesiredState, observed: Observed) -> Configuration:
    """The changes for one WEC."""
    view = observed.view

    def is_protected(key: str) -> bool:
        return label_rules.is_protected(key, desired.protected)

    conflicts: list[Conflict] = []
    unowned: set[str] = set()

    def changes(part: Part | None, name: str, path: tuple[str, ...], current: Texts) -> Changes:
        if part is None:
            return {}
        is_left = is_protected if path != DATA else _none_protected
        if part.state != APPLIED:
            return merging.changes(part.state, current, part.wanted, is_left)
        owned = observed.ownership(path)
        found = merging.changes(APPLIED, current, part.wanted, is_left, owned.ours)
        for key, value in found.items():
            if value is None or key not in current:
                continue
            others = owned.others(key)
            if others:
                conflicts.append(Conflict(name, key, current[key], value, others))
            elif key not in owned.ours:
                unowned.add(key)
        return found

    parts = tuple(key for key in (view.annotations.get(PARTING) or "").split(",") if key)
    standing = {key: value for key, value in view.annotations.items() if key not in (*parts, PARTING)}
    labels = changes(desired.labels, "labels", LABELS, view.labels)
    if desired.cluster_set is not None and view.labels.get(label_rules.CLUSTER_SET) != desired.cluster_set:
        labels[label_rules.CLUSTER_SET] = desired.cluster_set
        unowned.add(label_rules.CLUSTER_SET)
    annotations = changes(desired.annotations, "annotations", ANNOTATIONS, standing)
    data = changes(desired.properties, "properties", DATA, observed.data)
    before = observed.traits
    after = Traits(
        merging.merged(before.labels, labels),
        merging.merged(standing, annotations),
        merging.merged(before.data, data),
    )
    kept = _kept(before, after, labels, annotations, data)
    return Configuration(
        desired.name, labels, annotations, data, before, after, kept, parts, tuple(conflicts), frozenset(unowned)
    )


def _none_protected(_key: str) -> bool:
    return False


def applied_set(part: Part | None, owned: Ownership, current: Texts, changes: Changes) -> dict[str, str]:
    """What the inventory's field manager applies of one map, so that ``changes`` come about and nothing else does.

    An apply that leaves a key out gives it up: what it has applied before, and does not remove now, is in it again. What it
    shares with others and does not want any more is given up, and stays with them.
    """
    gives_up = part is not None and part.is_applied
    wanted = part.wanted if part is not None and part.is_applied else {}
    after = merging.merged(current, changes)
    return {
        key: value
        for key, value in after.items()
        if key in changes
        or (key in wanted and wanted[key] == value)
        or key in owned.ours
        or (owned.applied(key) and not gives_up)
    }


def _kept(before: Traits, after: Traits, labels: Changes, annotations: Changes, data: Changes) -> dict[str, str]:
    """Properties that labels or annotations were, and that go with them: KubeStellar may see that they are gone before it
    sees that the WEC is not selected any more, and would then withdraw the workload from every other WEC.

    A label that only changes, or is new, may end the selection as well as one that goes.
    """
    going = (merging.removed(labels) | merging.removed(annotations)) - set(data)
    if not labels:
        return {}
    had, has = before.properties, after.properties
    return {key: had[key] for key in sorted(going) if key in had and key not in has}

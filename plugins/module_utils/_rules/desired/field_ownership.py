# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owns the labels, annotations and data of an object, as Kubernetes records it in ``metadata.managedFields``.

Kubernetes: docs/reference/using-api/server-side-apply. Seen on the sandbox: labels and annotations of a ManagedCluster and
data of a ConfigMap are recorded key by key, with manager, operation and time.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t

Json = dict[str, t.Any]

INVENTORY = "kubestellar.wec"
"""Field manager of what an inventory says. Version 0.1.0 wrote as this manager, too, with the operation Update."""
TASK = "kubestellar.wec-task"
"""Field manager of what a task sets or removes by itself, so that the next apply of the inventory does not take it for its own."""
LABELS, ANNOTATIONS, DATA = ("f:metadata", "f:labels"), ("f:metadata", "f:annotations"), ("f:data",)
"""Where ``fieldsV1`` has the keys of a map."""
_MAPS = (LABELS, ANNOTATIONS, DATA)


@dataclasses.dataclass(frozen=True)
class Owner:
    """A field manager. ``time`` is when it last wrote, as the API server says."""

    manager: str
    operation: str
    time: str

    def __str__(self) -> str:
        return f"{self.manager} ({self.time})" if self.time else self.manager


@dataclasses.dataclass(frozen=True)
class Ownership:
    """The owners of each key of one map of texts."""

    owners: t.Mapping[str, tuple[Owner, ...]] = dataclasses.field(default_factory=dict)

    @property
    def ours(self) -> frozenset[str]:
        """Keys that nobody but an inventory owns."""
        return frozenset(key for key, owners in self.owners.items() if all(one.manager == INVENTORY for one in owners))

    def others(self, key: str) -> tuple[Owner, ...]:
        """Those besides an inventory."""
        return tuple(one for one in self.owners.get(key, ()) if one.manager != INVENTORY)

    def applied(self, key: str) -> bool:
        """Whether an inventory has applied this key."""
        return any(one.manager == INVENTORY and one.operation == "Apply" for one in self.owners.get(key, ()))


def ownership(item: Json | None, path: tuple[str, ...]) -> Ownership:
    """Of the map at ``path`` (LABELS, ANNOTATIONS or DATA) of an object."""
    found: dict[str, list[Owner]] = {}
    for entry in _entries(item):
        owner = Owner(str(entry.get("manager")), str(entry.get("operation")), str(entry.get("time") or ""))
        for key in _keys(entry, path):
            found.setdefault(key, []).append(owner)
    return Ownership({key: tuple(owners) for key, owners in found.items()})


def taken_over(item: Json, is_left: t.Callable[[str], bool] = lambda _key: False) -> list[Json] | None:
    """The ``managedFields`` in which keys that the inventory owns by updates are owned by apply; None if there are none.

    Only then does a key go that the next apply leaves out (client-go: util/csaupgrade). ``is_left`` names keys that stay as
    they are. Fields outside of the maps stay with the update.
    """
    updates = [one for one in _entries(item) if _is_by_inventory(one, "Update")]
    moved = {path: {key for one in updates for key in _keys(one, path) if not is_left(key)} for path in _MAPS}
    if not any(moved.values()):
        return None
    entries: list[Json] = copy.deepcopy(item["metadata"]["managedFields"])
    applied = next((one for one in entries if _is_by_inventory(one, "Apply")), None)
    if applied is None:
        applied = {**copy.deepcopy(updates[0]), "operation": "Apply", "fieldsV1": {}}
        entries.append(applied)
    for path, keys in moved.items():
        for key in keys:
            _at(applied["fieldsV1"], path)[f"f:{key}"] = {}
        for one in entries:
            if _is_by_inventory(one, "Update"):
                _without(one["fieldsV1"], path, keys)
    return [one for one in entries if one.get("fieldsV1")]


def _is_by_inventory(entry: Json, operation: str) -> bool:
    """Of the object itself, not of its status."""
    return (entry.get("manager"), entry.get("operation")) == (INVENTORY, operation) and not entry.get("subresource")


def _entries(item: Json | None) -> list[Json]:
    found = ((item or {}).get("metadata") or {}).get("managedFields")
    entries = found if isinstance(found, list) else []
    return [one for one in entries if isinstance(one, dict)]


def _keys(entry: Json, path: tuple[str, ...]) -> t.Iterator[str]:
    fields: t.Any = entry.get("fieldsV1")
    for part in path:
        fields = fields.get(part) if isinstance(fields, dict) else None
    for key in fields if isinstance(fields, dict) else ():
        if key.startswith("f:"):
            yield key[2:]


def _at(fields: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        fields = fields.setdefault(part, {})
    return fields


def _without(fields: Json, path: tuple[str, ...], keys: t.Iterable[str]) -> None:
    """Empty maps go, too."""
    head, *rest = path
    below = fields.get(head)
    if not isinstance(below, dict):
        return
    if rest:
        _without(below, tuple(rest), keys)
    else:
        for key in keys:
            below.pop(f"f:{key}", None)
        if set(below) == {"."}:
            below.clear()
    if not below:
        del fields[head]

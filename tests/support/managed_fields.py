# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field management of an API server, for labels, annotations and the data of ConfigMaps.

Kubernetes: docs/reference/using-api/server-side-apply. Held to a real hub by tests/integration/test_field_ownership.py.
"""

from __future__ import annotations

import copy
import typing as t

Json = dict[str, t.Any]
_MAPS = (("metadata", "labels"), ("metadata", "annotations"), ("data",))
UPDATE, APPLY = "Update", "Apply"


class ConflictError(Exception):
    """Keys that other managers own, with other values."""


def updated(before: Json, after: Json, manager: str, time: str) -> None:
    """Note in ``after`` who has changed it."""
    for path in _MAPS:
        old, new = _map(before, path), _map(after, path)
        changed = {key for key, value in new.items() if old.get(key) != value}
        _disown(after, path, {*changed, *(old.keys() - new.keys())})
        _own(after, path, changed, manager, UPDATE, time)


def apply(item: Json, body: Json, manager: str, *, force: bool, time: str) -> None:
    """Change ``item`` as the body says. Raises ConflictError."""
    entries = item["metadata"].get("managedFields")
    if not entries:
        for path in _MAPS:
            _own(item, path, set(_map(item, path)), "before-first-apply", UPDATE, time)
    conflicts = [
        f'conflict with "{entry["manager"]}": .{".".join(path)}.{key}'
        for path in _MAPS
        for key, value in _map(body, path).items()
        for entry in item["metadata"].get("managedFields") or []
        if _map(item, path).get(key) != value
        and key in _keys(entry, path)
        and (entry["manager"], entry["operation"]) != (manager, APPLY)
    ]
    if conflicts and not force:
        raise ConflictError(f"Apply failed with {len(conflicts)} conflicts: {', '.join(conflicts)}")
    for path in _MAPS:
        wanted, current = _map(body, path), _map(item, path)
        _disown(item, path, {key for key, value in wanted.items() if current.get(key) != value})
        own = _entry(item, manager, APPLY)
        given_up = (_keys(own, path) if own else set()) - wanted.keys()
        _disown(item, path, given_up, only=(manager, APPLY))
        gone = {key for key in given_up if not any(key in _keys(one, path) for one in _entries(item))}
        target = item
        for part in path:
            target[part] = target.get(part) or {}
            target = target[part]
        for key in gone:
            target.pop(key, None)
        target.update(copy.deepcopy(wanted))
        _own(item, path, set(wanted), manager, APPLY, time)


def _map(item: Json, path: t.Sequence[str]) -> Json:
    found: t.Any = item
    for part in path:
        found = (found or {}).get(part)
    return dict(found or {})


def _entries(item: Json) -> list[Json]:
    found: list[Json] = item["metadata"].get("managedFields") or []
    return found


def _entry(item: Json, manager: str, operation: str) -> Json | None:
    return next((one for one in _entries(item) if (one["manager"], one["operation"]) == (manager, operation)), None)


def _fields(entry: Json, path: t.Sequence[str]) -> Json:
    found: t.Any = entry["fieldsV1"]
    for part in path:
        found = found.get(f"f:{part}") or {}
    return dict(found)


def _keys(entry: Json, path: t.Sequence[str]) -> set[str]:
    return {key[2:] for key in _fields(entry, path)}


def _own(item: Json, path: t.Sequence[str], keys: set[str], manager: str, operation: str, time: str) -> None:
    if not keys:
        return
    entry = _entry(item, manager, operation)
    if entry is None:
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {},
        }
        item["metadata"].setdefault("managedFields", []).append(entry)
    entry["time"] = time
    below = entry["fieldsV1"]
    for part in path:
        below = below.setdefault(f"f:{part}", {})
    below.update({f"f:{key}": {} for key in keys})


def _disown(item: Json, path: t.Sequence[str], keys: set[str], only: tuple[str, str] | None = None) -> None:
    for entry in _entries(item):
        if only not in (None, (entry["manager"], entry["operation"])):
            continue
        below = entry["fieldsV1"]
        for part in path:
            below = below.get(f"f:{part}") or {}
        for key in keys:
            below.pop(f"f:{key}", None)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two patch formats that clients of a simulated WEC use."""

from __future__ import annotations

import copy
import typing as t

Json = dict[str, t.Any]


def merge(item: Json, patch: Json) -> None:
    """Apply a JSON merge patch (RFC 7386) in place."""
    for key, value in patch.items():
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(item.get(key), dict):
                item[key] = {}
            merge(item[key], value)
        else:
            item[key] = copy.deepcopy(value)


def strategic_merge(item: Json, patch: Json) -> None:
    """Apply a strategic merge patch in place: lists whose members all have a ``name`` are merged by it.

    That is how Kubernetes treats containers, volumes, variables and their like; other lists are replaced.
    """
    if patch.get("$patch") == "replace":
        item.clear()
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(item.get(key), dict):
                item[key] = {}
            strategic_merge(item[key], value)
        elif isinstance(value, list) and _are_named([*value, *(item.get(key) or [])]):
            item[key] = _merged(item.get(key) or [], value)
        else:
            item[key] = copy.deepcopy(value)


def _are_named(members: t.Sequence[t.Any]) -> bool:
    return bool(members) and all(isinstance(one, dict) and "name" in one for one in members)


def _merged(members: list[Json], patches: list[Json]) -> list[Json]:
    found = {one["name"]: one for one in members}
    for patch in patches:
        if patch.get("$patch") == "delete":
            found.pop(patch["name"], None)
        else:
            strategic_merge(found.setdefault(patch["name"], {}), patch)
    return list(found.values())

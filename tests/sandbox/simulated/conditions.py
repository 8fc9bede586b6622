# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions in the status of objects."""

from __future__ import annotations

import typing as t

from .store import now

Json = dict[str, t.Any]


def is_true(item: Json, kind: str) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)


def with_condition(
    conditions: t.Sequence[Json], kind: str, status: str, reason: str, message: str, generation: int | None = None
) -> list[Json]:
    """The conditions with this one, whose time changes only with its status; equal to those given if it is among them."""
    before = next((one for one in conditions if one["type"] == kind), None)
    is_same = before is not None and before["status"] == status
    one: Json = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and is_same else now(),
    }
    if generation is not None:
        one["observedGeneration"] = generation
    if before is None:
        return [*conditions, one]
    return [one if other is before else other for other in conditions]

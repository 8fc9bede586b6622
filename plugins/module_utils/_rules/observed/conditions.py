# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of Kubernetes objects."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..status import times


@dataclasses.dataclass(frozen=True)
class Condition:
    """One entry of ``status.conditions``. A condition that is not there has the status ``""``."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    since: datetime.datetime | None = None
    generation: int | None = None
    """Of the object, when this was found; None where that is not told."""

    @property
    def is_true(self) -> bool:
        return self.status == "True"

    @property
    def is_false(self) -> bool:
        return self.status == "False"

    def __str__(self) -> str:
        if not self.status:
            return f"{self.type} is not set"
        text = f"{self.type}={self.status}"
        if self.reason:
            text += f" {self.reason}"
        return f"{text}: {self.message}" if self.message else text

    def as_data(self) -> dict[str, t.Any]:
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "since": times.show(self.since),
        }


def all_of(item: t.Mapping[str, t.Any] | None) -> list[Condition]:
    """Every condition of an object."""
    return [_read(one) for one in _entries(item)]


def find(item: t.Mapping[str, t.Any] | None, kind: str) -> Condition:
    """The condition of this type, or one without a status."""
    return next((_read(one) for one in _entries(item) if one.get("type") == kind), Condition(kind))


def _entries(item: t.Mapping[str, t.Any] | None) -> list[dict[str, t.Any]]:
    """What is no condition is none."""
    status = (item or {}).get("status")
    found = status.get("conditions") if isinstance(status, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _read(entry: dict[str, t.Any]) -> Condition:
    return Condition(
        _text(entry.get("type")),
        _text(entry.get("status")),
        _text(entry.get("reason")),
        _text(entry.get("message")),
        times.parse(entry.get("lastTransitionTime")),
        generation if isinstance(generation := entry.get("observedGeneration"), int) else None,
    )


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""

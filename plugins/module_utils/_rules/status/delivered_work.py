# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a WEC runs: the ManifestWorks in its mailbox, as its work agent reports them."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..observed import works
from ..observed.conditions import Condition, find
from ..outside import screen
from . import addon, problems, times
from .problems import Problem

Json = dict[str, t.Any]
_TAKES = 60.0
"""Seconds that a work may be on its way, or an object may take to become available, before that is a problem."""
_NAMED = 5
_READY = "ReadyReplicas"
"""What the work agent reports of a Deployment, about once a minute (OCM: pkg/work/spoke/statusfeedback)."""


@dataclasses.dataclass(frozen=True)
class Works:
    """Of one WEC, without what add-ons bring. ``failing`` maps names to reasons; ``addon_ready`` is how many pods of the status
    add-on's agent are ready, as the work agent reports it: None where it has not said anything yet."""

    count: int = 0
    applied: int = 0
    available: int = 0
    failing: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    addon_ready: int | None = None

    @property
    def problems(self) -> list[Problem]:
        if not self.failing:
            return []
        lines = [f"ManifestWork {name}: {why}" for name, why in sorted(self.failing.items())[:_NAMED]]
        more = [f"and {len(self.failing) - _NAMED} more"] if len(self.failing) > _NAMED else []
        return [problems.of("manifestworks_failing", *lines, *more)]

    @property
    def shown(self) -> str:
        """Available ones of all, for a table."""
        return f"{self.available}/{self.count}" if self.count else "-"

    def as_data(self) -> Json:
        return {
            "count": self.count,
            "applied": self.applied,
            "available": self.available,
            "failing": [{"name": name, "reason": why} for name, why in sorted(self.failing.items())],
        }


def read(items: t.Iterable[Json], now: datetime.datetime) -> Works:
    """Raises whatever odd shapes of a stranger raise."""
    own, failing, applied, available = 0, {}, 0, 0
    ready: int | None = None
    for item in items:
        if works.is_of_addon(item):
            if (item["metadata"].get("labels") or {}).get(works.ADDON_LABEL) == addon.NAME:
                ready = _ready_of(item) if ready is None else ready
            continue
        own += 1
        is_applied = works.is_applied(item)
        is_available = works.is_available(item)
        applied, available = applied + is_applied, available + is_available
        why = None if is_available else _why(item, now)
        if why:
            failing[str(item["metadata"]["name"])] = why
    return Works(own, applied, available, failing, ready)


def _why(item: Json, now: datetime.datetime) -> str | None:
    """Why a work is not available; None where it is on its way."""
    for kind in ("Applied", "Available"):
        condition = find(item, kind)
        if condition.is_false and _age(condition, now) > _TAKES:
            return screen.fact(str(condition))
    metadata = item["metadata"]
    if works.is_deleting(item):
        since = times.age(times.parse(metadata.get("deletionTimestamp")), now) or 0.0
        return f"it has been going for {times.show_seconds(since)}" if since > _TAKES else None
    age = times.age(times.parse(metadata.get("creationTimestamp")), now) or 0.0
    if not works.is_applied(item) and age > _TAKES:
        return f"it is not applied after {times.show_seconds(age)}"
    return None


def _age(condition: Condition, now: datetime.datetime) -> float:
    return times.age(condition.since, now) or 0.0


def _ready_of(work: Json) -> int | None:
    """Of the status add-on's Deployment. One of which other things are reported has no ready pod if that is left out."""
    manifests = ((work.get("status") or {}).get("resourceStatus") or {}).get("manifests") or []
    for manifest in manifests:
        resource = manifest.get("resourceMeta") or {}
        if (resource.get("kind"), resource.get("name")) != ("Deployment", addon.DEPLOYMENT):
            continue
        values = (manifest.get("statusFeedback") or {}).get("values") or []
        counts = {one.get("name"): (one.get("fieldValue") or {}).get("integer") for one in values}
        if not counts:
            return None
        ready = counts.get(_READY)
        return ready if isinstance(ready, int) else 0
    return None

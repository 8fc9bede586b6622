# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes' times."""

from __future__ import annotations

import datetime
import typing as t

_UTC = datetime.timezone.utc


def parse(text: t.Any) -> datetime.datetime | None:
    """A Time or MicroTime (RFC 3339) as a moment in UTC; None for nothing, nonsense, and what lies beyond the ends of time there."""
    if not isinstance(text, str) or not text:
        return None
    try:
        parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        return parsed.astimezone(_UTC) if parsed.tzinfo else parsed.replace(tzinfo=_UTC)
    except (ValueError, OverflowError):
        return None


def show(moment: datetime.datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second; None for nothing, and for what lies beyond the ends of time there."""
    if moment is None:
        return None
    try:
        in_utc = _aware(moment).astimezone(_UTC)
    except (ValueError, OverflowError):
        return None
    # strftime would write the year 1 as 1 or as 0001, as the C library likes it.
    return in_utc.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def age(moment: datetime.datetime | None, now: datetime.datetime) -> float | None:
    """Seconds since ``moment``, never below zero."""
    return None if moment is None else max(0.0, (_aware(now) - _aware(moment)).total_seconds())


def _aware(moment: datetime.datetime) -> datetime.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=_UTC)


def show_seconds(seconds: float) -> str:
    """A length of time as people say it: 8 s, 3 min, 2 h, 5 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

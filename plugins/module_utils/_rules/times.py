# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This is private to the collection: it changes without notice.
"""Kubernetes' times."""

from __future__ import annotations

import datetime


def parse(text: str | None) -> datetime.datetime | None:
    """A Time or MicroTime (RFC 3339, in UTC) as an aware datetime; None for nothing or nonsense."""
    if not text:
        return None
    try:
        parsed = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)


def show(moment: datetime.datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if moment is None:
        return None
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(moment: datetime.datetime | None, now: datetime.datetime) -> float | None:
    """Seconds since ``moment``, never below zero."""
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def show_seconds(seconds: float) -> str:
    """A length of time as people say it: 8 s, 3 min, 2 h, 5 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an agent has renewed its lease in time: the ITS calls a WEC available for five minutes after its last renewal.

The time in a lease is by the WEC's clock. The ITS notes by its own clock when it took the renewal in; that counts where it is
there, so that a WEC whose clock is wrong is not called late.
"""

from __future__ import annotations

import dataclasses
import datetime

from ..observed.observed_managed_cluster import ObservedManagedCluster
from . import problems, times
from .problems import Problem

LATE = 1.5
"""Durations. An agent renews its lease once in a duration and up to a quarter more (OCM: pkg/registration/spoke/lease)."""
_SAME = 2.0
"""Seconds: the ITS notes whole ones, and renewals take their way."""


@dataclasses.dataclass(frozen=True)
class Heartbeat:
    """The last renewal of a lease. ``age`` in seconds; ``ahead``: seconds by which the WEC's clock is ahead of the ITS's, None
    where only the WEC's clock says when it was."""

    age: float
    ahead: float | None
    duration: int

    @property
    def is_late(self) -> bool:
        return self.age > LATE * max(self.duration, 1)

    @property
    def has_other_clock(self) -> bool:
        """Whether the clocks are so far apart that the ITS notices a dead WEC too late, or calls a living one dead."""
        return self.ahead is not None and abs(self.ahead) > max(self.duration, 1)

    @property
    def words(self) -> str:
        return f"last heartbeat {times.show_seconds(self.age)} ago"

    @property
    def clock(self) -> str:
        """What is to be known of the clocks to judge the age; empty if nothing is."""
        if self.ahead is None:
            return "this is by the WEC's own clock: if that is slow, the agent may be in time"
        if abs(self.ahead) <= _SAME:
            return ""
        direction = "ahead of" if self.ahead > 0 else "behind"
        return f"the WEC's clock is {times.show_seconds(abs(self.ahead))} {direction} the ITS's"


def of_view(view: ObservedManagedCluster, now: datetime.datetime) -> Heartbeat | None:
    """None for a WEC without a lease. ``now`` is by the ITS's clock."""
    renewed, observed = view.lease_renewed, view.lease_observed
    if renewed is None:
        return None
    if observed is None:
        coming = (renewed - now).total_seconds()
        return Heartbeat(max(0.0, -coming), coming if coming > _SAME else None, view.lease_duration)
    ahead = (renewed - observed).total_seconds()
    return Heartbeat(times.age(observed, now) or 0.0, ahead, view.lease_duration)


def trouble(view: ObservedManagedCluster, now: datetime.datetime) -> list[Problem]:
    """What is wrong with the heartbeat of a WEC that the ITS still calls available."""
    beat = of_view(view, now)
    if beat is None or not view.is_alive(now):
        return []
    found = []
    if beat.is_late:
        fact = f"its lease lasts {beat.duration} s and was renewed {times.show_seconds(beat.age)} ago"
        found.append(problems.of("heartbeat_late", fact, beat.clock))
    if beat.has_other_clock:
        found.append(problems.of("clock_skew", f"{beat.clock}, as the renewal of its lease shows"))
    return found

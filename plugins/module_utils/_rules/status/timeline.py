# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a WEC came how far on its way, by the ITS's clock."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..observed.conditions import find
from ..observed.observed_managed_cluster import ObservedManagedCluster, created, has_condition
from . import times

Json = dict[str, t.Any]

JOIN, ANNOUNCED, APPROVED, ACCEPTED, JOINED, AVAILABLE = (
    "join",
    "announced",
    "approved",
    "accepted",
    "joined",
    "available",
)
ADDON, PROBE, CONFIGURE, LEAVE = "addon", "probe", "configure", "leave"
STEPS = (JOIN, ANNOUNCED, ACCEPTED, APPROVED, JOINED, AVAILABLE, ADDON, PROBE, CONFIGURE, LEAVE)
"""In the order in which they usually follow each other."""
ITS_CLOCK, WEC_CLOCK, CONTROLLER_CLOCK = "its", "wec", "controller"


@dataclasses.dataclass(frozen=True)
class Reached:
    """A step that has ended. ``started`` is known only of what was done here; of the rest, the ITS shows the end."""

    step: str
    ended: datetime.datetime
    started: datetime.datetime | None = None
    clock: str = ITS_CLOCK

    def as_data(self) -> Json:
        return {
            "step": self.step,
            "started": times.show(self.started),
            "ended": times.show(self.ended),
            "clock": self.clock,
        }


def as_data(reached: t.Iterable[Reached]) -> list[Json]:
    """In the order of time, and of the steps within the same second."""
    return [one.as_data() for one in sorted(reached, key=lambda one: (times.show(one.ended), STEPS.index(one.step)))]


def of_view(view: ObservedManagedCluster) -> list[Reached]:
    """What the ITS shows. A condition tells since when it is as it is now: an agent that was away has a later time."""
    joined = view.joined.since if view.joined.is_true else None
    found: dict[str, datetime.datetime | None] = {
        ANNOUNCED: created(view.managed_cluster) if view.managed_cluster is not None else None,
        ACCEPTED: view.accepted.since if view.accepted.is_true else None,
        APPROVED: _approved(view, joined),
        JOINED: joined,
        AVAILABLE: view.available.since if view.available.is_true else None,
    }
    return [Reached(step, moment) for step, moment in found.items() if moment is not None]


def _approved(view: ObservedManagedCluster, joined: datetime.datetime | None) -> datetime.datetime | None:
    """The approval that let it in: what was approved after it had joined renews its certificate."""
    approvals = [find(csr, "Approved").since for csr in view.csrs if has_condition(csr, "Approved")]
    return max((one for one in approvals if one is not None and (joined is None or one <= joined)), default=None)

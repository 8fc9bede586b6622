# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stopping to accept a WEC that stays registered."""

from __future__ import annotations

import dataclasses
import typing as t

from ..fleet.plan import Step
from ..observed import works
from ..observed.observed_managed_cluster import ObservedManagedCluster
from ..status import problems
from ..status.problems import Problem
from . import leaving

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Decision:
    """``detach``: what is left to do at once. ``problem`` is what to blame if it cannot be, or never takes effect."""

    detach: bool = False
    done: bool = False
    waiting_for: str = ""
    problem: Problem | None = None
    final: bool = False

    def steps(self, view: ObservedManagedCluster) -> list[Step]:
        if not self.detach:
            return []
        before, after = {"hubAcceptsClient": True}, {"hubAcceptsClient": False}
        reason = "it should not be accepted any more"
        return [Step("ITS", "detach", f"ManagedCluster {view.name}", reason, before, after)]


def holding(found: t.Iterable[Json]) -> list[Json]:
    """The works that keep a WEC in until somebody takes them away; those of add-ons go with the add-on."""
    return [work for work in found if not works.is_of_addon(work)]


def decide(view: ObservedManagedCluster, found: t.Sequence[Json], drain: str) -> Decision:
    """The next thing to do for one WEC, from a fresh look at the ITS.

    With works, an agent keeps its access to them, and new ones are applied (OCM: pkg/registration/hub/managedcluster).
    """
    if not view.exists:
        return Decision(done=True)
    held = holding(found)
    if view.hub_accepts_client:
        message = f"in the mailbox: {leaving.named(held)}"
        if held and drain != leaving.IGNORE:
            is_final = drain == leaving.REFUSE
            return Decision(
                waiting_for=f"it has works {message}",
                problem=problems.of("access_kept_by_manifestworks", message),
                final=is_final,
            )
        return Decision(detach=True, waiting_for="it is being detached")
    if found or not view.accepted.is_true:
        return Decision(done=True)
    return Decision(
        waiting_for="the hub takes its access away", problem=problems.of("still_accepted", str(view.accepted))
    )

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping the workload of another hub on a WEC that is moved: its agent deletes nothing until all of it has a counterpart."""

from __future__ import annotations

import time
import typing as t

from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import WecError
from .._rules.observed.observed_agent import ObservedAgent
from .._rules.registration import kept_works
from .._rules.registration.join_options import KEEP, JoinOptions
from .._rules.registration.kept_works import Comparison
from .._rules.status import problems
from .._rules.status.problems import Problem

_ROLLOUT_TAKES = 150.0
"""Seconds until the agent runs with another grace. A successor may wait long for its predecessor's leader lease."""
_APPLYING_TAKES = 30.0
"""Seconds that an agent has to apply ManifestWorks that are in its mailbox; it takes one."""


class _HasWorks(t.Protocol):
    def works(self) -> list[t.Any]:
        """What a hub has applied on the WEC."""


def works_problem(wec: _HasWorks, options: JoinOptions) -> Problem | None:
    """Why a cluster cannot be moved to another hub: nobody would look after the workload of the hub that it has."""
    if options.works_of_other_hub == KEEP:
        return None
    works = [work["metadata"]["name"] for work in wec.works()]
    if not works:
        return None
    return problems.of("manifestworks_remain", f"works of the other hub on the WEC: {', '.join(works[:5])}")


def switch_eviction_off(wec: Wec, view: ObservedAgent, name: str) -> None:
    """From now on the agent deletes nothing because its hub does not know it. Raises WecError if it does not take that up."""
    own = view.the_klusterlet(name)
    if own is None:
        return
    if not (kept_works.are_kept(own) and kept_works.is_off(own)):
        wec.patch_klusterlet(own.name, kept_works.switching_off(own))
    end = time.monotonic() + _ROLLOUT_TAKES
    while True:
        now = next((one for one in wec.klusterlets() or () if one.name == own.name), own)
        waits_for = kept_works.waits_for(now, wec.pods(now.namespace))
        if waits_for is None:
            return
        if time.monotonic() >= end:
            problem = problems.of("klusterlet_not_applied", f"after {_ROLLOUT_TAKES:.0f} s {waits_for}")
            raise WecError(f"{name}: its agent may still delete workload, so it was not moved: {problem}", problem)
        time.sleep(1.0)


def switch_eviction_on(wec: Wec, view: ObservedAgent, name: str) -> None:
    """The agent deletes again what its hub does not know, after the grace that it had."""
    own = view.the_klusterlet(name)
    if own is not None and kept_works.are_kept(own):
        wec.patch_klusterlet(own.name, kept_works.switching_on(own))


def compare(its: Its, wec: Wec, view: ObservedAgent, name: str) -> Comparison | None:
    """What of the other hub's workload this ITS has brought as well; None where none was kept, or no agent is connected."""
    own = view.the_klusterlet(name)
    if own is None or not kept_works.are_kept(own) or view.credential is None:
        return None
    return kept_works.compare(wec.works(), its.works(name), view.credential.server, own.uid)


def compare_in_time(its: Its, wec: Wec, view: ObservedAgent, name: str) -> Comparison | None:
    """The same, when the agent has applied what is in its mailbox, as far as it can."""
    end = time.monotonic() + _APPLYING_TAKES
    while True:
        found = compare(its, wec, view, name)
        if found is None or found.is_complete or not found.pending or time.monotonic() >= end:
            return found
        time.sleep(1.0)


def warning(name: str, found: Comparison) -> str:
    """What somebody should know whose WEC has workload that this ITS does not bring."""
    return (
        f"{name}: workload of the hub that it was moved from has no counterpart on this ITS: {found.message}. It stays, and the agent "
        f"evicts nothing ({kept_works.GRACE_OFF}). Deliver it from this ITS, and run register again."
    )

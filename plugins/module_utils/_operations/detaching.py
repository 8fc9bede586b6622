# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stopping to accept a batch of WECs: one look at the ITS per tick for all of them."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._apis.its import Its
from .._errors import ApiError, WecError
from .._rules.deregistration import detaching, leaving
from .._rules.deregistration.detaching import Decision
from .._rules.fleet.plan import Plan
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.outside.unexpected import as_wec_error
from .._rules.status import problems, states
from .._rules.status.problems import Problem
from .acceptance import WaitOptions

Json = dict[str, t.Any]


@dataclasses.dataclass
class Verdict:
    """How it ended for one WEC. ``works`` are those that it still has, by name."""

    name: str
    state: str = states.ABSENT
    exists: bool = False
    failed: bool = False
    done: bool = False
    is_foreseen: bool = False
    plan: Plan = dataclasses.field(default_factory=Plan)
    works: list[str] = dataclasses.field(default_factory=list)
    waiting_for: str = ""
    problem: Problem | None = None
    seconds: float = 0.0

    def message(self) -> str:
        if self.failed and self.problem is not None:
            return f"{self.name}: {self.problem}"
        if not self.exists:
            return f"{self.name} is not registered."
        if self.is_foreseen and self.plan.changes:
            return f"{self.name} would not be accepted any more."
        if self.done:
            return f"{self.name} is not accepted."
        return f"{self.name} waits: {self.waiting_for}."

    def warning(self) -> str | None:
        if not self.works or not self.exists or self.failed:
            return None
        return (
            f"{self.name} has works ({', '.join(self.works[:5])}): until they are gone its agent keeps its access to them, and "
            "goes on with what they say."
        )

    def as_data(self) -> Json:
        return {
            "name": self.name,
            "state": self.state,
            "changed": self.plan.changes,
            "failed": self.failed,
            "msg": self.message(),
            "steps": self.plan.as_data(),
            "works": self.works,
            "problem": self.problem.as_data() if self.problem else None,
            "seconds": round(self.seconds, 1),
        }


def detach_all(
    its: Its,
    names: t.Sequence[str],
    drain: str,
    wait_options: WaitOptions | None,
    progress: t.Callable[[str], None],
) -> dict[str, Verdict]:
    """Stop accepting these WECs, and wait until the hub has taken their access away. One's failure does not touch the others.

    ``wait_options`` is None for a look alone (check mode). Raises WecError for what concerns the whole ITS.
    """
    verdicts = {name: Verdict(name, is_foreseen=wait_options is None) for name in names}
    began = time.monotonic()
    line_at = began
    while True:
        waiting = [one for one in verdicts.values() if not one.done and not one.failed]
        _look_and_act(its, waiting, drain, act=wait_options is not None)
        waiting = [one for one in waiting if not one.done and not one.failed]
        elapsed = time.monotonic() - began
        for one in waiting:
            one.seconds = elapsed
        if wait_options is None or not waiting:
            return verdicts
        if elapsed >= wait_options.timeout:
            for one in waiting:
                one.failed = wait_options.timeout > 0
            return verdicts
        if time.monotonic() - line_at >= wait_options.between_lines:
            line_at = time.monotonic()
            progress(f"{elapsed:.0f} s: {'; '.join(f'{one.name}: {one.waiting_for}' for one in waiting[:5])}")
        time.sleep(wait_options.tick)


def _look_and_act(its: Its, waiting: t.Sequence[Verdict], drain: str, act: bool) -> None:
    names = [one.name for one in waiting]
    views = its.views(names)
    found = its.works_of([name for name in names if views[name].exists])
    for verdict in waiting:
        try:
            _detach(its, verdict, views[verdict.name], found.get(verdict.name, []), drain, act)
        except ApiError as error:
            verdict.failed, verdict.problem = error.status != 404, error.problem or problems.of("forbidden", str(error))
        except WecError:
            raise
        except Exception as error:
            verdict.failed, verdict.problem = True, as_wec_error(error, verdict.name).problem


def _detach(
    its: Its, verdict: Verdict, view: ObservedManagedCluster, own: t.Sequence[Json], drain: str, act: bool
) -> None:
    decision = detaching.decide(view, own, drain)
    _note(verdict, its, view, own, decision)
    if decision.detach and act:
        its.stop_accepting(verdict.name)
    verdict.plan.add(*decision.steps(view))


def _note(verdict: Verdict, its: Its, view: ObservedManagedCluster, own: t.Sequence[Json], decision: Decision) -> None:
    verdict.exists, verdict.state = view.exists, states.of_observed_managed_cluster(view, its.now()).name
    verdict.works = [leaving.name_of(work) for work in own]
    verdict.done, verdict.failed = decision.done, decision.final
    verdict.waiting_for, verdict.problem = decision.waiting_for, decision.problem

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do to a fleet, as far as the ITS shows it."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import typing as t

from ..outside import screen
from ..status import problems, timeline
from ..status.problems import Problem
from ..status.timeline import Reached
from . import wec_results
from .plan import Plan, Step

Json = dict[str, t.Any]

NOTHING, REGISTER, CONFIGURE, BLOCKED = "nothing", "register", "configure", "blocked"
_OUTCOMES = {
    NOTHING: wec_results.IN_SYNC,
    REGISTER: wec_results.PLANNED,
    CONFIGURE: wec_results.PLANNED,
    BLOCKED: wec_results.BLOCKED,
}
_NAMED = 10
"""So many WECs are named in a warning."""
_COUNTED = ((NOTHING, "in sync"), (REGISTER, "to register"), (CONFIGURE, "to configure"), (BLOCKED, "blocked"))


@dataclasses.dataclass(frozen=True)
class Forecast:
    """One WEC. ``host`` is its name in the inventory, ``why`` what the ITS shows; ``steps`` are those of its configuration.

    What registering does shows only when the WEC's own API is asked, so that is one word here.
    """

    name: str
    host: str
    its: str
    state: str
    action: str
    why: str
    steps: tuple[Step, ...] = ()
    problem: Problem | None = None
    is_done: bool = False
    """Whether anything of it was carried out."""
    reached: tuple[Reached, ...] = ()
    heartbeat: str = ""
    """When its agent was heard of last. The WEC itself was not asked."""
    warnings: tuple[Problem, ...] = ()
    """What is wrong with it that does not stop the run."""

    @property
    def is_in_trouble(self) -> bool:
        return self.problem is not None

    def as_data(self) -> Json:
        return {
            "name": self.name,
            "host": self.host,
            "its": self.its,
            "outcome": _OUTCOMES[self.action],
            "state": self.state,
            "action": self.action,
            "reason": self.why,
            "msg": self._message,
            "steps": [{**step.as_data(), "before": step.before, "after": step.after} for step in self.steps],
            "problem": self.problem.as_data() if self.problem else None,
            "warnings": [problem.as_data() for problem in self.warnings],
            "changed": False,
            "diff": self.plan.diff() if self.steps else None,
        }

    def as_result(self, check_mode: bool) -> Json:
        """Of what was configured, or would be in check mode."""
        changed = self.is_done or (check_mode and self.action == CONFIGURE)
        failed = self.problem is not None
        message = self.message
        return {
            **self.as_data(),
            "outcome": wec_results.outcome(changed=changed, failed=failed, check_mode=check_mode),
            "changed": changed,
            "failed": failed,
            "msg": self._message
            if failed or not changed
            else f"{self.name} would be changed: {message}."
            if check_mode
            else f"{self.name} was changed: {message}.",
            "diff": self.plan.diff() if changed else None,
            "timeline": timeline.as_data(self.reached),
        }

    @property
    def plan(self) -> Plan:
        return Plan(list(self.steps))

    @property
    def _message(self) -> str:
        if self.problem is not None:
            return f"{self.name}: {self.problem}"
        if self.action == NOTHING:
            warned = f" {problems.sentence(self.warnings)}" if self.warnings else ""
            return f"{', '.join(filter(None, (f'{self.name} is in sync', self.heartbeat)))}.{warned}"
        return f"{self.name} is to be {'registered' if self.action == REGISTER else 'configured'}: {self.message}."

    @property
    def message(self) -> str:
        """What is to be done and why, for people."""
        return ". ".join(part for part in (self.why, self.plan.changed_fields) if part)


def digest(forecasts: t.Iterable[Forecast]) -> str:
    """The same for two plans that do the same to the same WECs of the same ITS. What only the clock changes is not in it."""
    return _hash("\n".join(sorted(_line(one) for one in forecasts if one.action != NOTHING)))


def digests(forecasts: t.Iterable[Forecast]) -> dict[str, str]:
    """That of each host that something is to be done for: they can be held against a plan for some of the hosts only."""
    return {one.host: _hash(_line(one)) for one in forecasts if one.action != NOTHING}


def differing(forecasts: t.Iterable[Forecast], expected: t.Mapping[str, str]) -> list[str]:
    """The hosts that something else is to be done for than these digests say. A host that has none is to be as wanted."""
    forecasts = list(forecasts)
    found = digests(forecasts)
    return [one.host for one in forecasts if found.get(one.host) != expected.get(one.host)]


def warnings(forecasts: t.Iterable[Forecast]) -> list[str]:
    """Each warning once, with the WECs that it is of."""
    found: dict[str, list[tuple[Forecast, Problem]]] = {}
    for one in forecasts:
        for problem in one.warnings:
            found.setdefault(problem.code, []).append((one, problem))
    texts = []
    for those in found.values():
        named = screen.listed([f"{one.host} ({one.heartbeat})" for one, _problem in those], _NAMED)
        kind = those[0][1].kind
        texts.append(f"{named}: {kind.summary}. {kind.remedy}; diagnose asks the WECs themselves. [{kind.code}]")
    return texts


def _line(one: Forecast) -> str:
    steps = [(step.verb, step.object, step.after) for step in one.steps]
    return json.dumps([one.its, one.name, one.action, one.state, steps], sort_keys=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def summary(forecasts: t.Sequence[Forecast]) -> str:
    counts = collections.Counter(one.action for one in forecasts)
    message = ", ".join(f"{counts[action]} {word}" for action, word in _COUNTED if counts[action])
    return f"{len(forecasts)} WEC{'' if len(forecasts) == 1 else 's'}: {message or 'none'}"


def table(forecasts: t.Sequence[Forecast]) -> list[str]:
    """A line for each WEC that something is to be done for, and one for all."""
    rows = [("WEC", "STATE", "TO DO", "WHY AND WHAT")]
    rows += [
        (one.name, one.state, one.action, one.message)
        for one in sorted(forecasts, key=lambda one: (one.action, one.name))
        if one.action != NOTHING
    ]
    return [*(screen.table(rows) if len(rows) > 1 else []), f"{summary(forecasts)} (plan {digest(forecasts)})"]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking one WEC off its ITS: look at both sides, prove who it is, decide, and have things taken away in the safe order.

Nothing is remembered between runs: what is there still is what is to be done.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t

from .. import _wording
from .._apis.shared import SharedIts
from .._apis.wds import Wds
from .._apis.wec import NoJudge, Wec
from .._errors import Refused, TimedOut, Unreachable, WecError
from .._rules.deregistration import leaving
from .._rules.deregistration.leaving import ItsSide, LeaveOptions, WecSide, name_of
from .._rules.desired import selection
from .._rules.fleet.plan import Plan, Step
from .._rules.observed import readable
from .._rules.status import problems, states, timeline
from .._rules.status.problems import Problem
from .._rules.status.timeline import Reached
from .agent_removal import AgentRemoval
from .cluster_removal import ALLOWED, ClusterRemoval
from .configuring import Configuring, Verdict
from .waiting import Waiter
from .wec_on_host import AgentRemovalOnHost, WecOnHost

Json = dict[str, t.Any]
_LOST = {"wec_unreachable": "wec_access", "its_unreachable": "its_access"}


@dataclasses.dataclass
class Departure:
    """What was found, planned and done. A side that is lost is None."""

    name: str
    its: ItsSide | None
    wec: WecSide | None
    state: str
    reason: str
    evidence: tuple[str, ...]
    plan: Plan = dataclasses.field(default_factory=Plan)
    unlabelling: Verdict | None = None
    released: list[Json] = dataclasses.field(default_factory=list)
    leftovers: list[Json] | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    reached: list[Reached] = dataclasses.field(default_factory=list)

    @property
    def problem(self) -> Problem | None:
        """What was not to be there any more, and is."""
        unexpected = [one for one in self.leftovers or () if not one["expected"]]
        facts = [f"{one['kind']} {one['name']} on the {one['side']}" for one in unexpected]
        return problems.of("leftovers_remain", *facts) if facts else None

    def message(self) -> str:
        if self.problem is not None:
            return f"{self.name}: {self.problem}"
        if not self.plan.changes:
            sentence = f"{self.name} is not registered with this ITS. Nothing to do"
        elif self.leftovers is None:
            done = dict.fromkeys(f"{one.verb} {one.object}" for one in self.plan.steps)
            sentence = f"{self.name} would be deregistered: {'; '.join(done)}"
        else:
            sentence = f"{self.name} was deregistered"
        stays = [f"{one['kind']} {one['name']}" for one in self.leftovers or () if one["expected"]]
        return f"{sentence}{'. This stays on the WEC: ' + ', '.join(stays) if stays else ''}."

    def as_data(self) -> Json:
        data: Json = {
            "name": self.name,
            "msg": self.message(),
            "state": states.ABSENT,
            "state_before": self.state,
            "reason": self.reason,
            "evidence": list(self.evidence),
            "steps": self.plan.as_data(),
            "released_finalizers": self.released,
            "timeline": timeline.as_data(self.reached),
        }
        if self.its is not None and self.wec is None and self.state != states.OTHER_HUB:
            data["may_still_run"] = leaving.may_still_run(self.its)
        if self.wec is not None:
            data.update(uid=self.wec.view.uid, kubernetes_version=self.wec.view.version)
        if self.leftovers is not None:
            data["leftovers"] = self.leftovers
        if self.problem is not None:
            data.update(failed=True, problem=self.problem.as_data())
        return data


class Leaving:
    """One WEC on its way off one ITS. ``its`` or ``wec`` is None for a side that is lost."""

    def __init__(
        self,
        name: str,
        its: SharedIts | None,
        wec: Wec | WecOnHost | None,
        wds: Wds | None,
        choices: LeaveOptions,
        hub_apiserver: str | None = None,
        moved: Wec | WecOnHost | None = None,
    ) -> None:
        """``moved``: a WEC that is left alone, because its agent serves another ITS; it is asked only whether that is so."""
        self._name, self._choices, self._hub_apiserver = name, choices, hub_apiserver
        self._maybe_its, self._maybe_wec, self._wds, self._moved = its, wec, wds, moved

    @property
    def _its(self) -> SharedIts:
        return t.cast(SharedIts, self._maybe_its)

    # -- observe and decide --------------------------------------------------------------------------------------

    def observe(self) -> Departure:
        """Look at the sides that are not lost, and plan. Raises Refused for what must not be touched, WecError."""
        try:
            return self._observe()
        except Unreachable as error:
            option = _LOST.get(error.problem.code if error.problem else "")
            if option is None:
                raise
            text = f"{error.message} If it is gone for good, set {_wording.option(option)} to lost."
            raise Unreachable(text, error.kind, error.problem) from error

    def _observe(self) -> Departure:
        if self._maybe_its is not None:
            self._its.require_hub()
        its, wec = self._look(recently=True)
        found = self._identify(its, wec)
        departure = Departure(self._name, its, wec, found.name, found.reason, found.evidence)
        if its is not None:
            self._refuse(leaving.foreign_problem(its, self._choices.drain))
        if wec is not None:
            self._refuse(leaving.workload_problem(leaving.orphans(self._name, its, wec), self._choices.workload))
            if self._choices.purge:
                self._refuse(self._purge_problem(wec))
                self._refuse(leaving.content_problem(wec))
        if its is not None and its.view.exists:
            self._plan_unlabelling(departure, its)
        departure.plan.add(*leaving.steps(self._name, its, wec, self._choices))
        if wec is not None and self._purges(departure, wec):
            departure.plan.add(*leaving.purge_steps(wec))
            departure.warnings += leaving.content_warnings(self._name, wec)
        if its is not None and wec is None and self._moved is None:
            departure.warnings += leaving.warnings_of_loss(its)
        return departure

    def _purge_problem(self, wec: WecSide) -> Problem | None:
        own = {name_of(item) for item in wec.own_applied(self._name)}
        return leaving.purge_problem(self._name, wec, [item for item in wec.applied if name_of(item) not in own])

    def _purges(self, departure: Departure, wec: WecSide) -> bool:
        """Operator and definitions go with the registration that they came with, unless somebody else needs them.

        Where nothing else is there of it, nobody knows whose they are.
        """
        if self._choices.purge is not None:
            return self._choices.purge
        return departure.plan.changes and self._purge_problem(wec) is None

    def _look(self, recently: bool = False) -> tuple[ItsSide | None, WecSide | None]:
        """``recently``: the others of the batch may have looked at the ITS already."""
        its, wec, side = self._maybe_its, self._maybe_wec, None
        if its is not None:
            side = its.observed(self._name) if recently else its.departing(self._name)
        return side, wec.departing(self._name, its or NoJudge()) if wec is not None else None

    def _identify(self, its: ItsSide | None, wec: WecSide | None) -> states.State:
        if its is not None and wec is not None:
            hub, now = self._its.identity(self._hub_apiserver), self._its.now()
            found = leaving.membership(self._name, wec.view, its.view, hub, now)
            self._refuse(leaving.identity_problem(found, wec.view, its.view))
            return found
        if its is not None and self._moved is not None:
            view, now = self._moved.view(self._name, self._its), self._its.now()
            found = leaving.membership(self._name, view, its.view, self._its.identity(self._hub_apiserver), now)
            self._refuse(leaving.moved_problem(found, view, its.view))
            return found
        if its is not None:
            self._refuse(leaving.life_problem(its.view, self._its.now()))
            return states.of_observed_managed_cluster(its.view, self._its.now())
        view = t.cast(WecSide, wec).view
        klusterlet = view.the_klusterlet(self._name)
        if klusterlet is None:
            return states.State(states.ABSENT, "it has no agent")
        facts = f"Klusterlet {klusterlet.name} on the WEC has spec.clusterName {klusterlet.cluster_name}"
        if klusterlet.cluster_name != self._name:
            self._refuse(problems.of("other_name", facts))
        hub_address = view.credential or view.bootstrap
        sentence = (
            f"its agent serves the hub at {hub_address.server}" if hub_address else "its agent has no credentials"
        )
        return states.State(states.UNKNOWN, "its ITS was said to be lost, and was not asked", (facts, sentence))

    def _refuse(self, problem: Problem | None) -> None:
        if problem is not None:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)

    def _plan_unlabelling(self, departure: Departure, its: ItsSide) -> None:
        view = readable.checked(its.view)
        maps = {self._name: its.config_map} if its.config_map is not None else {}
        desired = leaving.unlabelling(view)
        verdict = Configuring(self._its, self._wds, ALLOWED).plan([desired], {self._name: view}, maps)[0]
        self._refuse(verdict.problem)
        departure.unlabelling = verdict
        departure.plan.add(*verdict.plan.steps)
        if self._wds is not None:
            after = verdict.configuration.after
            selecting = [
                one.policy.name
                for one in self._wds.deliveries({self._name: (after, after)})
                if selection.selects_any(one.policy.selectors, after.labels)
            ]
            self._refuse(leaving.selecting(selecting, after.labels) if selecting else None)

    # -- act -----------------------------------------------------------------------------------------------------

    def run(self, departure: Departure, waiter: Waiter) -> None:
        """Carry out the plan. Raises WecError; nothing is skipped."""
        agent = self._agent_removal(departure, waiter)
        cluster = None
        if departure.its is not None:
            cluster = ClusterRemoval(self._its, self._wds, departure, agent, self._choices, waiter)
        done: list[Step] = []
        began = self._now()
        try:
            if cluster is not None and self._choices.drain == leaving.WAIT:
                cluster.drain()
            for side, steps in itertools.groupby(departure.plan.steps, lambda step: step.side):
                half = t.cast(ClusterRemoval, cluster) if side == "ITS" else t.cast(AgentRemoval, agent)
                _carry_out(half, list(steps), done)
            for one in (cluster, agent):
                if one is not None:
                    one.await_all()
        except WecError as error:
            error.details["steps"] = [step.as_data() for step in done]
            error.details["released_finalizers"] = _released(departure, agent)
            raise
        departure.released = _released(departure, agent)
        warnings = agent.warnings if agent is not None else []
        departure.warnings += [one for one in warnings if one not in departure.warnings]
        departure.leftovers = leaving.leftovers(self._name, *self._look(), self._choices)
        if departure.plan.changes:
            clock = timeline.WEC_CLOCK if self._maybe_its is None else timeline.ITS_CLOCK
            departure.reached.append(Reached(timeline.LEAVE, self._now(), began, clock))

    def _agent_removal(self, departure: Departure, waiter: Waiter) -> AgentRemoval | AgentRemovalOnHost | None:
        wec, side = self._maybe_wec, departure.wec
        if wec is None or side is None:
            return None
        orphans = frozenset(map(name_of, leaving.orphans(self._name, departure.its, side)))
        if isinstance(wec, WecOnHost):
            return AgentRemovalOnHost(wec, side, orphans, self._choices, waiter)
        return AgentRemoval(self._name, wec, side, orphans, self._choices, waiter)

    def _now(self) -> datetime.datetime:
        """By the ITS's clock, as far as it is not lost."""
        return t.cast("Wec | WecOnHost", self._maybe_wec).now() if self._maybe_its is None else self._its.now()


def _carry_out(half: ClusterRemoval | AgentRemoval, steps: t.Sequence[Step], done: list[Step]) -> None:
    """``done`` gets the steps that were written, also one whose effect does not come in time. Raises WecError."""
    before = len(done)
    try:
        for step in half.carry_out(steps):
            done.append(step)
    except TimedOut:
        begun = steps[len(done) - before]
        # Others withdraw works: nothing of it is written here.
        if begun.do != leaving.WITHDRAW:
            done.append(begun)
        raise


def _released(departure: Departure, agent: AgentRemoval | AgentRemovalOnHost | None) -> list[Json]:
    return [*departure.released, *(agent.released if agent is not None else ())]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A WEC whose API only its own machine reaches: the WEC's half of joining and leaving is done there, and everything else here.

What goes there is what an agent is told (the hub's address and CA, a token for this one join), and nothing of the ITS's own
credential. What comes back are facts without secrets.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .._apis.clusteradm import ClusteradmFacts
from .._apis.wec import Judge, NoJudge, judged
from .._errors import ClusteradmError, WecError
from .._rules.deregistration import leaving
from .._rules.deregistration.leaving import LeaveOptions, WecSide
from .._rules.fleet.plan import Step
from .._rules.observed import wec_data
from .._rules.observed.distributions import Distribution
from .._rules.observed.observed_agent import ObservedAgent
from .._rules.observed.wec_data import HostAnswer
from .._rules.outside.untrusted import WrongShape
from .._rules.status import problems, times
from .._rules.status.problems import Problem
from .agent import Installation
from .waiting import Waiter

Json = dict[str, t.Any]
T = t.TypeVar("T")
RunThere = t.Callable[[Json], Json]
"""Runs wec_agent on the host with these options beside those of the WEC's connection; gives its result."""
_VIEW, _INTRODUCTION = "view", "introduction"


class WecOnHost:
    """Shows what ``Wec`` shows, as far as joining and leaving ask for it, but in one go: each look is one run on the host."""

    def __init__(self, name: str, run: RunThere, clusteradm_binary: str, with_rights: bool = False) -> None:
        self._name, self._run_there = name, run
        self._clusteradm_binary, self._with_rights = clusteradm_binary, with_rights
        self._seen: HostAnswer | None = None
        self._answered: set[str] = set()

    @property
    def uid(self) -> str:
        return self._known.view.uid

    @property
    def version(self) -> str:
        return str(self._known.view.version)

    @property
    def clock_offset(self) -> float:
        """Seconds by which the WEC's clock is ahead of ours; the way from the host to us counts as well."""
        return self._known.clock_offset

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.clock_offset)

    def connection_data(self) -> dict[str, str]:
        return dict(self._known.connection)

    def distribution(self) -> Distribution:
        return t.cast(Distribution, self._known.distribution)

    def rules(self, namespace: str) -> Json:
        """What our identity may do in a namespace, as the API server says."""
        return t.cast(Json, t.cast(Json, self._known.rules)[namespace])

    def clusteradm(self) -> ClusteradmFacts:
        """What the host's clusteradm tells of itself. Raises ClusteradmError."""
        facts = self._known.clusteradm or self._ask(with_clusteradm=True).clusteradm
        if facts is None:
            raise self._wrong(WrongShape("clusteradm is not given"))
        if "error" in facts:
            raise ClusteradmError(_there(facts["error"]))
        return ClusteradmFacts.read(facts)

    def view(self, name: str, judge: Judge) -> ObservedAgent:
        """What it shows now, with what the ITS knows of it."""
        return judged(self._look(_VIEW).view, judge, name)

    def works(self) -> list[Json]:
        """What a hub has applied there, by names alone."""
        return [{"metadata": {"name": name}} for name in self._known.works]

    def introduction(self, _namespace: str) -> str | None:
        """The id of the token that the agent bootstraps with, if it has one. The host goes by the same rule."""
        return self._look(_INTRODUCTION).introduction

    def apply(self, do: str, installation: Installation, token: str | None) -> None:
        """Have one operation of an agent's plan carried out there. Raises WecError."""
        self._run({"steps": [do], **_options_of_agent(installation, token)}, lambda _answer: None)
        self._answered = {_VIEW, _INTRODUCTION}

    def departing(self, name: str, judge: Judge) -> WecSide:
        """Everything that this cluster has of an agent now."""
        self._seen = self._ask(with_leaving=True)
        side = t.cast(WecSide, self._seen.side)
        return dataclasses.replace(side, view=judged(side.view, judge, name))

    def remove(self, steps: t.Sequence[str], **options: t.Any) -> tuple[list[Json], list[str]]:
        """Have steps of leaving carried out there: finalizers that were taken away, and remarks. Raises WecError."""
        return self._run({"steps": list(steps), **options}, wec_data.read_removal)

    @property
    def _known(self) -> HostAnswer:
        return self._seen if self._seen is not None else self._look("")

    def _look(self, what: str) -> HostAnswer:
        """What was seen, unless it was asked for before: then it may have changed."""
        if self._seen is None or what in self._answered:
            self._seen, self._answered = self._ask(), set()
        self._answered.add(what)
        return self._seen

    def _ask(self, **more: t.Any) -> HostAnswer:
        asked = {"clusteradm_binary": self._clusteradm_binary, "with_rights": self._with_rights, **more}
        return self._run(asked, lambda answer: self._read(answer, with_side=bool(more.get("with_leaving"))))

    def _read(self, answer: Json, with_side: bool) -> HostAnswer:
        found = wec_data.read_answer(answer, self._with_rights, with_side)
        now = times.parse(found.now)
        ahead = (now - datetime.datetime.now(datetime.timezone.utc)).total_seconds() if now else 0.0
        return dataclasses.replace(found, clock_offset=ahead)

    def _run(self, options: Json, read: t.Callable[[Json], T]) -> T:
        """Raises WecError for whatever the host answers that is not what was asked for."""
        failure: tuple[str, Problem | None] | None = None
        try:
            answer = self._run_there({"name": self._name, **options})
            if not answer.get("failed"):
                return read(answer)
            failure = wec_data.read_failure(answer)
        except WrongShape as error:
            raise self._wrong(error) from None
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
            raise self._wrong(error) from error
        raise WecError(_there(failure[0]), failure[1])

    def _wrong(self, error: Exception) -> WecError:
        """It is this WEC's failure. The value itself is not quoted."""
        fact = str(error) if isinstance(error, WrongShape) else type(error).__name__
        problem = problems.of("unexpected_answer", f"in the answer of its host {fact}")
        return WecError(f"{self._name}: its host answered with something else than was asked for: {problem}", problem)


class AgentOnHost:
    """The WEC's half of a join, carried out on the host."""

    def __init__(self, wec: WecOnHost, installation: Installation) -> None:
        self._wec, self._installation = wec, installation

    def carry_out(self, do: str, token: str | None) -> None:
        """Raises WecError."""
        self._wec.apply(do, self._installation, token)


class AgentRemovalOnHost:
    """The WEC's half of leaving, carried out on the host. See ``AgentRemoval``."""

    def __init__(
        self, wec: WecOnHost, side: WecSide, orphans: t.Collection[str], choices: LeaveOptions, waiter: Waiter
    ) -> None:
        self._wec, self._side, self._orphans, self._waiter = wec, side, orphans, waiter
        decided = {"workload": choices.workload, "purge": choices.purge}
        self._options: Json = {
            "orphans": sorted(orphans),
            "wait_timeout": int(waiter.timeout),
            **{option: value for option, value in decided.items() if value is not None},
        }
        self.released: list[Json] = []
        self.warnings: list[str] = []

    def carry_out(self, steps: t.Sequence[Step]) -> t.Iterator[Step]:
        """All of them in one run. Raises WecError."""
        with self._waiter.waiting():
            released, remarks = self._wec.remove([step.do for step in steps], **self._options)
        self.released += released
        self.warnings += remarks
        yield from steps

    def await_all(self) -> None:
        """Each run has waited already."""

    def await_applied(self, but_of: t.Callable[[], t.Collection[str]]) -> None:
        """Until nothing is left that the agent takes away, but of the works with these names. Raises WecError."""
        name = self._waiter.name

        def look() -> str | None:
            there = but_of()
            with self._waiter.waiting():
                now = self._wec.departing(name, NoJudge()).applied
            left = leaving.awaited_applied(name, self._side, now, self._orphans, there)
            return f"the WEC still has the AppliedManifestWorks {leaving.named(left)}" if left else None

        self._waiter.until(look, lambda sentence: problems.of("agent_not_responding", sentence))

    def why_applied(self) -> str:
        """Nobody knows from here."""
        return ""


def _there(message: str) -> str:
    return f"On the WEC's host: {message}"


def _options_of_agent(installation: Installation, token: str | None) -> Json:
    """Options of wec_agent: those of the join, and what the controller has found out for them."""
    request, endpoint = installation.request, installation.endpoint
    if request is None or endpoint is None:
        # No agent is installed or starts anew: there is nothing to tell it.
        return {}
    found = {
        "hub_apiserver": endpoint.server,
        "hub_ca": t.cast(bytes, installation.ca).decode(errors="replace"),
        "hub_token": token,
        "bundle_version": request.bundle_version,
    }
    return {option: value for option, value in {**request.options.for_host(), **found}.items() if value is not None}

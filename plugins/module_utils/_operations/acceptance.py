# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Getting a batch of WECs accepted: one look at the ITS per tick for all of them, until each is available or late."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._apis.its import Its
from .._errors import ApiError, WecError
from .._rules.fleet.plan import Plan
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.outside import screen
from .._rules.outside.unexpected import as_wec_error
from .._rules.registration.acceptance import Decision, Member, decide, foreseen, remove_step
from .._rules.status import problems, states, timeline
from .._rules.status.problems import Problem
from .._rules.status.timeline import Reached
from . import concurrency, credentials
from .late_causes import LateCauses
from .waiting import Lines

Json = dict[str, t.Any]
_AT_ONCE = 8
_NAMED = 5
"""So many WECs are named in a line, each with why it is late."""
"""WECs that are written to at the same time. More bring nothing: the hub is the limit by then."""
_MOST_REPORTED = 12
"""Foreign signing requests of one WEC that one line names."""
NEEDS_SOMEBODY = frozenset({"csr_name_in_use", "csr_multiple_requesters", "csr_too_many"})
"""What waiting does not cure."""
_SHORTEST_TICK = 0.5
"""Seconds. Somebody gets further at nearly each look of a batch that is getting on."""
_REST = 4
"""How many times as long as a look at the ITS has kept this thread busy the ITS is left alone at least.

That grows with what there is to look at. How long the answer took does not tell: it may have waited for others.
"""


@dataclasses.dataclass
class Verdict:
    """How it ended for one WEC. ``proofs`` maps each approved request to how well it was proved to be the WEC's own."""

    name: str
    state: str = states.ABSENT
    failed: bool = False
    done: bool = False
    plan: Plan = dataclasses.field(default_factory=Plan)
    proofs: dict[str, str] = dataclasses.field(default_factory=dict)
    rejected: list[Json] = dataclasses.field(default_factory=list)
    waiting_for: str = ""
    problem: Problem | None = None
    seconds: float = 0.0

    foreseen: bool = False
    addon: str | None = None
    probe: str | None = None
    shown: list[Reached] = dataclasses.field(default_factory=list)
    """How far the ITS shows that it has come, and when."""
    proved: list[Reached] = dataclasses.field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing is waited for any more."""
        return self.failed or self.done

    @property
    def timeline(self) -> list[Reached]:
        return [*self.shown, *self.proved]

    def message(self) -> str:
        if self.foreseen and self.plan.changes:
            return f"{self.name} would be changed: {self.plan}."
        if self.done:
            # One whose add-on is in trouble takes workload all the same.
            trouble = f" {self.problem}" if self.problem else ""
            return f"{self.name} is joined and available.{trouble}"
        if self.failed and self.problem is not None:
            return f"{self.name}: {self.problem}"
        return f"{self.name} waits: {self.waiting_for}."

    def as_data(self) -> Json:
        return {
            "name": self.name,
            "state": self.state,
            "changed": self.plan.changes,
            "failed": self.failed,
            "msg": self.message(),
            "steps": self.plan.as_data(),
            "proofs": self.proofs,
            "rejected_csrs": self.rejected,
            "problem": self.problem.as_data() if self.problem else None,
            "addon": self.addon,
            "probe": self.probe,
            "timeline": timeline.as_data(self.timeline),
            "seconds": round(self.seconds, 1),
        }


@dataclasses.dataclass(frozen=True)
class WaitOptions:
    """Seconds. ``timeout`` is for as long as none of the batch gets any further, because a hub takes in a large batch one
    after the other, step by step. ``tick`` is the longest time between two looks at the ITS, ``between_lines`` between two lines on the screen.
    """

    timeout: float
    tick: float = 1.5
    between_lines: float = 5.0


def preview(its: Its, members: t.Sequence[Member]) -> dict[str, Verdict]:
    """What the next look would do, without doing it."""
    views = its.views([member.name for member in members])
    return {member.name: _preview(its, member, views[member.name]) for member in members}


def _preview(its: Its, member: Member, view: ObservedManagedCluster) -> Verdict:
    verdict = Verdict(member.name, foreseen=True)
    try:
        decision = decide(member, view, its.now())
        _note(verdict, view, decision, its)
        is_announced = view.exists and (decision.approval is not None or decision.done)
        is_blocked = decision.problem is not None and decision.problem.code in NEEDS_SOMEBODY
        verdict.plan.add(*(decision.steps(view) if is_announced or is_blocked else foreseen(member, view)))
        verdict.done, verdict.failed = decision.done, decision.final
    except Exception as error:
        verdict.problem, verdict.failed = as_wec_error(error, member.name).problem, True
    return verdict


class Arrivals(t.Protocol):
    """Members of a batch whose agents are still being installed while the first are seen to already."""

    @property
    def are_over(self) -> bool:
        """Whether no more will come. Asked before ``take``, it leaves none behind."""

    def take(self) -> list[Member]:
        """Those that have come since this was asked last."""

    @property
    def expected(self) -> int:
        """How many come in all, as far as that is known."""


class _NoArrivals:
    are_over = True
    expected = 0

    def take(self) -> list[Member]:
        return []


def accept_all(
    its: Its,
    members: t.Sequence[Member],
    wait_options: WaitOptions,
    progress: t.Callable[[str], None],
    arrivals: Arrivals | None = None,
    causes: LateCauses | None = None,
) -> dict[str, Verdict]:
    """Approve, accept and wait until every member is available, or cannot become it, or the time is over.

    One member's failure does not touch the others. ``causes`` tells why those are late whose own API is reached.
    Raises WecError for what concerns the whole ITS.
    """
    return _Batch(its, members, wait_options, progress, arrivals or _NoArrivals(), causes).run()


class _Batch:
    def __init__(
        self,
        its: Its,
        members: t.Sequence[Member],
        wait_options: WaitOptions,
        progress: t.Callable[[str], None],
        arrivals: Arrivals,
        causes: LateCauses | None = None,
    ) -> None:
        self._causes = causes
        self._its, self._wait_options, self._progress = its, wait_options, progress
        self._arrivals = arrivals
        self._members = {member.name: member for member in members}
        self._verdicts = {name: Verdict(name) for name in self._members}
        self._views: dict[str, ObservedManagedCluster] = {}
        self._began = time.monotonic()
        self._came_at = dict.fromkeys(self._members, self._began)
        self._lines = Lines(wait_options.between_lines)
        self._waited_for: dict[str, str] = {}
        """What the last line has said that each is waited for."""
        self._furthest: dict[str, int] = {}
        self._moved_at = self._began
        self._look_took = 0.0
        self._reported: dict[str, set[str]] = {}
        """Names of signing requests that were told to be foreign, by WEC."""
        self._flooded: set[str] = set()

    def run(self) -> dict[str, Verdict]:
        while True:
            none_will_come = self._arrivals.are_over
            self._let_in(self._arrivals.take())
            if self._open:
                self._look_and_act()
            self._show_progress()
            left = self._wait_options.timeout - (time.monotonic() - self._moved_at)
            if none_will_come and (not self._open or left <= 0 or self._wait_options.timeout <= 0):
                break
            if not none_will_come:
                left = self._wait_options.timeout
            # The ITS has more to do than to be looked at.
            time.sleep(min(max(self._tick, _REST * self._look_took), left))
        if self._wait_options.timeout > 0:
            for verdict in self._open:
                verdict.failed = True
        self._revoke_tokens()
        if len(self._verdicts) > 1 or self._lines.any_was_shown:
            self._progress(self._summary(f"{self._elapsed:.0f} s", waited_for(self._open)))
        return self._verdicts

    @property
    def _tick(self) -> float:
        """Seconds to the next look: few while the batch is getting on."""
        idle = time.monotonic() - self._moved_at
        return min(self._wait_options.tick, max(_SHORTEST_TICK, idle / 4))

    def _let_in(self, members: t.Sequence[Member]) -> None:
        for member in members:
            self._members[member.name] = member
            self._verdicts[member.name] = Verdict(member.name)
            self._came_at[member.name] = self._moved_at = time.monotonic()

    def _revoke_tokens(self) -> None:
        """A bootstrap token is not needed any more when its WEC is available, and must not live when it has failed."""
        ended = {verdict.name for verdict in self._verdicts.values() if verdict.done or verdict.failed}
        credentials.revoke(self._its, ended)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def _open(self) -> list[Verdict]:
        return [verdict for verdict in self._verdicts.values() if not verdict.done and not verdict.failed]

    def _look_and_act(self) -> None:
        waiting = self._open
        began = time.thread_time()
        self._views.update(self._its.views([verdict.name for verdict in waiting]))
        self._look_took = time.thread_time() - began
        concurrency.each(self._see_to, waiting, _AT_ONCE)

    def _note_progress(self, name: str) -> None:
        stage = self._views[name].stage
        if stage > self._furthest.get(name, 0):
            self._furthest[name] = stage
            self._moved_at = time.monotonic()

    def _see_to(self, verdict: Verdict) -> None:
        """Do what is next for one WEC. What goes wrong with it is its own; an ITS that does not answer is everybody's."""
        view = self._views[verdict.name]
        try:
            self._note_progress(verdict.name)
            decision = decide(self._members[verdict.name], view, self._its.now())
            _note(verdict, view, decision, self._its)
            self._tell_foreign(verdict.name, decision)
            if not decision.final:
                self._act(verdict, view, decision)
            verdict.done, verdict.failed = decision.done, decision.final or self._is_flooded(verdict.name, decision)
        except ApiError as error:
            self._refused(verdict, error)
        except WecError:
            raise
        except Exception as error:
            verdict.problem = as_wec_error(error, verdict.name).problem
            verdict.failed = True
        verdict.seconds = time.monotonic() - self._came_at[verdict.name]

    def _is_flooded(self, name: str, decision: Decision) -> bool:
        """Whether two looks have found it flooded: then its agent will make no request, and nothing is worth waiting for."""
        is_so = decision.problem is not None and decision.problem.code == "csr_too_many"
        was_so = name in self._flooded
        if is_so and not decision.remove:
            self._flooded.add(name)
        return is_so and was_so

    def _tell_foreign(self, name: str, decision: Decision) -> None:
        """Say at once which signing requests under its name are not its own."""
        reported = self._reported.setdefault(name, set())
        new = [one for one in decision.rejected if one.name not in reported][:_MOST_REPORTED]
        if new:
            reported.update(one.name for one in decision.rejected)
            shown = "; ".join(f"{one.name} ({', '.join(one.faults)})" for one in new)
            verb = "removed" if decision.remove else "not approved"
            self._progress(f"{name}: {len(decision.rejected)} signing requests are not its own and are {verb}: {shown}")

    def _act(self, verdict: Verdict, view: ObservedManagedCluster, decision: Decision) -> None:
        """Accept first: if that is refused, no certificate is issued."""
        foreign = {remove_step(csr).object: csr for csr in decision.remove}
        for step in decision.steps(view):
            if step.verb == "delete":
                self._its.delete_request(foreign[step.object])
            elif step.verb == "accept":
                self._its.accept(verdict.name, decision.identity)
            elif step.verb == "update":
                # With the acceptance, it has gone in one request.
                if not decision.accept:
                    self._its.remember_identity(verdict.name, t.cast(str, decision.identity))
            elif decision.approval is not None:
                self._its.approve(decision.approval.csr, decision.approval.proof)
                verdict.proofs[decision.approval.csr["metadata"]["name"]] = decision.approval.proof
            verdict.plan.add(step)

    def _refused(self, verdict: Verdict, error: ApiError) -> None:
        """The ITS answered a write with an error: is it worth another look?"""
        if error.status == 409 or error.status == 404:
            # Somebody else was faster, or the agent made another request: the next look tells.
            return
        if "namespace" in error.server_message and "terminating" in error.server_message:
            verdict.problem = problems.of("mailbox_terminating", error.server_message)
            return
        if error.is_webhook_down:
            verdict.problem = problems.of("webhook_down", error.server_message)
            return
        code = "accept_refused" if "managedcluster" in error.message and error.method != "DELETE" else "forbidden"
        verdict.problem = problems.of(code, error.message)
        verdict.failed = not error.is_transient

    # -- progress ------------------------------------------------------------------------------------------------

    def _show_progress(self) -> None:
        is_waiting = self._open or not self._arrivals.are_over
        if not is_waiting or not self._lines.is_time:
            return
        # Most are only on their way: what is in the way is told of those that stay where they are.
        same = [one for one in self._open if self._waited_for.get(one.name) == one.waiting_for]
        others = [one for one in self._open if self._waited_for.get(one.name) != one.waiting_for]
        late = waited_for(same, self._cause) + waited_for(others)
        if self._lines.take(self._summary("", late)):
            left = max(0.0, self._wait_options.timeout - (time.monotonic() - self._moved_at))
            limit = f" (at most {left:.0f} s more without progress)" if self._arrivals.are_over else ""
            self._progress(self._summary(f"{self._elapsed:.0f} s{limit}", late))
        self._waited_for = {one.name: one.waiting_for for one in self._open}

    def _cause(self, verdict: Verdict) -> str:
        """Why one is late, by its own API where that is known: the ITS often shows only that it was not heard of."""
        own = self._causes.of(verdict.name) if self._causes else None
        if own is not None:
            return f"{own.kind.summary} [{own.code}]"
        return cause_on_its(verdict)

    def _summary(self, passed: str, late: str) -> str:
        verdicts = list(self._verdicts.values())
        views = list(self._views.values())
        counts = {
            "announced": sum(view.exists for view in views),
            "accepted": sum(view.hub_accepts_client for view in views),
            "joined": sum(view.joined.is_true for view in views),
            "available": sum(one.done for one in verdicts),
        }
        sentence = ", ".join(f"{count} {word}" for word, count in counts.items())
        total = max(self._arrivals.expected, len(verdicts))
        if total > len(verdicts):
            sentence = f"{len(verdicts)} have an agent, {sentence}"
        text = f"{total} WEC{'s' if total != 1 else ''} after {passed}: {sentence}"
        failed = [one.name for one in verdicts if one.failed]
        if failed:
            text += f", {len(failed)} failed ({screen.listed(failed, _NAMED)})"
        return text + late


def waited_for(verdicts: t.Sequence[Verdict], cause: t.Callable[[Verdict], str] = lambda _verdict: "") -> str:
    """For the end of a line: what is waited for, and why that may be, if anything shows it. The first of many show it for all."""
    late: dict[str, list[str]] = {}
    for number, one in enumerate(verdicts):
        why = cause(one) if number < _NAMED else ""
        late.setdefault(f"{one.waiting_for} ({why})" if why else one.waiting_for, []).append(one.name)
    found = sorted(late.items(), key=lambda item: -len(item[1]))
    return "".join(f"; {screen.listed(names, _NAMED)}: {reason}" for reason, names in found)


def cause_on_its(verdict: Verdict) -> str:
    """In short. Of an agent that was not heard of, the summary would say again what is waited for."""
    problem = verdict.problem
    if problem is None or not problem.evidence:
        return ""
    return (
        problem.evidence[0] if problem.code == "managed_cluster_missing" else f"{problem.kind.summary} [{problem.code}]"
    )


def _note(verdict: Verdict, view: ObservedManagedCluster, decision: Decision, its: Its) -> None:
    verdict.state = states.of_observed_managed_cluster(view, its.now()).name
    verdict.shown = timeline.of_view(view)
    verdict.waiting_for = decision.waiting_for
    verdict.problem = decision.problem
    verdict.rejected = [{"name": one.name, "faults": list(one.faults)} for one in decision.rejected] or verdict.rejected

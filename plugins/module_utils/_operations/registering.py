# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registering many WECs of one ITS at once: all are looked at first; then agents are installed side by side, and the ITS takes
in the first of them while others are still being installed."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import queue
import threading
import time
import typing as t

from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import WecError
from .._rules.fleet.plan import Plan
from .._rules.observed.surveys import Survey
from .._rules.outside import screen
from .._rules.outside.unexpected import as_wec_error
from .._rules.registration import agent_plan
from .._rules.registration.acceptance import Member
from .._rules.registration.join_options import JoinOptions
from .._rules.status import addon, problems, states, timeline
from .._rules.status.problems import Problem
from . import acceptance, concurrency, credentials, late_causes, status, surveying, verification
from .acceptance import Verdict, WaitOptions
from .cluster_ids import ClusterIds, refuse_repeated, used_twice
from .concurrency import Slots
from .joining import UPGRADE_TAKES, Joining, Outcome
from .preflight import Preflight, Report
from .status import Status
from .verification import VerifyOptions
from .wec_on_host import WecOnHost

Json = dict[str, t.Any]
Work = t.Callable[["Registration", "Wec | WecOnHost"], None]
_FOLLOWS = "bootstrap_token_expired"
_KEPT = 100
"""Up to so many WECs' connections are kept from the first look to the last; for more, files that may be open run out."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A WEC that is to be registered. ``reach`` opens a client of it, for as long as it is needed."""

    host: str
    options: JoinOptions
    reach: t.Callable[[], t.ContextManager[Wec | WecOnHost]]
    deletion_timeout: float = 60.0
    """Seconds that an earlier registration has to be taken apart."""


@dataclasses.dataclass
class Registration:
    """How far one WEC has come. ``error`` is what it failed of on this side of the ITS; nothing follows after it."""

    host: str
    name: str
    candidate: Candidate | None = None
    wec: Wec | WecOnHost | None = None
    report: Report | None = None
    outcome: Outcome | None = None
    verdict: Verdict | None = None
    error: WecError | None = None
    diagnosis: Status | None = None

    @property
    def is_sound(self) -> bool:
        return self.error is None

    @property
    def wanted(self) -> Candidate:
        return t.cast(Candidate, self.candidate)

    @property
    def failed(self) -> bool:
        return self.error is not None or (self.verdict is not None and self.verdict.failed)

    @property
    def keeps_works(self) -> bool:
        return self.outcome is not None and self.outcome.keeps_works

    @property
    def rotates(self) -> bool:
        return self.outcome is not None and self.outcome.rotates

    @property
    def plan(self) -> Plan:
        """What was done, or with neither a verdict nor an error, what would be."""
        outcome, verdict = self.outcome, self.verdict
        agent = outcome.wec_steps if outcome else []
        after = verdict.plan.steps if verdict else outcome.acceptance.steps if outcome else []
        return Plan([*agent, *after])

    @property
    def problem(self) -> Problem | None:
        if self.error is not None:
            return self.error.problem
        if self.verdict is None or not self.verdict.is_over:
            return None
        return self._cause.problems[0] if self._cause else self.verdict.problem

    @property
    def message(self) -> str:
        if self.error is not None:
            wording, known = self.error.message, self.error.problem
            code = f" [{known.code}]" if known is not None and f"[{known.code}]" not in wording else ""
            return f"{'' if wording.startswith(self.name) else f'{self.name}: '}{wording}{code}"
        if self.verdict is not None:
            return (
                self._cause.message if self._cause else f"{self.verdict.message()}{self._upgraded}{self._readdressed}"
            )
        if self._upgraded:
            return self._upgraded.strip()
        if self.plan.changes:
            return f"{self.name} would be registered: {self.plan}."
        return f"{self.name} is {self._state}."

    @property
    def _upgraded(self) -> str:
        upgrade = self.outcome.upgrade if self.outcome else None
        return f" {upgrade.message}" if upgrade else ""

    @property
    def _readdressed(self) -> str:
        """That its agent was told another address, which nothing else in the result of a WEC tells that is well."""
        steps = self.outcome.agent.steps if self.outcome else []
        reason = next((step.reason for step in steps if step.do == agent_plan.READDRESS_HUB), "")
        return f" {screen.sentence(reason[0].upper() + reason[1:])}" if reason else ""

    @property
    def _cause(self) -> Status | None:
        """Both sides tell more than the ITS alone, but for this run's own token, which had not expired before it was told to."""
        found = self.diagnosis
        if not (self.verdict and self.verdict.failed and found and found.problems):
            return None
        if self.verdict.problem is not None and self.verdict.problem.code in acceptance.NEEDS_SOMEBODY:
            # An agent that has only just been installed shows other trouble then, which passes.
            return None
        united = problems.united(found.problems)
        return None if united[0].code == _FOLLOWS else dataclasses.replace(found, problems=tuple(united))

    @property
    def _state(self) -> str | None:
        if self.verdict is not None:
            return self.verdict.state
        if self.outcome is not None:
            return self.outcome.state
        return self.report.state.name if self.report and self.report.state else None

    def as_data(self) -> Json:
        report, outcome, verdict = self.report, self.outcome, self.verdict
        intended = outcome.intended if outcome else None
        # Of a join that failed, those that were carried out.
        done = self.error.details.get("steps") if self.error else None
        before = outcome.before if outcome else report.state if report else None
        return {
            "host": self.host,
            "name": self.name,
            "state": self._state,
            "state_before": before.name if before else None,
            "uid": report.uid if report else None,
            "kubernetes_version": report.version if report else None,
            "distribution": report.distribution.name if report else None,
            "klusterlet_version": intended.version if intended else None,
            "agent_endpoint": intended.server if intended else None,
            "changed": bool(done) if done is not None else self.plan.changes,
            "failed": self.failed,
            "msg": self.message,
            "problem": self.problem.as_data() if self.problem else None,
            "steps": self.plan.as_data() if done is None else done,
            "diff": self.plan.diff() if done is None else None,
            "kept_works": outcome.kept_data if outcome else None,
            "proofs": verdict.proofs if verdict else {},
            "rejected_csrs": verdict.rejected if verdict else [],
            "addon": verdict.addon if verdict else None,
            "probe": verdict.probe if verdict else None,
            "timeline": timeline.as_data(
                [*(outcome.reached if outcome else ()), *(verdict.timeline if verdict else ())]
            ),
            "seconds": round(verdict.seconds, 1) if verdict else None,
        }


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """``at_once``: so many WECs are worked on at the same time, each in one of the ``places``, which several ITSs may share.

    ``seconds_for_one``: for everything that one WEC is asked in one go, such as to be joined.
    """

    at_once: int
    seconds_for_one: float
    wait: WaitOptions
    verify: VerifyOptions
    slots: Slots
    only_looks: bool = False


class Registering:
    """The WECs of one ITS, from the first look to the last."""

    def __init__(
        self,
        its: Its,
        candidates: t.Sequence[Candidate],
        batch_options: BatchOptions,
        progress: t.Callable[[str], None],
        lost: t.Sequence[Registration] = (),
    ) -> None:
        """``lost`` are those of which it is known already that they cannot be registered."""
        self._its, self._batch_options, self._progress = its, batch_options, progress
        sound = [Registration(one.host, one.options.name, one) for one in candidates]
        self.registrations = [*sound, *lost]
        self._surveys: dict[str, Survey] = {}
        self._kept = contextlib.ExitStack()

    def close(self) -> None:
        """End the connections to the WECs."""
        self._kept.close()

    @property
    def server(self) -> str:
        return self._its.kube.connection.server

    @property
    def _valid(self) -> list[Registration]:
        return [one for one in self.registrations if one.is_sound]

    @property
    def violations(self) -> list[Registration]:
        """Those that cannot be registered as they are. Nothing has been changed by then."""
        return [one for one in self.registrations if not one.is_sound]

    # -- look ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask the ITS for all of them, and each of them who it is. Raises WecError for what concerns the whole ITS."""
        began = time.monotonic()
        self._surveys = surveying.survey(self._its, [one.name for one in self._valid])
        refuse_repeated(self.registrations)
        self._roll = ClusterIds(self._valid, self._ask, _refuse_twin, self._batch_options.at_once, self._owns)
        self._kept.callback(self._roll.close)
        count = len(self.registrations)
        took = time.monotonic() - began
        self._progress(f"{count} WEC{'' if count == 1 else 's'}: {self._roll.answered} answered within {took:.0f} s")

    def _ask(self, one: Registration) -> str:
        with self._reach(one) as wec:
            return wec.uid

    def _owns(self, one: Registration, uid: str) -> bool:
        """Whether the ITS has this cluster under this name already."""
        return self._surveys[one.name].view.identity == uid

    def check(self) -> None:
        """Whatever could make it fail is found out, for each WEC, before ``run`` does anything."""
        self.each(self._check)

    def _check(self, one: Registration, wec: Wec | WecOnHost) -> None:
        report = one.report = self._preflight(one, wec)
        if report.state is not None and report.state.name == states.DELETING and not self._batch_options.only_looks:
            self._joining(one, wec).wait_until_deleted(one.wanted.deletion_timeout)
            # What was seen of it before is gone.
            self._surveys.update(surveying.survey(self._its, [one.name]))
            report = one.report = self._preflight(one, wec)
        if report.violations:
            wording = report.violations[0].problem
            verb = "rotated" if one.wanted.options.rotate_before else "registered"
            raise WecError(report.message(one.name, verb), wording)

    def _preflight(self, one: Registration, wec: Wec | WecOnHost) -> Report:
        return Preflight(self.its_of(one), wec, one.wanted.options).run()

    def _joining(self, one: Registration, wec: Wec | WecOnHost) -> Joining:
        return Joining(self.its_of(one), wec, one.wanted.options, self._batch_options.slots.left)

    # -- act -----------------------------------------------------------------------------------------------------

    def foresee(self) -> None:
        """What ``run`` would do."""

        def look(one: Registration, wec: Wec | WecOnHost) -> None:
            one.outcome = self._joining(one, wec).observe(with_acceptance=True)

        self.each(look)

    def run(self) -> None:
        """Check, join, approve, accept and wait. Raises WecError for what concerns the whole ITS."""
        those = [one for one in self._roll.in_order() if one.is_sound]
        joins = _Joins(len(those))

        def join(one: Registration, wec: Wec | WecOnHost) -> None:
            if one.report is None:
                self._check(one, wec)
            joining = self._joining(one, wec)
            one.outcome = joining.run(joining.observe(with_acceptance=False), None, self._progress)

        def join_and_report(one: Registration) -> None:
            try:
                self._attempt(join, one)
            finally:
                joins.note(one.outcome.member if one.outcome else None)

        with concurrency.threads(self._batch_options.at_once) as executor:
            joined = [executor.submit(join_and_report, one) for one in those]
            try:
                with late_causes.asked(self._why_late) as causes:
                    verdicts = acceptance.accept_all(
                        self._its, [], self._batch_options.wait, self._progress, joins, causes
                    )
            except Exception:
                self._abandon(joined)
                raise
            for done in joined:
                done.result()
        verification.verify(self._its, verdicts, self._batch_options.verify, self._progress, self._ask_addon)
        for one in self._valid:
            one.verdict = verdicts[one.name]
        self.each(self._prove_rotation, [one for one in self._valid if one.rotates and not one.failed])
        self.each(self._settle, [one for one in self._valid if one.keeps_works and not one.failed])
        self.each(self._diagnose, [one for one in self._valid if one.failed])

    def _settle(self, one: Registration, wec: Wec | WecOnHost) -> None:
        """Workload of another hub was kept on it: has all of it a counterpart by now?"""
        if one.outcome is not None:
            self._joining(one, wec).settle(one.outcome)

    def _prove_rotation(self, one: Registration, wec: Wec | WecOnHost) -> None:
        if one.outcome is not None:
            self._joining(one, wec).prove_rotation(one.outcome)

    def _named(self, name: str) -> Registration:
        return next(one for one in self._valid if one.name == name)

    def _why_late(self, name: str) -> Problem | None:
        one = self._named(name)
        with self._reach(one) as wec:
            return late_causes.of_both_sides(self.its_of(one), wec, name)

    def _ask_addon(self, name: str) -> addon.Runtime:
        """How the status add-on's agent is there. Of a WEC that only its host reaches, the ITS tells."""
        one = self._named(name)
        with self._reach(one) as wec, self._within(one, wec):
            return wec.addon_runtime() if isinstance(wec, Wec) else addon.Runtime(False)

    def _abandon(self, joined: t.Sequence[concurrent.futures.Future[None]]) -> None:
        """Begin no other join, let those end that run, each of which has a deadline, and leave no token of them."""
        for one in joined:
            one.cancel()
        concurrent.futures.wait(joined)
        minted = {one.name for one in self.registrations if one.outcome is not None and one.outcome.token_id}
        # The ITS may be what failed. Then they expire within the hour.
        with contextlib.suppress(WecError):
            credentials.revoke(self._its, minted)

    def _diagnose(self, one: Registration, wec: Wec | WecOnHost) -> None:
        # What the ITS has shown is told where a second look is not to be had.
        with contextlib.suppress(Exception):
            if isinstance(wec, Wec):
                its = self.its_of(one)
                one.diagnosis = status.of_one(its, wec, its.view(one.name), one.wanted.options.hub_apiserver)
            else:
                one.diagnosis = status.of_fleet(self._its, [one.name])[0]

    # -- how -----------------------------------------------------------------------------------------------------

    def _reach(self, one: Registration) -> t.ContextManager[Wec | WecOnHost]:
        """A client of this WEC, which only one thread uses at a time."""
        if one.wec is None:
            if len(self.registrations) > _KEPT:
                return one.wanted.reach()
            one.wec = self._kept.enter_context(one.wanted.reach())
        return contextlib.nullcontext(one.wec)

    def _within(self, one: Registration, wec: Wec | WecOnHost) -> t.ContextManager[None]:
        """Everything that a WEC is asked has an end, however slowly it answers."""
        if not isinstance(wec, Wec):
            return contextlib.nullcontext()
        upgrade = UPGRADE_TAKES if one.wanted.options.bundle_version else 0
        return wec.kube.within(self._batch_options.seconds_for_one + one.wanted.deletion_timeout + upgrade)

    def its_of(self, one: Registration) -> Its:
        """The ITS, as it was seen with this WEC: what concerns the hub as a whole is not asked again."""
        return Its(self._its.kube, self._surveys[one.name])

    def each(self, do: Work, some: t.Sequence[Registration] | None = None, under_way: int | None = None) -> None:
        """Do it for each of ``some``, or of those that have not failed. ``under_way``: so many, if those that only wait leave
        their places."""
        concurrency.each(
            lambda one: self._attempt(do, one),
            self._valid if some is None else some,
            under_way or self._batch_options.at_once,
        )

    def _attempt(self, do: Work, one: Registration) -> None:
        """What it fails of is noted, and nobody else's. An answer of one WEC may be anything. Raises MissingLibrary."""
        try:
            self._roll.answer_of(one)
            if one.is_sound:
                with self._batch_options.slots, self._reach(one) as wec, self._within(one, wec):
                    do(one, wec)
        except Exception as error:
            one.error = as_wec_error(error, one.name)


class _Joins:
    """Those whose agents are being installed, for the thread that accepts them."""

    def __init__(self, count: int) -> None:
        self.expected = self._left = count
        self._come: queue.SimpleQueue[Member] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def note(self, member: Member | None) -> None:
        """One is over; None if it failed."""
        with self._lock:
            if member is None:
                self.expected -= 1
            else:
                self._come.put(member)
            self._left -= 1

    @property
    def are_over(self) -> bool:
        return self._left == 0

    def take(self) -> list[Member]:
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._come.get_nowait())
        return found


def _refuse_twin(one: Registration, others: t.Sequence[Registration]) -> None:
    names = ", ".join(other.host for other in others)
    one.error = used_twice(one.name, f"This is the same cluster as {names}: give each host its own wec_context")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a ManagedCluster, and what is under its name, off the ITS: the ITS's half of leaving."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._apis.shared import SharedIts
from .._apis.wds import Wds
from .._errors import Refused, WecError
from .._rules.deregistration import leaving
from .._rules.deregistration.leaving import ItsSide, LeaveOptions, finalizers, name_of
from .._rules.desired import configuration
from .._rules.fleet.plan import Plan, Step
from .._rules.observed import conditions, works
from .._rules.status import problems
from .._rules.status.problems import Problem
from . import delivering
from .configuring import Configuring, Overrides, Verdict
from .delivering import Expectation, Settling
from .waiting import Waiter

Json = dict[str, t.Any]
_GRACE = 5.0
"""Seconds in which an agent that is not lost after all may do its part, before its finalizers are taken away."""
_UNLABEL = (configuration.SET_LABELS, configuration.PART)
# All of its workload shall go, and the cluster may be half gone.
ALLOWED = Overrides(withdrawal=True, removal=True, without_acceptance=True, deliver=False)


class Leaver(t.Protocol):
    """What was found and planned. Finalizers that are taken away are noted in ``released``."""

    its: ItsSide | None
    plan: Plan
    unlabelling: Verdict | None
    released: list[Json]


class Agent(t.Protocol):
    """The WEC's half, as far as the ITS's half has to know of it."""

    def await_applied(self, but_of: t.Callable[[], t.Collection[str]]) -> None:
        """Until the agent has taken everything away that is not of these works. Raises WecError."""

    def why_applied(self) -> str:
        """What holds the rest, as far as it is known."""


class ClusterRemoval:
    """Steps of one plan. ``agent`` is None for a WEC that is lost."""

    def __init__(
        self,
        its: SharedIts,
        wds: Wds | None,
        leaver: Leaver,
        agent: Agent | None,
        choices: LeaveOptions,
        waiter: Waiter,
    ) -> None:
        self._its, self._wds, self._leaver, self._agent = its, wds, leaver, agent
        self._name, self._choices = waiter.name, choices
        self._waiter, self._until = waiter, waiter.until
        self._is_unlabelled = False
        self._awaited: list[t.Callable[[], None]] = []

    @property
    def _side(self) -> ItsSide:
        return t.cast(ItsSide, self._leaver.its)

    def _will(self, operation: str) -> bool:
        """Whether it is a part of this plan."""
        return any(step.do == operation for step in self._leaver.plan.steps)

    def _why_applied(self) -> str:
        return self._agent.why_applied() if self._agent is not None else ""

    def carry_out(self, steps: t.Sequence[Step]) -> t.Iterator[Step]:
        """Gives each when it is done. Raises WecError."""
        for step in steps:
            self.do(step.do)
            yield step

    def do(self, operation: str) -> None:
        """Raises WecError."""
        if operation in _UNLABEL:
            self._unlabel()
            return
        operations: dict[str, t.Callable[[], None]] = {
            leaving.WITHDRAW: self._withdraw,
            leaving.DELETE_CLUSTER: self._delete_cluster,
            leaving.CLEAR_MAILBOX: self._clear_mailbox,
            leaving.REMOVE_FINALIZERS: self._release,
            leaving.DELETE_MAILBOX: self._delete_mailbox,
            leaving.DELETE_PROPERTIES: lambda: self._its.delete_property_map(t.cast(Json, self._side.config_map)),
            leaving.DELETE_CSRS: self._delete_csrs,
            leaving.DELETE_BOOTSTRAP: lambda: self._its.delete_bootstrap_secret(
                t.cast(Json, self._side.bootstrap_secret)
            ),
        }
        operations[operation]()

    def await_all(self) -> None:
        """What goes by itself and is in nobody's way was not waited for yet. Raises TimedOut."""
        for wait in self._awaited:
            wait()

    # -- workload ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Wait for somebody else to take their works away; nothing has been changed yet."""

        def look() -> str | None:
            left = [work for work in self._its.works(self._name) if leaving.is_foreign(work)]
            return f"works that KubeStellar did not make are in the mailbox: {leaving.named(left)}" if left else None

        self._until(look, lambda sentence: problems.of("foreign_manifestworks", sentence))

    def _unlabel(self) -> None:
        """All of these steps at once: they are one operation of its own with waits between its parts."""
        verdict = self._leaver.unlabelling
        if self._is_unlabelled or verdict is None:
            return
        self._is_unlabelled = True
        Configuring(self._its, self._wds, ALLOWED).apply([verdict], _LettingGo(self._its, self._wds, self._waiter))
        if verdict.problem is not None:
            raise WecError(f"{self._name}: {verdict.problem}", verdict.problem)

    def _withdraw(self) -> None:
        """KubeStellar deletes its works, and then the agent takes them away; of a lost one only the first is expected."""

        def look() -> str | None:
            left = self._its.delivered_works(self._name)
            staying = [work for work in left if not works.is_deleting(work)]
            if staying:
                return f"KubeStellar has not deleted the ManifestWorks {leaving.named(staying)}"
            if left and self._agent is not None:
                return f"its agent has not taken away the ManifestWorks {leaving.named(left)}"
            return None

        def blame(sentence: str) -> Problem:
            code = "kubestellar_not_responding" if sentence.startswith("KubeStellar") else "agent_not_responding"
            kept = leaving.remaining_labels(self._side.view)
            labels = f"labels that were left, because they are the system's: {', '.join(sorted(kept))}" if kept else ""
            return problems.of(code, sentence, labels if code == "kubestellar_not_responding" else self._why_applied())

        self._until(look, blame)

    # -- the ManagedCluster --------------------------------------------------------------------------------------

    def _delete_cluster(self) -> None:
        there: list[Json] = []

        def names() -> set[str]:
            there[:] = self._its.works(self._name)
            return set(map(name_of, there))

        if self._agent is not None:
            self._agent.await_applied(names)
        else:
            names()
            view = dataclasses.replace(self._side.view, lease=self._its.lease(self._name))
            if not self._choices.wec_is_moved:
                self._refuse(leaving.life_problem(view, self._its.now()))
        # Since the batch was looked at, somebody may have sent something.
        drain = leaving.IGNORE if self._choices.drain == leaving.IGNORE else leaving.REFUSE
        self._refuse(leaving.foreign_problem(dataclasses.replace(self._side, works=tuple(there)), drain))
        self._its.delete_cluster(t.cast(Json, self._side.view.managed_cluster))
        if not self._will(leaving.CLEAR_MAILBOX) and not self._will(leaving.REMOVE_FINALIZERS):
            self._await_cluster_gone()

    def _refuse(self, problem: Problem | None) -> None:
        if problem is not None:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)

    def _await_cluster_gone(self) -> None:
        def look() -> str | None:
            cluster = self._its.managed_cluster(self._name)
            if cluster is None:
                return None
            if not works.is_deleting(cluster):
                return f"ManagedCluster {self._name} was made again"
            deleting = conditions.find(cluster, "Deleting")
            why = f": {deleting.message}" if deleting.message else ""
            return f"ManagedCluster {self._name} has the finalizers {', '.join(finalizers(cluster)) or 'none'}{why}"

        def blame(sentence: str) -> Problem:
            left = self._its.works(self._name)
            if left:
                return problems.of(
                    "agent_not_responding", sentence, f"ManifestWorks: {leaving.named(left)}", self._why_applied()
                )
            return problems.of("deletion_stuck", sentence)

        self._until(look, blame)

    def _clear_mailbox(self) -> None:
        """After the ManagedCluster has begun to go: a Placement would make the add-on again before."""
        for item in self._its.addons_of(self._name):
            if not works.is_deleting(item):
                self._its.delete_addon(self._name, item)
        for item in self._its.works(self._name):
            if not works.is_deleting(item):
                self._its.delete_work(self._name, item)
        if self._will(leaving.REMOVE_FINALIZERS):
            return

        def look() -> str | None:
            left = self._its.works(self._name)
            return f"its agent has not taken away the ManifestWorks {leaving.named(left)}" if left else None

        self._until(look, lambda sentence: problems.of("agent_not_responding", sentence, self._why_applied()))
        self._await_cluster_gone()

    def _release(self) -> None:
        """Take away only the finalizers of the parties that are lost, and only of what is being deleted already."""
        patient_until = time.monotonic() + min(_GRACE, self._waiter.timeout / 2)

        def look() -> str | None:
            found, addons = self._its.works(self._name), self._its.addons_of(self._name)
            held = [*found, *addons]
            if not held:
                return None
            if time.monotonic() >= patient_until:
                for kind, items, release in (
                    ("ManifestWork", found, self._its.release_work),
                    ("ManagedClusterAddOn", addons, self._its.release_addon),
                ):
                    for item in items:
                        taken = release(self._name, item)
                        self._leaver.released += leaving.released(kind, f"{self._name}/{name_of(item)}", taken)
            states_of = [f"{name_of(item)} ({', '.join(finalizers(item)) or 'no finalizers'})" for item in held[:5]]
            return f"works and add-ons are in the mailbox: {', '.join(states_of)}"

        self._until(look, lambda sentence: problems.of("deletion_stuck", sentence))
        self._await_cluster_gone()

    # -- what is left of it --------------------------------------------------------------------------------------

    def _delete_mailbox(self) -> None:
        # Under a live ManagedCluster it would hang, and one may have been made anew.
        self._await_cluster_gone()
        self._its.delete_mailbox(t.cast(Json, self._side.own_mailbox))

        def look() -> str | None:
            mailbox = self._its.mailbox(self._name)
            if mailbox is None:
                return None
            facts = [
                one.message
                for one in conditions.all_of(mailbox)
                if one.is_true and one.type in ("NamespaceContentRemaining", "NamespaceFinalizersRemaining")
            ]
            return f"Namespace {self._name} is there{': ' + '; '.join(facts) if facts else ''}"

        self._awaited.append(lambda: self._until(look, lambda sentence: problems.of("deletion_stuck", sentence)))

    def _delete_csrs(self) -> None:
        for csr in self._its.csrs_of(self._name):
            self._its.delete_request(csr)


class _LettingGo(Settling):
    """Here all of a WEC's works have to go, so these themselves show when every Binding has let it go."""

    def __init__(self, its: SharedIts, wds: Wds | None, waiter: Waiter) -> None:
        super().__init__(its, wds, waiter.timeout, waiter.progress)
        self._waiter = waiter

    def _pause(self) -> None:
        with self._waiter.waiting():
            super()._pause()

    def wait_for_withdrawal(self, expected: t.Mapping[str, Expectation]) -> dict[str, Problem]:
        found = super().wait_for_withdrawal(expected) if self._wds is not None else {}
        end_of_notice = time.monotonic() + delivering._NOTICED_WITHIN

        def look(name: str) -> str | None:
            left = self._its.delivered_works(name)
            staying = [work for work in left if not works.is_deleting(work)]
            if staying:
                return f"KubeStellar has not deleted the ManifestWorks {leaving.named(staying)}"
            noticed = bool(left) or self._wds is not None or time.monotonic() >= end_of_notice
            return None if noticed else "KubeStellar may not have noticed yet"

        waiting = {name: "" for name in expected if name not in found}
        late = self._until(waiting, look, "Withdrawal", at_least=delivering._NOTICED_WITHIN + 1)
        return {
            **found,
            **{name: problems.of("kubestellar_not_responding", sentence) for name, sentence in late.items()},
        }

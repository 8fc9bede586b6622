# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking one WEC off its ITS: look at both sides, prove who it is, decide, and take things away in the safe order.

Nothing is remembered between runs: what is there still is what is to be done.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
import typing as t

from .._apis.its import Its
from .._apis.wds import Wds
from .._apis.wec import NoJudge, Wec
from .._errors import ApiError, Refused, TimedOut, Unreachable, WecError
from .._rules import conditions, configuration, leaving, problems, selection, states, timeline, works
from .._rules.leaving import Choices, ItsSide, Part, WecSide, finalizers, name_of
from .._rules.plan import Plan, Step
from .._rules.problems import Problem
from .._rules.timeline import Reached
from .._rules.wec_view import OPERATOR_NAMESPACE, Klusterlet
from . import configuring, delivering
from .configuring import Allowed, Configuring
from .delivering import Expectation, Settling

Json = dict[str, t.Any]
_TICK = 1.0
_LINE_EVERY = 5.0
_GRACE = 5.0
"""Seconds in which an agent that is not lost after all may do its part, before its finalizers are taken away."""
_CUT_ATTEMPTS = 5
_LOST = {"wec_unreachable": "wec_access", "its_unreachable": "its_access"}
_UNLABEL = (configuration.SET_LABELS, configuration.PART)


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
    unlabelling: configuring.Verdict | None = None
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
            told = f"{self.name} is no WEC here: there is nothing to take away"
        elif self.leftovers is None:
            done = dict.fromkeys(f"{one.verb} {one.object}" for one in self.plan.steps)
            told = f"{self.name} would leave: {'; '.join(done)}"
        else:
            told = f"{self.name} has left"
        stays = [f"{one['kind']} {one['name']}" for one in self.leftovers or () if one["expected"]]
        return f"{told}{'. This stays on the WEC: ' + ', '.join(stays) if stays else ''}."

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
        if self.its is not None and self.wec is None:
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
        its: Its | None,
        wec: Wec | None,
        wds: Wds | None,
        choices: Choices,
        hub_apiserver: str | None = None,
    ) -> None:
        self._name, self._choices, self._hub_apiserver = name, choices, hub_apiserver
        self._maybe_its, self._maybe_wec, self._wds = its, wec, wds

    @property
    def _its(self) -> Its:
        return t.cast(Its, self._maybe_its)

    @property
    def _wec(self) -> Wec:
        return t.cast(Wec, self._maybe_wec)

    # -- observe and decide --------------------------------------------------------------------------------------

    def observe(self) -> Departure:
        """Look at the sides that are not lost, and plan. Raises Refused for what must not be touched, WecError."""
        try:
            return self._observe()
        except Unreachable as error:
            option = _LOST.get(error.problem.code if error.problem else "")
            if option is None:
                raise
            text = f"{error.message} If it is gone for good, set {option} to lost."
            raise Unreachable(text, error.kind, error.problem) from error

    def _observe(self) -> Departure:
        if self._maybe_its is not None:
            self._its.require_hub()
        its, wec = self._look()
        found = self._identify(its, wec)
        departure = Departure(self._name, its, wec, found.name, found.reason, found.evidence)
        if its is not None:
            self._refuse(leaving.foreign_problem(its, self._choices.drain))
        if wec is not None:
            self._refuse(leaving.workload_problem(leaving.orphans(self._name, its, wec), self._choices.workload))
            if self._choices.purge:
                self._refuse(self._purge_problem(wec))
        if its is not None and its.view.exists:
            self._plan_unlabelling(departure, its)
        departure.plan.add(*leaving.steps(self._name, its, wec, self._choices))
        if wec is not None and self._purges(departure, wec):
            departure.plan.add(*leaving.purge_steps(wec))
        if its is not None and wec is None:
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

    def _look(self) -> tuple[ItsSide | None, WecSide | None]:
        its, wec = self._maybe_its, self._maybe_wec
        return (
            its.departing(self._name) if its is not None else None,
            wec.departing(self._name, its or NoJudge()) if wec is not None else None,
        )

    def _identify(self, its: ItsSide | None, wec: WecSide | None) -> states.State:
        if its is not None and wec is not None:
            hub, now = self._its.identity(self._hub_apiserver), self._its.now()
            found = leaving.membership(self._name, wec.view, its.view, hub, now)
            self._refuse(leaving.identity_problem(found, wec.view, its.view))
            return found
        if its is not None:
            self._refuse(leaving.life_problem(its.view, self._its.now()))
            return states.of_its_view(its.view, self._its.now())
        view = t.cast(WecSide, wec).view
        klusterlet = view.the_klusterlet(self._name)
        if klusterlet is None:
            return states.State(states.ABSENT, "it has no agent")
        facts = f"Klusterlet {klusterlet.name} on the WEC has spec.clusterName {klusterlet.cluster_name}"
        if klusterlet.cluster_name != self._name:
            self._refuse(problems.of("other_name", facts))
        hub_address = view.credential or view.bootstrap
        told = f"its agent serves the hub at {hub_address.server}" if hub_address else "its agent has no credentials"
        return states.State(states.UNKNOWN, "its ITS was said to be lost, and was not asked", (facts, told))

    def _refuse(self, problem: Problem | None) -> None:
        if problem is not None:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)

    def _plan_unlabelling(self, departure: Departure, its: ItsSide) -> None:
        verdict = self._configuring().plan([leaving.unlabelling(its.view)])[0]
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

    def _configuring(self) -> Configuring:
        # All of its workload shall go, and the cluster may be half gone.
        allowed = Allowed(withdrawal=True, removal=True, without_acceptance=True, deliver=False)
        return Configuring(self._its, self._wds, allowed)

    # -- act -----------------------------------------------------------------------------------------------------

    def run(self, departure: Departure, timeout: float, progress: t.Callable[[str], None]) -> None:
        """Carry out the plan, each wait for at most ``timeout`` seconds. Raises WecError; nothing is skipped."""
        work = _Work(
            self._name, self._maybe_its, self._maybe_wec, self._wds, departure, self._choices, timeout, progress
        )
        done: list[Step] = []
        began = self._now()
        try:
            if departure.its is not None and self._choices.drain == leaving.WAIT:
                work.drain()
            for step in departure.plan.steps:
                work.carry_out(step)
                done.append(step)
            work.await_all()
        except WecError as error:
            error.details["steps"] = [step.as_data() for step in done]
            error.details["released_finalizers"] = departure.released
            raise
        departure.leftovers = leaving.leftovers(self._name, *self._look(), self._choices)
        if departure.plan.changes:
            clock = timeline.WEC_CLOCK if self._maybe_its is None else timeline.ITS_CLOCK
            departure.reached.append(Reached(timeline.LEAVE, self._now(), began, clock))

    def _now(self) -> datetime.datetime:
        """By the ITS's clock, as far as it is not lost."""
        return self._wec.kube.now() if self._maybe_its is None else self._its.now()


class _Work:
    """Carrying out the steps of one plan."""

    def __init__(
        self,
        name: str,
        its: Its | None,
        wec: Wec | None,
        wds: Wds | None,
        departure: Departure,
        choices: Choices,
        timeout: float,
        progress: t.Callable[[str], None],
    ) -> None:
        self._name, self._departure, self._choices = name, departure, choices
        self._its, self._wds, self._has_wec = t.cast(Its, its), wds, wec is not None
        self._wec = t.cast(Wec, wec)
        self._timeout, self._progress = timeout, progress
        self._is_unlabelled = False
        self._awaited: list[t.Callable[[], None]] = []

    @property
    def _its_side(self) -> ItsSide:
        return t.cast(ItsSide, self._departure.its)

    @property
    def _wec_side(self) -> WecSide:
        return t.cast(WecSide, self._departure.wec)

    def _will(self, operation: str) -> bool:
        """Whether it is a part of this plan."""
        return any(step.do == operation for step in self._departure.plan.steps)

    def carry_out(self, step: Step) -> None:
        """Raises WecError."""
        if step.do.startswith(leaving.PURGE):
            self._purge(next(part for part in leaving.OPERATOR_PARTS if step.do == f"{leaving.PURGE} {part}"))
            return
        if step.do in _UNLABEL:
            self._unlabel()
            return
        operations: dict[str, t.Callable[[], None]] = {
            leaving.WITHDRAW: self._withdraw,
            leaving.DELETE_CLUSTER: self._delete_cluster,
            leaving.CLEAR_MAILBOX: self._clear_mailbox,
            leaving.RELEASE: self._release,
            leaving.DELETE_KLUSTERLET: self._delete_klusterlet,
            leaving.STAND_IN: self._stand_in_for_operator,
            leaving.DELETE_AGENT_NAMESPACES: self._delete_agent_namespaces,
            leaving.CUT: self._cut,
            leaving.DELETE_APPLIED: self._delete_applied,
            leaving.DELETE_MAILBOX: self._delete_mailbox,
            leaving.DELETE_PROPERTIES: lambda: self._its.delete_property_map(t.cast(Json, self._its_side.config_map)),
            leaving.DELETE_CSRS: self._delete_csrs,
            leaving.DELETE_BOOTSTRAP: lambda: self._its.delete_bootstrap_secret(
                t.cast(Json, self._its_side.bootstrap_secret)
            ),
        }
        operations[step.do]()

    def await_all(self) -> None:
        """What goes by itself and is in nobody's way was not waited for yet. Raises TimedOut."""
        for wait in self._awaited:
            wait()

    def _until(
        self, look: t.Callable[[], str | None], blame: t.Callable[[str], Problem], timeout: float | None = None
    ) -> None:
        """Until ``look`` gives None. What it gives else is what is there still and why. Raises TimedOut."""
        allowed = self._timeout if timeout is None else timeout
        begin = time.monotonic()
        line_at = begin + _LINE_EVERY
        while True:
            told = look()
            if told is None:
                return
            if time.monotonic() >= begin + allowed:
                problem = blame(told)
                raise TimedOut(f"{self._name}: {problem}", problem)
            if time.monotonic() >= line_at:
                line_at += _LINE_EVERY
                self._progress(f"{self._name}: {told} ({time.monotonic() - begin:.0f} s)")
            time.sleep(_TICK)

    # -- workload ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Wait for somebody else to take their works away; nothing has been changed yet."""

        def look() -> str | None:
            left = [work for work in self._its.works(self._name) if leaving.is_foreign(work)]
            return f"works that KubeStellar did not make are in the mailbox: {leaving.named(left)}" if left else None

        self._until(look, lambda told: problems.of("works_not_ours", told))

    def _unlabel(self) -> None:
        """All of these steps at once: they are one operation of its own with waits between its parts."""
        verdict = self._departure.unlabelling
        if self._is_unlabelled or verdict is None:
            return
        self._is_unlabelled = True
        allowed = Allowed(withdrawal=True, removal=True, without_acceptance=True, deliver=False)
        settling = _LettingGo(self._its, self._wds, self._timeout, self._progress)
        Configuring(self._its, self._wds, allowed).apply([verdict], settling)
        if verdict.problem is not None:
            raise WecError(f"{self._name}: {verdict.problem}", verdict.problem)

    def _withdraw(self) -> None:
        """KubeStellar deletes its works, and then the agent takes them away; of a lost one only the first is expected."""

        def look() -> str | None:
            left = self._its.delivered_works(self._name)
            staying = [work for work in left if not works.is_deleting(work)]
            if staying:
                return f"KubeStellar has not deleted the ManifestWorks {leaving.named(staying)}"
            if left and self._has_wec:
                return f"its agent has not taken away the ManifestWorks {leaving.named(left)}"
            return None

        def blame(told: str) -> Problem:
            code = "kubestellar_silent" if told.startswith("KubeStellar") else "agent_silent"
            kept = leaving.remaining_labels(self._its_side.view)
            labels = f"labels that were left, because they are the system's: {', '.join(sorted(kept))}" if kept else ""
            return problems.of(code, told, labels if code == "kubestellar_silent" else self._why_applied())

        self._until(look, blame)

    def _await_applied(self, but_of_works: bool) -> None:
        """Until nothing is left on the WEC that its agent takes away, ``but_of_works`` that are in the mailbox."""
        nobodys = {name_of(item) for item in leaving.orphans(self._name, self._departure.its, self._wec_side)}

        def look() -> str | None:
            there = {name_of(work) for work in self._its.works(self._name)} if but_of_works else set()
            fresh = dataclasses.replace(self._wec_side, applied=tuple(self._wec.works()))
            left = [
                item
                for item in fresh.own_applied(self._name)
                if name_of(item) not in nobodys and (item.get("spec") or {}).get("manifestWorkName") not in there
            ]
            return f"the WEC still has the AppliedManifestWorks {leaving.named(left)}" if left else None

        self._until(look, lambda told: problems.of("agent_silent", told, self._why_applied()))

    def _why_applied(self) -> str:
        """What holds the workload of works that are being deleted, as far as it may be read."""
        if not self._has_wec:
            return ""
        held = []
        try:
            for applied in filter(works.is_deleting, self._wec.works()):
                for path, item in self._wec.workload_of(applied):
                    if finalizers(item):
                        held.append(f"{path} has the finalizers {', '.join(finalizers(item))}")
        except ApiError as error:
            if error.status != 403:
                raise
        return "; ".join(held[:5])

    # -- the ITS -------------------------------------------------------------------------------------------------

    def _delete_cluster(self) -> None:
        if self._has_wec:
            self._await_applied(but_of_works=True)
        self._its.delete_cluster(t.cast(Json, self._its_side.view.managed_cluster))
        if not self._will(leaving.CLEAR_MAILBOX) and not self._will(leaving.RELEASE):
            self._await_cluster_gone()

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

        def blame(told: str) -> Problem:
            left = self._its.works(self._name)
            if left:
                return problems.of("agent_silent", told, f"ManifestWorks: {leaving.named(left)}", self._why_applied())
            return problems.of("deletion_stuck", told)

        self._until(look, blame)

    def _clear_mailbox(self) -> None:
        """After the ManagedCluster has begun to go: a Placement would make the add-on again before."""
        for item in self._its.addons_of(self._name):
            if not works.is_deleting(item):
                self._its.delete_addon(self._name, item)
        for item in self._its.works(self._name):
            if not works.is_deleting(item):
                self._its.delete_work(self._name, item)
        if self._will(leaving.RELEASE):
            return

        def look() -> str | None:
            left = self._its.works(self._name)
            return f"its agent has not taken away the ManifestWorks {leaving.named(left)}" if left else None

        self._until(look, lambda told: problems.of("agent_silent", told, self._why_applied()))
        self._await_cluster_gone()

    def _release(self) -> None:
        """Take away only the finalizers of the parties that are lost, and only of what is being deleted already."""
        patient_until = time.monotonic() + min(_GRACE, self._timeout / 2)

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
                        self._note_released(kind, f"{self._name}/{name_of(item)}", release(self._name, item))
            states_of = [f"{name_of(item)} ({', '.join(finalizers(item)) or 'no finalizers'})" for item in held[:5]]
            return f"works and add-ons are in the mailbox: {', '.join(states_of)}"

        self._until(look, lambda told: problems.of("deletion_stuck", told))
        self._await_cluster_gone()

    def _delete_mailbox(self) -> None:
        # Under a live ManagedCluster it would hang, and one may have been made anew.
        self._await_cluster_gone()
        self._its.delete_mailbox(t.cast(Json, self._its_side.own_mailbox))

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

        self._awaited.append(lambda: self._until(look, lambda told: problems.of("deletion_stuck", told)))

    def _delete_csrs(self) -> None:
        for csr in self._its.csrs_of(self._name):
            self._its.delete_request(csr)

    # -- the WEC -------------------------------------------------------------------------------------------------

    def _delete_klusterlet(self) -> None:
        own = t.cast(Klusterlet, self._wec_side.klusterlet(self._name))
        # Without it, the workload would stay.
        self._await_applied(but_of_works=False)
        self._wec.delete_klusterlet(own.name)
        if not self._will(leaving.STAND_IN):
            self._await_klusterlet_gone(own)

    def _await_klusterlet_gone(self, own: Klusterlet) -> None:
        def look() -> str | None:
            found = self._wec.klusterlet(own.name)
            if found is None:
                return None
            return f"Klusterlet {own.name} has the finalizers {', '.join(finalizers(found)) or 'none'}"

        def blame(told: str) -> Problem:
            is_gone = self._wec.deployment(OPERATOR_NAMESPACE, "klusterlet") is None
            return problems.of("half_purged" if is_gone else "deletion_stuck", told)

        self._until(look, blame)
        others = [one for one in self._wec_side.view.klusterlets or () if one.uid != own.uid]
        if not others:
            self._await_namespaces((own.namespace, leaving.ADDON_NAMESPACE))

    def _stand_in_for_operator(self) -> None:
        """What the operator would do (OCM: pkg/operator/operators/klusterlet, its cleanup), in its order."""
        own = t.cast(Klusterlet, self._wec_side.klusterlet(self._name))
        if all(one.uid == own.uid for one in self._wec_side.view.klusterlets or ()):
            for namespace in (own.namespace, leaving.ADDON_NAMESPACE):
                self._wec.delete_namespace(namespace)
        self._wec.delete_made_by_operator(own.name)
        found = self._wec.klusterlet(own.name)
        if found is not None:
            self._note_released("Klusterlet", own.name, self._wec.release_klusterlet(found))
        self._await_klusterlet_gone(own)

    def _note_released(self, kind: str, name: str, taken: t.Iterable[str]) -> None:
        self._departure.released += [{"kind": kind, "name": name, "finalizer": one} for one in taken]

    def _await_namespaces(self, names: t.Iterable[str]) -> None:
        def look() -> str | None:
            left = [one for one in names if self._wec.has_namespace(one)]
            return f"the WEC still has the namespaces {', '.join(left)}" if left else None

        self._until(look, lambda told: problems.of("deletion_stuck", told))

    def _delete_agent_namespaces(self) -> None:
        for namespace in self._wec_side.namespaces:
            self._wec.delete_namespace(namespace)
        self._await_namespaces(self._wec_side.namespaces)

    def _orphans(self) -> list[Json]:
        wanted = {name_of(item) for item in leaving.orphans(self._name, self._departure.its, self._wec_side)}
        return [item for item in self._wec.works() if name_of(item) in wanted]

    def _cut(self) -> None:
        """The agent is gone by now: it would put the references back."""
        for applied in self._orphans():
            for attempt in range(_CUT_ATTEMPTS):
                try:
                    for path, item in self._wec.workload_of(applied):
                        owners = leaving.without_owner(item)
                        if owners is not None:
                            self._wec.set_owners(path, item, owners)
                    break
                except ApiError as error:
                    if error.status not in (404, 409) or attempt + 1 == _CUT_ATTEMPTS:
                        raise

    def _delete_applied(self) -> None:
        items = self._orphans()
        workload: dict[str, str] = {}
        if self._choices.workload == leaving.REMOVE:
            workload = {path: item["metadata"]["uid"] for one in items for path, item in self._wec.workload_of(one)}
        for applied in items:
            self._wec.delete_applied(applied)

        def look() -> str | None:
            left = self._orphans()
            for one in left:
                # Their agent is gone, and nobody else will.
                self._note_released("AppliedManifestWork", name_of(one), self._wec.release_applied(one))
            if left:
                facts = [f"{name_of(one)} ({', '.join(finalizers(one)) or 'no finalizers'})" for one in left[:5]]
                return f"the WEC still has the AppliedManifestWorks {', '.join(facts)}"
            there = [path for path, uid in workload.items() if self._is_there(path, uid)]
            return f"workload is on the WEC still: {', '.join(there[:5])}" if there else None

        self._until(look, lambda told: problems.of("deletion_stuck", told))

    def _is_there(self, path: str, uid: str) -> bool:
        found = self._wec.kube.find(path)
        return found is not None and found["metadata"]["uid"] == uid

    def _purge(self, part: Part) -> None:
        """Looked at again before each: another hub may have come, or an agent may have left something."""
        view = dataclasses.replace(self._wec_side.view, klusterlets=self._wec.klusterlets())
        fresh = dataclasses.replace(self._wec_side, view=view, cluster_managers=self._wec.cluster_managers())
        problem = leaving.purge_problem(self._name, fresh, self._wec.works())
        is_asked_for = self._choices.purge is True
        if problem is not None and is_asked_for:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)
        if problem is not None:
            self._departure.warnings.append(f"{self._name}: {part} stays on the WEC: {problem}")
            return
        try:
            self._wec.delete_part(part)
        except ApiError as error:
            if error.status != 403 or is_asked_for:
                raise
            self._departure.warnings.append(f"{self._name}: {part} stays on the WEC: {error.message}")
            return

        def look() -> str | None:
            return f"{part} is there still" if self._wec.has_part(part) else None

        self._awaited.append(lambda: self._until(look, lambda told: problems.of("deletion_stuck", told)))


class _LettingGo(Settling):
    """Here all of a WEC's works have to go, so these themselves show when every Binding has let it go."""

    def let_go(self, expected: t.Mapping[str, Expectation]) -> dict[str, Problem]:
        found = super().let_go(expected) if self._wds is not None else {}
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
        return {**found, **{name: problems.of("kubestellar_silent", told) for name, told in late.items()}}

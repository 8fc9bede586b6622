# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining one WEC: look at both sides, decide, and do only what is missing."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import time
import typing as t

from .. import _wording
from .._apis.clusteradm import Clusteradm
from .._apis.its import Its
from .._apis.shared import Waiting
from .._apis.wec import Wec
from .._errors import Refused, WecError
from .._rules.fleet.plan import Plan, Step
from .._rules.observed.observed_agent import AGENT_NAMESPACE, ObservedAgent
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.registration import agent_plan, kept_works
from .._rules.registration.acceptance import Member, foreseen, remove_step, silent_controllers
from .._rules.registration.agent_plan import IntendedAgent
from .._rules.registration.certificates import CertificateFacts
from .._rules.registration.join_options import JoinOptions
from .._rules.registration.kept_works import Comparison
from .._rules.status import diagnosis, problems, states, timeline, versions
from .._rules.status.problems import Problem
from .._rules.status.states import State
from .._rules.status.timeline import Reached
from .._rules.upgrade import klusterlet_images
from .._rules.upgrade.upgrade_plan import Target
from . import acceptance, credentials, keeping, late_causes
from .acceptance import Verdict, WaitOptions
from .agent import NOT_RENEWED, Agent, AgentOnWec
from .credentials import HeldByAnotherRunError
from .installing import Installer
from .upgrading import LEASE_WITHIN, Upgrade, Upgrading
from .waiting import Waiter
from .wec_on_host import AgentOnHost, WecOnHost

Json = dict[str, t.Any]
_BACK_WITHIN = 30.0
"""Seconds that an agent whose ManagedCluster was re-created has to be back; it takes one."""
UPGRADE_WAITS = 300.0
"""Seconds for each thing that an upgrade waits for, as in wec_upgrade."""
UPGRADE_TAKES = 3 * UPGRADE_WAITS + LEASE_WITHIN
"""Seconds that an upgrade takes at most, but for clusteradm."""


@dataclasses.dataclass
class Outcome:
    """What was found, planned and done. ``acceptance`` is foreseen at first, and what was done in the end."""

    name: str
    before: State
    state: str
    uid: str
    version: str
    agent: Plan = dataclasses.field(default_factory=Plan)
    acceptance: Plan = dataclasses.field(default_factory=Plan)
    verdict: Verdict | None = None
    token_id: str | None = None
    holds_certificate: bool = False
    intended: IntendedAgent | None = None
    options: JoinOptions = dataclasses.field(default_factory=JoinOptions)
    foreign: list[Json] = dataclasses.field(default_factory=list)
    """Signing requests to delete."""
    warnings: list[str] = dataclasses.field(default_factory=list)
    reached: list[Reached] = dataclasses.field(default_factory=list)
    kept: Comparison | None = None
    """What became of another hub's workload that was kept; None where none was, or where that is not known yet."""
    is_kept: bool = False
    """Whether an earlier run has switched eviction off."""
    began: datetime.datetime | None = None
    """When the agent was last touched, by the ITS's clock."""
    certificate: CertificateFacts | None = None
    """That of its agent, as it was found, and after a rotation the new one."""
    certificate_before: CertificateFacts | None = None
    upgrade: Upgrade | None = None
    """Of a WEC that has joined and whose klusterlet is older than the version that was asked for."""

    @property
    def keeps_works(self) -> bool:
        """Whether workload of another hub is kept on it, which is to be compared with this ITS's."""
        return self.is_kept or any(step.do == agent_plan.SWITCH_EVICTION_OFF for step in self.agent.steps)

    @property
    def rotates(self) -> bool:
        """Whether its certificate is to be looked at once more, when it is available."""
        is_settled = self.before.name == states.JOINED and not self.agent.changes
        return self.options.rotate_before is not None and not is_settled

    @property
    def plan(self) -> Plan:
        return Plan([*self.wec_steps, *self.acceptance.steps])

    @property
    def wec_steps(self) -> list[Step]:
        """Those for the agent: to install or mend it, or to upgrade it."""
        return [*self.agent.steps, *(self.upgrade.plan.steps if self.upgrade else ())]

    @property
    def starts_anew(self) -> bool:
        """Whether the agent makes another signing request, so that an older one does not count."""
        return any(step.do in agent_plan.STARTS_ANEW for step in self.agent.steps)

    @property
    def member(self) -> Member:
        holds = self.holds_certificate and not self.starts_anew
        return Member(
            self.name,
            self.uid,
            self.token_id,
            holds,
            awaits_request=self.starts_anew,
            replace_lost_cluster=self.options.replace_lost_cluster,
            remove_foreign_csrs=self.options.remove_foreign_csrs,
            server=self.intended.server if self.intended else None,
            renewed_after=self.began if self._awaits_lease else None,
        )

    @property
    def _awaits_lease(self) -> bool:
        """Whether the agent goes on with its certificate, so that only its lease shows that it is back."""
        return not self.starts_anew and any(step.do in agent_plan.AWAITS_LEASE for step in self.agent.steps)

    @property
    def kept_data(self) -> Json | None:
        is_restored = any(step.do == agent_plan.SWITCH_EVICTION_ON for step in self.agent.steps)
        return self.kept.as_data(is_restored=is_restored) if self.kept is not None else None

    def as_data(self) -> Json:
        verdict = self.verdict
        return {
            "name": self.name,
            "uid": self.uid,
            "kubernetes_version": self.version,
            "state": self.state,
            "state_before": self.before.name,
            "reason": self.before.reason,
            "evidence": list(self.before.evidence),
            "steps": self.plan.as_data(),
            "member": self.member.as_data(),
            "agent_endpoint": self.intended.server if self.intended else None,
            "klusterlet_version": self.intended.version if self.intended else None,
            "kept_works": self.kept_data,
            "proofs": verdict.proofs if verdict else {},
            "rejected_csrs": verdict.rejected if verdict else [],
            "addon": verdict.addon if verdict else None,
            "probe": verdict.probe if verdict else None,
            "timeline": timeline.as_data([*self.reached, *(verdict.timeline if verdict else ())]),
            "problem": verdict.problem.as_data() if verdict and verdict.is_over and verdict.problem else None,
        }


class Joining:
    """One WEC on its way to one ITS."""

    def __init__(
        self, its: Its, wec: Wec | WecOnHost, options: JoinOptions, waiting: Waiting = contextlib.nullcontext
    ) -> None:
        """``waiting`` is entered while an upgrade is only waited for."""
        self._its, self._wec, self._options, self._waiting = its, wec, options, waiting
        self._name = options.name
        self._installer = Installer(its, options, wec)
        self._observed_agent: ObservedAgent = ObservedAgent("", None)
        self._introduction: str | None = None

    # -- observe and decide --------------------------------------------------------------------------------------

    def observe(self, with_acceptance: bool) -> Outcome:
        """Look at both sides and plan, ``with_acceptance`` beyond the agent.

        Raises Refused for what must not be touched, WecError for what cannot be done.
        """
        self._its.require_hub()
        view = self._its.fresh_view(self._name)
        wec = self._observed_agent = self._wec.view(self._name, self._its)
        hub = self._its.identity(self._options.hub_apiserver)
        now = self._its.now()
        state = states.classify(self._name, wec, view, hub, now)
        is_foreign = state.name == states.OTHER_HUB
        is_kept = kept_works.are_kept(wec.the_klusterlet(self._name))
        found = agent_plan.needs(
            state,
            wec,
            view,
            hub,
            self._options,
            now,
            self._installer.address_for(state.name),
            ahead=self._ahead,
            has_works=is_foreign and self._options.move_from_other_hub and (is_kept or bool(self._wec.works())),
        )
        if found.do is None:
            raise self._refusal(state, found.problem)
        cause = agent_plan.lasting_cause(found, state, wec, view, hub)
        if is_foreign:
            cause = keeping.works_problem(self._wec, self._options)
        if cause is not None:
            raise Refused(f"{self._name}: {cause}", cause.evidence, cause)
        flood = agent_plan.flooded(found, wec, view, self._options, now)
        if flood is not None:
            raise Refused(f"{self._name}: {flood}", flood.evidence, flood)
        outcome = Outcome(
            self._name,
            state,
            state.name,
            self._wec.uid,
            self._wec.version,
            token_id=wec.bootstrap.token.id if wec.bootstrap else None,
            holds_certificate=wec.credential is not None,
            options=self._options,
            foreign=agent_plan.foreign_csrs(found, view, self._options),
            is_kept=is_kept,
            certificate=wec.credential.certificate if wec.credential else None,
        )
        if agent_plan.MINT in found.do:
            self._introduction = self._introduction_id()
        if {agent_plan.MINT, agent_plan.READDRESS_HUB, agent_plan.RENEW} & set(found.do):
            # Whatever could make it fail is found out here, before anything is changed.
            outcome.intended = self._installer.intended(with_clusteradm=agent_plan.JOIN in found.do)
        outcome.agent.add(*agent_plan.steps(found, view, wec, outcome.intended, outcome.foreign))
        if not found.do and self._options.rotate_before is None:
            self._plan_upgrade(outcome, state, wec)
        if state.name == states.JOINED and isinstance(self._wec, Wec):
            outcome.kept = keeping.compare(self._its, self._wec, wec, self._name)
            is_over = outcome.kept is None or outcome.kept.is_complete
            outcome.agent.add(*(agent_plan.settling(view, wec) if is_over else ()))
        if with_acceptance and (found.do or state.name not in (states.JOINED_UNAVAILABLE,)):
            shown = ObservedManagedCluster(self._name) if agent_plan.CLEAR_NAME in found.do else view
            outcome.acceptance.add(*foreseen(outcome.member, shown))
        return outcome

    def _plan_upgrade(self, outcome: Outcome, state: State, wec: ObservedAgent) -> None:
        """Where a newer version is asked for, by the rules of an upgrade. A klusterlet is never made older. Raises WecError."""
        given = self._options.bundle_version or self._options.bundle_overrides.get("ocm")
        wanted, klusterlet = versions.parse(given), wec.the_klusterlet(self._name)
        if state.name not in (states.JOINED, states.JOINED_UNAVAILABLE) or wanted is None or klusterlet is None:
            return
        current = klusterlet_images.read(klusterlet, None).version
        if current is None:
            return
        fact = f"it is {versions.show(current)}, and {_wording.option('bundle_version')} is {versions.show(wanted)}"
        if current > wanted:
            outcome.warnings.append(f"{self._name}: its klusterlet stays as it is: {fact}.")
        elif state.name == states.JOINED and isinstance(self._wec, Wec):
            upgrading = self._upgrading(self._wec)
            found = upgrading.observe(
                Target(wanted, self._its.hub.version, self._options.image_registry, is_given=True)
            )
            if found.plan.changes:
                upgrading.check(found, self._clusteradm())
                outcome.upgrade = found
        elif current < wanted:
            outcome.warnings.append(f"{self._name}: {problems.of('klusterlet_behind', fact)}")

    def _upgrading(self, wec: Wec) -> Upgrading:
        return Upgrading(self._its, wec, self._name, self._options.hub_apiserver)

    def _clusteradm(self) -> Clusteradm:
        """Raises ClusteradmError."""
        return Clusteradm(self._options.clusteradm_binary, known=self._options.clusteradm_known)

    @property
    def _ahead(self) -> float:
        """Seconds by which the WEC's clock is ahead of the ITS's."""
        return self._wec.clock_offset - self._its.kube.clock_offset

    def _refusal(self, state: State, known: Problem | None) -> Refused:
        problem = known or diagnosis.of_state(state) or problems.of("cluster_identity_unclear", *state.evidence)
        return Refused(f"{self._name}: {state.reason}. {problem.kind.remedy}.", state.evidence, problem)

    # -- act -----------------------------------------------------------------------------------------------------

    def run(self, outcome: Outcome, wait_options: WaitOptions | None, progress: t.Callable[[str], None]) -> Outcome:
        """Carry out the plan; returns the outcome that counts (another, if another run was faster).

        Without ``wait_options`` only the agent is seen to. Raises WecError.
        """
        began = self._its.now()
        outcome = self._see_to_agent(outcome, wait_options is not None)
        if outcome.upgrade is not None and isinstance(self._wec, Wec):
            self._upgrade(self._wec, outcome.upgrade, progress)
        if outcome.agent.changes:
            outcome.reached.append(Reached(timeline.JOIN, self._its.now(), began))
        if wait_options is not None:
            with late_causes.asked(lambda name: late_causes.of_both_sides(self._its, self._wec, name)) as causes:
                verdicts = acceptance.accept_all(self._its, [outcome.member], wait_options, progress, causes=causes)
            verdict = verdicts[self._name]
            outcome.verdict, outcome.state, outcome.acceptance = verdict, verdict.state, verdict.plan
            if verdict.done:
                self.settle(outcome)
        return outcome

    def _upgrade(self, wec: Wec, found: Upgrade, progress: t.Callable[[str], None]) -> None:
        """Raises WecError, with the steps that were done in its details."""
        waiter = Waiter(self._name, UPGRADE_WAITS, progress, self._waiting)
        self._upgrading(wec).run(found, self._clusteradm(), self._options.clusteradm_timeout, waiter, rollback=False)

    def settle(self, outcome: Outcome) -> None:
        """Of a WEC that is available: compare workload of another hub that was kept on it with what this ITS has brought.

        If all of it has its counterpart, its agent may evict again; else a warning says what has none. Raises WecError.
        """
        if not outcome.keeps_works or not isinstance(self._wec, Wec):
            return
        view = self._its.view(self._name)
        wec = self._observed_agent = self._wec.view(self._name, self._its)
        found = keeping.compare_in_time(self._its, self._wec, wec, self._name)
        if found is None:
            return
        outcome.kept = found
        if not found.is_complete:
            outcome.warnings.append(keeping.warning(self._name, found))
            return
        agent = self._agent(outcome)
        for step in agent_plan.settling(view, wec):
            agent.carry_out(step)
            outcome.agent.add(step)

    def prove_rotation(self, outcome: Outcome) -> None:
        """Of a WEC that is available: whether its agent has another certificate. Raises WecError."""
        moment = outcome.options.rotate_before
        credential = self._wec.view(self._name, self._its).credential
        before, outcome.certificate_before = outcome.certificate, outcome.certificate
        outcome.certificate = credential.certificate if credential else None
        is_new = credential is not None and moment is not None and credential.is_newer_than(moment, self._ahead)
        is_other = before is None or outcome.certificate is None or before.key != outcome.certificate.key
        was_renewed = any(step.do in agent_plan.RENEWS for step in outcome.agent.steps)
        if not is_new or (was_renewed and not is_other):
            problem = problems.of(NOT_RENEWED, "the certificate in its Secret is the one before")
            raise WecError(f"{self._name}: {problem}", problem)

    def wait_until_deleted(self, timeout: float) -> None:
        """Wait while an earlier registration is still being taken apart; what it is then is for ``observe`` to say."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            view, wec = self._its.view(self._name), self._wec.view(self._name, self._its)
            state = states.classify(self._name, wec, view, self._its.identity(), self._its.now())
            if state.name != states.DELETING:
                return
            time.sleep(1.5)

    def _see_to_agent(self, outcome: Outcome, with_acceptance: bool) -> Outcome:
        for _attempt in range(60):
            try:
                self._carry_out(outcome)
                return outcome
            except HeldByAnotherRunError as held:
                last = held
                credentials.wait_a_moment()
                # What the other run has done meanwhile changes what is left to do.
                outcome = self.observe(with_acceptance)
        raise last

    def _carry_out(self, outcome: Outcome) -> None:
        agent = self._agent(outcome)
        foreign = {remove_step(csr).object: csr for csr in outcome.foreign}
        done: list[Step] = []
        outcome.began = self._its.now()
        try:
            for step in outcome.agent.steps:
                if step.do == agent_plan.REMOVE_FOREIGN:
                    self._its.delete_request(foreign[step.object])
                elif step.do == agent_plan.RENEW and not self._renews(agent, step):
                    # The certificate is gone all the same.
                    done.append(step)
                    outcome.agent = Plan([*done])
                    self._start_anew(outcome, "it did not renew its certificate by itself", done)
                    return
                elif step.do != agent_plan.RENEW:
                    agent.carry_out(step)
                done.append(step)
                if step.do == agent_plan.RENEW:
                    # Only a lease that is renewed from here on can be by the new certificate.
                    outcome.began = self._its.now()
                if step.do == agent_plan.MINT:
                    self._require_unchanged()
        except WecError as error:
            if not isinstance(error, HeldByAnotherRunError) and agent.minted is not None:
                # The agent will not need the token that it did not get (or got, and then something else failed).
                credentials.revoke(self._its, {self._name})
            error.details["steps"] = [step.as_data() for step in done]
            raise
        if agent.minted is not None:
            outcome.token_id = agent.minted.facts.id
            outcome.state = states.PENDING_CSR
            if agent.minted.warning:
                outcome.warnings.append(agent.minted.warning)
        if any(step.do == agent_plan.RECREATE for step in done):
            self._await_return(outcome)

    def _agent(self, outcome: Outcome) -> Agent:
        installation = self._installer.installation(outcome.uid, outcome.intended)
        if isinstance(self._wec, WecOnHost):
            return Agent(self._its, installation, AgentOnHost(self._wec, installation))
        return Agent(
            self._its,
            installation,
            AgentOnWec(self._wec, self._observed_agent, installation, self._installer.clusteradm),
        )

    def _require_unchanged(self) -> None:
        """From here on no other run touches this WEC; but one may have finished with it since it was looked at."""
        if self._introduction_id() != self._introduction:
            credentials.revoke(self._its, {self._name})
            raise HeldByAnotherRunError(f"Another run has joined {self._name} in the meantime.")

    def _introduction_id(self) -> str | None:
        """The id of the token that the agent has (or will have, when there is one) to bootstrap with."""
        klusterlet = self._observed_agent.the_klusterlet(self._name)
        return self._wec.introduction(klusterlet.namespace if klusterlet else AGENT_NAMESPACE)

    def _await_return(self, outcome: Outcome) -> None:
        """An agent whose ManagedCluster is back comes back with its old certificate; if not, it must start anew."""
        end = time.monotonic() + _BACK_WITHIN
        while time.monotonic() < end:
            view = self._its.view(self._name)
            if view.joined.is_true:
                outcome.state = states.of_observed_managed_cluster(view, self._its.now()).name
                return
            time.sleep(1.0)
        silent = silent_controllers(view, self._its.now())
        if silent is not None:
            # Starting anew would not help: nobody gives it its rights.
            raise WecError(f"{self._name}: {silent}", silent)
        outcome.warnings.append(
            f"The agent of {self._name} did not come back within {_BACK_WITHIN:.0f} s after its ManagedCluster was "
            "re-created; it was made to start anew."
        )
        self._start_anew(outcome, "it did not come back by itself", [])

    def _renews(self, agent: Agent, step: Step) -> bool:
        """Whether the agent has another certificate. Raises WecError for anything but that it has none."""
        try:
            agent.carry_out(step)
        except WecError as error:
            if error.problem is None or error.problem.code != NOT_RENEWED:
                raise
            return False
        return True

    def _start_anew(self, outcome: Outcome, reason: str, done: list[Step]) -> None:
        """With a token, because an agent does not do by itself what it should. What was carried out is added to ``done``."""
        found = agent_plan.Needs(agent_plan.ANEW, reason)
        outcome.intended = self._installer.intended(with_clusteradm=False)
        steps = agent_plan.steps(found, self._its.view(self._name), self._observed_agent, outcome.intended)
        agent = self._agent(outcome)
        try:
            for step in steps:
                agent.carry_out(step)
                outcome.agent.add(step)
                done.append(step)
        except WecError as error:
            if not isinstance(error, HeldByAnotherRunError) and agent.minted is not None:
                credentials.revoke(self._its, {self._name})
            raise
        if agent.minted is not None:
            outcome.token_id, outcome.state = agent.minted.facts.id, states.PENDING_CSR
            if agent.minted.warning:
                outcome.warnings.append(agent.minted.warning)

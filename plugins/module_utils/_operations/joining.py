# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Joining one WEC: look at both sides, decide, and do only what is missing."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._apis.clusteradm import Clusteradm, JoinRequest
from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import ClusteradmError, InvalidOption, Refused, WecError
from .._rules import certificates, diagnosis, endpoints, problems, states, tokens, versions
from .._rules.acceptance import Member, foreseen
from .._rules.plan import Plan, Step
from .._rules.states import State
from .._rules.wec_view import AGENT_NAMESPACE, BOOTSTRAP_SECRET, WecView
from . import acceptance
from .acceptance import Patience, Verdict

Json = dict[str, t.Any]

_NEED_AGENT = (states.ABSENT, states.PARTIAL)


@dataclasses.dataclass(frozen=True)
class Wishes:
    """How a WEC shall be joined. ``hub_apiserver``: the address that its agent dials, if the ITS's own will not do."""

    name: str
    hub_apiserver: str | None = None
    bundle_version: str | None = None
    singleton: bool = True
    clusteradm_binary: str = "clusteradm"
    clusteradm_timeout: float = 120.0


@dataclasses.dataclass(frozen=True)
class AgentEndpoint:
    """The address that agents dial, and how clusteradm is told. ``dialled_here`` is what this machine uses."""

    server: str
    dialled_here: str
    is_published: bool


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
    endpoint: AgentEndpoint | None = None
    klusterlet_version: str | None = None

    @property
    def plan(self) -> Plan:
        return Plan([*self.agent.steps, *self.acceptance.steps])

    @property
    def member(self) -> Member:
        return Member(self.name, self.uid, self.token_id, self.holds_certificate)

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
            "member": dataclasses.asdict(self.member),
            "agent_endpoint": self.endpoint.server if self.endpoint else None,
            "klusterlet_version": self.klusterlet_version,
            "proofs": verdict.proofs if verdict else {},
            "rejected_csrs": verdict.rejected if verdict else [],
            "problem": verdict.problem.as_data() if verdict and verdict.failed and verdict.problem else None,
        }


class Joining:
    """One WEC on its way to one ITS."""

    def __init__(self, its: Its, wec: Wec, wishes: Wishes) -> None:
        self._its, self._wec, self._wishes = its, wec, wishes
        self._name = wishes.name

    # -- observe and decide --------------------------------------------------------------------------------------

    def observe(self, with_acceptance: bool) -> Outcome:
        """Look at both sides and plan, ``with_acceptance`` beyond the agent.

        Raises Refused for what must not be touched, WecError for what cannot be done.
        """
        self._its.require_hub()
        view = self._its.view(self._name)
        wec_view = self._wec.view(self._name, lambda: self._its.client_ca)
        hub = self._its.identity(self._wishes.hub_apiserver)
        state = states.classify(self._name, wec_view, view, hub, self._its.now())
        self._refuse(state)
        outcome = Outcome(
            self._name,
            state,
            state.name,
            self._wec.uid,
            self._wec.version,
            token_id=wec_view.bootstrap.token.id if wec_view.bootstrap else None,
            holds_certificate=wec_view.credential is not None,
        )
        if state.name in _NEED_AGENT:
            self._plan_agent(outcome, wec_view)
        if with_acceptance and state.name != states.JOINED_UNAVAILABLE:
            outcome.acceptance.add(*foreseen(outcome.member, view))
        return outcome

    def _refuse(self, state: State) -> None:
        problem = diagnosis.of_state(state)
        if problem is not None:
            raise Refused(f"{self._name}: {state.reason}. {problem.kind.remedy}.", state.evidence, problem)

    def _plan_agent(self, outcome: Outcome, wec_view: WecView) -> None:
        """Everything that could make the join fail is found out here, before anything is changed."""
        self._clusteradm.require()
        if self._its.hub.bootstrap_account is None:
            problem = problems.of("bootstrap_account_missing")
            raise WecError(f"{self._its.kube.connection.option}: {problem}", problem)
        if not self._hub_ca:
            raise InvalidOption(
                self._its.kube.connection.option,
                None,
                "the connection to the ITS has no CA that agents could be given",
                "Use a kubeconfig with certificate-authority-data, or set its_ca_cert",
            )
        outcome.endpoint = self._endpoint
        outcome.klusterlet_version = self._bundle_version
        account = self._its.hub.bootstrap_account
        outcome.agent.add(
            Step(
                "ITS",
                "create",
                f"token of ServiceAccount {account}",
                "the agent introduces itself with it",
                after={"valid": "1 h"},
            ),
            Step(
                "WEC",
                "join",
                "Klusterlet klusterlet",
                outcome.before.reason,
                before=None if not wec_view.klusterlets else {"clusterName": self._name},
                after={
                    "clusterName": self._name,
                    "mode": "Singleton" if self._wishes.singleton else "Default",
                    "version": outcome.klusterlet_version,
                    "hub": outcome.endpoint.server,
                },
            ),
        )

    @functools.cached_property
    def _clusteradm(self) -> Clusteradm:
        return Clusteradm(self._wishes.clusteradm_binary)

    @functools.cached_property
    def _hub_ca(self) -> bytes | None:
        return self._its.ca

    @functools.cached_property
    def _endpoint(self) -> AgentEndpoint:
        """The address that the agent dials. Raises InvalidOption where none can be found that leads anywhere."""
        given, own = self._wishes.hub_apiserver, self._its.kube.connection.server
        if given:
            return AgentEndpoint(given, given, is_published=False)
        if not endpoints.is_local(own):
            return AgentEndpoint(own, own, is_published=False)
        published = self._its.published_server
        if published and not endpoints.is_local(published):
            return AgentEndpoint(published, own, is_published=True)
        raise InvalidOption(
            "hub_apiserver",
            None,
            f"the ITS is reached at {own}, which leads agents on a WEC back to themselves, and it publishes no other "
            "address (ConfigMap kube-public/cluster-info)",
            "Set hub_apiserver to an address of the ITS that pods on the WEC can dial",
        )

    @functools.cached_property
    def _bundle_version(self) -> str:
        """The klusterlet's version: the hub's own, unless another was asked for. Raises InvalidOption."""
        hub = self._its.hub.version
        given = self._wishes.bundle_version
        if given is None and hub is None:
            raise InvalidOption(
                "bundle_version",
                None,
                "the version of the hub cannot be told, so the klusterlet's must be given",
                "Set bundle_version to the hub's OCM version",
            )
        if given is None:
            return versions.show(t.cast(versions.Version, hub))
        wanted = versions.parse(given)
        if wanted is None:
            raise InvalidOption("bundle_version", given, "is no version", "Write it like 1.2.1")
        if hub is not None and wanted > hub:
            raise InvalidOption(
                "bundle_version",
                given,
                f"is newer than the hub, which is {versions.show(hub)}: its add-ons would never register",
                f"Use {versions.show(hub)} or older",
            )
        return versions.show(wanted)

    # -- act -----------------------------------------------------------------------------------------------------

    def apply(self, outcome: Outcome, patience: Patience | None, progress: t.Callable[[str], None]) -> None:
        """Carry out the plan. Without ``patience`` only the agent is applied, and nothing is waited for."""
        if outcome.before.name in _NEED_AGENT:
            self._apply_agent(outcome)
            outcome.state = states.PENDING_CSR
        if patience is not None:
            verdict = acceptance.accept_all(self._its, [outcome.member], patience, progress)[self._name]
            outcome.verdict, outcome.state, outcome.acceptance = verdict, verdict.state, verdict.plan

    def _apply_agent(self, outcome: Outcome) -> None:
        token = self._its.mint_token(t.cast(str, self._its.hub.bootstrap_account))
        outcome.token_id = tokens.read(token).id
        endpoint = t.cast(AgentEndpoint, outcome.endpoint)
        request = JoinRequest(
            cluster_name=self._name,
            hub_server=endpoint.dialled_here,
            hub_ca=t.cast(bytes, self._hub_ca),
            hub_token=token,
            bundle_version=t.cast(str, outcome.klusterlet_version),
            singleton=self._wishes.singleton,
            internal_endpoint=endpoint.is_published,
        )
        self._clusteradm.join(self._wec.kube.connection.kubeconfig, request, self._wishes.clusteradm_timeout)
        self._verify_bootstrap(endpoint)

    def _verify_bootstrap(self, endpoint: AgentEndpoint) -> None:
        """clusteradm exits 0 also after writing a bootstrap kubeconfig that leads nowhere."""
        bootstrap = self._wec.bootstrap(AGENT_NAMESPACE)
        if bootstrap is None:
            raise ClusteradmError(f"clusteradm join left no Secret {AGENT_NAMESPACE}/{BOOTSTRAP_SECRET} on the WEC.")
        if not bootstrap.server:
            problem = problems.of("bootstrap_server_empty")
            raise WecError(f"{self._name}: {problem}", problem)
        if endpoints.host_and_port(bootstrap.server) != endpoints.host_and_port(endpoint.server):
            raise ClusteradmError(
                f"clusteradm join told the agent to dial {bootstrap.server} instead of {endpoint.server}."
            )
        if bootstrap.ca is None or not certificates.same_bundle(bootstrap.ca, t.cast(bytes, self._hub_ca)):
            raise ClusteradmError("clusteradm join gave the agent another CA than the ITS's.")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out what an agent's plan says, one operation after the other."""

from __future__ import annotations

import base64
import dataclasses
import time
import typing as t

from .._apis.clusteradm import Clusteradm, JoinRequest
from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import ClusteradmError, WecError
from .._rules.fleet.plan import Step
from .._rules.kubeconfig import kubeconfigs
from .._rules.observed.observed_agent import AGENT_NAMESPACE, BOOTSTRAP_SECRET, HUB_SECRET, ObservedAgent
from .._rules.registration import agent_plan, certificates, endpoints, tokens
from .._rules.registration.join_options import JoinOptions
from .._rules.status import problems
from . import clearing, credentials, keeping
from .credentials import Minted

Json = dict[str, t.Any]
NOT_RENEWED = "certificate_not_renewed"
RENEWING_TAKES = 30.0
"""Seconds that an agent has to get another certificate in its own name; it takes one or two."""
_DISCOVERY_ATTEMPTS = 3
"""clusteradm may use a definition that it has only just created before the API server serves it."""


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """The address that agents dial, and how clusteradm is told. ``dialled_here`` is what this machine uses."""

    server: str
    dialled_here: str
    is_published: bool


@dataclasses.dataclass(frozen=True)
class Installation:
    """Everything that an agent is told. ``ca`` is a PEM bundle."""

    name: str
    uid: str
    account: str = ""
    endpoint: Endpoint | None = None
    ca: bytes | None = None
    request: JoinRequest | None = None
    options: JoinOptions = dataclasses.field(default_factory=JoinOptions)


class OnWec(t.Protocol):
    """Carries out what an agent's plan says for the WEC: here, or on a machine that reaches its API."""

    def carry_out(self, do: str, token: str | None) -> None:
        """``token`` is the bootstrap token, where it is given one. Raises WecError."""


class Agent:
    """The agent of one WEC, with both sides of it."""

    def __init__(self, its: Its, installation: Installation, on_wec: OnWec) -> None:
        self._its, self._installation, self._on_wec = its, installation, on_wec
        self.minted: Minted | None = None

    def carry_out(self, step: Step) -> None:
        """Raises WecError."""
        operations: dict[str, t.Callable[[], None]] = {
            agent_plan.MINT: self._mint,
            agent_plan.RECREATE: lambda: self._its.create_accepted(self._installation.name, self._installation.uid),
            agent_plan.NOTE_KEPT: lambda: self._its.note_kept_works(self._installation.name, self._installation.uid),
            agent_plan.DROP_NOTE: lambda: self._its.drop_kept_note(self._installation.name),
            agent_plan.CLEAR_NAME: lambda: clearing.clear_name(self._its, self._installation.name),
        }
        if step.do in operations:
            operations[step.do]()
            return
        self._on_wec.carry_out(step.do, self.minted.token if self.minted else None)

    def _mint(self) -> None:
        installation = self._installation
        given, owner = installation.options.hub_token, installation.options.owner
        if given is not None:
            self.minted = Minted(given, tokens.read(given))
            return
        self.minted = credentials.mint(self._its, installation.name, installation.account, owner)


class AgentOnWec:
    """The WEC's half: everything that is done through its API. It knows nothing of the ITS but what an agent is told."""

    def __init__(
        self, wec: Wec, view: ObservedAgent, installation: Installation, clusteradm: Clusteradm | None
    ) -> None:
        self._wec, self._view = wec, view
        self._installation, self._clusteradm = installation, clusteradm
        klusterlet = view.the_klusterlet(installation.name)
        self._namespace = klusterlet.namespace if klusterlet else AGENT_NAMESPACE
        self._token = ""

    def carry_out(self, do: str, token: str | None) -> None:
        """Raises WecError."""
        self._token = token or ""
        operations: dict[str, t.Callable[[], None]] = {
            agent_plan.JOIN: self._join,
            agent_plan.REFRESH: self._refresh,
            agent_plan.DELETE_HUB_CREDENTIAL: lambda: self._wec.forget_certificate(self._namespace),
            agent_plan.RENEW: self._renew,
            agent_plan.RESTART: lambda: self._wec.restart_agent(self._namespace),
            agent_plan.READDRESS_BOOTSTRAP: lambda: self._readdress(BOOTSTRAP_SECRET),
            agent_plan.READDRESS_HUB: lambda: self._readdress(HUB_SECRET),
            agent_plan.SWITCH_EVICTION_OFF: lambda: keeping.switch_eviction_off(self._wec, self._view, self._name),
            agent_plan.SWITCH_EVICTION_ON: lambda: keeping.switch_eviction_on(self._wec, self._view, self._name),
        }
        operations[do]()

    @property
    def _name(self) -> str:
        return self._installation.name

    def _renew(self) -> None:
        """An agent whose Secret is gone makes another key, and a request as itself, which the hub approves by itself
        (OCM: pkg/registration/register/secret_controller.go; pkg/registration/register/csr/approve_reconciler.go).

        Raises WecError with certificate_not_renewed where it does not.
        """
        before = _public_key(self._wec.certificate(self._namespace))
        self._wec.forget_certificate(self._namespace)
        end = time.monotonic() + RENEWING_TAKES
        while time.monotonic() < end:
            found = _public_key(self._wec.certificate(self._namespace))
            if found and found != before:
                return
            time.sleep(0.5)
        fact = f"within {RENEWING_TAKES:.0f} s its agent has stored no certificate of another key in the Secret {HUB_SECRET}"
        problem = problems.of(NOT_RENEWED, fact)
        raise WecError(f"{self._name}: {problem}", problem)

    def _readdress(self, secret: str) -> None:
        endpoint = t.cast(Endpoint, self._installation.endpoint)
        self._wec.readdress(self._namespace, secret, endpoint.server)

    def _join(self) -> None:
        request = dataclasses.replace(t.cast(JoinRequest, self._installation.request), hub_token=self._token)
        for attempt in range(_DISCOVERY_ATTEMPTS):
            try:
                self._run_clusteradm(request)
            except ClusteradmError as error:
                if "no matches for kind" not in error.message:
                    raise
                if attempt + 1 == _DISCOVERY_ATTEMPTS:
                    raise WecError(error.message, problems.of("discovery_race", error.message)) from error
                time.sleep(2.0)
                continue
            # Where an operator of a killed run seems to be available, it writes nothing of the operator's own.
            missing = self._wec.missing()
            if not missing:
                break
            if attempt + 1 == _DISCOVERY_ATTEMPTS:
                raise ClusteradmError(f"clusteradm join left the installation incomplete: {', '.join(missing)}.")
            self._wec.remove_operator()
        self._verify()

    def _run_clusteradm(self, request: JoinRequest) -> None:
        clusteradm = t.cast(Clusteradm, self._clusteradm)
        clusteradm.join(self._wec.kube.connection.kubeconfig, request, request.options.clusteradm_timeout)

    def _refresh(self) -> None:
        """A new introduction, as clusteradm writes it, but nothing else."""
        endpoint = t.cast(Endpoint, self._installation.endpoint)
        ca = t.cast(bytes, self._installation.ca)
        cluster: Json = {"server": endpoint.server, "certificate-authority-data": base64.b64encode(ca).decode()}
        proxy = self._installation.options.proxy_url or (self._view.bootstrap.proxy if self._view.bootstrap else None)
        if proxy:
            cluster["proxy-url"] = proxy
        introduction = kubeconfigs.build(cluster, {"token": self._token}, "bootstrap")
        # The agent compares the name of the cluster's entry with that of its own kubeconfig, which is this one.
        introduction["clusters"][0]["name"] = introduction["contexts"][0]["context"]["cluster"] = "hub"
        self._wec.write_bootstrap(self._namespace, introduction)
        self._verify()

    def _verify(self) -> None:
        """clusteradm exits 0 also after writing an introduction that leads nowhere, or for another cluster's sake."""
        installation = self._installation
        endpoint = t.cast(Endpoint, installation.endpoint)
        found = self._wec.bootstrap(self._namespace)
        if found is None:
            raise ClusteradmError(f"clusteradm join left no Secret {self._namespace}/{BOOTSTRAP_SECRET} on the WEC.")
        if not found.server:
            problem = problems.of("bootstrap_server_empty")
            raise WecError(f"{installation.name}: {problem}", problem)
        if endpoints.host_and_port(found.server) != endpoints.host_and_port(endpoint.server):
            raise ClusteradmError(
                f"clusteradm join configured the agent with {found.server} instead of {endpoint.server}."
            )
        if found.ca is None or not _holds(found.ca, t.cast(bytes, installation.ca)):
            raise ClusteradmError("clusteradm join gave the agent another CA than the ITS's.")
        if found.token.id != tokens.read(self._token).id:
            raise ClusteradmError(
                "The agent was given another token than this run's: another run is joining the same WEC. Run again."
            )


def _public_key(pem: bytes | None) -> bytes:
    """Empty where there is no certificate that can be read."""
    try:
        return certificates.read_certificate(pem).key if pem else b""
    except certificates.MalformedPem:
        return b""


def _holds(bundle: bytes, wanted: bytes) -> bool:
    """Whether a CA bundle has every certificate that it should (a proxy's CA may stand beside them)."""
    return set(certificates.load_bundle(wanted)) <= set(certificates.load_bundle(bundle))

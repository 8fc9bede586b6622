# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems recognised in objects as they were recorded, for what cannot easily be made to happen, and for the rest too."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import (
    Bootstrap,
    HubCredential,
    ObservedAgent,
    klusterlet,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_hub import HubIdentity
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import certificates
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.tokens import TokenFacts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import diagnosis, states
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.diagnosis import AgentHealth
from fake_ocm import FakeAuthority, condition, csr, request, subject

NOW = datetime.datetime.now(datetime.timezone.utc)
AUTHORITY, OTHER = FakeAuthority(), FakeAuthority("other")
SERVER = "https://its1.example:6443"
HUB = HubIdentity(AUTHORITY.pem, AUTHORITY.pem, (SERVER,))
RUNNING = {"status": {"conditions": [condition("Available")]}}
JOINED = [condition("ManagedClusterJoined"), condition("HubAcceptedManagedCluster")]


def sentence(kind: str, status: str, reason: str, message: str = "") -> dict[str, t.Any]:
    return {**condition(kind, status, reason), "message": message}


def on_its(*conditions: dict[str, t.Any], accepted: bool = True, **more: t.Any) -> ObservedManagedCluster:
    metadata = {"name": "edge-1", **more.pop("metadata", {})}
    cluster = {"metadata": metadata, "spec": {"hubAcceptsClient": accepted}, "status": {"conditions": list(conditions)}}
    return ObservedManagedCluster(
        "edge-1", cluster, mailbox=more.pop("mailbox", {"metadata": {"name": "edge-1"}}), **more
    )


def issued(name: str = "edge-1-a") -> dict[str, t.Any]:
    return {**csr("edge-1", name), "status": {"conditions": [condition("Approved")], "certificate": "Y2VydA=="}}


ON_ITS: dict[str, ObservedManagedCluster] = {
    "clock_skew": on_its(
        *JOINED, sentence("ManagedClusterConditionClockSynced", "False", "ManagedClusterClockOutOfSync")
    ),
    "certificate_not_renewed": on_its(
        *JOINED, sentence("ClusterCertificateRotated", "False", "ClientCertificateUpdateFailed")
    ),
    "lease_expired": on_its(
        *JOINED, sentence("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped")
    ),
    "wec_api_unhealthy": on_its(
        *JOINED, sentence("ManagedClusterConditionAvailable", "False", "ManagedClusterKubeAPIServerUnavailable")
    ),
    "managed_cluster_missing": ObservedManagedCluster("edge-1", csrs=(csr("edge-1"),)),
    "csr_missing": on_its(accepted=False),
    "csr_pending": on_its(accepted=False, csrs=(csr("edge-1"),)),
    "csr_too_many": on_its(accepted=False, csrs=tuple({**csr("edge-2", f"x{n}")} for n in range(10))),
    "csr_multiple_requesters": on_its(
        accepted=False,
        csrs=(
            csr("edge-1", "a"),
            csr("edge-1", "b", pem=request(subject("edge-1", ["system:open-cluster-management:edge-1:other"]))),
        ),
    ),
    "csr_denied": on_its(accepted=False, csrs=({**csr("edge-1"), "status": {"conditions": [condition("Denied")]}},)),
    "csr_not_issued": on_its(csrs=({**csr("edge-1"), "status": {"conditions": [condition("Approved")]}},)),
    "csr_not_legitimate": on_its(accepted=False, csrs=(csr("edge-2"),)),
    "certificate_not_used": on_its(csrs=(issued(),)),
    "not_accepted": on_its(accepted=False, csrs=(issued(),)),
    "mailbox_missing": on_its(*JOINED, mailbox=None),
    "hub_controllers_not_responding": on_its(metadata={"name": "edge-1", "creationTimestamp": "2026-01-01T00:00:00Z"}),
    "manifestworks_without_counterpart": on_its(
        *JOINED, metadata={"name": "edge-1", "annotations": {"wec.kubestellar.io/works-kept": "true"}}
    ),
    "mailbox_terminating": on_its(mailbox={"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    "deleting": on_its(
        sentence("Deleting", "False", "ResourceRemaining", "the remaining count is 1"),
        metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]},
    ),
}


@pytest.mark.parametrize("code", ON_ITS)
def test_the_its_shows_the_problem(code: str) -> None:
    found = diagnosis.from_its(ON_ITS[code], NOW)
    assert code in [problem.code for problem in found]


def test_what_nobody_can_tell_is_said_so() -> None:
    unclear = states.State(states.UNKNOWN, "it is not known whose agent this is", ("no CA to compare with",))
    found = diagnosis.of_state(unclear)
    assert found is not None
    assert found.code == "cluster_identity_unclear"
    odd = on_its(
        *JOINED,
        condition("ManagedClusterConditionAvailable", "False", "Odd"),
        lease={"spec": {"renewTime": NOW.isoformat()}},
    )
    assert [problem.code for problem in diagnosis.from_its(odd, NOW)] == ["not_available"]


def test_a_healthy_wec_has_no_problem() -> None:
    lease = {"spec": {"renewTime": NOW.isoformat()}}
    assert diagnosis.from_its(on_its(*JOINED, condition("ManagedClusterConditionAvailable"), lease=lease), NOW) == []


def agent(*conditions: dict[str, t.Any], **metadata: t.Any) -> t.Any:
    return klusterlet(
        {
            "metadata": {"name": "klusterlet", **metadata},
            "spec": {"clusterName": "edge-1", "registrationImagePullSpec": "quay.io/ocm/registration:v1.3.1"},
            "status": {"conditions": list(conditions)},
        }
    )


def pod(reason: str, message: str = "") -> dict[str, t.Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"state": state}]}}


def hub_says(text: str, reason: str = "BootstrapSecretError,HubKubeConfigSecretMissing") -> dict[str, t.Any]:
    dump = "Failed to create &SelfSubjectAccessReview{ObjectMeta:{ 0 } Spec:{}} with bootstrap secret: "
    return sentence(
        "HubConnectionDegraded", "True", reason, dump + text + "\nFailed to get hub kubeconfig secret: not found"
    )


HEALTHY = AgentHealth(RUNNING)
PENDING = {"bootstrap": Bootstrap(SERVER, AUTHORITY.pem, TokenFacts())}


def credential(days: float = 100, ca: bytes = AUTHORITY.pem) -> HubCredential:
    certificate = certificates.read_certificate(AUTHORITY.client("edge-1", days))
    return HubCredential("edge-1", "a", SERVER, ca, certificate, True)


ON_WEC: dict[str, tuple[dict[str, t.Any], AgentHealth]] = {
    "operator_not_running": ({"klusterlets": (agent(),)}, AgentHealth({}, (pod("ImagePullBackOff"),))),
    "agent_not_running": ({"klusterlets": (agent(),)}, AgentHealth(RUNNING, (), (pod("ErrImagePull"),))),
    "klusterlet_not_applied": (
        {"klusterlets": (agent(sentence("Applied", "False", "KlusterletApplyFailed")),)},
        HEALTHY,
    ),
    "klusterlet_half_removed": ({"klusterlets": (agent(deletionTimestamp="2026-01-01T00:00:00Z"),)}, AgentHealth(None)),
    "its_unreachable_from_wec": ({"klusterlets": (agent(hub_says("dial tcp 192.0.2.1:6443: i/o timeout")),)}, HEALTHY),
    "its_name_unresolvable": ({"klusterlets": (agent(hub_says("lookup its1: no such host")),)}, HEALTHY),
    "its_not_trusted_by_wec": ({"klusterlets": (agent(hub_says("x509: unknown authority")),)}, HEALTHY),
    "proxy_misconfigured": ({"klusterlets": (agent(hub_says("proxyconnect tcp: dial tcp: refused")),)}, HEALTHY),
    "bootstrap_server_empty": (
        {"klusterlets": (agent(hub_says("x")),), "bootstrap": Bootstrap("", None, TokenFacts())},
        HEALTHY,
    ),
    "bootstrap_token_expired": ({"klusterlets": (agent(hub_says("Unauthorized")),)}, HEALTHY),
    "bootstrap_token_forbidden": (
        {"klusterlets": (agent(hub_says("not allowed", "BootstrapSecretUnauthorized,HubKubeConfigSecretMissing")),)},
        HEALTHY,
    ),
    "not_accepted": (
        {
            "klusterlets": (agent(hub_says("not allowed", "BootstrapSecretFunctional,HubKubeConfigUnauthorized")),),
            "credential": credential(),
        },
        HEALTHY,
    ),
    "certificate_expired": ({"klusterlets": (agent(),), "credential": credential(days=-1)}, HEALTHY),
    "hub_address_changed": (
        {
            "klusterlets": (
                agent(
                    sentence("HubConnectionDegraded", "True", "E,HubKubeConfigError", "old\nlookup old: no such host")
                ),
            ),
            "credential": dataclasses.replace(credential(), server="https://old.example:6443"),
        },
        HEALTHY,
    ),
    "hub_ca_changed": ({"klusterlets": (agent(),), "credential": credential(ca=OTHER.pem)}, HEALTHY),
}


@pytest.mark.parametrize("code", ON_WEC)
def test_the_wec_shows_the_problem(code: str) -> None:
    shown, health = ON_WEC[code]
    found = diagnosis.from_wec("edge-1", ObservedAgent("u", None, **{**PENDING, **shown}), health, HUB, NOW)
    assert code in [problem.code for problem in found]


def test_the_operators_dump_of_an_object_is_left_out() -> None:
    shown, health = ON_WEC["its_unreachable_from_wec"]
    (found,) = diagnosis.from_wec("edge-1", ObservedAgent("u", None, **{**PENDING, **shown}), health, HUB, NOW)
    assert "a SelfSubjectAccessReview with bootstrap secret: dial tcp 192.0.2.1:6443: i/o timeout" in str(found)


def test_a_crashing_agent_is_blamed_on_what_keeps_it_from_its_hub() -> None:
    shown, _health = ON_WEC["its_unreachable_from_wec"]
    health = AgentHealth(RUNNING, (), (pod("CrashLoopBackOff"),))
    found = diagnosis.from_wec("edge-1", ObservedAgent("u", None, **{**PENDING, **shown}), health, HUB, NOW)
    assert [problem.code for problem in found] == ["its_unreachable_from_wec", "agent_not_running"]


@pytest.mark.parametrize(("hub", "skewed"), [((1, 3, 1), False), ((1, 2, 1), True), (None, False)])
def test_a_klusterlet_newer_than_the_hub_is_told(hub: tuple[int, int, int] | None, skewed: bool) -> None:
    found = diagnosis.version_skew(agent(), hub)
    assert (found is not None) == skewed

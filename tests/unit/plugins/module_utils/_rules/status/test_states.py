# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import certificates
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.tokens import TokenFacts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import states
from fake_ocm import FakeAuthority, condition, csr

NOW = datetime.datetime.now(datetime.timezone.utc)
SERVER = "https://its1.example:6443"
UID = "the-cluster"
HOUR = datetime.timedelta(hours=1)
AUTHORITY, OTHER_AUTHORITY = FakeAuthority(), FakeAuthority("other-ca")
HUB = HubIdentity(AUTHORITY.pem, AUTHORITY.pem, (SERVER,))
AVAILABLE = "ManagedClusterConditionAvailable"


def on_its(
    accepted: bool = True,
    joined: bool = True,
    available: str = "True",
    renewed_ago: float | None = 10,
    identity: str | None = UID,
    **more: t.Any,
) -> ObservedManagedCluster:
    conditions = [condition("ManagedClusterJoined")] if joined else []
    if joined:
        conditions.append(condition(AVAILABLE, available))
    cluster = {
        "metadata": {"name": "edge-1", "annotations": {IDENTITY_ANNOTATION: identity} if identity else {}},
        "spec": {"hubAcceptsClient": accepted},
        "status": {"conditions": conditions},
    }
    lease = None
    if renewed_ago is not None:
        renewed = NOW - datetime.timedelta(seconds=renewed_ago)
        lease = {"spec": {"renewTime": renewed.isoformat()}}
    cluster["metadata"].update(more.pop("metadata", {}))
    return ObservedManagedCluster("edge-1", cluster, lease=lease, **more)


def agent(name: str = "edge-1", **metadata: t.Any) -> t.Any:
    return klusterlet({"metadata": {"name": "klusterlet", **metadata}, "spec": {"clusterName": name}})


def bootstrap(server: str = SERVER, ca: bytes = AUTHORITY.pem, expires_in: datetime.timedelta = HOUR) -> Bootstrap:
    return Bootstrap(server, ca, TokenFacts("token-id", NOW + expires_in))


def credential(
    name: str = "edge-1", by: FakeAuthority = AUTHORITY, days: float = 100, known: bool = True
) -> HubCredential:
    certificate = certificates.read_certificate(by.client(name, days))
    issued = (by is AUTHORITY) if known else None
    return HubCredential(name, "agent0", SERVER, by.pem, certificate, issued)


NOTHING = ObservedManagedCluster("edge-1")
BARE = ObservedAgent(UID, "v1.34.4")
PENDING = ObservedAgent(UID, "v1.34.4", (agent(),), bootstrap=bootstrap())
JOINED = ObservedAgent(UID, "v1.34.4", (agent(),), bootstrap=bootstrap(), credential=credential())
change = dataclasses.replace

TABLE: dict[str, tuple[ObservedAgent, ObservedManagedCluster, str]] = {
    "nothing anywhere": (BARE, NOTHING, states.ABSENT),
    "pre-created on the ITS, never joined": (
        BARE,
        on_its(accepted=False, joined=False, renewed_ago=None, identity=None),
        states.ABSENT,
    ),
    "a namespace of the agent that is being deleted": (
        change(BARE, remnants=("Namespace a exists",), terminating=("Namespace a",)),
        NOTHING,
        states.DELETING,
    ),
    "a CRD without klusterlet": (change(BARE, klusterlets=(), remnants=("CRD",)), NOTHING, states.PARTIAL),
    "a klusterlet without bootstrap secret": (change(PENDING, bootstrap=None), NOTHING, states.PARTIAL),
    "the agent was wiped, the ITS still knows this very cluster": (BARE, on_its(available="Unknown"), states.PARTIAL),
    "no request yet": (PENDING, NOTHING, states.PENDING_CSR),
    "announced, no request yet": (
        PENDING,
        on_its(accepted=False, joined=False, renewed_ago=None, identity=None),
        states.PENDING_CSR,
    ),
    "a request waits": (
        PENDING,
        on_its(accepted=False, joined=False, renewed_ago=None, identity=None, csrs=(csr("edge-1"),)),
        states.PENDING_APPROVAL,
    ),
    "the token expired before there was a request": (
        change(PENDING, bootstrap=bootstrap(expires_in=-HOUR)),
        NOTHING,
        states.TOKEN_EXPIRED,
    ),
    "the token expired, and the request is there: its agent could not fetch the certificate": (
        change(PENDING, bootstrap=bootstrap(expires_in=-HOUR)),
        on_its(accepted=False, joined=False, renewed_ago=None, identity=None, csrs=(csr("edge-1"),)),
        states.TOKEN_EXPIRED,
    ),
    "the token was revoked": (
        change(PENDING, bootstrap=change(bootstrap(), is_revoked=True)),
        NOTHING,
        states.TOKEN_EXPIRED,
    ),
    "all is well": (JOINED, on_its(), states.JOINED),
    "all is well, and the ITS does not know which cluster it is": (JOINED, on_its(identity=None), states.JOINED),
    "joined, the agent is gone": (JOINED, on_its(available="Unknown", renewed_ago=900), states.JOINED_UNAVAILABLE),
    "still called available, lease long stale": (JOINED, on_its(renewed_ago=900), states.JOINED_UNAVAILABLE),
    "never a lease": (JOINED, on_its(renewed_ago=None), states.JOINED_UNAVAILABLE),
    "its own API is unhealthy": (JOINED, on_its(available="False"), states.JOINED_UNAVAILABLE),
    "the certificate has expired": (
        change(JOINED, credential=credential(days=-1)),
        on_its(available="Unknown"),
        states.JOINED_UNAVAILABLE,
    ),
    "has a certificate, not accepted": (JOINED, on_its(accepted=False), states.PENDING_APPROVAL),
    "has a certificate, the ManagedCluster was deleted": (JOINED, NOTHING, states.ORPHANED),
    "the klusterlet has another name": (
        change(PENDING, klusterlets=(agent("edge-2"),)),
        NOTHING,
        states.OTHER_NAME,
    ),
    "the certificate has another name": (
        change(JOINED, credential=credential("edge-2")),
        NOTHING,
        states.OTHER_NAME,
    ),
    "the certificate is another hub's": (
        change(JOINED, credential=credential(by=OTHER_AUTHORITY)),
        on_its(),
        states.OTHER_HUB,
    ),
    "bootstraps with another CA": (
        change(PENDING, bootstrap=bootstrap(ca=OTHER_AUTHORITY.pem)),
        NOTHING,
        states.OTHER_HUB,
    ),
    "bootstraps at another address with the same CA": (
        change(PENDING, bootstrap=bootstrap("https://internal:6443")),
        NOTHING,
        states.PENDING_CSR,
    ),
    "bootstraps with an empty server": (change(PENDING, bootstrap=bootstrap("")), NOTHING, states.UNKNOWN),
    "certificate cannot be judged, same CA": (
        change(JOINED, credential=credential(known=False)),
        on_its(),
        states.JOINED,
    ),
    "certificate cannot be judged, no CA, unknown address": (
        change(JOINED, credential=change(credential(known=False), ca=None, server="https://elsewhere:6443")),
        on_its(identity=None),
        states.UNKNOWN,
    ),
    "certificate cannot be judged, but the ITS sees this identity alive": (
        change(JOINED, credential=change(credential(known=False), ca=None, server="https://elsewhere:6443")),
        on_its(),
        states.JOINED,
    ),
    "the name belongs to another living cluster": (BARE, on_its(identity="another"), states.NAME_CONFLICT),
    "the name belongs to a living cluster that nobody noted": (BARE, on_its(identity=None), states.NAME_CONFLICT),
    "bootstraps under a living cluster's name": (PENDING, on_its(identity="another"), states.NAME_CONFLICT),
    "has a certificate, and the ITS noted another cluster": (JOINED, on_its(identity="another"), states.NAME_CONFLICT),
    "the name belonged to a cluster that is gone": (
        BARE,
        on_its(available="Unknown", renewed_ago=9000, identity="another"),
        states.REPLACED,
    ),
    "the ManagedCluster is being deleted": (
        JOINED,
        on_its(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        states.DELETING,
    ),
    "the mailbox is being deleted": (
        BARE,
        change(NOTHING, mailbox={"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        states.DELETING,
    ),
    "the klusterlet is being deleted": (
        change(PENDING, klusterlets=(agent(deletionTimestamp="2026-01-01T00:00:00Z"),)),
        NOTHING,
        states.DELETING,
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_situation_has_its_state(case: str) -> None:
    wec, view, expected = TABLE[case]
    found = states.classify("edge-1", wec, view, HUB, NOW)
    assert found.name == expected, found
    assert found.reason


def test_the_table_covers_every_state() -> None:
    assert {expected for _wec, _view, expected in TABLE.values()} == set(states.ALL)


def test_a_rejected_token_is_expired_though_its_own_end_is_not_known() -> None:
    conditions = {
        "type": "HubConnectionDegraded",
        "status": "True",
        "reason": "BootstrapSecretError,HubKubeConfigSecretMissing",
        "message": "Failed to create SelfSubjectAccessReview: Unauthorized",
    }
    raw = {
        "metadata": {"name": "klusterlet"},
        "spec": {"clusterName": "edge-1"},
        "status": {"conditions": [conditions]},
    }
    found = change(bootstrap(), token=TokenFacts(None, None))
    wec = ObservedAgent(UID, None, (klusterlet(raw),), bootstrap=found)
    assert states.classify("edge-1", wec, NOTHING, HUB, NOW).name == states.TOKEN_EXPIRED


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (NOTHING, states.ABSENT),
        (on_its(), states.JOINED),
        (on_its(available="Unknown"), states.JOINED_UNAVAILABLE),
        (on_its(accepted=False, joined=False), states.PENDING_CSR),
        (on_its(accepted=False, joined=False, csrs=(csr("edge-1"),)), states.PENDING_APPROVAL),
        (on_its(accepted=False), states.PENDING_APPROVAL),
        (on_its(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), states.DELETING),
    ],
)
def test_the_its_alone_shows_a_state_too(view: ObservedManagedCluster, expected: str) -> None:
    assert states.of_observed_managed_cluster(view, NOW).name == expected


REBUILT = credential(by=OTHER_AUTHORITY)


def test_a_hub_that_was_built_anew_at_its_address_is_told_from_another_hub() -> None:
    """Its address is the same, its CA is another one, and it does not know the WEC."""

    def problem(
        view: ObservedManagedCluster, found: HubCredential = REBUILT, hub: HubIdentity = HUB
    ) -> tuple[str, str]:
        state = states.classify("edge-1", ObservedAgent(UID, "v1", (agent(),), bootstrap(), found), view, hub, NOW)
        return state.name, state.problem

    assert problem(ObservedManagedCluster("edge-1")) == (states.OTHER_HUB, "hub_rebuilt")
    noted = on_its(accepted=False, joined=False, renewed_ago=None)
    assert problem(noted) == (states.OTHER_HUB, "hub_rebuilt"), "a run that moved it was killed"
    assert problem(on_its()) == (states.OTHER_HUB, ""), "the ITS knows it"
    elsewhere = dataclasses.replace(REBUILT, server="https://other.example:6443")
    assert problem(ObservedManagedCluster("edge-1"), elsewhere) == (states.OTHER_HUB, "")
    same_ca = dataclasses.replace(REBUILT, ca=AUTHORITY.pem)
    assert problem(ObservedManagedCluster("edge-1"), same_ca) == (states.OTHER_HUB, "")
    unreadable = dataclasses.replace(REBUILT, ca=b"nonsense")
    assert problem(ObservedManagedCluster("edge-1"), unreadable) == (states.OTHER_HUB, "")

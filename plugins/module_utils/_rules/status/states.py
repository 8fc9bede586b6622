# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which state a WEC is in, from what its API and the ITS show."""

from __future__ import annotations

import dataclasses
import datetime

from ..observed.conditions import Condition, find
from ..observed.observed_agent import Bootstrap, HubCredential, Klusterlet, ObservedAgent
from ..observed.observed_hub import HubIdentity
from ..observed.observed_managed_cluster import ObservedManagedCluster, is_pending
from ..outside import screen
from ..registration import certificates
from . import heartbeat, times

JOINED = "joined"
JOINED_UNAVAILABLE = "joined_unavailable"
PENDING_APPROVAL = "pending_approval"
PENDING_CSR = "pending_csr"
TOKEN_EXPIRED = "token_expired"
ABSENT = "absent"
PARTIAL = "partial"
OTHER_NAME = "other_name"
OTHER_HUB = "other_hub"
ORPHANED = "orphaned"
NAME_CONFLICT = "name_conflict"
REPLACED = "replaced"
DELETING = "deleting"
UNKNOWN = "unknown"

ALL = (
    JOINED,
    JOINED_UNAVAILABLE,
    PENDING_APPROVAL,
    PENDING_CSR,
    TOKEN_EXPIRED,
    ABSENT,
    PARTIAL,
    OTHER_NAME,
    OTHER_HUB,
    ORPHANED,
    NAME_CONFLICT,
    REPLACED,
    DELETING,
    UNKNOWN,
)


@dataclasses.dataclass(frozen=True)
class State:
    """``reason`` completes "NAME is STATE: ..."; ``evidence`` are the facts that led to it."""

    name: str
    reason: str
    evidence: tuple[str, ...] = ()
    problem: str = ""
    """The code of the problem that it is, where that is more than the state's own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", screen.fact(self.reason))
        object.__setattr__(self, "evidence", tuple(map(screen.fact, self.evidence)))


def of_observed_managed_cluster(view: ObservedManagedCluster, now: datetime.datetime) -> State:
    """The state as far as the ITS alone shows it."""
    if view.unreadable:
        return State(UNKNOWN, "what the ITS shows of it cannot be read", (view.unreadable,))
    if not view.exists:
        return State(ABSENT, "the ITS has no ManagedCluster of this name")
    if view.is_deleting:
        return State(DELETING, "its ManagedCluster is being deleted")
    if view.mailbox_is_terminating:
        return State(DELETING, "its mailbox is being deleted")
    if view.hub_accepts_client and view.joined.is_true:
        return _joined(view, now)
    if view.hub_accepts_client and view.csrs:
        return State(PENDING_APPROVAL, "it is accepted and has not joined yet", (str(view.joined),))
    if any(is_pending(csr) for csr in view.csrs):
        return State(PENDING_APPROVAL, "its signing request waits for approval")
    if view.csrs:
        return State(PENDING_APPROVAL, "it waits to be accepted")
    if view.joined.is_true:
        return State(PENDING_APPROVAL, "it has joined, and the ITS does not accept it any more", (str(view.accepted),))
    return State(PENDING_CSR, "no signing request of its agent has arrived")


def classify(
    name: str, wec: ObservedAgent, view: ObservedManagedCluster, hub: HubIdentity, now: datetime.datetime
) -> State:
    """The state of a WEC whose API answers (domain rules for idempotent joining).

    ``credential.issued_by_its`` decides first whether the WEC belongs to this hub, then CA and address.
    """
    klusterlet = wec.the_klusterlet(name)
    if klusterlet is not None and klusterlet.is_deleting:
        return State(DELETING, f"its Klusterlet {klusterlet.name} is being deleted")
    if klusterlet is None:
        return _without_agent(wec, view, now)
    if klusterlet.cluster_name != name:
        return State(
            OTHER_NAME,
            f"this cluster is registered as {klusterlet.cluster_name}",
            (f"Klusterlet {klusterlet.name} on the WEC has spec.clusterName {klusterlet.cluster_name}",),
        )
    if wec.credential is not None:
        return _with_credential(name, wec, wec.credential, view, hub, now)
    if wec.bootstrap is None:
        state = _name_is_taken(wec, view, now)
        return state or State(
            PARTIAL, "its agent has no credential to bootstrap with", (f"Klusterlet {klusterlet.name} exists",)
        )
    return _with_bootstrap(wec, wec.bootstrap, klusterlet, view, hub, now)


def _without_agent(wec: ObservedAgent, view: ObservedManagedCluster, now: datetime.datetime) -> State:
    deleting = _deleting(view)
    if deleting:
        return deleting
    if wec.terminating:
        return State(DELETING, f"{' and '.join(wec.terminating)} on the WEC is being deleted")
    taken = _name_is_taken(wec, view, now)
    if taken:
        return taken
    if wec.remnants:
        return State(PARTIAL, "an installation of the agent was begun and is not whole", wec.remnants)
    if view.identity == wec.uid:
        return State(PARTIAL, "the ITS knows it, and its agent is gone", ("it has no Klusterlet",))
    return State(ABSENT, "it has no agent")


def _with_credential(
    name: str,
    wec: ObservedAgent,
    credential: HubCredential,
    view: ObservedManagedCluster,
    hub: HubIdentity,
    now: datetime.datetime,
) -> State:
    if credential.cluster_name and credential.cluster_name != name:
        return State(
            OTHER_NAME,
            f"this cluster's agent has a certificate for {credential.cluster_name}",
            (f"Secret hub-kubeconfig-secret on the WEC says cluster-name {credential.cluster_name}",),
        )
    same, evidence = _same_hub(credential, hub)
    if same is None and view.is_alive(now) and view.identity == wec.uid:
        same, evidence = True, [*evidence, "the ITS sees it alive under this very identity"]
    if same is None:
        return State(UNKNOWN, "nothing shows whether its agent belongs to this ITS", tuple(evidence))
    if not same:
        return _of_other_hub(wec, credential, view, hub, evidence)
    deleting = _deleting(view)
    if deleting:
        return deleting
    if not view.exists:
        return State(ORPHANED, "its agent has a certificate, and the ITS has no ManagedCluster for it", tuple(evidence))
    if view.identity and view.identity != wec.uid:
        return _conflict(wec, view)
    if not view.hub_accepts_client:
        return State(PENDING_APPROVAL, "it has a certificate, and the ITS does not accept it", (str(view.accepted),))
    certificate = credential.certificate
    if certificate is not None and certificate.not_after <= now:
        return State(
            JOINED_UNAVAILABLE,
            "its agent's certificate has expired",
            (f"the certificate expired at {times.show(certificate.not_after)}", str(view.available)),
        )
    return _joined(view, now)


def _of_other_hub(
    wec: ObservedAgent, credential: HubCredential, view: ObservedManagedCluster, hub: HubIdentity, evidence: list[str]
) -> State:
    is_unknown = not view.exists or (view.identity == wec.uid and not view.joined.is_true)
    if hub.has_server(credential.server) and is_unknown and _trusts_another_ca(credential, hub):
        facts = [*evidence, f"it dials {credential.server}, which is an address of this ITS", "it trusts another CA"]
        return State(
            OTHER_HUB, f"the hub at {credential.server} was built anew", (*facts, _UNKNOWN_THERE), "hub_rebuilt"
        )
    return State(OTHER_HUB, f"its agent belongs to another hub, at {credential.server}", tuple(evidence))


_UNKNOWN_THERE = "the ITS does not know it"


def _trusts_another_ca(credential: HubCredential, hub: HubIdentity) -> bool:
    try:
        own, shown = (set(certificates.load_bundle(one or b"")) for one in (credential.ca, hub.ca))
        return bool(own and shown) and own != shown
    except certificates.MalformedPem:
        return False


def _with_bootstrap(
    wec: ObservedAgent,
    bootstrap: Bootstrap,
    klusterlet: Klusterlet,
    view: ObservedManagedCluster,
    hub: HubIdentity,
    now: datetime.datetime,
) -> State:
    same, evidence = _same_server(bootstrap, hub)
    if same is False:
        return State(OTHER_HUB, f"its agent bootstraps with another hub, at {bootstrap.server}", tuple(evidence))
    if same is None:
        return State(UNKNOWN, "nothing shows whether its agent bootstraps with this ITS", tuple(evidence))
    deleting = _deleting(view)
    if deleting:
        return deleting
    taken = _name_is_taken(wec, view, now)
    if taken:
        return taken
    if wec.missing and not find(klusterlet.raw, "Applied").is_true:
        # Somebody was killed in the middle of it. An operator that works was installed some other way.
        return State(PARTIAL, "the installation of its agent is not whole", wec.missing)
    connection = klusterlet.hub_connection
    worthless = _worthless_token(bootstrap, connection, now)
    if worthless:
        # A request that is there already does not help: its agent could not fetch the certificate.
        return State(TOKEN_EXPIRED, "its bootstrap token is worthless", (worthless,))
    if view.csrs:
        return State(PENDING_APPROVAL, "its signing request waits for approval, or its certificate for the agent")
    return State(PENDING_CSR, "no signing request of its agent has arrived", (str(connection),))


def _worthless_token(bootstrap: Bootstrap, connection: Condition, now: datetime.datetime) -> str | None:
    """Why the agent's bootstrap token is not accepted any more, or None."""
    if bootstrap.token.expires is not None and bootstrap.token.expires <= now:
        return f"it expired at {times.show(bootstrap.token.expires)}"
    if bootstrap.is_revoked:
        return "it was revoked: the Secret that it is bound to is gone from the ITS"
    refused_by_hub = connection.is_true and "BootstrapSecretError" in connection.reason
    if refused_by_hub and bootstrap.is_revoked is None and "Unauthorized" in connection.message:
        return str(connection)
    return None


def _joined(view: ObservedManagedCluster, now: datetime.datetime) -> State:
    facts = [str(view.available)]
    beat = heartbeat.of_view(view, now)
    facts.append("it has no lease" if beat is None else f"its lease was renewed {times.show_seconds(beat.age)} ago")
    if beat is not None and view.joined.is_true and view.is_alive(now):
        # The ITS calls a WEC available for minutes after it was heard of last: only this much is known.
        return State(JOINED, beat.words, tuple(facts))
    if not view.joined.is_true:
        return State(PENDING_APPROVAL, "it is accepted and has not joined yet", (str(view.joined),))
    if view.available.is_true:
        return State(JOINED_UNAVAILABLE, "it has joined, and its lease is not renewed", tuple(facts))
    return State(JOINED_UNAVAILABLE, "it has joined, and is not available", tuple(facts))


def _deleting(view: ObservedManagedCluster) -> State | None:
    if view.is_deleting:
        return State(DELETING, "its ManagedCluster is being deleted")
    if view.mailbox_is_terminating:
        return State(DELETING, "its mailbox is being deleted")
    return None


def _name_is_taken(wec: ObservedAgent, view: ObservedManagedCluster, now: datetime.datetime) -> State | None:
    """This cluster has no certificate for the name: does another cluster have it?"""
    if not view.exists or view.identity == wec.uid:
        return None
    if view.identity is None and not view.joined.is_true:
        # Nobody has ever joined under this name: the ManagedCluster was made beforehand, or by this very agent.
        return None
    if view.is_alive(now):
        return _conflict(wec, view)
    evidence = [f"ManagedCluster {view.name}: {view.joined}", str(view.available)]
    if view.identity:
        evidence.append(f"it was registered for the cluster {view.identity}, and this one is {wec.uid}")
    return State(REPLACED, "another cluster was registered under this name, and is not available", tuple(evidence))


def _conflict(wec: ObservedAgent, view: ObservedManagedCluster) -> State:
    identity = (
        f"it belongs to the cluster {view.identity}" if view.identity else "this cluster has no certificate for it"
    )
    return State(
        NAME_CONFLICT,
        "another cluster has this name on the ITS",
        (f"ManagedCluster {view.name}: {view.available}", f"{identity}, and this one is {wec.uid}"),
    )


def _same_hub(credential: HubCredential, hub: HubIdentity) -> tuple[bool | None, list[str]]:
    if credential.issued_by_its is not None:
        verb = "was" if credential.issued_by_its else "was not"
        return credential.issued_by_its, [f"its certificate {verb} issued by this ITS's CA"]
    return _same_server(credential, hub)


def _same_server(found: Bootstrap | HubCredential, hub: HubIdentity) -> tuple[bool | None, list[str]]:
    """Address and CA decide where there is no certificate to check."""
    known_address = hub.has_server(found.server)
    evidence = [f"it dials {found.server}, which is {'an' if known_address else 'no'} address of this ITS"]
    if not found.server:
        return None, ["its kubeconfig for the hub has no server"]
    if found.ca is None or hub.ca is None:
        return (True if known_address else None), [*evidence, "there is no CA to compare"]
    try:
        same_ca = certificates.same_bundle(found.ca, hub.ca)
    except certificates.MalformedPem as error:
        return None, [*evidence, f"its CA cannot be read ({error})"]
    evidence.append(f"it trusts {'the same' if same_ca else 'another'} CA")
    return same_ca, evidence

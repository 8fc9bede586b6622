# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the cause of trouble in what the ITS and the WEC show. The most telling problem comes first."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ..observed import observed_managed_cluster
from ..observed.conditions import all_of, find
from ..observed.observed_agent import AGENT_NAMESPACE, OPERATOR_NAMESPACE, Klusterlet, ObservedAgent
from ..observed.observed_hub import HubIdentity
from ..observed.observed_managed_cluster import ObservedManagedCluster, is_issued
from ..registration import acceptance, certificates, endpoints, kept_works
from ..registration.acceptance import Member, decide, flood, is_flooded, unavailable
from . import agent_certificate, heartbeat, problems, states, times, versions
from .problems import Problem
from .states import State
from .versions import Version

Json = dict[str, t.Any]

_OF_STATE = {
    states.OTHER_HUB: "other_hub",
    states.OTHER_NAME: "other_name",
    states.NAME_CONFLICT: "name_taken",
    states.REPLACED: "replaced",
    states.ORPHANED: "orphaned",
    states.DELETING: "deleting",
    states.UNKNOWN: "cluster_identity_unclear",
    states.TOKEN_EXPIRED: "bootstrap_token_expired",
}
_APPLYING_TAKES = 15
"""Seconds that the operator may take until there is a pod of the agent; it takes two."""
_NO_WAY = (
    "dial tcp",
    "i/o timeout",
    "connection refused",
    "connection reset",
    "TLS handshake timeout",
    "no route to host",
    "network is unreachable",
    "context deadline exceeded",
    "EOF",
)

_DUMPED_OBJECT = re.compile(r"&SelfSubjectAccessReview\{.*\} ", re.DOTALL)
"""The operator prints the whole object that it could not create."""


@dataclasses.dataclass(frozen=True)
class AgentHealth:
    """What runs of the agent on the WEC. ``pods`` are those of the operator's and the agent's namespaces."""

    operator: Json | None
    operator_pods: tuple[Json, ...] = ()
    agent_pods: tuple[Json, ...] = ()


def of_state(state: State) -> Problem | None:
    """The problem that a state is by itself; None for the others."""
    code = state.problem or _OF_STATE.get(state.name)
    return problems.of(code, *state.evidence) if code else None


def from_its(view: ObservedManagedCluster, now: datetime.datetime, token_id: str | None = None) -> list[Problem]:
    """What the ITS shows of a WEC that is not as it should be. ``token_id``: that of its agent, where it is known."""
    if not view.exists and not view.csrs:
        return []
    if view.is_deleting or view.mailbox_is_terminating:
        return [_deletion(view)]
    silent = acceptance.silent_controllers(view, now)
    if silent is not None:
        return [*_conditions(view), silent]
    found = [*_conditions(view), *_registration(view, now, token_id)]
    if view.hub_accepts_client and view.mailbox is None:
        found.append(problems.of("mailbox_missing", str(view.accepted)))
    if kept_works.KEPT_ANNOTATION in view.annotations:
        found.append(
            problems.of(
                "manifestworks_without_counterpart", f"ManagedCluster {view.name} has {kept_works.KEPT_ANNOTATION}"
            )
        )
    return found


def _registration(view: ObservedManagedCluster, now: datetime.datetime, token_id: str | None) -> list[Problem]:
    state = states.of_observed_managed_cluster(view, now)
    if state.name == states.JOINED:
        return heartbeat.trouble(view, now)
    if state.name == states.JOINED_UNAVAILABLE:
        validity = agent_certificate.of_view(view)
        found = []
        if validity is not None and validity.ends <= now:
            found.append(problems.of("certificate_expired", f"it {validity.fact(now)}, as the ITS shows it"))
        return [*found, unavailable(view, now)]
    if not view.exists:
        return [
            problems.of("managed_cluster_missing", f"its signing request {view.csrs[0]['metadata']['name']} is there")
        ]
    member = Member(view.name, token_id=token_id)
    decision = decide(member, view, now)
    if decision.approval is not None:
        waiting = decision.approval.csr["metadata"]["name"]
        return [problems.of("csr_pending", f"CertificateSigningRequest {waiting}")]
    if not view.hub_accepts_client and (view.joined.is_true or any(is_issued(csr) for csr in view.csrs)):
        return [problems.of("not_accepted", str(view.accepted))]
    if is_flooded(view):
        return [flood(view)]
    return [decision.problem] if decision.problem else []


def _conditions(view: ObservedManagedCluster) -> list[Problem]:
    found = []
    if view.clock_synced.is_false:
        found.append(problems.of("clock_skew", str(view.clock_synced)))
    rotated = find(view.managed_cluster, agent_certificate.CONDITION)
    if rotated.is_false:
        found.append(problems.of("certificate_not_renewed", str(rotated)))
    return found


def _deletion(view: ObservedManagedCluster) -> Problem:
    item = view.managed_cluster if view.is_deleting else view.mailbox
    metadata = (item or {}).get("metadata") or {}
    facts = [str(one) for one in all_of(item) if one.type.startswith(("Deleting", "Namespace")) and one.status != ""]
    finalizers = metadata.get("finalizers") or ((item or {}).get("spec") or {}).get("finalizers") or []
    holding = [f"it has the finalizers {', '.join(finalizers)}"] if finalizers else []
    code = "deleting" if view.is_deleting else "mailbox_terminating"
    return problems.of(code, *holding, *facts)


def from_wec(
    name: str, wec: ObservedAgent, health: AgentHealth, hub: HubIdentity, now: datetime.datetime
) -> list[Problem]:
    """What the WEC shows of an agent that has not made it to the ITS, or has lost it."""
    klusterlet = wec.the_klusterlet(name)
    if health.operator is None and klusterlet is None:
        return []
    found: list[Problem] = []
    if klusterlet is not None and klusterlet.is_deleting and health.operator is None:
        return [
            problems.of("klusterlet_half_removed", f"Klusterlet {klusterlet.name} waits for an operator that is gone")
        ]
    if not find(health.operator, "Available").is_true:
        operator = pods_trouble(health.operator_pods)
        found.append(problems.of("operator_not_running", f"Deployment {OPERATOR_NAMESPACE}/klusterlet", *operator))
    if klusterlet is None:
        return found
    applied = find(klusterlet.raw, "Applied")
    if applied.is_false:
        found.append(problems.of("klusterlet_not_applied", str(applied)))
    elif not applied.is_true and not found and not health.agent_pods:
        age = times.age(observed_managed_cluster.created(klusterlet.raw), now) or 0.0
        if age > _APPLYING_TAKES:
            fact = f"its operator runs, and after {times.show_seconds(age)} there is no pod of the agent"
            found.append(problems.of("klusterlet_not_applied", fact))
    moved = address_changed(name, wec, hub)
    found += [moved] if moved else _credential(wec, hub, now)
    connection = _hub_connection(wec, klusterlet.hub_connection.message, klusterlet.hub_connection.reason)
    agent = pods_trouble(health.agent_pods)
    degraded = find(klusterlet.raw, "RegistrationDesiredDegraded")
    if agent or degraded.is_true:
        trouble = problems.of("agent_not_running", f"namespace {AGENT_NAMESPACE}", *(agent or [str(degraded)]))
        # An agent that cannot reach its hub crashes again and again: then that is the cause.
        found += [connection, trouble] if connection and _crashes(health.agent_pods) else [trouble]
    if connection is not None and connection not in found:
        found.append(connection)
    return found


_OF_NETWORK = frozenset({"its_name_unresolvable", "its_unreachable_from_wec", "its_not_trusted_by_wec"})


def is_cut_off(name: str, wec: ObservedAgent) -> bool:
    """Whether the WEC's operator says that the address that the agent dials does not lead to the ITS."""
    return _cut_off(name, wec) is not None


def distrusts_its(name: str, wec: ObservedAgent) -> bool:
    """Whether the WEC's operator says that the agent does not trust the certificate that it is shown at that address."""
    trouble = _cut_off(name, wec)
    return trouble is not None and trouble.code == "its_not_trusted_by_wec"


def _cut_off(name: str, wec: ObservedAgent) -> Problem | None:
    klusterlet = wec.the_klusterlet(name)
    if klusterlet is None or not klusterlet.hub_connection.is_true:
        return None
    found = _hub_connection(wec, klusterlet.hub_connection.message, klusterlet.hub_connection.reason)
    return found if found is not None and found.code in _OF_NETWORK else None


def address_changed(name: str, wec: ObservedAgent, hub: HubIdentity) -> Problem | None:
    """Whether an agent of this ITS is cut off because the address that it dials is not the ITS's any more."""
    credential, trouble = wec.credential, _cut_off(name, wec)
    if credential is None or not credential.issued_by_its or hub.has_server(credential.server) or trouble is None:
        return None
    known = [one for one in dict.fromkeys(hub.servers) if not endpoints.is_local(one)]
    sentence = f"the ITS is at {', '.join(known)}" if known else "the ITS publishes no address that agents could dial"
    return problems.of("hub_address_changed", f"its agent dials {credential.server}", sentence, *trouble.evidence)


def from_here(health: AgentHealth) -> str:
    """What the WEC itself shows beside a lease that is not renewed."""
    count, running = len(health.agent_pods), len([pod for pod in health.agent_pods if find(pod, "Ready").is_true])
    sentence = f"its API answers, and {running} of {count} pods of its agent are ready"
    return f"{sentence}: look at the way from there to the ITS" if running else sentence


def version_skew(klusterlet: Klusterlet | None, hub: Version | None) -> Problem | None:
    """Whether the klusterlet is newer than the hub, as far as their images tell."""
    own = versions.of_image(klusterlet.image) if klusterlet else None
    if own is None or hub is None or own <= hub:
        return None
    return problems.of("version_skew", f"the klusterlet is {versions.show(own)}, the hub {versions.show(hub)}")


def _credential(wec: ObservedAgent, hub: HubIdentity, now: datetime.datetime) -> list[Problem]:
    credential = wec.credential
    if credential is None:
        return []
    certificate = credential.certificate
    if certificate is not None and certificate.not_after <= now:
        ended = f"it ended at {times.show(certificate.not_after)}"
        return [problems.of("certificate_expired", ended, _dead_token(wec, now))]
    if credential.issued_by_its and credential.ca and hub.ca and not certificates.same_bundle(credential.ca, hub.ca):
        return [problems.of("hub_ca_changed", f"its agent dials {credential.server} with another CA")]
    return []


def _dead_token(wec: ObservedAgent, now: datetime.datetime) -> str:
    """Why its agent cannot ask for another certificate by itself either; an empty text where nothing shows it."""
    bootstrap = wec.bootstrap
    if bootstrap is None:
        return ""
    if bootstrap.token.expires is not None and bootstrap.token.expires <= now:
        return f"its bootstrap token ended at {times.show(bootstrap.token.expires)}"
    return "its bootstrap token was revoked" if bootstrap.is_revoked else ""


def _crashes(pods: t.Iterable[Json]) -> bool:
    return any(
        ((container.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        for pod in pods
        for container in (pod.get("status") or {}).get("containerStatuses") or []
    )


def _hub_connection(wec: ObservedAgent, message: str, reason: str) -> Problem | None:
    """What the operator's own attempts at the hub say (OCM: .../klusterlet/controllers/ssarcontroller)."""
    bootstrap_part, _comma, hub_part = reason.partition(",")
    own_line = message.partition("\n")[0] if wec.credential is None else message.rpartition("\n")[2]
    relevant = own_line or message
    fact = f"HubConnectionDegraded {reason}: {_shortened(_DUMPED_OBJECT.sub('a SelfSubjectAccessReview ', relevant))}"
    if wec.bootstrap is not None and not wec.bootstrap.server:
        return problems.of("bootstrap_server_empty")
    if "proxyconnect" in relevant or "Proxy Authentication Required" in relevant:
        return problems.of("proxy_misconfigured", fact)
    if "no such host" in relevant or "server misbehaving" in relevant:
        return problems.of("its_name_unresolvable", fact)
    if "x509" in relevant:
        return problems.of("its_not_trusted_by_wec", fact)
    if any(text in relevant for text in _NO_WAY):
        return problems.of("its_unreachable_from_wec", fact)
    if wec.credential is None and bootstrap_part == "BootstrapSecretError" and "Unauthorized" in relevant:
        return problems.of("bootstrap_token_expired", fact)
    if wec.credential is None and bootstrap_part == "BootstrapSecretUnauthorized":
        return problems.of("bootstrap_token_forbidden", fact)
    if hub_part == "HubKubeConfigUnauthorized" and wec.credential is not None:
        return problems.of("not_accepted", fact)
    return None


def pods_trouble(pods: t.Iterable[Json]) -> list[str]:
    """Why containers do not run, in the kubelet's own words."""
    found = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        scheduled = find(pod, "PodScheduled")
        if scheduled.is_false:
            found.append(f"pod {name} cannot be scheduled: {scheduled.message}")
        elif status.get("phase") == "Pending" and not status.get("containerStatuses"):
            found.append(f"pod {name} is Pending, and no kubelet has taken it up")
        for container in status.get("containerStatuses") or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting and waiting.get("reason") != "PodInitializing":
                last = ((container.get("lastState") or {}).get("terminated") or {}).get("message") or ""
                sentence = waiting.get("message") or ""
                text = f"pod {name}: {waiting.get('reason')} {_shortened(sentence)}".rstrip()
                found.append(f"{text}; it last said: {_shortened(last)}" if last else text)
    return found


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 400 else f"{flat[:200]} ... {flat[-195:]}"

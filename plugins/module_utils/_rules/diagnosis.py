# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Finding the cause of trouble in what the ITS and the WEC show. The most telling problem comes first."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from . import problems, states
from .acceptance import Member, decide, unavailable
from .conditions import find
from .its_view import ItsView
from .problems import Problem
from .states import State
from .wec_view import AGENT_NAMESPACE, OPERATOR_NAMESPACE, WecView

Json = dict[str, t.Any]

_OF_STATE = {
    states.OTHER_HUB: "other_hub",
    states.OTHER_NAME: "other_name",
    states.NAME_CONFLICT: "name_taken",
    states.REPLACED: "replaced",
    states.ORPHANED: "orphaned",
    states.DELETING: "deleting",
    states.UNKNOWN: "membership_unclear",
    states.TOKEN_EXPIRED: "bootstrap_token_expired",
}
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
    code = _OF_STATE.get(state.name)
    return problems.of(code, *state.evidence) if code else None


def from_its(view: ItsView, now: datetime.datetime, token_id: str | None = None) -> list[Problem]:
    """What the ITS shows of a WEC that is not as it should be. ``token_id``: that of its agent, where it is known."""
    state = states.of_its_view(view, now)
    if state.name == states.JOINED:
        return [problems.of("clock_skew", str(view.clock_synced))] if view.clock_synced.is_false else []
    if state.name == states.JOINED_UNAVAILABLE:
        return [unavailable(view, now)]
    if not view.exists:
        return [problems.of("managed_cluster_missing")] if view.csrs else []
    found = decide(Member(view.name, token_id=token_id), view, now).problem
    if found is not None:
        return [found]
    if not view.hub_accepts_client:
        return [problems.of("not_accepted", str(view.accepted))]
    return []


def from_wec(name: str, wec: WecView, health: AgentHealth) -> list[Problem]:
    """What the WEC shows of an agent that has not made it to the ITS, or has lost it."""
    klusterlet = wec.the_klusterlet(name)
    found: list[Problem] = []
    if health.operator is None and klusterlet is None:
        return found
    operator = _pods_trouble(health.operator_pods)
    if not find(health.operator, "Available").is_true:
        found.append(problems.of("operator_not_running", f"Deployment {OPERATOR_NAMESPACE}/klusterlet", *operator))
    if klusterlet is None:
        return found
    applied = find(klusterlet.raw, "Applied")
    if applied.is_false:
        found.append(problems.of("klusterlet_not_applied", str(applied)))
    agent = _pods_trouble(health.agent_pods)
    degraded = find(klusterlet.raw, "RegistrationDesiredDegraded")
    if agent or degraded.is_true:
        found.append(problems.of("agent_not_running", f"namespace {AGENT_NAMESPACE}", *(agent or [str(degraded)])))
    connection = _hub_connection(wec, klusterlet.hub_connection.message, klusterlet.hub_connection.reason)
    if connection is not None:
        found.append(connection)
    return found


def _hub_connection(wec: WecView, message: str, reason: str) -> Problem | None:
    """What the operator's own attempts at the hub say (OCM: .../klusterlet/controllers/ssarcontroller)."""
    bootstrap_part, _comma, hub_part = reason.partition(",")
    own_line = message.partition("\n")[0] if wec.credential is None else message.rpartition("\n")[2]
    relevant = own_line or message
    fact = f"HubConnectionDegraded {reason}: {_shortened(_DUMPED_OBJECT.sub('a SelfSubjectAccessReview ', relevant))}"
    if wec.bootstrap is not None and not wec.bootstrap.server:
        return problems.of("bootstrap_server_empty")
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


def _pods_trouble(pods: t.Iterable[Json]) -> list[str]:
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
                told = waiting.get("message") or ""
                text = f"pod {name}: {waiting.get('reason')} {_shortened(told)}".rstrip()
                found.append(f"{text}; it last said: {_shortened(last)}" if last else text)
    return found


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 400 else f"{flat[:200]} ... {flat[-195:]}"

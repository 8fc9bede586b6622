# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ITS has to do next for a WEC whose agent has been (or will be) applied."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..fleet.plan import Step
from ..observed import readable
from ..observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
    created,
    has_condition,
    is_issued,
    is_pending,
)
from ..status import heartbeat, problems, states, times
from ..status.problems import Problem
from . import csr as csr_rules

Json = dict[str, t.Any]
_NOT_ANNOUNCED = "its agent has not contacted the ITS"
MOST_REQUESTS = 10
"""With so many requests under its name, an agent makes no more (OCM: pkg/registration/register/csr/csr.go)."""
_TAKING_UP_TAKES = 10
"""Seconds after which the hub's registration controller has said something of a ManagedCluster that is accepted; it takes one."""
_ISSUING_TAKES = 60
"""Seconds after which an approved request without a certificate is a problem."""


@dataclasses.dataclass(frozen=True)
class Member:
    """A WEC that shall be accepted.

    ``uid`` identifies its cluster. ``token_id``: the id of the bootstrap token that its agent was given, where known.
    ``holds_certificate``: whether its own API has shown a certificate of this ITS for this name. ``awaits_request``: its
    agent was made to start anew, so that what the ITS shows from before does not count. ``replace_lost_cluster`` and
    ``remove_foreign_csrs``: what the user has allowed.
    """

    name: str
    uid: str | None = None
    token_id: str | None = None
    holds_certificate: bool = False
    awaits_request: bool = False
    replace_lost_cluster: bool = False
    remove_foreign_csrs: bool = False
    renewed_after: datetime.datetime | None = None
    """By the ITS's clock. Its agent was restarted or told another address then: only a later renewal of its lease shows it alive."""
    server: str | None = None
    """The address that its agent was told to dial by this run. Whether that leads to the ITS, the agent itself says minutes later."""

    def as_data(self) -> Json:
        """For wec_accept, which has told no agent anything."""
        data = dataclasses.asdict(self)
        del data["server"], data["renewed_after"]
        return data


@dataclasses.dataclass(frozen=True)
class Approval:
    """A request to approve, and how well it is proved to be this WEC's own."""

    csr: Json
    proof: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """``done``: nothing is left to do. Otherwise act on what is given here, and look again.

    ``waiting_for`` is for the progress line; ``problem`` is what to blame if it never comes. A ``final`` problem does
    not go away by waiting. ``rejected`` are signing requests under its name that are not its own, and ``remove`` those of them
    that nobody has approved and that are to be deleted.
    """

    done: bool = False
    accept: bool = False
    approval: Approval | None = None
    identity: str | None = None
    waiting_for: str = ""
    problem: Problem | None = None
    final: bool = False
    rejected: tuple[csr_rules.Examined, ...] = ()
    remove: tuple[Json, ...] = ()

    def steps(self, view: ObservedManagedCluster) -> list[Step]:
        steps = [remove_step(csr) for csr in self.remove]
        if self.accept:
            steps.append(_accept_step(view))
        if self.approval is not None:
            name = self.approval.csr["metadata"]["name"]
            steps.append(_approve_step(name, f"it is this WEC's own (proof: {self.approval.proof})"))
        if self.identity is not None:
            steps.append(_identity_step(view, self.identity))
        return steps


def foreseen(member: Member, view: ObservedManagedCluster) -> list[Step]:
    """The steps that will follow for a WEC whose agent is about to be applied, or has not been heard of."""
    steps = []
    if not view.hub_accepts_client:
        steps.append(_accept_step(view))
    if not member.holds_certificate and not view.csrs:
        steps.append(_approve_step(f"of {member.name}", "if it passes every check"))
    if member.uid and view.identity != member.uid:
        steps.append(_identity_step(view, member.uid))
    return steps


def _accept_step(view: ObservedManagedCluster) -> Step:
    before = {"hubAcceptsClient": view.hub_accepts_client} if view.exists else None
    reason = "it should be a WEC of this ITS"
    return Step("ITS", "accept", f"ManagedCluster {view.name}", reason, before, {"hubAcceptsClient": True})


def _approve_step(name: str, reason: str) -> Step:
    subject = f"CertificateSigningRequest {name}"
    return Step("ITS", "approve", subject, reason, {"approved": False}, {"approved": True})


def remove_step(csr: Json) -> Step:
    before = {"requester": (csr.get("spec") or {}).get("username")}
    return Step("ITS", "delete", f"CertificateSigningRequest {_name(csr)}", "it is not this WEC's own", before, None)


def _identity_step(view: ObservedManagedCluster, uid: str) -> Step:
    before = {IDENTITY_ANNOTATION: view.identity} if view.exists else None
    reason = "note which cluster has this name"
    return Step("ITS", "update", f"ManagedCluster {view.name}", reason, before, {IDENTITY_ANNOTATION: uid})


def decide(member: Member, view: ObservedManagedCluster, now: datetime.datetime) -> Decision:
    """The next thing to do for one WEC, from a fresh look at the ITS. Raises MissingLibrary."""
    decision = _decide(member, view, now)
    silent = None if decision.done or decision.final else silent_controllers(view, now)
    if silent is not None:
        decision = dataclasses.replace(
            decision, waiting_for="the hub's controllers have not taken it up", problem=silent
        )
    knows_another = member.uid is not None and view.exists and view.identity != member.uid
    if knows_another and (decision.done or decision.accept):
        return dataclasses.replace(decision, identity=member.uid)
    return decision


def _decide(member: Member, view: ObservedManagedCluster, now: datetime.datetime) -> Decision:
    if view.unreadable:
        return Decision(waiting_for="what the ITS shows of it cannot be read", problem=readable.problem(view))
    if view.is_deleting:
        return Decision(waiting_for="its ManagedCluster is being deleted", problem=problems.of("deleting"))
    if view.mailbox_is_terminating:
        # The webhook would refuse to accept it, after the request was approved.
        return Decision(waiting_for="its old mailbox is being deleted", problem=problems.of("mailbox_terminating"))
    state = states.of_observed_managed_cluster(view, now)
    waits_anew = member.awaits_request and not _has_new_certificate(member, view)
    if state.name == states.JOINED and not waits_anew:
        since = member.renewed_after
        return Decision(done=True) if since is None or _has_renewed(view, since) else _awaits_lease(view, now)
    if not view.exists and not view.csrs:
        fact = f"it dials {member.server}" if member.server else ""
        return Decision(waiting_for=_NOT_ANNOUNCED, problem=problems.of("managed_cluster_missing", fact))
    if state.name != states.JOINED_UNAVAILABLE or waits_anew:
        return _registering(member, view, now)
    if not any(is_pending(one) for one in view.csrs):
        return Decision(waiting_for=state.reason, problem=unavailable(view, now))
    decision = _registering(member, view, now)
    if decision.approval is not None or decision.final:
        return decision
    # Its agent has a certificate, and may come back whatever others ask for.
    blamed = (
        decision.problem if decision.problem and decision.problem.code == "csr_name_in_use" else unavailable(view, now)
    )
    return dataclasses.replace(decision, waiting_for=state.reason, problem=blamed)


def _has_renewed(view: ObservedManagedCluster, since: datetime.datetime) -> bool:
    renewed = view.lease_observed or view.lease_renewed
    # The ITS notes whole seconds.
    return renewed is not None and renewed >= since.replace(microsecond=0)


def _awaits_lease(view: ObservedManagedCluster, now: datetime.datetime) -> Decision:
    beat = heartbeat.of_view(view, now)
    fact = (
        f"its lease was renewed {times.show_seconds(beat.age)} ago, before its agent was started again" if beat else ""
    )
    return Decision(
        waiting_for="its agent has not renewed its lease since", problem=problems.of("heartbeat_late", fact)
    )


def silent_controllers(view: ObservedManagedCluster, now: datetime.datetime) -> Problem | None:
    """Whether the hub has accepted a WEC and its own controllers have not noticed: they hear nothing, or do not run."""
    if not view.hub_accepts_client or view.is_deleting or view.accepted.status:
        return None
    age = times.age(view.accepted_at, now)
    if age is None or age <= _TAKING_UP_TAKES:
        return None
    fact = f"ManagedCluster {view.name} was accepted {times.show_seconds(age)} ago, and has no condition {view.accepted.type}"
    return problems.of("hub_controllers_not_responding", fact)


def _has_new_certificate(member: Member, view: ObservedManagedCluster) -> bool:
    """Whether a certificate was issued for a request that the agent made after it was told to start anew."""
    return any(is_issued(csr) and _examine(csr, member, view).is_legitimate for csr in view.csrs)


def _examine(csr: Json, member: Member, view: ObservedManagedCluster) -> csr_rules.Examined:
    return csr_rules.examine(csr, member.name, member.token_id, view.token_ids_are_recorded)


def _registering(member: Member, view: ObservedManagedCluster, now: datetime.datetime) -> Decision:
    examined = [(csr, _examine(csr, member, view)) for csr in view.csrs]
    rejected = tuple(one for _csr, one in examined if not one.is_legitimate)
    foreign = tuple(csr for csr, one in examined if not one.is_legitimate and is_removable(csr))
    found = _of_requests(member, view, now, [one for one in examined if one[1].is_legitimate], rejected)
    return dataclasses.replace(found, rejected=rejected, remove=foreign if member.remove_foreign_csrs else ())


def is_removable(csr: Json) -> bool:
    """Whether nobody has approved a request, so that nothing has come of it."""
    return not has_condition(csr, "Approved") and not is_issued(csr)


def _of_requests(
    member: Member,
    view: ObservedManagedCluster,
    now: datetime.datetime,
    legitimate: t.Sequence[tuple[Json, csr_rules.Examined]],
    rejected: t.Sequence[csr_rules.Examined],
) -> Decision:
    """``legitimate`` are the requests that pass every check, newest first."""
    accept = view.exists and not view.hub_accepts_client
    if not legitimate:
        return _without_request(member, view, accept, rejected)
    newest, examined = legitimate[0]
    name = newest["metadata"]["name"]
    if is_pending(newest):
        problem = _why_not_to_approve(member, view, legitimate)
        if problem is not None:
            return Decision(waiting_for=problem.kind.summary, problem=problem)
        return Decision(
            accept=accept,
            approval=Approval(newest, examined.proof or csr_rules.IDENTITY) if view.exists else None,
            waiting_for="its signing request is being approved" if view.exists else _NOT_ANNOUNCED,
            problem=problems.of("managed_cluster_missing", f"its signing request {name} is there"),
        )
    if has_condition(newest, "Denied"):
        return Decision(
            waiting_for="its signing request was denied",
            problem=problems.of("csr_denied", f"CertificateSigningRequest {name}: {_denial(newest)}"),
            final=True,
        )
    if not is_issued(newest):
        age = times.age(created(newest), now) or 0
        waited = f"CertificateSigningRequest {name} is {times.show_seconds(age)} old"
        return Decision(
            accept=accept,
            waiting_for="its certificate has not been issued" if age > _ISSUING_TAKES else "its certificate is made",
            problem=problems.of("csr_not_issued", waited),
        )
    return Decision(
        accept=accept,
        waiting_for="its agent has not joined with its certificate" if not accept else "it is being accepted",
        problem=problems.of("certificate_not_used", str(view.joined), str(view.accepted)),
    )


def _why_not_to_approve(
    member: Member, view: ObservedManagedCluster, legitimate: t.Sequence[tuple[Json, csr_rules.Examined]]
) -> Problem | None:
    """Why the newest request that waits is not approved although it passes the checks; None if it is to be.

    A request that was made with this WEC's own token is its own. Of others, nobody knows: where several agents make them, or a
    cluster has the name already, none is approved, and above all not the newest because it is the newest.
    """
    if legitimate[0][1].proof == csr_rules.TOKEN:
        return None
    newest = legitimate[0][0]["metadata"]["name"]
    is_in_use = view.joined.is_true or (view.identity is not None and view.identity != member.uid)
    if is_in_use and not member.replace_lost_cluster:
        # An ITS that records no ids cannot prove more than that the cluster is the one that had the name.
        is_known = member.uid is not None and view.identity == member.uid and not view.token_ids_are_recorded
        if not is_known:
            return problems.of("csr_name_in_use", f"CertificateSigningRequest {newest}", str(view.joined))
    waiting = []
    for csr, _examined in legitimate:
        if not is_pending(csr):
            # What its agent has asked for before it got an answer is not asked for any more.
            break
        waiting.append(csr)
    if len({csr_rules.maker(csr) for csr in waiting}) > 1:
        return problems.of(
            "csr_multiple_requesters", *(f"CertificateSigningRequest {_name(csr)}" for csr in waiting[:10])
        )
    return None


def _name(csr: Json) -> str:
    return str(csr["metadata"]["name"])


def _without_request(
    member: Member, view: ObservedManagedCluster, accept: bool, rejected: t.Sequence[csr_rules.Examined]
) -> Decision:
    # A WEC that has joined and is not accepted was accepted before: its agent has its certificate.
    if accept and (member.holds_certificate or view.joined.is_true):
        return Decision(accept=True, waiting_for="it is being accepted")
    if is_flooded(view):
        return Decision(waiting_for="there are too many signing requests under its name", problem=flood(view))
    if rejected:
        facts = [f"{one.name}: {'; '.join(one.faults)}" for one in rejected]
        return Decision(
            waiting_for="only signing requests that fail the checks have arrived",
            problem=problems.of("csr_not_legitimate", *facts),
        )
    if view.hub_accepts_client and view.joined.is_true:
        return Decision(waiting_for="it is not available", problem=problems.of("not_available", str(view.available)))
    return Decision(waiting_for="its agent has made no signing request", problem=problems.of("csr_missing"))


def is_flooded(view: ObservedManagedCluster) -> bool:
    """Whether so many requests stand under its name that its agent makes none."""
    return len(view.csrs) >= MOST_REQUESTS


def flood(view: ObservedManagedCluster) -> Problem:
    """The problem of a name that is flooded, with the requests' names."""
    return problems.of("csr_too_many", f"there are {len(view.csrs)}: {', '.join(map(_name, view.csrs[:20]))}")


def unavailable(view: ObservedManagedCluster, now: datetime.datetime) -> Problem:
    """The problem of a WEC that has joined and is not available, as the ITS shows it."""
    available = view.available
    beat = heartbeat.of_view(view, now)
    lease = "it has no lease" if beat is None else f"its lease was renewed {times.show_seconds(beat.age)} ago"
    if view.clock_synced.is_false:
        return problems.of("clock_skew", str(view.clock_synced))
    if available.is_false and available.reason == "ManagedClusterKubeAPIServerUnavailable":
        return problems.of("wec_api_unhealthy", str(available))
    if available.status == "Unknown" or not view.lease_is_fresh(now):
        return problems.of("lease_expired", str(available), lease)
    return problems.of("not_available", str(available), lease)


def _denial(csr: Json) -> str:
    for condition in (csr.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Denied":
            return f"{condition.get('reason', '')} {condition.get('message', '')}".strip()
    return ""

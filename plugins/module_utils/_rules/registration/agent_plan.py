# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done, for each state, so that a WEC's agent can bootstrap with its ITS (or be itself again)."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..fleet.plan import Step
from ..observed.observed_agent import BOOTSTRAP_SECRET, HUB_SECRET, ObservedAgent
from ..observed.observed_hub import HubIdentity
from ..observed.observed_managed_cluster import IDENTITY_ANNOTATION, ObservedManagedCluster
from ..status import diagnosis, heartbeat, problems, states, times
from ..status.problems import Problem
from ..status.states import State
from . import acceptance, certificates, endpoints, kept_works
from .join_options import KEEP, JoinOptions

Json = dict[str, t.Any]

MINT = "mint"
JOIN = "join"
REFRESH = "refresh"
DELETE_HUB_CREDENTIAL = "forget"
RESTART = "restart"
RENEW = "renew"
RECREATE = "recreate"
CLEAR_NAME = "clear_name"
REMOVE_FOREIGN = "remove_foreign"
READDRESS_BOOTSTRAP = "readdress_bootstrap"
READDRESS_HUB = "readdress_hub"
SWITCH_EVICTION_OFF = "switch_eviction_off"
SWITCH_EVICTION_ON = "switch_eviction_on"
NOTE_KEPT = "note_kept"
DROP_NOTE = "drop_note"

_OF_KEPT_WORKS = frozenset({SWITCH_EVICTION_OFF, SWITCH_EVICTION_ON, NOTE_KEPT, DROP_NOTE})
ASKED_FOR = "it was asked for"

STARTS_ANEW = frozenset({DELETE_HUB_CREDENTIAL, JOIN, REFRESH})
"""After one of these, what the ITS showed before does not count: the agent makes another signing request."""

RENEWS = frozenset({RENEW, DELETE_HUB_CREDENTIAL})
"""After one of these, the agent has another key."""

AWAITS_LEASE = frozenset({READDRESS_HUB, RESTART})
"""After one of these, only a lease that the agent renews afterwards shows that it works."""


@dataclasses.dataclass(frozen=True)
class IntendedAgent:
    """The agent that there shall be: what is shown of it in plans."""

    name: str
    server: str
    mode: str
    version: str
    account: str


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a state asks for. ``do`` are operations in their order; None means that nothing may be touched, and ``problem`` why, if
    that is not the state's own."""

    do: tuple[str, ...] | None
    reason: str = ""
    problem: Problem | None = None


ANEW = (MINT, REFRESH, DELETE_HUB_CREDENTIAL, RESTART)
"""An agent that has a certificate gets rid of it, and asks for another one with a token."""
_NOT_ROTATED = frozenset({states.ABSENT, states.PARTIAL, states.OTHER_HUB, states.REPLACED})
"""States of clusters without a certificate of this ITS that could be rotated: nobody has asked to register them."""


def needs(
    state: State,
    wec: ObservedAgent,
    view: ObservedManagedCluster,
    hub: HubIdentity,
    options: JoinOptions,
    now: datetime.datetime,
    address: str | None = None,
    has_works: bool = False,
    ahead: float = 0.0,
) -> Needs:
    """The operations that a state asks for. The same for check mode and for real.

    ``address``: of the ITS, as a new WEC would be told it; None where that is not known. ``has_works``: whether works of
    another hub are on the WEC. ``ahead``: seconds by which the WEC's clock is ahead of the ITS's.
    """
    rotation = _why_rotate(wec, options, ahead)
    if options.rotate_before is not None:
        refusal = _why_not_rotated(state, wec, view)
        if refusal is not None:
            return Needs(None, state.reason, refusal)
    if state.name in (states.ABSENT, states.PARTIAL):
        return Needs((MINT, JOIN), state.reason)
    if state.name == states.TOKEN_EXPIRED:
        return Needs((MINT, REFRESH, RESTART), state.reason)
    if state.name == states.ORPHANED:
        if _has_expired(wec, now):
            return Needs(ANEW, "its agent's certificate has expired, and its ManagedCluster is gone")
        if rotation:
            return Needs(ANEW, rotation)
        return Needs((RECREATE,), state.reason)
    if state.name == states.OTHER_HUB and options.move_from_other_hub:
        move = (MINT, JOIN, DELETE_HUB_CREDENTIAL, RESTART)
        keeps = has_works and options.works_of_other_hub == KEEP
        reason = "it was allowed to move it from the other hub"
        return Needs((SWITCH_EVICTION_OFF, NOTE_KEPT, *move) if keeps else move, reason)
    if state.name == states.REPLACED and options.replace_lost_cluster:
        install = (MINT, JOIN) if wec.the_klusterlet(view.name) is None else (MINT, REFRESH)
        return Needs((CLEAR_NAME, *install), "it was allowed to replace the lost cluster")
    if state.name in (states.JOINED, states.JOINED_UNAVAILABLE):
        return _of_joined(state, wec, view, hub, options, now, address, rotation)
    if state.name in (states.PENDING_APPROVAL, states.PENDING_CSR):
        return Needs(())
    return Needs(None)


def _of_joined(
    state: State,
    wec: ObservedAgent,
    view: ObservedManagedCluster,
    hub: HubIdentity,
    options: JoinOptions,
    now: datetime.datetime,
    address: str | None,
    rotation: str | None,
) -> Needs:
    if state.name == states.JOINED_UNAVAILABLE or _is_silent(wec, view, now):
        reason = _must_start_anew(wec, view, hub, options, now)
        if reason:
            return Needs(ANEW, reason)
    server = wec.credential.server if wec.credential else ""
    if address and _dials_another(address, state, wec, view, hub, options):
        reason = f"hub address {server} -> {address}"
        keeps = rotation is None and _keeps_certificate(address, wec, hub, options)
        return Needs((READDRESS_BOOTSTRAP, READDRESS_HUB) if keeps else ANEW, reason)
    if rotation:
        # An agent that works makes another key and asks with the certificate that it has; another one needs a token.
        return Needs((RENEW, RESTART) if state.name == states.JOINED else ANEW, rotation)
    return Needs((RESTART,), ASKED_FOR) if options.restart_agents else Needs(())


def _why_rotate(wec: ObservedAgent, options: JoinOptions, ahead: float) -> str | None:
    """Why the agent of a WEC gets another certificate; None if nobody has asked for that, or it has one."""
    moment, credential = options.rotate_before, wec.credential
    if moment is None or credential is None or credential.is_newer_than(moment, ahead):
        return None
    return f"its agent's certificate may be older than {times.show(moment)}"


def _why_not_rotated(state: State, wec: ObservedAgent, view: ObservedManagedCluster) -> Problem | None:
    """Why a rotation leaves a WEC alone that registering would not."""
    if state.name in _NOT_ROTATED:
        return diagnosis.of_state(state) or problems.of("not_joined", state.reason)
    if view.exists and not view.hub_accepts_client and view.joined.is_true:
        # Perhaps because of the very leak.
        return problems.of("not_accepted", str(view.accepted))
    return None


def _dials_another(
    address: str, state: State, wec: ObservedAgent, view: ObservedManagedCluster, hub: HubIdentity, options: JoinOptions
) -> bool:
    """Whether the agent is to be told the ITS's address anew. An address that is one of the ITS's is left alone, unless another
    was asked for."""
    credential = wec.credential
    if credential is None or not _is_certain(wec, view):
        return False
    if endpoints.host_and_port(credential.server) == endpoints.host_and_port(address):
        return False
    if options.hub_apiserver:
        return True
    if not credential.server or hub.has_server(credential.server):
        return False
    return state.name == states.JOINED_UNAVAILABLE or diagnosis.is_cut_off(view.name, wec)


def _keeps_certificate(address: str, wec: ObservedAgent, hub: HubIdentity, options: JoinOptions) -> bool:
    """Whether another address is all that the agent needs: then it goes on with its certificate, without a new request."""
    credential, bootstrap = wec.credential, wec.bootstrap
    ca = options.hub_ca_cert or hub.ca
    if credential is None or bootstrap is None or not credential.ca or not ca or not bootstrap.ca:
        return False
    same_proxy = not options.proxy_url or options.proxy_url == bootstrap.proxy
    # The second: a run was killed in between.
    known = map(endpoints.host_and_port, (credential.server, address))
    return (
        same_proxy
        and endpoints.host_and_port(bootstrap.server) in known
        and _same_ca(credential.ca, ca)
        and _same_ca(bootstrap.ca, ca)
    )


def lasting_cause(
    found: Needs, state: State, wec: ObservedAgent, view: ObservedManagedCluster, hub: HubIdentity
) -> Problem | None:
    """Why an agent that nothing can be done for will not come back, however long it is waited for; None if it may."""
    if state.name != states.JOINED_UNAVAILABLE or found.do != () or not _is_certain(wec, view):
        return None
    return diagnosis.address_changed(view.name, wec, hub)


def _is_certain(wec: ObservedAgent, view: ObservedManagedCluster) -> bool:
    """Whether the agent is this ITS's, and the cluster the one that was registered under the name."""
    return bool(wec.credential and wec.credential.issued_by_its) and view.identity in (None, wec.uid)


def _has_expired(wec: ObservedAgent, now: datetime.datetime) -> bool:
    certificate = wec.credential.certificate if wec.credential else None
    return certificate is not None and certificate.not_after <= now


def _is_silent(wec: ObservedAgent, view: ObservedManagedCluster, now: datetime.datetime) -> bool:
    """Whether an agent that the ITS calls available, as it does for minutes, shows that it may not trust the ITS any more.

    The WEC's operator only looks at the connection when something of the agent changes (OCM: .../controllers/ssarcontroller).
    """
    beat = heartbeat.of_view(view, now)
    return diagnosis.distrusts_its(view.name, wec) or (beat is not None and beat.is_late)


def _must_start_anew(
    wec: ObservedAgent, view: ObservedManagedCluster, hub: HubIdentity, options: JoinOptions, now: datetime.datetime
) -> str | None:
    """Why an agent that is cut off will never come back by itself; None where it may, or where its identity is not sure."""
    credential = wec.credential
    if credential is None or not _is_certain(wec, view):
        return None
    if _has_expired(wec, now):
        return "its agent's certificate has expired"
    ca = options.hub_ca_cert or hub.ca
    if ca and credential.ca and not _same_ca(credential.ca, ca):
        return "its agent trusts another CA than the ITS has now"
    return None


def _same_ca(one: bytes, other: bytes) -> bool:
    try:
        return certificates.same_bundle(one, other)
    except certificates.MalformedPem:
        return True


def flooded(
    found: Needs, wec: ObservedAgent, view: ObservedManagedCluster, options: JoinOptions, now: datetime.datetime
) -> Problem | None:
    """What keeps the agent from making a signing request, if so many of others stand under its name. Raises MissingLibrary."""
    if not acceptance.is_flooded(view) or options.remove_foreign_csrs or CLEAR_NAME in (found.do or ()):
        return None
    if MINT in (found.do or ()):
        return acceptance.flood(view)
    token_id = wec.bootstrap.token.id if wec.bootstrap else None
    member = acceptance.Member(view.name, wec.uid, token_id, wec.credential is not None)
    problem = acceptance.decide(member, view, now).problem
    return problem if problem is not None and problem.code == "csr_too_many" else None


def foreign_csrs(found: Needs, view: ObservedManagedCluster, options: JoinOptions) -> list[Json]:
    """The signing requests to delete before an agent is installed or starts anew: none of them is one that it will make."""
    if not options.remove_foreign_csrs or CLEAR_NAME in (found.do or ()) or MINT not in (found.do or ()):
        return []
    return [csr for csr in view.csrs if acceptance.is_removable(csr)]


def steps(
    found: Needs,
    view: ObservedManagedCluster,
    wec: ObservedAgent,
    intended: IntendedAgent | None,
    foreign: t.Sequence[Json] = (),
) -> list[Step]:
    """The operations as steps of a plan. ``intended`` is needed where an agent is installed or starts anew."""
    removals = [dataclasses.replace(acceptance.remove_step(csr), do=REMOVE_FOREIGN) for csr in foreign]
    return [*removals, *(_step(do, found.reason, view, wec, intended) for do in found.do or ())]


def _step(
    do: str, reason: str, view: ObservedManagedCluster, wec: ObservedAgent, intended: IntendedAgent | None
) -> Step:
    if do == RECREATE:
        after = {"hubAcceptsClient": True, IDENTITY_ANNOTATION: wec.uid}
        return Step("ITS", "create", f"ManagedCluster {view.name}", reason, None, after, do)
    if do == CLEAR_NAME:
        before = {"identity": view.identity, "available": view.available.status}
        what = f"ManagedCluster {view.name} with its mailbox and signing requests"
        return Step("ITS", "delete", what, reason, before, None, do)
    if do == DELETE_HUB_CREDENTIAL:
        certificate = wec.credential.certificate if wec.credential else None
        before = {"expires": times.show(certificate.not_after) if certificate else None}
        return Step("WEC", "delete", f"Secret {HUB_SECRET}", reason, before, None, do)
    if do == RENEW:
        before, after = {"certificate": _validity(wec)}, {"certificate": "another one, of another key"}
        return Step("WEC", "renew", f"Secret {HUB_SECRET}", reason, before, after, do)
    if do == RESTART:
        message = "its pods keep what they were given before" if reason != ASKED_FOR else reason
        return Step("WEC", "restart", "agent", message, do=do)
    if do in _OF_KEPT_WORKS:
        return _step_of_kept_works(do, view, wec)
    agent = t.cast(IntendedAgent, intended)
    if do in (READDRESS_BOOTSTRAP, READDRESS_HUB):
        secret = BOOTSTRAP_SECRET if do == READDRESS_BOOTSTRAP else HUB_SECRET
        server = wec.credential.server if wec.credential else None
        return Step("WEC", "update", f"Secret {secret}", reason, {"hub": server}, {"hub": agent.server}, do)
    if do == MINT:
        return Step(
            "ITS",
            "create",
            f"token of ServiceAccount {agent.account}",
            "the agent bootstraps with it",
            None,
            {"valid": "until the WEC is available, 1 h at most"},
            do,
        )
    if do == REFRESH:
        before = {"hub": wec.bootstrap.server if wec.bootstrap else None, "token": "old"}
        after = {"hub": agent.server, "token": "new"}
        return Step("WEC", "update", f"Secret {BOOTSTRAP_SECRET}", reason, before, after, do)
    klusterlet = wec.the_klusterlet(agent.name)
    return Step(
        "WEC",
        "join",
        "Klusterlet klusterlet",
        reason,
        None if klusterlet is None else {"clusterName": klusterlet.cluster_name, "mode": klusterlet.mode},
        {"clusterName": agent.name, "mode": agent.mode, "version": agent.version, "hub": agent.server},
        do,
    )


def _validity(wec: ObservedAgent) -> str | None:
    certificate = wec.credential.certificate if wec.credential else None
    return f"valid until {times.show(certificate.not_after)}" if certificate else None


def settling(view: ObservedManagedCluster, wec: ObservedAgent) -> list[Step]:
    """The steps that end a move that has kept works, when each of these has a counterpart on this ITS."""
    found = [SWITCH_EVICTION_ON] if kept_works.are_kept(wec.the_klusterlet(view.name)) else []
    if kept_works.KEPT_ANNOTATION in view.annotations:
        found.append(DROP_NOTE)
    return [_step_of_kept_works(do, view, wec) for do in found]


def _step_of_kept_works(do: str, view: ObservedManagedCluster, wec: ObservedAgent) -> Step:
    if do in (NOTE_KEPT, DROP_NOTE):
        noted = view.annotations.get(kept_works.KEPT_ANNOTATION)
        after = {kept_works.KEPT_ANNOTATION: "true" if do == NOTE_KEPT else None}
        verb = "update" if view.exists else "create"
        reason = "workload of the other hub is on the WEC" if do == NOTE_KEPT else _COMPLETE
        before = {kept_works.KEPT_ANNOTATION: noted} if view.exists else None
        return Step("ITS", verb, f"ManagedCluster {view.name}", reason, before, after, do)
    klusterlet = wec.the_klusterlet(view.name)
    grace = kept_works.grace(klusterlet) if klusterlet else None
    former = kept_works.former_grace(klusterlet) if klusterlet else None
    wanted = kept_works.GRACE_OFF if do == SWITCH_EVICTION_OFF else former
    reason = "its agent would delete what the new hub does not know" if do == SWITCH_EVICTION_OFF else _COMPLETE
    what = f"Klusterlet {klusterlet.name if klusterlet else ''}".rstrip()
    return Step("WEC", "update", what, reason, {"eviction grace": grace}, {"eviction grace": wanted}, do)


_COMPLETE = "all workload of the other hub has its counterpart on this ITS"

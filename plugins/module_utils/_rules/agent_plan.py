# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done, for each state, so that a WEC's agent can introduce itself to its ITS (or be itself again)."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import acceptance, certificates, endpoints, states, times
from .hub_view import HubIdentity
from .its_view import IDENTITY_ANNOTATION, ItsView
from .join_options import JoinOptions
from .plan import Step
from .problems import Problem
from .states import State
from .wec_view import BOOTSTRAP_SECRET, HUB_SECRET, WecView

Json = dict[str, t.Any]

MINT = "mint"
JOIN = "join"
REFRESH = "refresh"
FORGET = "forget"
RESTART = "restart"
RECREATE = "recreate"
CLEAR_NAME = "clear_name"
REMOVE_FOREIGN = "remove_foreign"

STARTS_ANEW = frozenset({FORGET, JOIN, REFRESH})
"""After one of these, what the ITS showed before does not count: the agent makes another signing request."""


@dataclasses.dataclass(frozen=True)
class Intended:
    """The agent that there shall be: what is shown of it in plans."""

    name: str
    server: str
    mode: str
    version: str
    account: str


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a state asks for. ``do`` are operations in their order; None means that nothing may be touched."""

    do: tuple[str, ...] | None
    reason: str = ""


def needs(
    state: State,
    wec: WecView,
    view: ItsView,
    hub: HubIdentity,
    options: JoinOptions,
    now: datetime.datetime,
) -> Needs:
    """The operations that a state asks for. The same for check mode and for real."""
    if state.name in (states.ABSENT, states.PARTIAL):
        return Needs((MINT, JOIN), state.reason)
    if state.name == states.TOKEN_EXPIRED:
        return Needs((MINT, REFRESH, RESTART), state.reason)
    if state.name == states.ORPHANED:
        if _has_expired(wec, now):
            return Needs(
                (MINT, REFRESH, FORGET, RESTART), "its agent's certificate has expired, and its ManagedCluster is gone"
            )
        return Needs((RECREATE,), state.reason)
    if state.name == states.OTHER_HUB and options.move_from_other_hub:
        return Needs((MINT, JOIN, FORGET, RESTART), "it was allowed to move it from the other hub")
    if state.name == states.REPLACED and options.replace_lost_cluster:
        install = (MINT, JOIN) if wec.the_klusterlet(view.name) is None else (MINT, REFRESH)
        return Needs((CLEAR_NAME, *install), "it was allowed to replace the lost cluster")
    if state.name == states.JOINED_UNAVAILABLE:
        reason = _must_start_anew(wec, view, hub, now, options.hub_apiserver)
        return Needs((MINT, REFRESH, FORGET, RESTART), reason) if reason else Needs(())
    if state.name in (states.JOINED, states.PENDING_APPROVAL, states.PENDING_CSR):
        return Needs(())
    return Needs(None)


def _has_expired(wec: WecView, now: datetime.datetime) -> bool:
    certificate = wec.credential.certificate if wec.credential else None
    return certificate is not None and certificate.not_after <= now


def _must_start_anew(
    wec: WecView, view: ItsView, hub: HubIdentity, now: datetime.datetime, hub_apiserver: str | None
) -> str | None:
    """Why an unavailable agent will never come back by itself; None where it may, or where its identity is not sure."""
    credential = wec.credential
    is_certain = credential is not None and credential.issued_by_its and view.identity in (None, wec.uid)
    if credential is None or not is_certain:
        return None
    if _has_expired(wec, now):
        return "its agent's certificate has expired"
    if hub.ca and credential.ca and not _same_ca(credential.ca, hub.ca):
        return "its agent trusts another CA than the ITS has now"
    wanted = hub_apiserver
    if wanted and endpoints.host_and_port(credential.server) != endpoints.host_and_port(wanted):
        return f"its agent dials {credential.server} instead of {wanted}"
    return None


def _same_ca(one: bytes, other: bytes) -> bool:
    try:
        return certificates.same_bundle(one, other)
    except certificates.MalformedPem:
        return True


def flooded(found: Needs, wec: WecView, view: ItsView, options: JoinOptions, now: datetime.datetime) -> Problem | None:
    """What keeps the agent from making a signing request, if so many of others stand under its name. Raises MissingLibrary."""
    if not acceptance.is_flooded(view) or options.remove_foreign_csrs or CLEAR_NAME in (found.do or ()):
        return None
    if MINT in (found.do or ()):
        return acceptance.flood(view)
    token_id = wec.bootstrap.token.id if wec.bootstrap else None
    member = acceptance.Member(view.name, wec.uid, token_id, wec.credential is not None)
    problem = acceptance.decide(member, view, now).problem
    return problem if problem is not None and problem.code == "csr_too_many" else None


def foreign_csrs(found: Needs, view: ItsView, options: JoinOptions) -> list[Json]:
    """The signing requests to delete before an agent is installed or starts anew: none of them is one that it will make."""
    if not options.remove_foreign_csrs or CLEAR_NAME in (found.do or ()) or MINT not in (found.do or ()):
        return []
    return [csr for csr in view.csrs if acceptance.is_removable(csr)]


def steps(
    found: Needs, view: ItsView, wec: WecView, intended: Intended | None, foreign: t.Sequence[Json] = ()
) -> list[Step]:
    """The operations as steps of a plan. ``intended`` is needed where an agent is installed or starts anew."""
    removals = [dataclasses.replace(acceptance.remove_step(csr), do=REMOVE_FOREIGN) for csr in foreign]
    return [*removals, *(_step(do, found.reason, view, wec, intended) for do in found.do or ())]


def _step(do: str, reason: str, view: ItsView, wec: WecView, intended: Intended | None) -> Step:
    if do == RECREATE:
        after = {"hubAcceptsClient": True, IDENTITY_ANNOTATION: wec.uid}
        return Step("ITS", "create", f"ManagedCluster {view.name}", reason, None, after, do)
    if do == CLEAR_NAME:
        before = {"identity": view.identity, "available": view.available.status}
        what = f"ManagedCluster {view.name} with its mailbox and signing requests"
        return Step("ITS", "delete", what, reason, before, None, do)
    if do == FORGET:
        certificate = wec.credential.certificate if wec.credential else None
        before = {"expires": times.show(certificate.not_after) if certificate else None}
        return Step("WEC", "delete", f"Secret {HUB_SECRET}", reason, before, None, do)
    if do == RESTART:
        return Step("WEC", "restart", "agent", "its pods keep what they were given before", do=do)
    agent = t.cast(Intended, intended)
    if do == MINT:
        return Step(
            "ITS",
            "create",
            f"token of ServiceAccount {agent.account}",
            "the agent introduces itself with it",
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

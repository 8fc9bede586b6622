# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import agent_plan, certificates, states
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.agent_plan import Intended
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.hub_view import HubIdentity
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.its_view import IDENTITY_ANNOTATION, ItsView
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.join_options import JoinOptions
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.states import State
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.tokens import TokenFacts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.wec_view import (
    Bootstrap,
    HubCredential,
    WecView,
    klusterlet,
)
from fake_ocm import FakeAuthority, condition

NOW = datetime.datetime.now(datetime.timezone.utc)
AUTHORITY, OTHER = FakeAuthority(), FakeAuthority("other")
SERVER = "https://its1.example:6443"
HUB = HubIdentity(AUTHORITY.pem, AUTHORITY.pem, (SERVER,))
AGENT = klusterlet({"metadata": {"name": "klusterlet"}, "spec": {"clusterName": "edge-1"}})
INTENDED = Intended("edge-1", SERVER, "Singleton", "1.2.1", "agent-registration-bootstrap")
ALL = JoinOptions(move_from_other_hub=True, replace_lost_cluster=True)
NEW_START = ("mint", "refresh", "forget", "restart")


def wec(days: float = 100, ca: bytes = AUTHORITY.pem, issued: bool | None = True, agent: bool = True) -> WecView:
    certificate = certificates.read_certificate(AUTHORITY.client("edge-1", days))
    return WecView(
        "the-cluster",
        "v1.34.4",
        (AGENT,) if agent else None,
        bootstrap=Bootstrap(SERVER, ca, TokenFacts()),
        credential=HubCredential("edge-1", "agent0", SERVER, ca, certificate, issued),
    )


def view(identity: str | None = "the-cluster") -> ItsView:
    annotations = {IDENTITY_ANNOTATION: identity} if identity else {}
    cluster = {
        "metadata": {"name": "edge-1", "annotations": annotations},
        "spec": {"hubAcceptsClient": True},
        "status": {"conditions": [condition("ManagedClusterConditionAvailable", "Unknown")]},
    }
    return ItsView("edge-1", cluster)


def do(state: str, found: WecView | None = None, options: JoinOptions = ALL, **more: t.Any) -> tuple[str, ...] | None:
    shown = more.pop("view", view())
    return agent_plan.needs(State(state, "reason"), found or wec(), shown, HUB, options, NOW, **more).do


@pytest.mark.parametrize(
    ("state", "operations"),
    [
        (states.ABSENT, ("mint", "join")),
        (states.PARTIAL, ("mint", "join")),
        (states.TOKEN_EXPIRED, ("mint", "refresh", "restart")),
        (states.ORPHANED, ("recreate",)),
        (states.PENDING_CSR, ()),
        (states.PENDING_APPROVAL, ()),
        (states.JOINED, ()),
        (states.JOINED_UNAVAILABLE, ()),
        (states.OTHER_HUB, ("mint", "join", "forget", "restart")),
        (states.REPLACED, ("clear_name", "mint", "refresh")),
        (states.OTHER_NAME, None),
        (states.NAME_CONFLICT, None),
        (states.DELETING, None),
        (states.UNKNOWN, None),
    ],
)
def test_each_state_has_its_operations(state: str, operations: tuple[str, ...] | None) -> None:
    assert do(state) == operations


def test_every_state_is_decided() -> None:
    for state in states.ALL:
        do(state)


@pytest.mark.parametrize("state", [states.OTHER_HUB, states.REPLACED])
def test_what_is_dangerous_needs_its_own_permission(state: str) -> None:
    assert do(state, options=JoinOptions()) is None
    others = {states.OTHER_HUB: "replace_lost_cluster", states.REPLACED: "move_from_other_hub"}
    assert do(state, options=JoinOptions(**{others[state]: True})) is None


def test_a_replaced_cluster_without_an_agent_gets_one() -> None:
    assert do(states.REPLACED, wec(agent=False)) == ("clear_name", "mint", "join")


def test_an_expired_certificate_means_a_new_start() -> None:
    assert do(states.JOINED_UNAVAILABLE, wec(days=-1)) == NEW_START
    assert do(states.ORPHANED, wec(days=-1)) == NEW_START


def test_another_ca_of_the_its_means_a_new_start() -> None:
    assert do(states.JOINED_UNAVAILABLE, wec(ca=OTHER.pem)) == NEW_START


def test_another_address_than_the_wanted_one_means_a_new_start() -> None:
    assert do(states.JOINED_UNAVAILABLE, options=JoinOptions(hub_apiserver="https://new.example:6443")) == NEW_START
    assert do(states.JOINED_UNAVAILABLE, options=JoinOptions(hub_apiserver=SERVER)) == ()


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (wec(days=-1, issued=None), view()),
        (wec(days=-1, issued=False), view()),
        (wec(days=-1), view("another")),
        (dataclasses.replace(wec(), credential=None), view()),
    ],
)
def test_without_proof_of_identity_nothing_is_mended(found: WecView, shown: ItsView) -> None:
    assert do(states.JOINED_UNAVAILABLE, found, view=shown) == ()


def test_steps_say_what_changes_without_any_secret() -> None:
    found = agent_plan.Needs(("clear_name", "recreate", *NEW_START, "join"), "a reason")
    steps = agent_plan.steps(found, view(), wec(), INTENDED)
    assert [step.do for step in steps] == list(found.do or ())
    refresh = next(step for step in steps if step.do == "refresh")
    assert refresh.before == {"hub": SERVER, "token": "old"}
    assert refresh.after == {"hub": SERVER, "token": "new"}
    join = next(step for step in steps if step.do == "join")
    assert join.after == {"clusterName": "edge-1", "mode": "Singleton", "version": "1.2.1", "hub": SERVER}

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
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import agent_plan, certificates
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.agent_plan import IntendedAgent
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import JoinOptions
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.tokens import TokenFacts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import states
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.states import State
from fake_ocm import FakeAuthority, condition

NOW = datetime.datetime.now(datetime.timezone.utc)
AUTHORITY, OTHER = FakeAuthority(), FakeAuthority("other")
SERVER = "https://its1.example:6443"
HUB = HubIdentity(AUTHORITY.pem, AUTHORITY.pem, (SERVER,))
AGENT = klusterlet({"metadata": {"name": "klusterlet"}, "spec": {"clusterName": "edge-1"}})
INTENDED = IntendedAgent("edge-1", SERVER, "Singleton", "1.2.1", "agent-registration-bootstrap")
ALL = JoinOptions(move_from_other_hub=True, replace_lost_cluster=True)
NEW_START = ("mint", "refresh", "forget", "restart")


def wec(days: float = 100, ca: bytes = AUTHORITY.pem, issued: bool | None = True, agent: bool = True) -> ObservedAgent:
    certificate = certificates.read_certificate(AUTHORITY.client("edge-1", days))
    return ObservedAgent(
        "the-cluster",
        "v1.34.4",
        (AGENT,) if agent else None,
        bootstrap=Bootstrap(SERVER, ca, TokenFacts()),
        credential=HubCredential("edge-1", "agent0", SERVER, ca, certificate, issued),
    )


def view(identity: str | None = "the-cluster") -> ObservedManagedCluster:
    annotations = {IDENTITY_ANNOTATION: identity} if identity else {}
    cluster = {
        "metadata": {"name": "edge-1", "annotations": annotations},
        "spec": {"hubAcceptsClient": True},
        "status": {"conditions": [condition("ManagedClusterConditionAvailable", "Unknown")]},
    }
    return ObservedManagedCluster("edge-1", cluster)


def do(
    state: str, found: ObservedAgent | None = None, options: JoinOptions = ALL, **more: t.Any
) -> tuple[str, ...] | None:
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


NEW = "https://new.example:6443"
READDRESSED = ("readdress_bootstrap", "readdress_hub")
CUT_OFF = {
    "type": "HubConnectionDegraded",
    "status": "True",
    "reason": "BootstrapSecretError,HubKubeConfigError",
    "message": "dial tcp: lookup its1.example: no such host",
}


DISTRUSTS = {**CUT_OFF, "message": "tls: failed to verify certificate: x509: certificate signed by unknown authority"}


def at(
    server: str,
    cut_off: bool = False,
    days: float = 100,
    ca: bytes = AUTHORITY.pem,
    trouble: dict[str, str] | None = None,
) -> ObservedAgent:
    """A WEC whose agent dials this address."""
    found = wec(days, ca)
    raw = {**AGENT.raw, "status": {"conditions": [trouble or CUT_OFF] if cut_off else []}}
    return dataclasses.replace(
        found,
        klusterlets=(dataclasses.replace(AGENT, raw=raw),),
        bootstrap=dataclasses.replace(t.cast(Bootstrap, found.bootstrap), server=server),
        credential=dataclasses.replace(t.cast(HubCredential, found.credential), server=server),
    )


def test_another_ca_of_the_its_means_a_new_start() -> None:
    assert do(states.JOINED_UNAVAILABLE, wec(ca=OTHER.pem)) == NEW_START


def test_the_ca_that_agents_are_given_counts_where_it_is_not_that_of_the_its() -> None:
    given = JoinOptions(hub_ca_cert=OTHER.pem)
    assert do(states.JOINED_UNAVAILABLE, wec(ca=OTHER.pem), given) == ()
    assert do(states.JOINED_UNAVAILABLE, wec(), given) == NEW_START


@pytest.mark.parametrize(("age", "operations"), [(100, NEW_START), (80, ())])
def test_another_ca_and_a_late_heartbeat_mean_a_new_start(age: float, operations: tuple[str, ...]) -> None:
    renewed = (NOW - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    late = dataclasses.replace(
        view(), lease={"metadata": {"name": "managed-cluster-lease"}, "spec": {"renewTime": renewed}}
    )
    assert do(states.JOINED, wec(ca=OTHER.pem), view=late) == operations
    assert do(states.JOINED, view=late) == (), "with the same CA it is waited for"


def test_it_is_not_waited_for_until_an_agent_that_does_not_trust_another_ca_is_unavailable() -> None:
    lost = at(SERVER, cut_off=True, ca=OTHER.pem, trouble=DISTRUSTS)
    assert do(states.JOINED, lost) == NEW_START
    assert do(states.JOINED, at(SERVER, ca=OTHER.pem)) == (), "it gets through"
    assert do(states.JOINED, at(SERVER, cut_off=True, ca=OTHER.pem)) == (), "something else keeps it from the ITS"
    assert do(states.JOINED, at(SERVER, cut_off=True, trouble=DISTRUSTS)) == (), "another CA would not be given to it"


@pytest.mark.parametrize("state", [states.JOINED, states.JOINED_UNAVAILABLE])
def test_an_agent_is_told_the_address_that_was_asked_for_and_keeps_its_certificate(state: str) -> None:
    asked = JoinOptions(hub_apiserver=NEW)
    assert do(state, options=asked, address=NEW) == READDRESSED
    assert do(state, options=asked, address=SERVER.upper().replace("HTTPS", "https")) == ()


@pytest.mark.parametrize(
    ("state", "cut_off", "operations"),
    [
        (states.JOINED_UNAVAILABLE, False, READDRESSED),
        (states.JOINED_UNAVAILABLE, True, READDRESSED),
        (states.JOINED, True, READDRESSED),
        (states.JOINED, False, ()),
    ],
)
def test_an_address_that_is_none_of_the_its_is_replaced_where_the_agent_does_not_get_through(
    state: str, cut_off: bool, operations: tuple[str, ...]
) -> None:
    assert do(state, at("https://old.example:6443", cut_off), address=SERVER) == operations
    assert do(state, at(SERVER, cut_off), address=NEW) == (), "an address of the ITS is left alone"
    assert do(state, at("https://old.example:6443", cut_off), address=None) == ()


def test_another_address_and_nothing_to_keep_means_a_new_start() -> None:
    asked = JoinOptions(hub_apiserver=NEW)
    for found in (at(SERVER, days=-1), at(SERVER, ca=OTHER.pem)):
        assert do(states.JOINED_UNAVAILABLE, found, options=asked, address=NEW) == NEW_START
    without_bootstrap = dataclasses.replace(at(SERVER), bootstrap=None)
    assert do(states.JOINED, without_bootstrap, options=asked, address=NEW) == NEW_START
    proxied = JoinOptions(hub_apiserver=NEW, proxy_url="http://proxy:3128")
    assert do(states.JOINED, at(SERVER), options=proxied, address=NEW) == NEW_START


def test_a_run_that_was_killed_between_the_two_addresses_is_ended() -> None:
    found = at("https://old.example:6443")
    half = dataclasses.replace(found, bootstrap=dataclasses.replace(t.cast(Bootstrap, found.bootstrap), server=SERVER))
    assert do(states.JOINED_UNAVAILABLE, half, address=SERVER) == READDRESSED
    elsewhere = dataclasses.replace(half.bootstrap or Bootstrap("", None, TokenFacts()), server="https://third:6443")
    assert do(states.JOINED_UNAVAILABLE, dataclasses.replace(half, bootstrap=elsewhere), address=SERVER) == NEW_START


def test_the_plan_says_from_where_to_where() -> None:
    needs = agent_plan.needs(
        State(states.JOINED, ""), at(SERVER), view(), HUB, JoinOptions(hub_apiserver=NEW), NOW, address=NEW
    )
    steps = agent_plan.steps(needs, view(), at(SERVER), dataclasses.replace(INTENDED, server=NEW))
    assert [step.object for step in steps] == ["Secret bootstrap-hub-kubeconfig", "Secret hub-kubeconfig-secret"]
    assert {step.reason for step in steps} == {f"hub address {SERVER} -> {NEW}"}
    assert [(step.before, step.after) for step in steps] == [({"hub": SERVER}, {"hub": NEW})] * 2


def test_an_agent_that_is_cut_off_and_has_no_address_to_be_told_does_not_come_back_by_itself() -> None:
    state, idle = State(states.JOINED_UNAVAILABLE, ""), agent_plan.Needs(())
    lost = at("https://old.example:6443", cut_off=True)
    found = agent_plan.lasting_cause(idle, state, lost, view(), HUB)
    assert found is not None
    assert found.code == "hub_address_changed"
    assert "https://old.example:6443" in str(found)
    assert SERVER in str(found)
    for other in (at(SERVER, cut_off=True), at("https://old.example:6443")):
        assert agent_plan.lasting_cause(idle, state, other, view(), HUB) is None
    assert agent_plan.lasting_cause(idle, State(states.JOINED, ""), lost, view(), HUB) is None
    assert agent_plan.lasting_cause(agent_plan.Needs(NEW_START), state, lost, view(), HUB) is None


@pytest.mark.parametrize("state", [states.JOINED, states.JOINED_UNAVAILABLE])
def test_agents_are_restarted_when_that_is_asked_for(state: str) -> None:
    assert do(state, options=JoinOptions(restart_agents=True)) == ("restart",)
    assert do(states.ABSENT, options=JoinOptions(restart_agents=True)) == ("mint", "join")


def test_works_of_another_hub_are_kept_before_anything_else_is_done() -> None:
    keep = JoinOptions(move_from_other_hub=True, works_of_other_hub="keep")
    move = ("mint", "join", "forget", "restart")
    assert do(states.OTHER_HUB, options=keep, has_works=True) == ("switch_eviction_off", "note_kept", *move)
    assert do(states.OTHER_HUB, options=keep) == move
    assert do(states.OTHER_HUB, options=JoinOptions(works_of_other_hub="keep"), has_works=True) is None


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (wec(days=-1, issued=None), view()),
        (wec(days=-1, issued=False), view()),
        (wec(days=-1), view("another")),
        (dataclasses.replace(wec(), credential=None), view()),
    ],
)
def test_without_proof_of_identity_nothing_is_mended(found: ObservedAgent, shown: ObservedManagedCluster) -> None:
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


HOUR = datetime.timedelta(hours=1)


def stored(ago: datetime.timedelta) -> ObservedAgent:
    """Its Secret was created then, by the WEC's clock. The fake CA dates certificates back by years."""
    found = wec()
    return dataclasses.replace(
        found, credential=dataclasses.replace(t.cast(HubCredential, found.credential), stored=NOW - ago)
    )


@pytest.mark.parametrize(
    ("ago", "ahead", "is_due"),
    [
        (2 * HOUR, 0.0, True),
        (0.5 * HOUR, 0.0, False),
        # The WEC's clock is an hour ahead: by the ITS's, it is older.
        (0.5 * HOUR, 3600.0, True),
        (2 * HOUR, -7200.0, False),
    ],
)
def test_a_rotation_goes_by_the_itss_clock(ago: datetime.timedelta, ahead: float, is_due: bool) -> None:
    found = do(states.JOINED, stored(ago), JoinOptions(rotate_before=NOW - HOUR), ahead=ahead)
    assert found == (("renew", "restart") if is_due else ())


@pytest.mark.parametrize(
    ("state", "operations"),
    [
        (states.JOINED, ("renew", "restart")),
        # No agent asks in its own name there.
        (states.JOINED_UNAVAILABLE, NEW_START),
        (states.ORPHANED, NEW_START),
        # What a killed run leaves.
        (states.TOKEN_EXPIRED, ("mint", "refresh", "restart")),
        (states.PENDING_CSR, ()),
        (states.PENDING_APPROVAL, ()),
        (states.ABSENT, None),
        (states.PARTIAL, None),
        (states.OTHER_HUB, None),
        (states.REPLACED, None),
        (states.NAME_CONFLICT, None),
    ],
)
def test_each_state_has_its_way_of_rotation(state: str, operations: tuple[str, ...] | None) -> None:
    options = dataclasses.replace(ALL, rotate_before=NOW - HOUR)
    assert do(state, stored(2 * HOUR), options) == operations


def test_a_certificate_that_begins_after_the_moment_is_new_whatever_its_secret_tells() -> None:
    moment = NOW - datetime.timedelta(days=2000)
    assert do(states.JOINED, wec(), JoinOptions(rotate_before=moment)) == ()

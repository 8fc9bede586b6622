# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration import leaving
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration.leaving import (
    ItsSide,
    LeaveOptions,
    WecSide,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import (
    ObservedAgent,
    klusterlet,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_hub import HubIdentity
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
)

Json = dict[str, t.Any]
NOW = datetime.datetime(2026, 1, 1, 12, 0, tzinfo=datetime.timezone.utc)
DELETING = "2026-01-01T11:59:00Z"
HUB = HubIdentity(None, None, ("https://its1.example:6443",))
KUBESTELLAR = {"labels": {"transport.kubestellar.io/originOwnerReferenceBindingKey": "policy"}}
JOINED = {"conditions": [{"type": "ManagedClusterJoined", "status": "True"}]}


def item(name: str, **metadata: t.Any) -> Json:
    return {"metadata": {"name": name, "uid": f"uid-{name}", **metadata}}


def cluster(identity: str | None = "me", status: Json | None = None, **metadata: t.Any) -> Json:
    annotations = {IDENTITY_ANNOTATION: identity} if identity else {}
    return {**item("edge-1", annotations=annotations, **metadata), "spec": {}, "status": status or {}}


def agent(name: str = "klusterlet", of: str = "edge-1", **metadata: t.Any) -> t.Any:
    return klusterlet({**item(name, **metadata), "spec": {"clusterName": of}})


def wec(**parts: t.Any) -> WecSide:
    return WecSide(ObservedAgent("me", "v1.34", parts.pop("klusterlets", (agent(),))), **parts)


def applied(name: str, of: str | None = "uid-klusterlet") -> Json:
    return {**item(name), "spec": {"agentID": of} if of else {}}


def its(**parts: t.Any) -> ItsSide:
    view = ObservedManagedCluster("edge-1", parts.pop("cluster", cluster()), mailbox=parts.pop("mailbox", None))
    return ItsSide(view, **parts)


@pytest.mark.parametrize(
    ("metadata", "foreign"),
    [
        ({}, True),
        (KUBESTELLAR, False),
        ({"labels": {"open-cluster-management.io/addon-name": "x"}}, False),
        ({"ownerReferences": [{"kind": "ManagedClusterAddOn"}]}, False),
        ({"ownerReferences": [{"kind": "ManifestWorkReplicaSet"}]}, True),
        ({"labels": {"wec.kubestellar.io/probe": ""}}, False),
    ],
)
def test_whose_a_work_is(metadata: Json, foreign: bool) -> None:
    assert leaving.is_foreign(item("work", **metadata)) is foreign


@pytest.mark.parametrize(
    ("own", "left", "taken"),
    [
        (["a", "b"], ["b"], ["a"]),
        (["b"], ["b"], []),
        ([], [], []),
    ],
)
def test_only_named_finalizers_go(own: list[str], left: list[str], taken: list[str]) -> None:
    before = item("x", finalizers=list(own))
    changed, found = leaving.without(before, {"a"})
    assert (changed["metadata"]["finalizers"], found) == (left, taken)
    assert before["metadata"]["finalizers"] == own, "what was read stays as it was"


OWNER = {"apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork", "name": "x"}
OTHER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
NAMESAKE = {"apiVersion": "example.com/v1", "kind": "AppliedManifestWork", "name": "x"}


@pytest.mark.parametrize(
    ("owners", "left"),
    [([OWNER], []), ([OTHER, OWNER], [OTHER]), ([OTHER], None), ([NAMESAKE], None), (None, None)],
)
def test_only_references_to_works_are_cut(owners: list[Json] | None, left: list[Json] | None) -> None:
    assert leaving.without_owner(item("x", ownerReferences=owners)) == left


@pytest.mark.parametrize("deleting", [{}, {"deletionTimestamp": DELETING}])
@pytest.mark.parametrize(
    ("identity", "klusterlets", "code"),
    [
        ("me", (), None),
        ("another", (), "replaced"),
        ("me", (agent(of="edge-2"),), "other_name"),
        (None, (), "replaced"),
    ],
)
def test_who_it_is_does_not_change_while_it_is_taken_apart(
    deleting: Json, identity: str | None, klusterlets: tuple[t.Any, ...], code: str | None
) -> None:
    view = ObservedManagedCluster("edge-1", cluster(identity, JOINED, **deleting), mailbox=item("edge-1", **deleting))
    seen = ObservedAgent("me", None, klusterlets)
    found = leaving.membership("edge-1", seen, view, HUB, NOW)
    problem = leaving.identity_problem(found, seen, view)
    assert (problem.code if problem else None) == code
    assert problem is None or problem.evidence


def test_a_managed_cluster_that_nobody_joined_is_nobodys() -> None:
    view, seen = ObservedManagedCluster("edge-1", cluster(None)), ObservedAgent("me", None, ())
    found = leaving.membership("edge-1", seen, view, HUB, NOW)
    problem = leaving.identity_problem(found, seen, view)
    assert problem is not None
    assert problem.code == "cluster_identity_unproved"


@pytest.mark.parametrize(("age", "lives"), [(30, True), (119, True), (121, False)])
def test_who_renews_its_lease_is_alive(age: int, lives: bool) -> None:
    renewed = (NOW - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    view = ObservedManagedCluster("edge-1", cluster(status=JOINED), lease={"spec": {"renewTime": renewed}})
    assert (leaving.life_problem(view, NOW) is not None) is lives


@pytest.mark.parametrize(("noted", "lives"), [(30, True), (121, False)])
def test_a_wec_whose_clock_is_slow_is_alive(noted: int, lives: bool) -> None:
    """The ITS has noted by its own clock when the renewal came."""
    renewed, taken = (
        (NOW - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ") for age in (noted + 600, noted)
    )
    entry = {"time": taken, "fieldsV1": {"f:spec": {"f:renewTime": {}}}}
    lease = {"metadata": {"managedFields": [entry]}, "spec": {"renewTime": renewed}}
    problem = leaving.life_problem(ObservedManagedCluster("edge-1", cluster(status=JOINED), lease=lease), NOW)
    assert (problem is not None) is lives
    assert problem is None or problem.code == "lost_wec_alive"
    assert problem is None or "the WEC's clock is 10 min behind the ITS's" in str(problem.evidence), problem


@pytest.mark.parametrize(
    ("its_side", "klusterlets", "orphaned"),
    [
        (its(), (agent(),), ["of-old"]),
        (its(cluster=None), (agent(),), ["of-nobody", "of-old", "own"]),
        (None, (agent(),), ["of-nobody", "of-old", "own"]),
        (its(), (), ["of-nobody", "of-old", "of-other", "own"]),
        (None, (agent("other", "edge-2"),), ["of-nobody", "of-old", "own"]),
    ],
)
def test_what_no_agent_takes_away(
    its_side: ItsSide | None, klusterlets: tuple[t.Any, ...], orphaned: list[str]
) -> None:
    there = (applied("own"), applied("of-nobody", None), applied("of-old", "gone"), applied("of-other", "uid-other"))
    if klusterlets and klusterlets[0].name == "klusterlet":
        klusterlets = (*klusterlets, agent("other", "edge-2"))
    side = wec(klusterlets=klusterlets, applied=there)
    found = sorted(leaving.name_of(one) for one in leaving.orphans("edge-1", its_side, side))
    assert found == orphaned


@pytest.mark.parametrize(
    ("its_side", "wec_side", "choices", "order"),
    [
        (its(cluster=None), wec(klusterlets=()), LeaveOptions(), []),
        (None, wec(), LeaveOptions(), [leaving.DELETE_KLUSTERLET]),
        (
            None,
            wec(applied=(applied("x"),)),
            LeaveOptions(workload=leaving.KEEP),
            [leaving.DELETE_KLUSTERLET, leaving.ORPHAN_WORKLOAD, leaving.DELETE_APPLIED],
        ),
        (
            None,
            wec(klusterlets=(), applied=(applied("x"),)),
            LeaveOptions(workload=leaving.REMOVE),
            [leaving.DELETE_APPLIED],
        ),
        (
            its(cluster=cluster(finalizers=[leaving.COLLECTOR]), works=(item("w", **KUBESTELLAR),)),
            wec(),
            LeaveOptions(),
            [leaving.WITHDRAW, leaving.DELETE_CLUSTER, leaving.DELETE_KLUSTERLET],
        ),
        (
            its(works=(item("w"),)),
            wec(),
            LeaveOptions(drain=leaving.IGNORE),
            [leaving.DELETE_CLUSTER, leaving.CLEAR_MAILBOX, leaving.DELETE_KLUSTERLET],
        ),
        (
            its(works=(item("w", finalizers=["x"]),), mailbox=item("edge-1")),
            None,
            LeaveOptions(wec_is_lost=True),
            [leaving.DELETE_CLUSTER, leaving.CLEAR_MAILBOX, leaving.REMOVE_FINALIZERS, leaving.DELETE_MAILBOX],
        ),
        (
            its(cluster=None, csrs=(item("c"),), config_map=item("edge-1"), bootstrap_secret=item("s")),
            wec(klusterlets=()),
            LeaveOptions(),
            [leaving.DELETE_BOOTSTRAP, leaving.DELETE_PROPERTIES, leaving.DELETE_CSRS],
        ),
        (None, wec(klusterlets=(), parts=leaving.OPERATOR_PARTS[:1]), LeaveOptions(purge=True), []),
        (None, wec(klusterlets=(), namespaces=("x",)), LeaveOptions(), [leaving.DELETE_AGENT_NAMESPACES]),
        (None, wec(klusterlets=(agent("o", "edge-2"),), namespaces=("x",)), LeaveOptions(), []),
    ],
)
def test_what_goes_in_which_order(
    its_side: ItsSide | None, wec_side: WecSide | None, choices: LeaveOptions, order: list[str]
) -> None:
    assert [step.do for step in leaving.steps("edge-1", its_side, wec_side, choices)] == order


@pytest.mark.parametrize(
    ("side", "fact"),
    [
        (wec(), None),
        (wec(klusterlets=(agent(), agent("other", "edge-2"))), "Klusterlet other"),
        (wec(applied=(applied("x"),)), "AppliedManifestWork x"),
        (wec(cluster_managers=("cluster-manager",)), "ClusterManager cluster-manager"),
    ],
)
def test_who_needs_operator_and_definitions(side: WecSide, fact: str | None) -> None:
    problem = leaving.purge_problem("edge-1", side, side.applied)
    assert (problem is None) == (fact is None)
    assert problem is None or fact is None or problem.evidence[0].startswith(fact)


def test_what_is_purged_goes_in_the_order_of_its_parts() -> None:
    found = leaving.purge_steps(wec(klusterlets=(), parts=leaving.OPERATOR_PARTS))
    assert [step.do for step in found] == [f"{leaving.PURGE} {part}" for part in leaving.OPERATOR_PARTS]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether statuses come back from a WEC is looked at on the ITS, and with a WDS, policy by policy."""

from __future__ import annotations

import typing as t

import pytest
from fake_api import Fault, now
from fake_fleet import FakeFleet
from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition, install_agent
from fake_wds import FakeWds, works_of
from front_ends import AsAction, FrontEnd

Json = dict[str, t.Any]
ADDONS = "/apis/addon.open-cluster-management.io/v1alpha1"
BINDING_KEY = "transport.kubestellar.io/originOwnerReferenceBindingKey"
ROLE_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
WORK_STATUSES = "/apis/control.kubestellar.io/v1alpha1/namespaces/{}/workstatuses"
REAL = "open-cluster-management:addon-status:agent"
OF_ADDON_MANAGER = "open-cluster-management:addon-status:clusterrole:agent"
NAMES = ["edge-1", "edge-2", "edge-3", "edge-4"]


@pytest.fixture
def fleet(its: FakeIts) -> t.Iterator[FakeFleet]:
    """WECs that have joined, with the status add-on, each with one work that KubeStellar delivered and its status."""
    found = FakeFleet(its)
    found.add(*NAMES, announces=False)
    its.put(f"{ADDONS}/clustermanagementaddons/addon-status", {})
    for name, wec in found.wecs.items():
        its.join(name, wec.uid)
        install_agent(wec, name, its, certificate=its.authority.client(name))
        shown = {"conditions": [condition("RegistrationApplied"), condition("Available")]}
        its.put(f"{ADDONS}/namespaces/{name}/managedclusteraddons/addon-status", {"status": shown})
        bind(its, name)
        deliver(its, name, "web")
        report(its, name, "web")
    yield found
    found.close()


def bind(its: FakeIts, name: str, role_binding: str = REAL) -> None:
    its.put(f"{ROLE_BINDINGS.format(name)}/{role_binding}", {})


def deliver(
    its: FakeIts, name: str, binding: str, *, age: float = 300, kinds: t.Sequence[str] = ("Deployment",)
) -> None:
    conditions = [condition("Applied"), condition("Available")]
    for one in conditions:
        one.update(lastTransitionTime=now(-age), observedGeneration=1)
    manifests = [{"resourceMeta": {"kind": kind, "name": "it"}} for kind in kinds]
    metadata = {"generation": 1, "creationTimestamp": now(-age), "labels": {BINDING_KEY: binding}}
    status = {"conditions": conditions, "resourceStatus": {"manifests": manifests}}
    its.put(f"{works_of(name)}/{binding}-work", {"metadata": metadata, "status": status})


def report(its: FakeIts, name: str, binding: str) -> None:
    uid = its.objects[f"{works_of(name)}/{binding}-work"]["metadata"]["uid"]
    owner = {"kind": "ManifestWork", "name": f"{binding}-work", "uid": uid}
    its.put(f"{WORK_STATUSES.format(name)}/{binding}-status", {"metadata": {"ownerReferences": [owner]}})


def forget(its: FakeIts, name: str, binding: str) -> None:
    its.objects.pop(f"{WORK_STATUSES.format(name)}/{binding}-status")


def refuse(its: FakeIts, part: str) -> None:
    def answer(_method: str, path: str, _body: Json | None) -> None:
        if part in path:
            raise Fault(403, f"cannot list resource {part}", "Forbidden")

    its.before.append(answer)


def status(run: FrontEnd, its: FakeIts, *names: str, **options: t.Any) -> dict[str, Json]:
    its_kubeconfig = its.kubeconfig("", its.authority.pem)
    wanted = [{"name": name} for name in names or NAMES]
    result = run("wec_status", wecs=wanted, its_kubeconfig=its_kubeconfig, **options)
    assert not result.get("failed"), result
    return {one["name"]: one for one in result["wecs"]}


def codes(one: Json) -> list[str]:
    return [problem["code"] for problem in one["problems"]]


@pytest.mark.parametrize("names", [["edge-1"], NAMES])
def test_a_missing_role_binding_is_named(run: FrontEnd, its: FakeIts, fleet: FakeFleet, names: list[str]) -> None:
    """Seen: the add-on stays available for ever, and CombinedStatus keeps its numbers."""
    assert codes(status(run, its, *names)["edge-1"]) == []
    its.objects.pop(f"{ROLE_BINDINGS.format('edge-1')}/{REAL}")
    found = status(run, its, *names)
    assert codes(found["edge-1"]) == ["statuses_stale"]
    assert f"RoleBinding {REAL} is not in its mailbox" in found["edge-1"]["problems"][0]["evidence"][0]
    assert {name for name, one in found.items() if one["problems"]} == {"edge-1"}


def test_the_role_binding_of_ocms_own_add_on_manager_will_do(run: FrontEnd, its: FakeIts, fleet: FakeFleet) -> None:
    its.objects.pop(f"{ROLE_BINDINGS.format('edge-1')}/{REAL}")
    bind(its, "edge-1", OF_ADDON_MANAGER)
    assert codes(status(run, its)["edge-1"]) == []


@pytest.mark.parametrize("names", [["edge-1"], NAMES])
def test_a_work_without_any_status_is_named_after_a_minute(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, names: list[str]
) -> None:
    deliver(its, "edge-1", "young", age=30)
    assert codes(status(run, its, *names)["edge-1"]) == []
    deliver(its, "edge-1", "silent", age=90)
    found = status(run, its, *names)
    assert codes(found["edge-1"]) == ["statuses_stale"]
    assert found["edge-1"]["problems"][0]["evidence"] == [
        "no WorkStatus of ManifestWork silent-work after more than a minute"
    ]


def test_a_work_of_which_nothing_is_ever_reported_is_no_problem(run: FrontEnd, its: FakeIts, fleet: FakeFleet) -> None:
    deliver(its, "edge-1", "settings", kinds=["ConfigMap", "Secret", "ServiceAccount", "ClusterRoleBinding"])
    assert codes(status(run, its)["edge-1"]) == []


@pytest.mark.parametrize("kind", ["workstatuses", "rolebindings"])
def test_who_may_not_look_is_told_everything_else(run: FrontEnd, its: FakeIts, fleet: FakeFleet, kind: str) -> None:
    its.objects.pop(f"{ROLE_BINDINGS.format('edge-1')}/{REAL}")
    forget(its, "edge-2", "web")
    refuse(its, kind)
    found = status(run, its)
    codes_of = {name: codes(one) for name, one in found.items() if codes(one)}
    assert codes_of == ({"edge-1": ["statuses_stale"]} if kind == "workstatuses" else {"edge-2": ["statuses_stale"]})


def test_statuses_of_a_wec_that_is_not_available_are_old(run: FrontEnd, its: FakeIts, fleet: FakeFleet) -> None:
    gone = condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped")
    joined = [condition("HubAcceptedManagedCluster"), condition("ManagedClusterJoined"), gone]
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": joined}})
    found = status(run, its)
    assert codes(found["edge-1"])[-1] == "statuses_stale"
    assert codes(found["edge-1"])[0] != "statuses_stale", "the cause comes first"


def test_where_nothing_is_delivered_nobody_asks_for_statuses(run: FrontEnd, its: FakeIts, fleet: FakeFleet) -> None:
    for name in NAMES:
        its.objects.pop(f"{works_of(name)}/web-work")
    status(run, its)
    assert not [request for request in its.requests if "workstatuses" in str(request) or "rolebindings" in str(request)]


def test_many_wecs_cost_two_lists(run: FrontEnd, its: FakeIts, fleet: FakeFleet) -> None:
    status(run, its)
    asked = [str(request) for request in its.requests]
    assert sum("workstatuses" in one for one in asked) == 1
    assert sum("rolebindings" in one for one in asked) == 1


def test_a_thousand_wecs_cost_no_more_than_25_requests(its: FakeIts) -> None:
    names = [f"edge-{number}" for number in range(1000)]
    its.put(f"{ADDONS}/clustermanagementaddons/addon-status", {})
    for name in names:
        its.join(name)
        shown = {"conditions": [condition("RegistrationApplied"), condition("Available")]}
        its.put(f"{ADDONS}/namespaces/{name}/managedclusteraddons/addon-status", {"status": shown})
        bind(its, name)
        deliver(its, name, "web")
        report(its, name, "web")
        addon = {"metadata": {"labels": {"open-cluster-management.io/addon-name": "addon-status"}}}
        its.put(f"{works_of(name)}/addon-addon-status-deploy-0", addon)
    its.requests.clear()
    shared = {"its_kubeconfig": its.kubeconfig("", its.authority.pem), "wec_labels": {"a": "b"}, "wec_properties": {}}
    hosts = dict.fromkeys(names, shared)
    play = AsAction(ansible_play_batch=names, hostvars=hosts, inventory_hostname=names[0], groups={"all": names})
    found = play("wec_status")["wecs"]
    assert len(found) == 1000
    assert {one["works"]["count"] for one in found} == {1}
    assert len(its.requests) <= 25, its.requests


# -- with a WDS -------------------------------------------------------------------------------------------------------


@pytest.fixture
def wds(its: FakeIts, fleet: FakeFleet) -> t.Iterator[FakeWds]:
    found = FakeWds(its)
    found.delivers = False
    found.policy("web", {"tier": "web"})
    found.policy("db", {"tier": "db"})
    for name, tier in zip(NAMES, ("web", "web", "db", "none"), strict=True):
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"tier": tier}}})
    yield found
    found.close()


def test_the_policies_that_select_a_wec_are_shown_with_their_statuses(
    run: FrontEnd, its: FakeIts, wds: FakeWds
) -> None:
    forget(its, "edge-2", "web")
    found = status(run, its, wds_kubeconfig=wds.kubeconfig())
    shown = {
        name: [(own["name"], own["works"], own["available"], own["statuses"]) for own in one["binding_policies"]]
        for name, one in found.items()
    }
    assert shown == {
        "edge-1": [("web", 1, 1, "fresh")],
        "edge-2": [("web", 1, 1, "old")],
        "edge-3": [("db", 0, 0, "unknown"), ("web", 1, 1, "fresh")],
        "edge-4": [("web", 1, 1, "fresh")],
    }
    assert all(one["binding_policies"] is None for one in status(run, its).values())


def test_the_table_has_a_column_for_them(its: FakeIts, wds: FakeWds) -> None:
    forget(its, "edge-2", "web")
    run = AsAction()
    status(run, its, wds_kubeconfig=wds.kubeconfig(), show_table=True)
    lines = run.lines
    assert any("POLICIES" in line for line in lines)
    assert any(line.startswith("edge-2") and "web (statuses old)" in line for line in lines)
    assert any(line.startswith("edge-3") and "db, web" in line for line in lines)


def test_a_wds_that_cannot_be_asked_costs_a_warning(run: FrontEnd, its: FakeIts, wds: FakeWds) -> None:
    kubeconfig = wds.kubeconfig()
    wds.close()
    found = status(run, its, wds_kubeconfig=kubeconfig)
    assert found["edge-1"]["binding_policies"] is None
    assert any(one.startswith("BindingPolicies are not shown: The WDS") for one in run.warnings)


def test_hosts_of_a_play_are_shown_with_the_policies_of_their_wds(its: FakeIts, fleet: FakeFleet, wds: FakeWds) -> None:
    shared = {"its_kubeconfig": its.kubeconfig("", its.authority.pem), "wds_kubeconfig": wds.kubeconfig()}
    hosts = dict.fromkeys(NAMES, shared)
    play = AsAction(ansible_play_batch=NAMES, hostvars=hosts, inventory_hostname=NAMES[0], groups={"all": NAMES})
    found = {one["name"]: one for one in play("wec_status")["wecs"]}
    assert [one["name"] for one in found["edge-1"]["binding_policies"]] == ["web"]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wec_join with state absent."""

from __future__ import annotations

import typing as t

import pytest
from fake_api import FakeApi, Fault, now
from fake_leaving import (
    ADDON,
    ADDON_BINDING,
    APPLIED,
    CLUSTER,
    KLUSTERLET,
    LEASE,
    MAILBOX,
    OPERATOR,
    PARTS,
    TOKEN_SECRET,
    WORK,
    WORK_FINALIZER,
    WORKLOAD,
    Membership,
)
from fake_ocm import CSRS, OPERATOR_OBJECTS, FakeAuthority, FakeIts, condition, install_agent
from fake_wds import BINDINGS, POLICIES, PROPERTIES, FakeWds, works_of
from front_ends import FrontEnd

Options = dict[str, t.Any]
AGENT = "/api/v1/namespaces/open-cluster-management-agent"


@pytest.fixture
def options(its: FakeIts, wec: FakeApi) -> Options:
    return {
        "name": "edge-1",
        "state": "absent",
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "kubeconfig": wec.kubeconfig(),
        "wait_timeout": 3,
    }


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    removal = "ansible_collections.kubestellar.wec.plugins.module_utils._operations.cluster_removal"
    monkeypatch.setattr(f"{removal}._GRACE", 0.05)


@pytest.fixture
def member(its: FakeIts, wec: FakeApi) -> Membership:
    return Membership(its, wec)


def left_on_its(its: FakeIts) -> list[str]:
    """What has the WEC's name; leases go with their namespace."""
    return [path for path in its.objects if "edge-1" in path and path != LEASE]


def deletions(api: FakeApi) -> list[str]:
    return [path for method, path in api.writes if method == "DELETE"]


# -- the clean order ---------------------------------------------------------------------------------------------


def test_a_living_wec_leaves_in_order_and_without_a_trace(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    result = run("wec_join", purge=False, **options)
    assert not result.get("failed"), result
    assert result["changed"]
    assert (result["state_before"], result["state"]) == ("joined", "absent")
    assert [f"{step['verb']} {step['object'].split()[0]}" for step in result["steps"]] == [
        "update ManagedCluster",
        "update ManagedCluster",
        "withdraw ManifestWorks",
        "delete ManagedCluster",
        "delete Namespace",
        "delete Klusterlet",
        "delete ConfigMap",
        "delete CertificateSigningRequests",
        "delete Secret",
    ]
    assert left_on_its(its) == []
    others = (*PARTS, *OPERATOR_OBJECTS)
    assert [path for path in wec.objects if path not in others and "kube-system" not in path] == []
    assert {one["name"] for one in result["leftovers"]} >= {"open-cluster-management", "klusterlet"}
    assert all(one["expected"] for one in result["leftovers"])
    order = [path for path in deletions(its) if path in (CLUSTER, MAILBOX, f"{PROPERTIES}/edge-1")]
    assert order == [CLUSTER, MAILBOX, f"{PROPERTIES}/edge-1"]
    assert WORKLOAD not in wec.objects
    assert deletions(wec) == [KLUSTERLET], "its operator takes the rest away"


def test_leaving_twice_changes_nothing_the_second_time(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    assert not run("wec_join", **options).get("failed")
    before = len(its.writes), len(wec.writes)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert not result["changed"]
    assert result["steps"] == []
    assert (len(its.writes), len(wec.writes)) == before


def test_a_cluster_that_was_never_registered_is_not_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert not result["changed"]
    assert result["leftovers"] == []
    assert its.writes == wec.writes == []


def test_check_mode_shows_the_same_steps_and_writes_nothing(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    foreseen = run("wec_join", check_mode=True, **options)
    assert foreseen["changed"]
    assert "leftovers" not in foreseen
    assert its.writes == wec.writes == []
    before = foreseen["diff"]["before"]["ITS: ManagedCluster edge-1"]
    assert before["labels"] == {"location-group": "edge", "region": "x"}
    assert foreseen["diff"]["after"]["ITS: ManagedCluster edge-1"] is None
    assert run("wec_join", **options)["steps"] == foreseen["steps"]


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_run_that_was_killed_is_finished_by_the_next(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership, moment: int
) -> None:
    count = [0]

    def kill(method: str, path: str, _body: t.Any) -> None:
        """Nothing that is written after the moment arrives."""
        count[0] += method != "GET" and not path.endswith("reviews")
        if count[0] > moment:
            raise Fault(403, "the run is dead", "Forbidden")

    its.before.append(kill)
    wec.before.append(kill)
    assert run("wec_join", **options)["failed"]
    its.before.remove(kill)
    wec.before.remove(kill)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []
    assert KLUSTERLET not in wec.objects
    assert not run("wec_join", **options)["changed"]


@pytest.mark.parametrize(
    ("silent", "last"), [("hub", "delete ManagedCluster edge-1"), ("operator", "delete Klusterlet klusterlet")]
)
def test_what_was_done_before_it_failed_is_in_the_result(
    run: FrontEnd, options: Options, member: Membership, silent: str, last: str
) -> None:
    """The deletion was asked for, and what it waits for does not come."""
    member.alive.discard(silent)
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["failed"]
    assert result["changed"]
    done = [f"{step['verb']} {step['object']}" for step in result["steps"]]
    assert done[-1] == last, done


def test_what_is_being_deleted_already_is_finished(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    its.remove(CLUSTER)
    its.change(MAILBOX, {"metadata": {"deletionTimestamp": now()}})
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []


def test_a_half_made_installation_is_cleared(run: FrontEnd, wec: FakeApi, options: Options) -> None:
    wec.put(AGENT, {})
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert deletions(wec) == [AGENT]


def test_a_hub_that_collects_nothing_is_helped(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    its.objects[CLUSTER]["metadata"]["finalizers"] = ["cluster.open-cluster-management.io/api-resource-cleanup"]
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert ADDON in deletions(its)
    assert deletions(its).index(CLUSTER) < deletions(its).index(ADDON), "a Placement would make it again"
    assert left_on_its(its) == []


# -- who it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["other_name", "other_hub", "name_taken", "replaced", "cluster_identity_unproved"])
def test_another_cluster_is_refused_with_evidence(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, case: str
) -> None:
    if case == "other_name":
        install_agent(wec, "edge-2", its, certificate=its.authority.client("edge-2"))
    elif case == "other_hub":
        install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"))
    elif case == "cluster_identity_unproved":
        its.announce("edge-1")
    else:
        its.join("edge-1", "another-cluster")
    if case == "replaced":
        its.change(CLUSTER, {"status": {"conditions": [condition("ManagedClusterJoined")]}})
    result = run("wec_join", **options)
    assert result["failed"]
    assert result["problem"]["code"] == case
    assert result["evidence"]
    assert its.writes == wec.writes == []


def test_a_wec_that_does_not_answer_is_not_lost_by_itself(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    member.lose_wec()
    result = run("wec_join", **options)
    assert result["problem"]["code"] == "wec_unreachable"
    assert its.writes == []


def test_a_namespace_that_only_has_the_name_stays(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.put(MAILBOX, {})
    result = run("wec_join", **options)
    assert not result["changed"]
    assert MAILBOX in its.objects


# -- works -------------------------------------------------------------------------------------------------------


def test_works_of_others_are_named_and_nothing_is_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    member.add_work("precious")
    result = run("wec_join", **options)
    assert result["problem"]["code"] == "foreign_manifestworks"
    assert "precious" in result["msg"]
    assert its.writes == wec.writes == []


def test_works_of_others_can_be_left_to_the_hub(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    member.add_work("precious")
    result = run("wec_join", drain="ignore", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []


def test_works_of_others_can_be_waited_for(run: FrontEnd, its: FakeIts, options: Options, member: Membership) -> None:
    path, looks = member.add_work("precious"), [0]

    def gone_after_a_while(method: str, target: str, _body: t.Any) -> None:
        looks[0] += (method, target) == ("GET", works_of("edge-1"))
        if looks[0] == 4:
            its.objects.pop(path, None)

    its.before.append(gone_after_a_while)
    result = run("wec_join", drain="wait", **options)
    assert not result.get("failed"), result
    its.before.remove(gone_after_a_while)


def test_works_that_are_not_withdrawn_in_time_stop_the_wait(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    member.add_work("precious")
    result = run("wec_join", drain="wait", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "foreign_manifestworks"
    assert its.writes == []


def test_a_silent_kubestellar_stops_it_before_anything_is_deleted(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    member.alive.discard("kubestellar")
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "kubestellar_not_responding"
    assert "policy-work" in result["msg"]
    assert deletions(its) == deletions(wec) == []


def test_a_silent_agent_stops_it_before_anything_is_deleted(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    member.alive.discard("agent")
    wec.objects[f"{APPLIED}/hash-policy-work"]["metadata"]["deletionTimestamp"] = now()
    wec.objects[WORKLOAD]["metadata"]["finalizers"] = ["example.com/stuck"]
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "agent_not_responding"
    assert "example.com/stuck" in result["msg"], "what holds the workload is named"
    assert deletions(its) == deletions(wec) == []
    assert [step["verb"] for step in result["steps"]] == ["update", "update"]


def test_a_policy_that_selects_everything_is_named(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership, wds: FakeWds
) -> None:
    wds.put(f"{POLICIES}/all", {"spec": {"clusterSelectors": [{}]}})
    spec = {"workload": {}, "destinations": [{"clusterId": "edge-1"}]}
    wds.put(f"{BINDINGS}/all", {"metadata": {"generation": 1}, "spec": spec})
    result = run("wec_join", wds_kubeconfig=wds.kubeconfig(), **options)
    assert result["problem"]["code"] == "selected_without_labels"
    assert "BindingPolicy all" in result["msg"]
    assert its.writes == []


def test_with_a_wds_the_bindings_let_it_go_before_the_rest(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership, wds: FakeWds
) -> None:
    wds.policy("policy", {"location-group": "edge"}, needs=["region"])
    wds.lag = 3
    result = run("wec_join", wds_kubeconfig=wds.kubeconfig(), **options)
    assert not result.get("failed"), result
    assert wds.hit == set(), "a property went too early"


def test_what_an_operator_that_is_gone_would_do_is_done(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    del wec.objects[OPERATOR]
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    wec.put(
        f"{role}/made", {"metadata": {"labels": {"open-cluster-management.io/created-by-klusterlet": "klusterlet"}}}
    )
    wec.put(f"{role}/not-made", {})
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["released_finalizers"] == [
        {
            "kind": "Klusterlet",
            "name": "klusterlet",
            "finalizer": "operator.open-cluster-management.io/klusterlet-cleanup",
        }
    ]
    assert left_on_its(its) == []
    assert not {KLUSTERLET, AGENT, f"{role}/made"} & set(wec.objects)
    assert f"{role}/not-made" in wec.objects
    assert not run("wec_join", **options)["changed"]


def test_while_waiting_a_line_says_what_is_there_and_why(
    run: FrontEnd, options: Options, member: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "ansible_collections.kubestellar.wec.plugins.module_utils._operations.waiting"
    monkeypatch.setattr(f"{waiting}.LINE_EVERY", 0.2)
    member.alive.discard("agent")
    run("wec_join", **{**options, "wait_timeout": 1})
    if run.__class__.__name__ == "AsAction":
        assert any("edge-1: its agent has not taken away the ManifestWorks policy-work" in line for line in run.lines)


# -- a lost WEC --------------------------------------------------------------------------------------------------


def test_a_lost_wec_is_taken_off_by_force_and_every_finalizer_is_told(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    its.objects[ADDON]["metadata"]["finalizers"] = [
        "addon.open-cluster-management.io/addon-pre-delete",
        "example.com/x",
    ]
    del its.objects[ADDON]["metadata"]["finalizers"][1:]
    member.lose_wec()
    result = run("wec_join", wec_access="lost", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []
    assert wec.requests == []
    released = {(one["kind"], one["name"], one["finalizer"]) for one in result["released_finalizers"]}
    assert released == {
        ("ManifestWork", "edge-1/policy-work", WORK_FINALIZER),
        ("ManifestWork", "edge-1/addon-work", WORK_FINALIZER),
        ("ManagedClusterAddOn", "edge-1/addon-status", "addon.open-cluster-management.io/addon-pre-delete"),
    }
    assert result["may_still_run"] == ["ConfigMap app/web"]
    assert "ConfigMap app/web" in run.warnings[0]
    assert "until it expires" in run.warnings[1]


def test_of_a_wec_that_serves_another_its_only_the_its_is_cleaned(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"))
    result = run("wec_join", wec_access="moved", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []
    assert wec.writes == []
    assert run.warnings == []
    assert "may_still_run" not in result
    assert not run("wec_join", wec_access="moved", **options)["changed"]


@pytest.mark.parametrize("case", ["serves this one", "another cluster"])
def test_a_wec_that_was_not_moved_is_not_cleaned_as_one(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership, case: str
) -> None:
    """Works that are deleted while its agent is connected take their workload along."""
    if case == "another cluster":
        install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"))
        its.change(CLUSTER, {"metadata": {"annotations": {"wec.kubestellar.io/kube-system-uid": "another"}}})
    result = run("wec_join", wec_access="moved", **options)
    assert result["problem"]["code"] == "not_moved"
    assert its.writes == []


def test_only_named_finalizers_of_what_is_being_deleted_are_touched(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    other = "/apis/work.open-cluster-management.io/v1/namespaces/edge-2/manifestworks/other"
    its.put(other, {"metadata": {"finalizers": [WORK_FINALIZER], "deletionTimestamp": now()}})
    its.objects[WORK]["metadata"]["finalizers"].append("example.com/stuck")
    member.lose_wec()
    result = run("wec_join", wec_access="lost", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "deletion_stuck"
    assert "example.com/stuck" in result["msg"]
    assert its.objects[WORK]["metadata"]["finalizers"] == ["example.com/stuck"]
    assert its.objects[other]["metadata"]["finalizers"] == [WORK_FINALIZER]
    assert [one["name"] for one in result["released_finalizers"]].count("edge-1/policy-work") == 1


def test_a_wec_whose_agent_is_alive_is_not_lost(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    result = run("wec_join", wec_access="lost", **options)
    assert result["problem"]["code"] == "lost_wec_alive"
    assert its.writes == []


def test_a_lost_wec_on_a_hub_that_collects_nothing(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    its.objects[CLUSTER]["metadata"]["finalizers"] = ["cluster.open-cluster-management.io/api-resource-cleanup"]
    member.lose_wec()
    result = run("wec_join", wec_access="lost", **options)
    assert not result.get("failed"), result
    assert left_on_its(its) == []


def test_a_silent_kubestellar_is_not_forced_either(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    member.alive.discard("kubestellar")
    member.lose_wec()
    result = run("wec_join", wec_access="lost", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "kubestellar_not_responding"
    assert deletions(its) == []
    assert result["released_finalizers"] == []


# -- purge -------------------------------------------------------------------------------------------------------


def test_purge_takes_operator_and_definitions_along(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    result = run("wec_join", purge=True, **options)
    assert not result.get("failed"), result
    assert result["leftovers"] == []
    assert not set(PARTS) & set(wec.objects)
    assert not run("wec_join", purge=True, **options)["changed"]


OTHERS = ["Klusterlet", "AppliedManifestWork", "ClusterManager"]


def needed_by(wec: FakeApi, why: str) -> None:
    if why == "ClusterManager":
        wec.put("/apis/operator.open-cluster-management.io/v1/clustermanagers/cluster-manager", {})
    else:
        wec.put(f"{KLUSTERLET}-2", {"spec": {"clusterName": "x"}, "metadata": {"uid": "other-agent"}})
    if why == "AppliedManifestWork":
        wec.put(f"{APPLIED}/theirs", {"spec": {"agentID": "other-agent"}})


@pytest.mark.parametrize("why", OTHERS)
def test_purge_is_refused_while_others_need_it(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership, why: str
) -> None:
    needed_by(wec, why)
    result = run("wec_join", purge=True, **options)
    assert result["problem"]["code"] == "purge_refused"
    assert f"{why} " in result["msg"]
    assert its.writes == wec.writes == []


def test_operator_and_definitions_go_with_the_registration(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["leftovers"] == []
    assert not set(PARTS) & set(wec.objects)


@pytest.mark.parametrize("why", OTHERS)
def test_they_stay_where_others_need_them(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership, why: str
) -> None:
    needed_by(wec, why)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert set(PARTS) <= set(wec.objects)
    assert "This stays on the WEC: Namespace open-cluster-management" in result["msg"]


def test_they_stay_with_a_warning_where_the_right_is_missing(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        if method == "DELETE" and path in PARTS:
            raise Fault(403, "not yours", "Forbidden")

    wec.before.append(refuse)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert set(PARTS) <= set(wec.objects)
    assert "stays on the WEC" in " ".join(run.warnings)
    wec.before.remove(refuse)
    assert run("wec_join", **options)["changed"] is False, "nobody knows any more whose they are"


HOME = "open-cluster-management"
THEIRS = {
    "Deployment theirs": f"/apis/apps/v1/namespaces/{HOME}/deployments/theirs",
    "Secret theirs": f"/api/v1/namespaces/{HOME}/secrets/theirs",
    "ConfigMap theirs": f"/api/v1/namespaces/{HOME}/configmaps/theirs",
    "Job theirs": f"/apis/batch/v1/namespaces/{HOME}/jobs/theirs",
    "ClusterClaim theirs": "/apis/cluster.open-cluster-management.io/v1alpha1/clusterclaims/theirs",
}
"""What others have made on a WEC, where the parts of an installation would take it along."""


def kept_with(what: str) -> str:
    return next(part for part in PARTS if part.endswith("clusterclaims." + CLAIM_GROUP if "Claim" in what else HOME))


CLAIM_GROUP = "cluster.open-cluster-management.io"


@pytest.mark.parametrize("what", THEIRS)
def test_what_others_have_made_on_the_wec_stays(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership, what: str
) -> None:
    wec.put(THEIRS[what], {})
    foreseen = run("wec_join", check_mode=True, **options)
    assert what in " ".join(run.warnings), "it is said before anything is done"
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["steps"] == foreseen["steps"]
    assert THEIRS[what] in wec.objects
    assert set(PARTS) & set(wec.objects) == {kept_with(what)}
    # Its Namespace takes it along, but not in this fake.
    assert OPERATOR not in wec.objects or PARTS[0] not in wec.objects, "the operator goes all the same"
    assert [one["expected"] for one in result["leftovers"]] == [True]
    assert not run("wec_join", **options)["changed"]


@pytest.mark.parametrize("what", THEIRS)
def test_purge_is_refused_while_others_have_something_there(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership, what: str
) -> None:
    wec.put(THEIRS[what], {})
    result = run("wec_join", purge=True, **options)
    assert result["problem"]["code"] == "purge_refused"
    assert what in result["msg"]
    assert its.writes == wec.writes == []


def test_what_may_not_be_read_may_be_somebodys(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        if method == "GET" and path.partition("?")[0].endswith(f"{HOME}/secrets"):
            raise Fault(403, "not yours", "Forbidden")

    wec.before.append(refuse)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert f"/api/v1/namespaces/{HOME}" in wec.objects
    assert "a Secret in Namespace open-cluster-management may not be read" in " ".join(run.warnings)


def test_what_kubernetes_and_the_registration_have_put_there_goes(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    space = f"/api/v1/namespaces/{HOME}"
    owned = {"metadata": {"ownerReferences": [{"kind": "Deployment", "name": "klusterlet", "uid": "1"}]}}
    wec.put(f"{space}/configmaps/kube-root-ca.crt", {})
    wec.put(f"{space}/secrets/{HOME}-image-pull-credentials", {})
    wec.put(f"{space}/secrets/klusterlet-token-1", {"type": "kubernetes.io/service-account-token"})
    wec.put(f"/apis/apps/v1/namespaces/{HOME}/replicasets/klusterlet-1", owned)
    assert run("wec_join", **options)["leftovers"] == []
    assert not set(PARTS) & set(wec.objects)


# -- a lost ITS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workload", ["keep", "remove"])
def test_without_the_its_the_wec_is_cleaned_alone(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership, workload: str
) -> None:
    before = len(its.requests)
    result = run("wec_join", its_access="lost", workload=workload, purge=True, **options)
    assert not result.get("failed"), result
    assert result["leftovers"] == []
    assert len(its.requests) == before
    assert not [path for path in wec.objects if path.startswith((KLUSTERLET, APPLIED, AGENT))]
    assert (WORKLOAD in wec.objects) == (workload == "keep")
    if workload == "keep":
        assert wec.objects[WORKLOAD]["metadata"]["ownerReferences"] == []
        cut = next(index for index, one in enumerate(wec.writes) if one == ("PATCH", WORKLOAD))
        assert wec.writes[cut + 1] == ("DELETE", f"{APPLIED}/hash-policy-work")


@pytest.mark.parametrize("workload", ["keep", "remove", None])
def test_without_the_its_what_an_add_on_applied_goes_whatever_is_chosen(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership, workload: str | None
) -> None:
    """The status add-on's ClusterRoleBinding to cluster-admin stayed, for an account of a namespace that was gone."""
    member.apply_addon()
    if workload is None:
        wec.remove(f"{APPLIED}/hash-policy-work")
        wec.objects[f"{APPLIED}/hash-policy-work"]["metadata"]["finalizers"] = []
        wec.remove(f"{APPLIED}/hash-policy-work")
    choice = {"workload": workload} if workload else {}
    result = run("wec_join", its_access="lost", **choice, **options)
    assert not result.get("failed"), result
    assert ADDON_BINDING not in wec.objects
    assert not [path for path in wec.objects if path.startswith(APPLIED)]
    assert (WORKLOAD in wec.objects) == (workload == "keep")
    if workload == "keep":
        assert "but for what add-ons applied" in str(result["steps"])


def test_without_a_word_about_the_workload_nothing_is_done(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    result = run("wec_join", its_access="lost", **options)
    assert result["problem"]["code"] == "workload_policy_required"
    assert wec.writes == []


def test_workload_that_is_going_cannot_be_kept(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    wec.change(f"{APPLIED}/hash-policy-work", {"metadata": {"deletionTimestamp": now()}})
    result = run("wec_join", its_access="lost", workload="keep", **options)
    assert result["problem"]["code"] == "workload_terminating"
    assert wec.writes == []


def test_what_an_earlier_agent_applied_needs_a_word_too(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    wec.put(f"{APPLIED}/of-another-time", {"spec": {"agentID": "gone", "manifestWorkName": "x"}})
    result = run("wec_join", **options)
    assert result["problem"]["code"] == "workload_policy_required"
    assert "of-another-time" in result["msg"]
    result = run("wec_join", workload="keep", **options)
    assert not result.get("failed"), result
    assert f"{APPLIED}/of-another-time" not in wec.objects
    assert WORKLOAD not in wec.objects, "that was the living agent's, and went with its work"


def test_a_reference_that_somebody_changes_meanwhile_is_looked_at_again(
    run: FrontEnd, wec: FakeApi, options: Options, member: Membership
) -> None:
    conflicts = [2]

    def change_first(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("PATCH", WORKLOAD) and conflicts[0]:
            conflicts[0] -= 1
            raise Fault(409, "the object has been modified", "Conflict")

    wec.before.append(change_first)
    result = run("wec_join", its_access="lost", workload="keep", **options)
    assert not result.get("failed"), result
    assert wec.objects[WORKLOAD]["metadata"]["ownerReferences"] == []


def test_another_names_agent_is_not_removed(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options) -> None:
    install_agent(wec, "edge-2", its)
    result = run("wec_join", its_access="lost", workload="keep", **options)
    assert result["problem"]["code"] == "other_name"
    assert wec.writes == []


def test_an_orphaned_agent_goes_with_a_word_about_its_workload(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    """Its ManagedCluster was deleted by force: no agent will ever be told to take the workload away."""
    for path in (CLUSTER, WORK, f"{works_of('edge-1')}/addon-work", ADDON):
        del its.objects[path]
    assert run("wec_join", **options)["problem"]["code"] == "workload_policy_required"
    result = run("wec_join", workload="remove", **options)
    assert not result.get("failed"), result
    assert WORKLOAD not in wec.objects
    assert left_on_its(its) == []


# -- what is left, and options -----------------------------------------------------------------------------------


def test_what_comes_back_is_a_leftover_and_a_failure(
    run: FrontEnd, its: FakeIts, options: Options, member: Membership
) -> None:
    def come_back() -> None:
        if TOKEN_SECRET not in its.objects:
            its.put(
                f"{CSRS}/edge-1-back", {"metadata": {"labels": {"open-cluster-management.io/cluster-name": "edge-1"}}}
            )

    its.after.append(come_back)
    result = run("wec_join", **options)
    assert result["failed"]
    assert result["problem"]["code"] == "leftovers_remain"
    assert {"side": "ITS", "kind": "CertificateSigningRequest", "name": "edge-1-back", "expected": False} in result[
        "leftovers"
    ]


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"wec_access": "lost", "its_access": "lost"}, "its_access"),
        ({"wec_access": "lost", "drain": "wait"}, "drain"),
        ({"wec_access": "lost", "purge": True}, "purge"),
        ({"wec_access": "moved", "its_access": "lost"}, "its_access"),
        ({"wec_access": "moved", "workload": "keep"}, "workload"),
        ({"state": "present", "purge": True}, "purge"),
    ],
)
def test_options_that_contradict_each_other(
    run: FrontEnd, its: FakeIts, options: Options, wrong: Options, option: str
) -> None:
    result = run("wec_join", **{**options, **wrong})
    assert result["failed"]
    assert result["msg"].startswith(option)
    assert its.requests == []


def test_a_klusterlet_that_somebody_has_made_anew_meanwhile_is_not_deleted(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    def make_anew(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("DELETE", KLUSTERLET) and wec.objects[KLUSTERLET]["metadata"]["uid"] != "new":
            wec.objects[KLUSTERLET]["metadata"]["uid"] = "new"

    wec.before.append(make_anew)
    result = run("wec_join", **options)
    assert wec.objects[KLUSTERLET]["metadata"]["uid"] == "new", result
    assert "deletionTimestamp" not in wec.objects[KLUSTERLET]["metadata"]

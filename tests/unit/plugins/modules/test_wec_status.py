# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from fake_api import FakeApi, jwt, now
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, condition, csr, install_agent
from front_ends import AsModule, FrontEnd

LEASE = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"


@pytest.fixture
def options(its: FakeIts) -> dict[str, t.Any]:
    return {"its_kubeconfig": its.kubeconfig(ca=its.authority.pem)}


def test_all_that_the_its_has_are_shown(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    its.announce("edge-2")
    found = {one["name"]: one["state"] for one in run("wec_status", all=True, **options)["wecs"]}
    assert found == {"edge-1": "joined", "edge-2": "pending_approval"}


@pytest.mark.parametrize("namespace", ["../a", "{{ '%' }}", ".."])
def test_a_wec_whose_agent_is_in_no_namespace_has_a_problem(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], namespace: str
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, its.authority.client("edge-1"))
    klusterlet = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
    wec.change(klusterlet, {"spec": {"namespace": namespace}})
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    assert found["problems"][0]["code"] == "unexpected_answer"


@pytest.mark.parametrize("label", ["", "All", "a_b", "kube-system"])
def test_a_request_for_what_can_be_no_wec_is_none(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], label: str
) -> None:
    its.join("edge-1")
    made = csr("edge-1")
    made["metadata"]["labels"] = {"open-cluster-management.io/cluster-name": label}
    its.put(f"{CSRS}/x", made)
    assert [one["name"] for one in run("wec_status", all=True, **options)["wecs"]] == ["edge-1"]


def test_it_never_writes(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    assert run("wec_status", all=True, **options)["changed"] is False
    assert its.writes == []


def test_one_wec_is_told_in_detail(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1", "the-cluster")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"region": "us-east"}}})
    (found,) = run("wec_status", name="edge-1", **options)["wecs"]
    assert found["labels"] == {"region": "us-east"}
    assert found["uid"] == "the-cluster"
    assert found["lease_age"] < 60
    assert found["since"]
    assert found["problems"] == []


def test_an_unavailable_wec_has_its_problem(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    stopped = condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": [condition("ManagedClusterJoined"), stopped]}})
    (found,) = run("wec_status", name="edge-1", **options)["wecs"]
    assert found["state"] == "joined_unavailable"
    assert found["problems"][0]["code"] == "lease_expired"


def klusterlet_says(wec: FakeApi, reason: str, message: str) -> None:
    degraded = {**condition("HubConnectionDegraded", "True", reason), "message": message}
    wec.change(
        "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet", {"status": {"conditions": [degraded]}}
    )


CONNECTION = {
    "its_name_unresolvable": "dial tcp: lookup its1.example on 10.96.0.10:53: no such host",
    "its_not_trusted_by_wec": "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "its_unreachable_from_wec": "dial tcp 192.0.2.1:6443: i/o timeout",
}


@pytest.mark.parametrize("code", CONNECTION)
def test_the_wecs_own_words_tell_why_it_cannot_reach_the_its(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], code: str
) -> None:
    install_agent(wec, "edge-1", its, token=jwt("t"))
    wec.put(
        "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet",
        {"status": {"conditions": [condition("Available")]}},
    )
    klusterlet_says(wec, "BootstrapSecretError,HubKubeConfigSecretMissing", CONNECTION[code])
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    assert found["state"] == "pending_csr"
    assert found["problems"][0]["code"] == code
    assert CONNECTION[code] in found["problems"][0]["evidence"][0]


def test_an_agent_without_an_image_is_told_in_the_kubelets_words(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    install_agent(wec, "edge-1", its, token=jwt("t"))
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    wec.put(
        "/api/v1/namespaces/open-cluster-management/pods/klusterlet-1",
        {"status": {"containerStatuses": [{"state": waiting}]}},
    )
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    assert found["problems"][0]["code"] == "operator_not_running"
    assert "pod klusterlet-1: ImagePullBackOff" in " ".join(found["problems"][0]["evidence"])


def test_a_wec_that_does_not_answer_is_a_problem_and_no_error(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1")
    wec.close()
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    assert found["state"] == "joined"
    assert found["problems"][0]["code"] == "wec_unreachable"
    wec.start()


def test_an_agent_that_is_late_is_named_from_both_sides(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    its.change(LEASE, {"spec": {"renewTime": now(-100)}})
    install_agent(wec, "edge-1", its, its.authority.client("edge-1"))
    wec.put(
        "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet",
        {"status": {"conditions": [condition("Available")]}},
    )
    wec.put(
        "/api/v1/namespaces/open-cluster-management-agent/pods/agent-1",
        {"status": {"conditions": [condition("Ready")]}},
    )
    (found,) = run("wec_status", name="edge-1", **options)["wecs"]
    assert found["state"] == "joined"
    (problem,) = found["problems"]
    assert problem["code"] == "heartbeat_late"
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    (problem,) = found["problems"]
    assert problem["code"] == "heartbeat_late"
    assert "its API answers, and 1 of 1 pods of its agent are ready" in problem["evidence"][-1]
    klusterlet_says(wec, ",HubKubeConfigError", CONNECTION["its_unreachable_from_wec"])
    (found,) = run("wec_status", name="edge-1", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    assert [one["code"] for one in found["problems"]] == ["its_unreachable_from_wec", "heartbeat_late"]


def test_waiting_ends_when_the_state_is_reached(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    looks = [0]

    def join_later(method: str, path: str, _body: t.Any) -> None:
        looks[0] += path == f"{MANAGED_CLUSTERS}/edge-1"
        if looks[0] == 3:
            its.join("edge-1")

    its.before.append(join_later)
    (found,) = run("wec_status", name="edge-1", wait_for="joined", wait_timeout=10, **options)["wecs"]
    assert found["state"] == "joined"
    assert looks[0] >= 3


def test_waiting_in_vain_fails_with_the_cause(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    result = run("wec_status", name="edge-1", wait_for="joined", wait_timeout=1, **options)
    assert result["failed"]
    assert result["msg"].startswith("Not joined after 1 s: edge-1 is pending_approval: ")
    assert result["wecs"][0]["state"] == "pending_approval"


def test_the_table_shows_each_wec(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    its.announce("edge-2")
    run("wec_status", all=True, show_table=True, **options)
    if run.__class__.__name__ == "AsAction":
        assert [line.split()[:2] for line in run.lines] == [
            ["WEC", "STATE"],
            ["edge-1", "joined"],
            ["edge-2", "pending_approval"],
        ]


def test_without_anything_no_wec_is_meant(options: dict[str, t.Any]) -> None:
    assert AsModule()("wec_status", **options)["msg"].startswith("name: must be given with run_on=host")


def test_a_stale_clock_here_does_not_make_leases_stale(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    """Ages are told by the ITS's clock (its Date header), not by ours."""
    its.join("edge-1")
    its.change(LEASE, {"spec": {"renewTime": now(-20)}})
    (found,) = run("wec_status", name="edge-1", **options)["wecs"]
    assert 18 < found["lease_age"] < 30


def test_a_wec_that_only_its_host_reaches_is_seen_as_the_its_shows_it(
    run: FrontEnd, its: FakeIts, wec: FakeApi
) -> None:
    its.join("edge-1", wec.uid)
    wec.requests.clear()
    (found,) = run(
        "wec_status", name="edge-1", its_kubeconfig=its.kubeconfig(), kubeconfig=wec.kubeconfig(), wec_run_on="host"
    )["wecs"]
    assert found["state"] == "joined"
    assert wec.requests == []

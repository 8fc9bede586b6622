# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest
from fake_api import FakeApi, Fault
from fake_ocm import PUBLISHED, FakeIts, install_agent
from front_ends import FrontEnd


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> dict[str, t.Any]:
    wec.put("/api/v1/nodes/n", {"spec": {"providerID": "kind://docker/a/n"}})
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "kubeconfig": wec.kubeconfig(),
        "clusteradm_binary": str(clusteradm[0]),
    }


def checks(result: dict[str, t.Any]) -> dict[str, bool | None]:
    return {check["name"]: check["passed"] for check in result["checks"]}


def facts(result: dict[str, t.Any]) -> str:
    return " ".join(check["fact"] for check in result["checks"])


def test_a_cluster_that_can_be_registered_passes_everything(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    result = run("wec_preflight", **options)
    assert not result.get("failed"), result
    assert set(checks(result).values()) == {True}
    assert set(checks(result)) >= {
        "its",
        "wec",
        "membership",
        "agent_endpoint",
        "clusteradm",
        "its_rights",
        "wec_rights",
    }
    assert result["distribution"] == "kind"
    assert result["state"] == "absent"
    assert PUBLISHED in facts(result)
    assert its.writes == []
    assert wec.writes == []


def test_everything_that_is_in_the_way_is_told_at_once(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    del its.objects["/api/v1/namespaces/kube-public/configmaps/cluster-info"]
    del its.objects["/api/v1/namespaces/open-cluster-management/serviceaccounts/agent-registration-bootstrap"]
    its.rules = [{"verbs": ["get", "list"], "apiGroups": ["*"], "resources": ["*"]}]
    wec.rules = []
    result = run("wec_preflight", **{**options, "clusteradm_binary": "/nonexistent", "bundle_version": "9.9.9"})
    assert result["failed"]
    failed = {name for name, passed in checks(result).items() if passed is False}
    assert failed == {"bootstrap_account", "agent_endpoint", "bundle_version", "its_rights", "wec_rights"}
    for told in ("[bootstrap_account_missing]", "hub_apiserver:", "9.9.9", "update managedclusters/accept", "escalate"):
        assert told in result["msg"]
    assert its.writes == []


def test_what_cannot_be_reached_is_a_violation_and_the_rest_is_still_checked(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    wec.close()
    result = run("wec_preflight", **options)
    assert checks(result)["wec"] is False
    assert checks(result)["its"] is True
    assert checks(result)["agent_endpoint"] is True
    assert "[wec_unreachable]" in result["msg"]
    wec.start()


def test_what_would_be_refused_is_a_violation(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", "another-cluster")
    result = run("wec_preflight", **options)
    assert checks(result)["membership"] is False
    assert "[name_taken]" in result["msg"]


def test_a_joined_wec_is_not_asked_for_what_a_join_needs(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"))
    result = run("wec_preflight", **{**options, "clusteradm_binary": "/nonexistent"})
    assert set(checks(result)) == {"its", "wec", "membership", "clocks"}


def test_rights_that_cannot_be_listed_are_not_held_against_anybody(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if path.endswith("reviews"):
            raise Fault(403, "no", "Forbidden")

    its.before.append(refuse)
    result = run("wec_preflight", **options)
    assert not result.get("failed")
    assert checks(result)["its_rights"] is None


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "klusterlet_mode": ({"klusterlet_mode": "hosted"}, "klusterlet_mode: 'hosted' cannot be done"),
    "proxy_url": ({"proxy_url": "proxy:3128"}, "proxy_url: 'proxy:3128' is no address"),
    "proxy_ca_cert": ({"proxy_ca_cert": "/etc/hosts"}, "proxy_ca_cert: '/etc/hosts' has no meaning without proxy_url"),
    "hub_ca_cert": ({"hub_ca_cert": "/nonexistent"}, "hub_ca_cert: '/nonexistent' cannot be read"),
    "feature_gates": (
        {"feature_gates": {"ClusterClaim": "maybe"}},
        "feature_gates[ClusterClaim]: 'maybe' must be true",
    ),
    "resource_limits": ({"resource_limits": {"cpu": "much"}}, "resource_limits[cpu]: 'much' is no quantity"),
    "bundle_overrides": ({"bundle_overrides": {"ocn": "v1"}}, "bundle_overrides: 'ocn' is no part of a bundle"),
    "klusterlet_annotations": (
        {"klusterlet_annotations": {"a=b": "c"}},
        "klusterlet_annotations[a=b]: 'c' has a character",
    ),
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options_are_told_before_anything_is_contacted(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], option: str
) -> None:
    changes, told = BAD[option]
    its.requests.clear()
    result = run("wec_preflight", **{**options, **changes})
    assert result["failed"]
    assert result["msg"].startswith(told)
    assert its.requests == []

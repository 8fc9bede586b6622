# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub of OCM 1.0.0, as KubeStellar 0.30 has it, gets klusterlets of its own version."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import real_hub
from fleet import Fleet, start, wait_until
from sandbox import lifecycle
from sandbox.layout import Layout

Json = dict[str, t.Any]


@pytest.fixture
def older(tmp_path: pathlib.Path) -> t.Iterator[Fleet]:
    try:
        yield start(1, tmp_path / "sandbox", ocm="1.0.0")
    finally:
        lifecycle.down(Layout(tmp_path / "sandbox"))


def collect_nothing(older: Fleet) -> None:
    """As hubs before 1.0 do by default: works and add-ons of a ManagedCluster that goes stay."""
    gates = [{"feature": "ResourceCleanup", "mode": "Disable"}, {"feature": "DefaultClusterSet", "mode": "Enable"}]
    manager = "/apis/operator.open-cluster-management.io/v1/clustermanagers/cluster-manager"
    older.its.request("PATCH", manager, {"spec": {"registrationConfiguration": {"featureGates": gates}}})
    controller = (
        "/apis/apps/v1/namespaces/open-cluster-management-hub/deployments/cluster-manager-registration-controller"
    )

    def follows() -> bool:
        found: Json = older.its.get(controller) or {}
        status = found["status"]
        is_new = status.get("observedGeneration") == found["metadata"]["generation"]
        counts = [status.get(count) for count in ("replicas", "updatedReplicas", "readyReplicas")]
        return "ResourceCleanup=false" in str(found["spec"]) and is_new and len(set(counts)) == 1

    wait_until(follows, 60, "the hub collects nothing")


@pytest.mark.long
def test_a_wec_comes_to_a_hub_of_1_0_0_and_leaves_it(older: Fleet) -> None:
    collect_nothing(older)
    before = older.its.objects(), older.wec("edge-1").objects()
    run = older.register(["edge-1"])
    assert run.code == 0, run.output
    found: Json = older.wec("edge-1").get("/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet") or {}
    assert found["spec"]["registrationImagePullSpec"].endswith(":v1.0.0")
    assert older.is_available("edge-1")
    cluster: Json = older.managed_cluster("edge-1") or {}
    assert "cluster.open-cluster-management.io/resource-cleanup" not in cluster["metadata"]["finalizers"]
    again = older.register(["edge-1"])
    assert again.recap["edge-1"].changed == 0
    newer = older.module("wec_join", "edge-1", preflight_only=True, bundle_version="1.2.1")
    assert not newer.get("failed"), "a cluster that has joined is not asked for what a join would need"
    assert older.problems("edge-1") == {}
    real_hub.tell(older, "edge-1")
    older.send_work("edge-1", "by-hand", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "by-hand"}})
    wait_until(lambda: older.wec("edge-1").get("/api/v1/namespaces/by-hand"), 120, "the work has arrived")
    left = older.deregister(["edge-1"], deregister_purge=True, deregister_drain="ignore")
    assert left.code == 0, left.output
    assert older.wec("edge-1").objects() ^ before[1] == set()
    assert {one for one in older.its.objects() ^ before[0] if "edge-1" in one} == set()

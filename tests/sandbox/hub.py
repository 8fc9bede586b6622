# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a cluster an Open Cluster Management hub, as its users do: with ``clusteradm init``."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp

from . import processes
from .api import ApiError
from .binaries import Binaries
from .cluster import Cluster, StartError
from .layout import Layout

_MANAGED_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
_BOOTSTRAP_ACCOUNT = "/api/v1/namespaces/open-cluster-management/serviceaccounts/agent-registration-bootstrap"
_BUNDLES_OF_CLUSTERADM = ("1.2.1",)
"""Versions that the sandbox's clusteradm knows by itself; others are forced by an overrides file."""


async def initialise(cluster: Cluster, ocm_version: str, layout: Layout, binaries: Binaries) -> None:
    """Run ``clusteradm init`` and wait until the hub answers, webhooks included. Raises StartError."""
    bundle = ["--bundle-version", ocm_version]
    if ocm_version not in _BUNDLES_OF_CLUSTERADM:
        overrides = cluster.folder / "bundle-overrides.json"
        overrides.write_text(json.dumps({"ocm": f"v{ocm_version}", "policy_addon": "v0.16.0"}), encoding="utf-8")
        bundle = ["--bundle-version-overrides", str(overrides)]
        await _let_old_operator_mint_tokens(cluster)
    log = cluster.folder / "clusteradm-init.log"
    process = await processes.spawn(
        [
            binaries.path("clusteradm", "clusteradm"),
            "init",
            "--kubeconfig",
            layout.kubeconfig(cluster.name),
            "--context",
            cluster.name,
            *bundle,
        ],
        mark=str(layout.state),
        log=log,
    )
    if await process.wait():
        raise StartError(f"clusteradm init failed: see {log}")
    end = time.monotonic() + 180
    while not await _is_hub(cluster):
        if time.monotonic() > end:
            raise StartError(f"the hub did not come up within 3 minutes: see {log} and the pods' logs beside it")
        await asyncio.sleep(0.5)


async def _is_hub(cluster: Cluster) -> bool:
    """The ManagedCluster API is served, its webhooks answer, and agents can be given credentials."""
    probe = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": "sandbox-probe"},
    }
    try:
        await cluster.api.get(_BOOTSTRAP_ACCOUNT)
        await cluster.api.request("POST", f"{_MANAGED_CLUSTERS}?dryRun=All", probe)
    except (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError):
        return False
    return True


async def _let_old_operator_mint_tokens(cluster: Cluster) -> None:
    """clusteradm's manifests are of its own version: an older operator lacks a right that it had in its day."""
    await cluster.api.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "sandbox-old-cluster-manager"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "cluster-manager", "namespace": "open-cluster-management"}],
        },
    )

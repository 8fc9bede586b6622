# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Kubernetes distribution a cluster looks like. It informs messages; nothing is ever decided by it."""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Distribution:
    """``name`` is unknown where nothing tells; ``sign`` is what told."""

    name: str
    sign: str = ""


_GROUPS = (("config.openshift.io", "openshift"), ("route.openshift.io", "openshift"))
_VERSIONS = (("+k3s", "k3s"), ("+rke2", "rke2"), ("-eks-", "eks"), ("-gke.", "gke"))
_LABELS = (
    ("minikube.k8s.io/name", "minikube"),
    ("microk8s.io/cluster", "microk8s"),
    ("node.openshift.io/os_id", "openshift"),
    ("eks.amazonaws.com/", "eks"),
    ("cloud.google.com/gke-", "gke"),
    ("kubernetes.azure.com/", "aks"),
    ("cattle.io/", "rancher"),
)
_PROVIDERS = (("kind://", "kind"), ("k3s://", "k3s"), ("rke2://", "rke2"), ("azure://", "aks"), ("gce://", "gke"))


def detect(
    version: str | None, groups: t.Collection[str], nodes: t.Sequence[Json] | None, publishes_cluster_info: bool = False
) -> Distribution:
    """``nodes`` is None where they may not be listed. OpenShift's groups tell first, then the version, then the nodes."""
    for group, name in _GROUPS:
        if group in groups:
            return Distribution(name, f"API group {group}")
    for node in (nodes or [])[:1]:
        # k3d runs k3s in containers whose nodes are named so.
        if "+k3s" in (version or "") and node["metadata"]["name"].startswith("k3d-"):
            return Distribution("k3d", f"node {node['metadata']['name']}")
    for part, name in _VERSIONS:
        if part in (version or ""):
            return Distribution(name, f"version {version}")
    for node in nodes or []:
        labels = node["metadata"].get("labels") or {}
        for prefix, name in _LABELS:
            key = next((key for key in labels if key.startswith(prefix) or f".{prefix}" in key), None)
            if key:
                return Distribution(name, f"node label {key}")
        provider = (node.get("spec") or {}).get("providerID") or ""
        for prefix, name in _PROVIDERS:
            if provider.startswith(prefix):
                return Distribution(name, f"providerID {provider}")
    if publishes_cluster_info:
        return Distribution("vanilla", "ConfigMap kube-public/cluster-info")
    return Distribution("unknown")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import distributions


def node(provider: str = "", name: str = "n", **labels: str) -> dict[str, t.Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"providerID": provider}}


@pytest.mark.parametrize(
    ("name", "version", "groups", "nodes", "published"),
    [
        ("kind", "v1.34.4", [], [node("kind://docker/a/b")], True),
        ("k3d", "v1.31.5+k3s1", [], [node("k3s://k3d-a", name="k3d-fleet-server-0")], False),
        ("k3s", "v1.34.4+k3s1", [], None, False),
        ("rke2", "v1.31.5+rke2r1", [], [node("rke2://a")], False),
        ("minikube", "v1.34.4", [], [node("", **{"minikube.k8s.io/name": "m"})], True),
        ("microk8s", "v1.34.4", [], [node("", **{"microk8s.io/cluster": "true"})], False),
        ("eks", "v1.34.4-eks-c39b1d0", [], [node("aws:///us-east-1a/i-0")], False),
        ("eks", "v1.34.4", [], [node("", **{"eks.amazonaws.com/nodegroup": "g"})], False),
        ("gke", "v1.34.4-gke.1234", [], None, False),
        ("gke", "v1.34.4", [], [node("", **{"cloud.google.com/gke-nodepool": "p"})], False),
        ("aks", "v1.34.4", [], [node("azure:///subscriptions/x")], False),
        ("aks", "v1.34.4", [], [node("", **{"kubernetes.azure.com/cluster": "c"})], False),
        ("openshift", "v1.31.6", ["apps", "config.openshift.io"], [node("aws:///x")], False),
        ("openshift", "v1.31.6", [], [node("", **{"node.openshift.io/os_id": "rhel"})], False),
        ("rancher", "v1.34.4", [], [node("", **{"cattle.io/os": "linux"})], False),
        ("vanilla", "v1.34.4", [], [node("")], True),
        ("unknown", "v1.34.4", [], [node("")], False),
        ("unknown", "v1.34.4", [], None, False),
    ],
)
def test_each_distribution_is_told_by_what_it_shows(
    name: str, version: str, groups: list[str], nodes: list[dict[str, t.Any]] | None, published: bool
) -> None:
    assert distributions.detect(version, groups, nodes, published).name == name

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Paths of the objects that we read and write."""

from __future__ import annotations

CLUSTER_GROUP = "/apis/cluster.open-cluster-management.io/v1"
MANAGED_CLUSTERS = f"{CLUSTER_GROUP}/managedclusters"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LEASES = "/apis/coordination.k8s.io/v1/leases"
NAMESPACES = "/api/v1/namespaces"
KLUSTERLETS = "/apis/operator.open-cluster-management.io/v1/klusterlets"
CLUSTER_MANAGER = "/apis/operator.open-cluster-management.io/v1/clustermanagers/cluster-manager"
VERSION = "/version"


def managed_cluster(name: str) -> str:
    return f"{MANAGED_CLUSTERS}/{name}"


def csr_approval(name: str) -> str:
    return f"{CSRS}/{name}/approval"


def namespace(name: str) -> str:
    return f"{NAMESPACES}/{name}"


def lease(namespace_name: str, name: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace_name}/leases/{name}"


def secret(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{namespace_name}/secrets/{name}"


def config_map(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{namespace_name}/configmaps/{name}"


def service_account(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{namespace_name}/serviceaccounts/{name}"


def pods(namespace_name: str) -> str:
    return f"{NAMESPACES}/{namespace_name}/pods"


def deployment(namespace_name: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace_name}/deployments/{name}"

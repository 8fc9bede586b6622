# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of the objects that we read and write."""

from __future__ import annotations

import urllib.parse

from .._errors import WecError
from .._rules.deregistration.leaving import Part
from .._rules.observed.binding_policies_view import ObjectReference

CLUSTER_GROUP = "/apis/cluster.open-cluster-management.io/v1"
MANAGED_CLUSTERS = f"{CLUSTER_GROUP}/managedclusters"
CLUSTER_SETS = "/apis/cluster.open-cluster-management.io/v1beta2/managedclustersets"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LEASES = "/apis/coordination.k8s.io/v1/leases"
NAMESPACES = "/api/v1/namespaces"
KLUSTERLETS = "/apis/operator.open-cluster-management.io/v1/klusterlets"
CLUSTER_MANAGERS = "/apis/operator.open-cluster-management.io/v1/clustermanagers"
CLUSTER_MANAGER = f"{CLUSTER_MANAGERS}/cluster-manager"
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
CLUSTER_ROLE_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APPLIED_MANIFEST_WORKS = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
CLUSTER_CLAIMS = "/apis/cluster.open-cluster-management.io/v1alpha1/clusterclaims"
ADDON_GROUP = "/apis/addon.open-cluster-management.io/v1alpha1"
CLUSTER_MANAGEMENT_ADDONS = f"{ADDON_GROUP}/clustermanagementaddons"
ADDON_KIND = {"apiVersion": "addon.open-cluster-management.io/v1alpha1", "kind": "ManagedClusterAddOn"}
WORK_KIND = {"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork"}
KLUSTERLET_KIND = {"apiVersion": "operator.open-cluster-management.io/v1", "kind": "Klusterlet"}
APPLIED_KIND = {"apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork"}
"""Items of a list do not say what they are, and a write must."""
PLACEMENT_DECISIONS = (
    "/apis/cluster.open-cluster-management.io/v1beta1/namespaces/open-cluster-management/placementdecisions"
)
MANAGED_CLUSTER_ADDONS = f"{ADDON_GROUP}/managedclusteraddons"
MANIFEST_WORKS = "/apis/work.open-cluster-management.io/v1/manifestworks"
NODES = "/api/v1/nodes"
RULES_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
VERSION = "/version"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CONTROL_GROUP = "/apis/control.kubestellar.io/v1alpha1"
BINDING_POLICIES = f"{CONTROL_GROUP}/bindingpolicies"
BINDINGS = f"{CONTROL_GROUP}/bindings"
WORK_STATUSES = f"{CONTROL_GROUP}/workstatuses"
ROLE_BINDINGS = f"{RBAC}/rolebindings"


class NotANameError(WecError):
    """Something cannot be a name in a path; an API server that shows it is none."""


def part(text: str) -> str:
    """A name as a part of a path. Raises NotANameError for what Kubernetes takes for no name in a path.

    (Kubernetes: apimachinery/pkg/api/validation/path/name.go. An encoded slash is a slash for the server.)
    """
    if text in ("", ".", "..") or "/" in text or "%" in text:
        raise NotANameError(f"{text[:60]!r} cannot be a name in the path of a request.")
    return urllib.parse.quote(text, safe="")


def managed_cluster_addons(mailbox: str) -> str:
    return f"{ADDON_GROUP}/namespaces/{part(mailbox)}/managedclusteraddons"


def manifest_works(mailbox: str) -> str:
    return f"/apis/work.open-cluster-management.io/v1/namespaces/{part(mailbox)}/manifestworks"


def managed_cluster(name: str) -> str:
    return f"{MANAGED_CLUSTERS}/{part(name)}"


def work_statuses(mailbox: str) -> str:
    return f"{CONTROL_GROUP}/namespaces/{part(mailbox)}/workstatuses"


def csr_approval(name: str) -> str:
    return f"{CSRS}/{part(name)}/approval"


def namespace(name: str) -> str:
    return f"{NAMESPACES}/{part(name)}"


def lease(namespace_name: str, name: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{part(namespace_name)}/leases/{part(name)}"


def leases(namespace_name: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{part(namespace_name)}/leases"


def secret(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/secrets/{part(name)}"


def config_map(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/configmaps/{part(name)}"


def service_account(namespace_name: str, name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/serviceaccounts/{part(name)}"


def secrets(namespace_name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/secrets"


def config_maps(namespace_name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/configmaps"


def of_reference(reference: ObjectReference) -> str:
    """Any object's path."""
    version = part(reference.version)
    root = f"/apis/{part(reference.group)}/{version}" if reference.group else f"/api/{version}"
    where = f"/namespaces/{part(reference.namespace)}" if reference.namespace else ""
    return f"{root}{where}/{part(reference.resource)}/{part(reference.name)}"


def pods(namespace_name: str) -> str:
    return f"{NAMESPACES}/{part(namespace_name)}/pods"


def deployment(namespace_name: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{part(namespace_name)}/deployments/{part(name)}"


def residents(namespace_name: str) -> dict[str, str]:
    """The kinds of which somebody may have something in a namespace that must not go with it, each with its path."""
    core, where = f"{NAMESPACES}/{part(namespace_name)}", f"namespaces/{part(namespace_name)}"
    return {
        "Deployment": f"/apis/apps/v1/{where}/deployments",
        "StatefulSet": f"/apis/apps/v1/{where}/statefulsets",
        "DaemonSet": f"/apis/apps/v1/{where}/daemonsets",
        "ReplicaSet": f"/apis/apps/v1/{where}/replicasets",
        "CronJob": f"/apis/batch/v1/{where}/cronjobs",
        "Job": f"/apis/batch/v1/{where}/jobs",
        "Pod": f"{core}/pods",
        "PersistentVolumeClaim": f"{core}/persistentvolumeclaims",
        "Service": f"{core}/services",
        "Secret": f"{core}/secrets",
        "ConfigMap": f"{core}/configmaps",
    }


def roles(namespace_name: str) -> str:
    return f"{RBAC}/namespaces/{part(namespace_name)}/roles"


def role_bindings(namespace_name: str) -> str:
    return f"{RBAC}/namespaces/{part(namespace_name)}/rolebindings"


def of_part(one: Part) -> str:
    """A cluster-scoped part of the klusterlet's installation."""
    places = {
        "Namespace": NAMESPACES,
        "ClusterRole": CLUSTER_ROLES,
        "ClusterRoleBinding": CLUSTER_ROLE_BINDINGS,
        "CustomResourceDefinition": DEFINITIONS,
    }
    return f"{places[one.kind]}/{part(one.name)}"


def below(path: str, name: str) -> str:
    """An object of a kind whose path is given."""
    return f"{path}/{part(name)}"

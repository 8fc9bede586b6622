# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds of objects a simulated WEC serves, and how it tells: discovery, plain and aggregated."""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERBS = ["create", "delete", "get", "list", "patch", "update"]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One served kind. ``group`` is empty for the core."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    has_status: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As in an API server's messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _builtin(group: str, version: str, *rows: tuple[str, str, bool, bool]) -> list[Kind]:
    return [Kind(group, version, plural, kind, namespaced, status) for plural, kind, namespaced, status in rows]


BUILTIN: tuple[Kind, ...] = (
    *_builtin(
        "",
        "v1",
        ("configmaps", "ConfigMap", True, False),
        ("namespaces", "Namespace", False, True),
        ("nodes", "Node", False, True),
        ("pods", "Pod", True, True),
        ("secrets", "Secret", True, False),
        ("serviceaccounts", "ServiceAccount", True, False),
        ("services", "Service", True, True),
    ),
    *_builtin("apiextensions.k8s.io", "v1", ("customresourcedefinitions", "CustomResourceDefinition", False, True)),
    *_builtin(
        "apps",
        "v1",
        ("daemonsets", "DaemonSet", True, True),
        ("deployments", "Deployment", True, True),
        ("replicasets", "ReplicaSet", True, True),
        ("statefulsets", "StatefulSet", True, True),
    ),
    *_builtin("batch", "v1", ("cronjobs", "CronJob", True, True), ("jobs", "Job", True, True)),
    *_builtin("coordination.k8s.io", "v1", ("leases", "Lease", True, False)),
    *_builtin(
        "rbac.authorization.k8s.io",
        "v1",
        ("clusterrolebindings", "ClusterRoleBinding", False, False),
        ("clusterroles", "ClusterRole", False, False),
        ("rolebindings", "RoleBinding", True, False),
        ("roles", "Role", True, False),
    ),
)
REVIEWS: tuple[Kind, ...] = tuple(
    _builtin(
        "authorization.k8s.io",
        "v1",
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview", False, False),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview", False, False),
    )
)
"""Posted, and not stored."""
NAMESPACE, DEFINITION, DEPLOYMENT, POD, SECRET, NODE, CONFIG_MAP, LEASE = (
    next(kind for kind in BUILTIN if kind.kind == name)
    for name in (
        "Namespace",
        "CustomResourceDefinition",
        "Deployment",
        "Pod",
        "Secret",
        "Node",
        "ConfigMap",
        "Lease",
    )
)


def defined_by(definition: Json) -> list[Kind]:
    """The kinds that a CustomResourceDefinition makes served."""
    spec = definition["spec"]
    return [
        Kind(
            spec["group"],
            version["name"],
            spec["names"]["plural"],
            spec["names"]["kind"],
            spec["scope"] == "Namespaced",
            "status" in (version.get("subresources") or {}),
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _groups(kinds: t.Iterable[Kind]) -> dict[str, dict[str, list[Kind]]]:
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return found


def groups(kinds: t.Iterable[Kind]) -> Json:
    """What plain ``/apis`` answers."""
    items = []
    for group, versions in _groups(kinds).items():
        if group:
            message = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
            items.append({"name": group, "versions": message, "preferredVersion": message[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": items}


def versions(server: str) -> Json:
    """What plain ``/api`` answers."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def resources(api_version: str, kinds: t.Iterable[Kind]) -> Json | None:
    """What ``/apis/GROUP/VERSION`` answers; None if no such group is served."""
    items: list[Json] = []
    for kind in kinds:
        if kind.api_version != api_version:
            continue
        one = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
        items.append({**one, "verbs": ["create"] if kind in REVIEWS else _VERBS})
        if kind.has_status:
            items.append({**one, "name": f"{kind.plural}/status", "verbs": ["get", "patch", "update"]})
    if not items:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": items}


def aggregated(kinds: t.Iterable[Kind], core: bool) -> Json:
    """Groups, versions and resources in one answer, as client-go asks for them."""
    items = []
    for group, by_version in _groups(kinds).items():
        if bool(group) is core:
            continue
        message = [
            {"version": version, "freshness": "Current", "resources": [_aggregated(kind) for kind in own]}
            for version, own in by_version.items()
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": message})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(kind: Kind) -> Json:
    response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    status = {"subresource": "status", "responseKind": response, "verbs": ["get", "patch", "update"]}
    return {
        "resource": kind.plural,
        "responseKind": response,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.kind.lower(),
        "verbs": ["create"] if kind in REVIEWS else _VERBS,
        **({"subresources": [status]} if kind.has_status else {}),
    }

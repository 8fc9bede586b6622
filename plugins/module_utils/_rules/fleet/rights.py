# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rights that registering needs, on either side, and whether an identity's rules grant them.

docs/rbac has the same as manifests; a test keeps the two together.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..observed.observed_hub import BOOTSTRAP_ACCOUNTS, BOOTSTRAP_NAMESPACE
from ..status import statuses

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Right:
    """``namespace`` is empty for cluster-wide rights; ``resource`` may have a subresource; ``name`` narrows it to one."""

    verbs: tuple[str, ...]
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        group = f" ({self.group})" if self.group else ""
        name = f" {self.name}" if self.name else ""
        return f"{', '.join(self.verbs)} {self.resource}{group}{name}{where}"


_OCM = "open-cluster-management.io"
ITS_RIGHTS: tuple[Right, ...] = (
    Right(("get", "list", "create", "patch", "delete"), "managedclusters", f"cluster.{_OCM}"),
    Right(("create",), "managedclustersets/join", f"cluster.{_OCM}"),
    Right(("update",), "managedclusters/accept", f"register.{_OCM}"),
    Right(("get", "list", "delete"), "certificatesigningrequests", "certificates.k8s.io"),
    Right(("update",), "certificatesigningrequests/approval", "certificates.k8s.io"),
    Right(("approve",), "signers", "certificates.k8s.io", name="kubernetes.io/kube-apiserver-client"),
    Right(("get", "list", "delete"), "namespaces"),
    Right(("get", "list"), "leases", "coordination.k8s.io"),
    Right(("get", "list", "create", "delete"), "manifestworks", f"work.{_OCM}"),
    Right(("get", "list"), "managedclusteraddons", f"addon.{_OCM}"),
    Right(("get",), "clustermanagementaddons", f"addon.{_OCM}"),
    Right(("get",), "clustermanagers", f"operator.{_OCM}"),
    *(Right(("get",), "serviceaccounts", namespace=BOOTSTRAP_NAMESPACE, name=one) for one in BOOTSTRAP_ACCOUNTS),
    *(
        Right(("create",), "serviceaccounts/token", namespace=BOOTSTRAP_NAMESPACE, name=one)
        for one in BOOTSTRAP_ACCOUNTS
    ),
    Right(("get", "list", "create", "delete"), "secrets", namespace=BOOTSTRAP_NAMESPACE),
)
ITS_EVIDENCE_RIGHTS: tuple[Right, ...] = (
    Right(("list",), "workstatuses", "control.kubestellar.io"),
    *(Right(("list",), "rolebindings", "rbac.authorization.k8s.io", name=one) for one in statuses.ROLE_BINDINGS),
)
"""What says whether statuses come back. Without these rights, everything else is seen."""
REVOKE_RIGHTS: tuple[Right, ...] = (Right(("list", "delete"), "secrets", namespace="kube-system"),)
"""What deleting bootstrap tokens that do not end needs on the ITS beyond ITS_RIGHTS."""
CONFIGURE_RIGHTS: tuple[Right, ...] = (
    Right(("get", "list", "patch"), "managedclusters", f"cluster.{_OCM}"),
    Right(("get",), "managedclustersets", f"cluster.{_OCM}"),
    Right(("create",), "managedclustersets/join", f"cluster.{_OCM}"),
    Right(("list",), "certificatesigningrequests", "certificates.k8s.io"),
    Right(("get", "list"), "namespaces"),
    Right(("get", "list"), "leases", "coordination.k8s.io"),
    Right(("list", "patch"), "manifestworks", f"work.{_OCM}"),
    Right(("get", "list", "create", "patch"), "configmaps", namespace="customization-properties"),
)
"""What wec_label, wec_properties and wec_configure need on the ITS."""
WEC_RIGHTS: tuple[Right, ...] = (
    Right(("get", "create", "patch"), "namespaces"),
    Right(("get", "list", "watch", "create", "patch"), "customresourcedefinitions", "apiextensions.k8s.io"),
    Right(("get", "create", "patch", "escalate", "bind"), "clusterroles", "rbac.authorization.k8s.io"),
    Right(("get", "create", "patch"), "clusterrolebindings", "rbac.authorization.k8s.io"),
    Right(("get", "list", "create", "patch"), "klusterlets", f"operator.{_OCM}"),
    Right(("list",), "appliedmanifestworks", f"work.{_OCM}"),
    Right(("list",), "nodes"),
    Right(("get", "create", "patch"), "serviceaccounts", namespace="open-cluster-management"),
    Right(("get", "create", "patch", "delete"), "deployments", "apps", namespace="open-cluster-management"),
    Right(("get", "create", "patch"), "secrets", namespace="open-cluster-management"),
    Right(("list",), "pods", namespace="open-cluster-management"),
    Right(("get", "create", "patch", "delete"), "secrets", namespace="open-cluster-management-agent"),
    Right(("list", "delete"), "pods", namespace="open-cluster-management-agent"),
    Right(("list", "delete"), "leases", "coordination.k8s.io", namespace="open-cluster-management-agent"),
    Right(("get",), "configmaps", namespace="kube-public", name="cluster-info"),
)
OF_UPGRADE: tuple[Right, ...] = (
    Right(("list", "delete"), "leases", "coordination.k8s.io", namespace="open-cluster-management"),
    Right(("get",), "deployments", "apps", namespace="open-cluster-management-agent"),
)
"""What wec_upgrade needs on the WEC beyond WEC_RIGHTS, to see whether operator and agents are rolled out and lead."""
UPGRADE_RIGHTS = (*WEC_RIGHTS, *OF_UPGRADE)
WEC_EVIDENCE_RIGHTS: tuple[Right, ...] = (Right(("list",), "pods", namespace="open-cluster-management-agent-addon"),)
"""What says why a status add-on does not run. Without it, that it does not is said all the same."""
LOOKED_AT_ON_WEC = (*WEC_RIGHTS, *WEC_EVIDENCE_RIGHTS)
OFFBOARD_ITS_RIGHTS: tuple[Right, ...] = (
    Right(("get", "list", "patch", "delete"), "managedclusters", f"cluster.{_OCM}"),
    Right(("list", "delete"), "certificatesigningrequests", "certificates.k8s.io"),
    Right(("get", "list", "delete"), "namespaces"),
    Right(("get",), "leases", "coordination.k8s.io"),
    Right(("list", "update", "delete"), "manifestworks", f"work.{_OCM}"),
    Right(("list", "update", "delete"), "managedclusteraddons", f"addon.{_OCM}"),
    Right(("get", "list", "delete"), "configmaps", namespace="customization-properties"),
    Right(("get", "list", "delete"), "secrets", namespace=BOOTSTRAP_NAMESPACE),
    Right(("get",), "configmaps", namespace="kube-public", name="cluster-info"),
    Right(("get",), "configmaps", namespace="kube-system", name="extension-apiserver-authentication"),
)
"""What leaving needs on the ITS."""
_OPERATOR_HOME = "open-cluster-management"
_RESIDENTS = {
    "": ("pods", "persistentvolumeclaims", "services", "secrets", "configmaps"),
    "apps": ("deployments", "statefulsets", "daemonsets", "replicasets"),
    "batch": ("cronjobs", "jobs"),
}
OFFBOARD_WEC_RIGHTS: tuple[Right, ...] = (
    Right(("get",), "namespaces", name="kube-system"),
    Right(("get", "delete"), "namespaces", name="open-cluster-management"),
    Right(("get", "delete"), "namespaces", name="open-cluster-management-agent"),
    Right(("get", "delete"), "namespaces", name="open-cluster-management-agent-addon"),
    Right(("get",), "secrets", name="bootstrap-hub-kubeconfig"),
    Right(("get",), "secrets", name="hub-kubeconfig-secret"),
    Right(("get",), "deployments", "apps", name="klusterlet"),
    # What others have there, which stays, and what a registration has made beside it.
    *(Right(("list",), kind, group, _OPERATOR_HOME) for group, kinds in _RESIDENTS.items() for kind in kinds),
    Right(("delete",), "deployments", "apps", _OPERATOR_HOME, "klusterlet"),
    Right(("delete",), "serviceaccounts", "", _OPERATOR_HOME, "klusterlet"),
    Right(("delete",), "secrets", "", _OPERATOR_HOME, "open-cluster-management-image-pull-credentials"),
    Right(("delete",), "leases", "coordination.k8s.io", _OPERATOR_HOME, "klusterlet-lock"),
    Right(("list",), "clusterclaims", f"cluster.{_OCM}"),
    Right(("get", "list", "update", "delete"), "klusterlets", f"operator.{_OCM}"),
    Right(("list",), "clustermanagers", f"operator.{_OCM}"),
    Right(("list", "update", "delete"), "appliedmanifestworks", f"work.{_OCM}"),
    *(
        Right(("list", "delete"), f"{scope}{kind}", "rbac.authorization.k8s.io", namespace)
        for scope, namespace in (("cluster", ""), ("", "kube-system"))
        for kind in ("roles", "rolebindings")
    ),
    Right(("get", "delete"), "clusterroles", "rbac.authorization.k8s.io", name="klusterlet"),
    Right(("get", "delete"), "clusterrolebindings", "rbac.authorization.k8s.io", name="klusterlet"),
    *(
        Right(("get", "delete"), "customresourcedefinitions", "apiextensions.k8s.io", name=f"{one}.{_OCM}")
        for one in ("klusterlets.operator", "appliedmanifestworks.work", "clusterclaims.cluster")
    ),
)
"""What leaving needs on the WEC. The Secrets are named and not bound to a namespace, because that goes."""
KEEP_WORKLOAD_RIGHTS: tuple[Right, ...] = (Right(("get", "patch"), "*", "*"),)
"""What is needed beyond that where no agent takes the workload away: it may be of any kind."""


def missing(rules: t.Sequence[Json], wanted: t.Iterable[Right]) -> list[Right]:
    """What the rules of a SelfSubjectRulesReview do not grant, each with only the verbs that are missing."""
    found = []
    for right in wanted:
        verbs = tuple(verb for verb in right.verbs if not any(_grants(rule, right, verb) for rule in rules))
        if verbs:
            found.append(dataclasses.replace(right, verbs=verbs))
    return found


def for_account(wanted: t.Iterable[Right], account: str | None) -> tuple[Right, ...]:
    """Without the rights on a bootstrap account that a hub with this one does not have; None if that is not known."""
    others = [one for one in BOOTSTRAP_ACCOUNTS if account is not None and one != account]
    return tuple(right for right in wanted if right.name not in others)


def namespaces(wanted: t.Iterable[Right]) -> list[str]:
    """The namespaces in which to ask for rules; an answer for one has the cluster-wide ones too."""
    return sorted({right.namespace for right in wanted if right.namespace})


def _grants(rule: Json, right: Right, verb: str) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("verbs"), verb)
        and _has(rule.get("apiGroups"), right.group)
        and _has_resource(rule.get("resources") or [], right.resource)
        and (not names or (bool(right.name) and right.name in names))
    )


def _has(values: t.Sequence[str] | None, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or [])


def _has_resource(values: t.Sequence[str], wanted: str) -> bool:
    _resource, slash, subresource = wanted.partition("/")
    return any(value in ("*", wanted) or (slash and value == f"*/{subresource}") for value in values)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registered WECs with a delivered workload, and everybody who has a part in their leaving."""

from __future__ import annotations

import threading
import typing as t

from fake_api import FakeApi, now
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, csr, install_agent
from fake_wds import PROPERTIES, add_work, works_of

Json = dict[str, t.Any]


def addon_of(name: str) -> str:
    return f"/apis/addon.open-cluster-management.io/v1alpha1/namespaces/{name}/managedclusteraddons/addon-status"


def token_secret_of(name: str) -> str:
    return f"/api/v1/namespaces/open-cluster-management/secrets/wec-bootstrap-{name}"


NAME = "edge-1"
CLUSTER = f"{MANAGED_CLUSTERS}/{NAME}"
MAILBOX = f"/api/v1/namespaces/{NAME}"
WORK = f"{works_of(NAME)}/policy-work"
ADDON = addon_of(NAME)
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAME}/leases/managed-cluster-lease"
TOKEN_SECRET = token_secret_of(NAME)
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
APPLIED = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
WORKLOAD = "/api/v1/namespaces/app/configmaps/web"
ADDON_BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/status-agent"
OPERATOR = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
WORK_FINALIZER = "cluster.open-cluster-management.io/manifest-work-cleanup"
APPLIED_FINALIZER = "cluster.open-cluster-management.io/applied-manifest-work-cleanup"
COLLECTOR = "cluster.open-cluster-management.io/resource-cleanup"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PARTS = (
    "/api/v1/namespaces/open-cluster-management",
    f"{_RBAC}/clusterroles/klusterlet",
    f"{_RBAC}/clusterrolebindings/klusterlet",
    f"{_DEFINITIONS}/klusterlets.operator.open-cluster-management.io",
    f"{_DEFINITIONS}/appliedmanifestworks.work.open-cluster-management.io",
    f"{_DEFINITIONS}/clusterclaims.cluster.open-cluster-management.io",
)


class Membership:
    """``alive`` names who does its part: kubestellar, agent, hub, operator."""

    def __init__(self, its: FakeIts, wec: FakeApi, name: str = NAME) -> None:
        self.its, self.wec, self._name = its, wec, name
        self._cluster, self._addon = f"{MANAGED_CLUSTERS}/{name}", addon_of(name)
        self._known_works: list[str] = []
        # A request to one of them changes the other: with a lock for each, two requests would wait for each other.
        wec.lock, wec._happened = its.lock, threading.Condition(its.lock)
        self.alive = {"kubestellar", "agent", "hub", "operator"}
        its.join(name, wec.uid)
        # Leases are named alike everywhere, and the hub's fake would answer for its agent.
        its.agents.clear()
        its.change(
            self._cluster,
            {"metadata": {"labels": {"location-group": "edge", "region": "x"}, "finalizers": [COLLECTOR]}},
        )
        its.put(f"{PROPERTIES}/{name}", {"data": {"clusterURL": "u"}})
        its.put(f"{CSRS}/{name}-old", csr(name, f"{name}-old"))
        addon_csr = csr(name, f"addon-{name}-old")
        addon_csr["metadata"]["labels"]["open-cluster-management.io/addon-name"] = "addon-status"
        its.put(f"{CSRS}/addon-{name}-old", addon_csr)
        its.put(token_secret_of(name), {"metadata": {"labels": {"wec.kubestellar.io/bootstrap": name}}})
        its.put(self._addon, {})
        self.add_work("addon-work", labels={"open-cluster-management.io/addon-name": "addon-status"})
        self._known_works.append(add_work(its, name, "policy", finalizers=[WORK_FINALIZER]))
        its.change(self._known_works[-1], {"spec": {"workload": {"manifests": [_manifest()]}}})
        install_agent(wec, name, its, certificate=its.authority.client(name))
        wec.change(KLUSTERLET, {"metadata": {"finalizers": ["operator.open-cluster-management.io/klusterlet-cleanup"]}})
        wec.put(OPERATOR, {})
        wec.put("/api/v1/namespaces/open-cluster-management-agent-addon", {})
        for part in PARTS:
            wec.put(part, {})
        self.apply("policy-work")
        its.before.append(self._controllers)
        wec.before.append(self._controllers)

    def add_work(self, name: str, **metadata: t.Any) -> str:
        path = f"{works_of(self._name)}/{name}"
        self._known_works.append(path)
        annotations = {"transport.kubestellar.io/originOwnerReferenceBindingGeneration": "1"}
        self.its.put(path, {"metadata": {"finalizers": [WORK_FINALIZER], "annotations": annotations, **metadata}})
        return path

    def apply_addon(self) -> None:
        """What KubeStellar's status add-on has on a WEC (seen there: a ClusterRoleBinding to cluster-admin)."""
        binding = {
            "group": "rbac.authorization.k8s.io",
            "version": "v1",
            "resource": "clusterrolebindings",
            "name": "status-agent",
        }
        self.apply("addon-addon-status-deploy-0", ADDON_BINDING, binding)

    def apply(self, work: str, path: str = "", brought: Json | None = None) -> None:
        """The workload is on the WEC."""
        config_map = {"group": "", "version": "v1", "resource": "configmaps", "namespace": "app", "name": "web"}
        resource = brought or config_map
        item = {
            "metadata": {"finalizers": [APPLIED_FINALIZER]},
            "spec": {"manifestWorkName": work, "agentID": self.wec.objects[KLUSTERLET]["metadata"]["uid"]},
            "status": {"appliedResources": [resource]},
        }
        uid = self.wec.put(f"{APPLIED}/hash-{work}", item)["metadata"]["uid"]
        owner = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "AppliedManifestWork",
            "name": f"hash-{work}",
            "uid": uid,
        }
        self.wec.put(path or WORKLOAD, {"metadata": {"ownerReferences": [owner]}})

    def lose_wec(self) -> None:
        """Its agent does nothing any more, and its lease is old."""
        self.alive.discard("agent")
        self.its.change(LEASE, {"spec": {"renewTime": now(-9000)}})
        self.wec.close()

    def _controllers(self, _method: str, _path: str, _body: Json | None) -> None:
        with self.its.lock, self.wec.lock:
            for who in ("kubestellar", "hub", "agent", "operator"):
                if who in self.alive:
                    getattr(self, f"_{who}")()
            self._garbage_collector()

    def _works(self) -> list[str]:
        return [path for path in self._known_works if path in self.its.objects]

    def _kubestellar(self) -> None:
        cluster = self.its.objects.get(self._cluster) or {"metadata": {}}
        if "location-group" in (cluster["metadata"].get("labels") or {}):
            return
        for path in self._works():
            labels = self.its.objects[path]["metadata"].get("labels") or {}
            if "transport.kubestellar.io/originOwnerReferenceBindingKey" in labels:
                self.its.remove(path)

    def _agent(self) -> None:
        for path in self._works():
            metadata = self.its.objects[path]["metadata"]
            if metadata.get("deletionTimestamp"):
                applied = f"{APPLIED}/hash-{metadata['name']}"
                if applied in self.wec.objects:
                    self._end(self.wec, applied)
                    self.wec.objects.pop(WORKLOAD, None)
                self._end(self.its, path)

    def _hub(self) -> None:
        cluster = self.its.objects.get(self._cluster)
        if cluster is None or not cluster["metadata"].get("deletionTimestamp"):
            return
        if COLLECTOR in cluster["metadata"].get("finalizers", []):
            if self._addon in self.its.objects:
                self.its.remove(self._addon)
            for path in self._works():
                self.its.remove(path)
        if not self._works():
            self._end(self.its, self._cluster)

    def _operator(self) -> None:
        klusterlet = self.wec.objects.get(KLUSTERLET)
        if (
            klusterlet is None
            or not klusterlet["metadata"].get("deletionTimestamp")
            or OPERATOR not in self.wec.objects
        ):
            return
        for path, item in self.wec.objects.items():
            if path.startswith(APPLIED):
                item["metadata"]["finalizers"] = []
        for path in list(self.wec.objects):
            if path.startswith("/api/v1/namespaces/open-cluster-management-agent"):
                del self.wec.objects[path]
        self._end(self.wec, KLUSTERLET)

    def _garbage_collector(self) -> None:
        uids = {item["metadata"]["uid"] for item in self.wec.objects.values()}
        for path in (WORKLOAD, ADDON_BINDING):
            owners = self.wec.objects.get(path, {"metadata": {}})["metadata"].get("ownerReferences") or []
            if owners and not any(one["uid"] in uids for one in owners):
                del self.wec.objects[path]

    def _end(self, api: FakeApi, path: str) -> None:
        api.objects[path]["metadata"]["finalizers"] = []
        api.remove(path)


def _manifest() -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "app", "name": "web"}}


def members(its: FakeIts, count: int) -> dict[str, Membership]:
    """So many of them, by name."""
    names = [f"edge-{number}" for number in range(1, count + 1)]
    return {name: Membership(its, FakeApi(), name) for name in names}

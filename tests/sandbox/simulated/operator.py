# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The klusterlet operator's part on one simulated WEC.

It acts only where what clusteradm installs is there: a Klusterlet without its operator stays as it is, as it would. What
it makes has the names of the real one's objects, and no more content than anybody looks at.
"""

from __future__ import annotations

import asyncio
import typing as t

from .. import processes
from ..cluster import open_crd
from .agent import BOOTSTRAP_SECRET, HUB_SECRET, Agent, Facts, Identity
from .conditions import is_true, with_condition
from .faults import Fault
from .hub import Feed
from .resources import DEPLOYMENT, LEASE, NAMESPACE, POD, SECRET, Kind
from .store import Store, StoreError, now_micro, suffix
from .works import applied_kind, release

Json = dict[str, t.Any]
_GROUP = "operator.open-cluster-management.io/v1"
_OPERATOR_NAMESPACE = "open-cluster-management"
_ADDON_NAMESPACE = "open-cluster-management-agent-addon"
_DEFAULT_NAMESPACE = "open-cluster-management-agent"
_FINALIZER = "operator.open-cluster-management.io/klusterlet-cleanup"
_LABEL = "open-cluster-management.io/created-by-klusterlet"
_PULL_SECRET = "open-cluster-management-image-pull-credentials"
_SETTLES = 0.2
"""Seconds in which several changes are seen to at once."""
_ENDS = 0.5
"""Seconds that it takes to stop an agent."""
_RBAC = "rbac.authorization.k8s.io/v1"
_INSTALLED = (
    ("v1", "serviceaccounts", _OPERATOR_NAMESPACE),
    (_RBAC, "clusterroles", ""),
    (_RBAC, "clusterrolebindings", ""),
)
_PREFIX = "open-cluster-management:"
_CLUSTER_ROLES = (
    "klusterlet-registration:addon-management",
    "klusterlet-registration:agent",
    "klusterlet-work:agent",
    "klusterlet-work:aggregate",
    "klusterlet-work:execution",
    "management:klusterlet-registration:addon-management",
)
_CLUSTER_ROLE_BINDINGS = (
    "klusterlet-registration:addon-management",
    "klusterlet-registration:agent",
    "klusterlet-work:agent",
    "klusterlet-work:aggregate",
    "klusterlet-work:execution-admin",
    "management:klusterlet-registration:addon-management",
)
_AGENT_ROLES = ("management:klusterlet-registration:agent", "management:klusterlet-work:agent")
_DEFINITIONS = (
    ("work.open-cluster-management.io", "v1", "AppliedManifestWork", "appliedmanifestworks"),
    ("cluster.open-cluster-management.io", "v1alpha1", "ClusterClaim", "clusterclaims"),
)
_WATCHED = (
    "klusterlets.operator.open-cluster-management.io",
    "secrets",
    "pods",
    "deployments.apps",
    # clusteradm puts down what an operator needs in no order of its own: any of it may come last.
    "serviceaccounts",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
)


class Operator:
    """One WEC's operator. ``notice`` is to be called with each change of its store."""

    def __init__(self, name: str, store: Store, facts: Facts, ca: bytes, feed: Feed) -> None:
        self._name, self._store, self._facts, self._ca, self._feed = name, store, facts, ca, feed
        self._fault = Fault.NONE
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._agent: Agent | None = None
        self._agent_pod = ""
        self._agent_task: asyncio.Task[t.Any] | None = None

    @property
    def is_registered(self) -> bool:
        return self._agent is not None and self._agent.is_registered

    async def set_fault(self, fault: Fault) -> None:
        """The agent, if there is one, starts anew with it."""
        self._fault = fault
        await self._stop_agent()
        self._see_to_it()

    def notice(self, kind: Kind, _namespace: str) -> None:
        if kind.resource in _WATCHED:
            self._see_to_it()
            if kind == SECRET and self._agent is not None:
                self._agent.notice()

    def _see_to_it(self) -> None:
        self._wake.set()
        if self._running is None or self._running.done():
            self._running = processes.in_background(self._run())

    async def _run(self) -> None:
        """Until there is nothing more to see to. The agent goes on by itself."""
        while self._wake.is_set():
            await asyncio.sleep(_SETTLES)
            self._wake.clear()
            try:
                await self._reconcile()
            except StoreError as error:
                # Something is being taken apart: its going is another change.
                print(f"{self._name}: {error.message}", flush=True)

    async def _reconcile(self) -> None:
        kind = self._store.kind(_GROUP, "klusterlets")
        klusterlet = next(iter(self._store.items(kind)), None) if kind else None
        if self._fault is Fault.DEAD or klusterlet is None or kind is None:
            await self._stop_agent()
        elif not self._is_installed():
            # Nobody takes an agent away whose operator is gone.
            await self._keep_agent(klusterlet)
        elif klusterlet["metadata"].get("deletionTimestamp"):
            await self._clean_up(kind, klusterlet)
        else:
            if klusterlet["metadata"]["generation"] != (klusterlet.get("status") or {}).get("observedGeneration"):
                klusterlet = self._install(kind, klusterlet)
            await self._keep_agent(klusterlet)
            self._report(kind, klusterlet)

    def _is_installed(self) -> bool:
        operator = self._store.find(DEPLOYMENT, _OPERATOR_NAMESPACE, "klusterlet")
        if operator is None or not is_true(operator, "Available"):
            return False
        kinds = [(self._store.kind(version, plural), namespace) for version, plural, namespace in _INSTALLED]
        return all(kind is not None and self._store.has(kind, namespace, "klusterlet") for kind, namespace in kinds)

    # -- the agent -----------------------------------------------------------------------------------------------

    async def _keep_agent(self, klusterlet: Json) -> None:
        """The agent runs as long as its pod; another pod is another agent, which knows only what is in the Secrets."""
        namespace = _namespace(klusterlet)
        pods = self._store.items(POD, namespace)
        pod = pods[0]["metadata"]["name"] if pods else ""
        if self._fault is Fault.MUTE or not pod or pod != self._agent_pod:
            await self._stop_agent()
        if self._fault is Fault.MUTE or not pod or self._agent is not None:
            return
        self._agent_pod = pod
        self._agent = Agent(
            self._identity(klusterlet), self._facts, self._store, namespace, self._feed, self._see_to_it
        )
        self._agent_task = processes.in_background(self._agent.run())
        moment = now_micro()
        spec = {
            "holderIdentity": f"{pod}_{suffix()}",
            "leaseDurationSeconds": 137,
            "acquireTime": moment,
            "renewTime": moment,
        }
        metadata = {"name": "klusterlet-agent-lock", "namespace": namespace}
        self._store.apply({"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec})

    def _identity(self, klusterlet: Json) -> Identity:
        spec = klusterlet["spec"]
        registration = spec.get("registrationConfiguration") or {}
        cluster = spec.get("clusterName") or self._name
        mode = (spec.get("deployOption") or {}).get("mode") or "Default"
        return Identity(
            cluster=cluster,
            agent=klusterlet["metadata"]["uid"] if "Singleton" in mode else suffix(),
            asks_for=f"not-{cluster}" if self._fault is Fault.WRONG else cluster,
            external_urls=tuple(one["url"] for one in spec.get("externalServerURLs") or [] if one.get("url")),
            certificate_seconds=registration.get("clientCertExpirationSeconds"),
            ca=self._ca,
        )

    async def _stop_agent(self) -> None:
        if self._agent_task is not None:
            await processes.end_tasks([self._agent_task])
        self._agent, self._agent_task, self._agent_pod = None, None, ""

    # -- what it makes -------------------------------------------------------------------------------------------

    def _install(self, kind: Kind, klusterlet: Json) -> Json:
        metadata, namespace = klusterlet["metadata"], _namespace(klusterlet)
        if _FINALIZER not in (metadata.get("finalizers") or []):
            finalizers = [*(metadata.get("finalizers") or []), _FINALIZER]
            klusterlet = self._store.patch(kind, "", metadata["name"], {"metadata": {"finalizers": finalizers}})
        for item in self._objects(metadata["name"], namespace, klusterlet["spec"]):
            self._store.apply(item)
        return klusterlet

    def _objects(self, owner: str, namespace: str, spec: Json) -> t.Iterator[Json]:
        label = {"labels": {_LABEL: owner}}

        def rbac(kind: str, name: str, where: str = "") -> Json:
            place = {"namespace": where} if where else {}
            body: Json = {"apiVersion": _RBAC, "kind": kind, "metadata": {"name": _PREFIX + name, **place, **label}}
            if "Binding" in kind:
                role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind.removesuffix("Binding")}
                return {**body, "roleRef": {**role, "name": _PREFIX + name}, "subjects": []}
            return {**body, "rules": []}

        for one in (namespace, _ADDON_NAMESPACE):
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one, **label}}
        for group, version, kind, plural in _DEFINITIONS:
            yield open_crd(group, kind, plural, version)
        for name in _CLUSTER_ROLES:
            yield rbac("ClusterRole", name)
        for name in _CLUSTER_ROLE_BINDINGS:
            yield rbac("ClusterRoleBinding", name)
        yield rbac("Role", "management:klusterlet:extension-apiserver", "kube-system")
        for name in _AGENT_ROLES:
            yield rbac("Role", name, namespace)
            yield rbac("RoleBinding", name, namespace)
            yield rbac("RoleBinding", name, "kube-system")
        account = {"name": "klusterlet-work-sa", "namespace": namespace, **label}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
        pull = self._store.find(SECRET, _OPERATOR_NAMESPACE, _PULL_SECRET)
        if pull is not None:
            for one in (namespace, _ADDON_NAMESPACE):
                copied = {"name": _PULL_SECRET, "namespace": one, **label}
                content = {"type": pull.get("type", "Opaque"), "data": pull.get("data") or {}}
                yield {"apiVersion": "v1", "kind": "Secret", "metadata": copied, **content}
        yield from self._deployments(namespace, spec, label)

    def _deployments(self, namespace: str, spec: Json, label: Json) -> t.Iterator[Json]:
        mode = (spec.get("deployOption") or {}).get("mode") or "Default"
        images = {"klusterlet-agent": spec.get("imagePullSpec", "")}
        if "Singleton" not in mode:
            images = {
                "klusterlet-registration-agent": spec.get("registrationImagePullSpec", ""),
                "klusterlet-work-agent": spec.get("workImagePullSpec", ""),
            }
        for name, image in images.items():
            labels = {"app": name, **label["labels"]}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
            yield {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
            }

    # -- what it tells -------------------------------------------------------------------------------------------

    def _report(self, kind: Kind, klusterlet: Json) -> None:
        metadata, namespace = klusterlet["metadata"], _namespace(klusterlet)
        current = self._store.get(kind, "", metadata["name"])
        ready = [one for one in self._store.items(DEPLOYMENT, namespace) if is_true(one, "Available")]
        is_ready = bool(ready) and len(ready) == len(self._store.items(DEPLOYMENT, namespace))
        names = ", ".join(one["metadata"]["name"] for one in ready)
        conditions = (current.get("status") or {}).get("conditions") or []
        reported = [("Applied", "True", "KlusterletApplied", "Klusterlet Component Applied")]
        if is_ready:
            reported += [
                ("Available", "True", "KlusterletAvailable", f"deployments are ready: {names}"),
                (
                    "RegistrationDesiredDegraded",
                    "False",
                    "DeploymentsFunctional",
                    "deployments replicas are desired: 1",
                ),
                ("WorkDesiredDegraded", "False", "DeploymentsFunctional", "deployments replicas are desired: 1"),
                self._hub_connection(namespace),
            ]
        for one in reported:
            conditions = with_condition(conditions, *one)
        status = {"conditions": conditions, "observedGeneration": metadata["generation"]}
        self._store.set_status(kind, "", metadata["name"], status)

    def _hub_connection(self, namespace: str) -> tuple[str, str, str, str]:
        """(OCM: pkg/operator/operators/klusterlet/controllers/ssarcontroller.)"""
        trouble = self._agent.trouble if self._agent is not None else ""
        bootstrap, hub = f"{namespace}/{BOOTSTRAP_SECRET}", f"{namespace}/{HUB_SECRET}"
        is_registered = self._store.has(SECRET, namespace, HUB_SECRET)
        if not self._store.has(SECRET, namespace, BOOTSTRAP_SECRET):
            first = ("BootstrapSecretMissing", f'Failed to get bootstrap secret "{bootstrap}": not found')
        elif trouble and not is_registered:
            asked = "&SelfSubjectAccessReview{} with bootstrap secret"
            first = ("BootstrapSecretError", f'Failed to create {asked} "{bootstrap}": {trouble}')
        else:
            first = ("BootstrapSecretFunctional", f"Bootstrap secret {bootstrap} is configured correctly")
        if not is_registered:
            second = ("HubKubeConfigSecretMissing", f'Failed to get hub kubeconfig secret "{hub}": not found')
        elif trouble:
            second = ("HubKubeConfigError", f'Failed to create &SelfSubjectAccessReview{{}} with "{hub}": {trouble}')
        else:
            return (
                "HubConnectionDegraded",
                "False",
                "HubConnectionFunctional",
                f"Hub kubeconfig secret {hub} is working",
            )
        return "HubConnectionDegraded", "True", f"{first[0]},{second[0]}", f"{first[1]}\n{second[1]}"

    # -- taking away ---------------------------------------------------------------------------------------------

    async def _clean_up(self, kind: Kind, klusterlet: Json) -> None:
        store, metadata = self._store, klusterlet["metadata"]
        await self._stop_agent()
        await asyncio.sleep(_ENDS)
        applied = applied_kind(store)
        for item in store.items(applied) if applied else []:
            release(store, t.cast(Kind, applied), item)
        for one in store.kinds:
            if one == NAMESPACE or one.api_version != _RBAC:
                continue
            for item in store.items(one):
                own = item["metadata"]
                if (own.get("labels") or {}).get(_LABEL) == metadata["name"]:
                    store.delete(one, own.get("namespace", ""), own["name"])
        for namespace in (_namespace(klusterlet), _ADDON_NAMESPACE):
            if store.has(NAMESPACE, "", namespace):
                store.delete(NAMESPACE, "", namespace)
        left = [one for one in metadata.get("finalizers") or [] if one != _FINALIZER]
        store.patch(kind, "", metadata["name"], {"metadata": {"finalizers": left}})


def _namespace(klusterlet: Json) -> str:
    return str(klusterlet["spec"].get("namespace") or _DEFAULT_NAMESPACE)

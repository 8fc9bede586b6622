# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A WEC's own API: what it shows of the agent that serves a hub, and of its health."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import json
import time
import typing as t

from .._errors import ApiError, WecError
from .._rules.deregistration.leaving import (
    AGENT_NAMESPACES,
    APPLIED_FINALIZERS,
    KLUSTERLET_FINALIZERS,
    MADE_BY_OPERATOR,
    OPERATOR_LEASE,
    OPERATOR_PARTS,
    PULL_SECRET,
    Part,
    WecSide,
    claims_of_others,
    residents,
)
from .._rules.kubeconfig import kubeconfigs
from .._rules.kubeconfig.kubeconfigs import KubeconfigError
from .._rules.observed import distributions, works
from .._rules.observed.binding_policies_view import ObjectReference
from .._rules.observed.distributions import Distribution
from .._rules.observed.observed_agent import (
    AGENT_NAMESPACE,
    BOOTSTRAP_SECRET,
    HUB_SECRET,
    OPERATOR_NAMESPACE,
    Bootstrap,
    HubCredential,
    Klusterlet,
    ObservedAgent,
    klusterlet,
)
from .._rules.observed.observed_managed_cluster import created
from .._rules.outside import yaml_text
from .._rules.outside.yaml_text import NotYamlError
from .._rules.registration import certificates, tokens
from .._rules.registration.tokens import TokenFacts
from .._rules.status import addon, diagnosis
from . import paths
from .finalizers import release
from .kube import Kube

Json = dict[str, t.Any]
_INSTALLATION = {
    "ServiceAccount klusterlet": paths.service_account(OPERATOR_NAMESPACE, "klusterlet"),
    "Deployment klusterlet": paths.deployment(OPERATOR_NAMESPACE, "klusterlet"),
    "ClusterRole klusterlet": f"{paths.RBAC}/clusterroles/klusterlet",
    "ClusterRoleBinding klusterlet": f"{paths.RBAC}/clusterrolebindings/klusterlet",
}
_STOPPING_TAKES = 35.0
"""Seconds: a pod has 30 to end by itself."""


class Judge(t.Protocol):
    """What only the ITS can tell about a WEC's credentials."""

    @property
    def client_ca(self) -> bytes | None:
        """The CA of the ITS's clients, PEM; None where it may not be read."""

    def is_revoked(self, token: TokenFacts, name: str) -> bool | None:
        """Whether a bootstrap token of this WEC has been revoked; None if that is not known."""


class NoJudge:
    """Where the ITS cannot be asked."""

    client_ca: bytes | None = None

    def is_revoked(self, token: TokenFacts, name: str) -> bool | None:
        """Nobody knows."""


class Wec:
    """One WEC."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        # No cached_property: before Python 3.12 all instances share its lock, and a cluster that does not answer holds it.
        self._uid: str | None = None
        self._version: str | None = None

    @property
    def uid(self) -> str:
        """What identifies this cluster for its whole life."""
        if self._uid is None:
            path = paths.namespace("kube-system")
            self._uid = self.kube.uid_of(self.kube.get(path), path)
        return self._uid

    @property
    def version(self) -> str:
        if self._version is None:
            self._version = str(self.kube.get(paths.VERSION).get("gitVersion", ""))
        return self._version

    @property
    def clock_offset(self) -> float:
        """Seconds by which its clock is ahead of ours, as its last answer told."""
        return self.kube.clock_offset

    def now(self) -> datetime.datetime:
        return self.kube.now()

    def connection_data(self) -> dict[str, str]:
        return self.kube.connection.as_data()

    def distribution(self) -> Distribution:
        groups = [group["name"] for group in self.kube.get("/apis").get("groups") or []]
        try:
            nodes: list[Json] | None = self.kube.first(paths.NODES)
        except ApiError:
            nodes = None
        published = False
        try:
            published = self.kube.find(paths.config_map("kube-public", "cluster-info")) is not None
        except ApiError:
            # It may not be read: then it does not tell anything.
            published = False
        return distributions.detect(self.version, groups, nodes, published)

    def rules(self, namespace: str) -> Json:
        """What our identity may do in a namespace, as the API server says. Raises ApiError."""
        return self.kube.create(paths.RULES_REVIEW, {"spec": {"namespace": namespace}})

    def view(self, name: str, judge: Judge) -> ObservedAgent:
        """What shows whether and how this cluster is registered."""
        return judged(self._view(name), judge, name)

    def _view(self, name: str) -> ObservedAgent:
        klusterlets = self.klusterlets()
        view = ObservedAgent(self.uid, self.version, klusterlets)
        own = view.the_klusterlet(name)
        if own is None:
            remnants, terminating = self._remnants(klusterlets)
            return ObservedAgent(self.uid, self.version, klusterlets, remnants=remnants, terminating=terminating)
        credential = self._credential(own.namespace)
        return ObservedAgent(
            self.uid,
            self.version,
            klusterlets,
            bootstrap=self.bootstrap(own.namespace),
            credential=credential,
            missing=self.missing() if credential is None and not own.is_deleting else (),
        )

    def missing(self) -> tuple[str, ...]:
        """What clusteradm puts beside the Klusterlet, in no order of its own, and is not there."""
        # Who may not look cannot say that it is missing.
        gone = [what for what, path in _INSTALLATION.items() if self.kube.find_or_refusal(path) is None]
        return tuple(f"{what} is missing" for what in gone)

    def remove_operator(self) -> None:
        """Delete the klusterlet operator's Deployment: one that lacks its rights does nothing, and is in the way of another."""
        self.kube.delete(paths.deployment(OPERATOR_NAMESPACE, "klusterlet"))

    def klusterlets(self) -> tuple[Klusterlet, ...] | None:
        """None where the cluster does not know such a thing."""
        try:
            return tuple(klusterlet(item) for item in self.kube.items(paths.KLUSTERLETS))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _remnants(self, klusterlets: t.Sequence[Klusterlet] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is left of an installation, and those of its namespaces that are being deleted."""
        found = ["CustomResourceDefinition klusterlets exists"] if klusterlets is not None else []
        terminating = []
        for name in (OPERATOR_NAMESPACE, AGENT_NAMESPACE):
            namespace = self.kube.find(paths.namespace(name))
            if namespace is not None:
                found.append(f"Namespace {name} exists")
            if works.is_terminating(namespace):
                terminating.append(f"Namespace {name}")
        return tuple(found), tuple(terminating)

    def bootstrap(self, namespace: str) -> Bootstrap | None:
        data = self._secret(namespace, BOOTSTRAP_SECRET)
        if data is None or "kubeconfig" not in data:
            return None
        cluster, ca, token = _read_kubeconfig(data["kubeconfig"])
        return Bootstrap(str(cluster.get("server") or ""), ca, tokens.read(token), proxy=cluster.get("proxy-url"))

    def introduction(self, namespace: str) -> str | None:
        """The id of the token that the agent bootstraps with, if it has one."""
        found = self.bootstrap(namespace)
        return found.token.id if found else None

    def _credential(self, namespace: str) -> HubCredential | None:
        secret = self.kube.find(paths.secret(namespace, HUB_SECRET))
        data = _data(secret)
        if not data.get("kubeconfig") or not data.get("tls.crt"):
            return None
        cluster, ca, _token = _read_kubeconfig(data["kubeconfig"])
        return HubCredential(
            cluster_name=data.get("cluster-name", b"").decode(errors="replace"),
            agent_name=data.get("agent-name", b"").decode(errors="replace"),
            server=str(cluster.get("server") or ""),
            ca=ca,
            certificate=None,
            pem=data["tls.crt"],
            stored=created(secret or {}),
        )

    def certificate(self, namespace: str) -> bytes | None:
        """The certificate that the agent has for its hub, PEM."""
        return _data(self.kube.find(paths.secret(namespace, HUB_SECRET))).get("tls.crt")

    def _secret(self, namespace: str, name: str) -> dict[str, bytes] | None:
        found = self.kube.find(paths.secret(namespace, name))
        return None if found is None else _data(found)

    def works(self) -> list[Json]:
        """What a hub has applied here (AppliedManifestWorks)."""
        try:
            return self.kube.items(paths.APPLIED_MANIFEST_WORKS)
        except ApiError as error:
            if error.status == 404:
                return []
            raise

    def departing(self, name: str, judge: Judge) -> WecSide:
        """Everything that this cluster has of an agent."""
        view = self.view(name, judge)
        return WecSide(
            view,
            applied=tuple(self.works()),
            namespaces=tuple(one for one in AGENT_NAMESPACES if self.kube.find(paths.namespace(one)) is not None),
            parts=tuple(part for part in OPERATOR_PARTS if self.kube.find(paths.of_part(part)) is not None),
            cluster_managers=self.cluster_managers(),
            has_operator=self.deployment(OPERATOR_NAMESPACE, "klusterlet") is not None,
            residents=self.residents(),
            claims=self.claims(),
        )

    def residents(self) -> tuple[str, ...]:
        """What others have in the operator's namespace. What may not be read may be theirs."""
        if not self.has_namespace(OPERATOR_NAMESPACE):
            return ()
        found: list[str] = []
        for kind, path in paths.residents(OPERATOR_NAMESPACE).items():
            try:
                found += residents(kind, self.kube.items(path))
            except ApiError as error:
                if error.status == 403:
                    found.append(f"whether there is a {kind} in Namespace {OPERATOR_NAMESPACE} may not be read")
                elif error.status != 404:
                    raise
        return tuple(found)

    def claims(self) -> tuple[str, ...]:
        """The ClusterClaims of others. What may not be read may be theirs."""
        try:
            return tuple(claims_of_others(self.kube.items(paths.CLUSTER_CLAIMS)))
        except ApiError as error:
            if error.status == 403:
                return ("whether there are ClusterClaims may not be read",)
            if error.status == 404:
                return ()
            raise

    def klusterlet(self, name: str) -> Json | None:
        return self.kube.find(paths.below(paths.KLUSTERLETS, name))

    def has_namespace(self, name: str) -> bool:
        return self.kube.find(paths.namespace(name)) is not None

    def has_part(self, part: Part) -> bool:
        return self.kube.find(paths.of_part(part)) is not None

    def cluster_managers(self) -> tuple[str, ...]:
        """The names of hubs that are installed here."""
        try:
            return tuple(item["metadata"]["name"] for item in self.kube.items(paths.CLUSTER_MANAGERS))
        except ApiError as error:
            if error.status == 404:
                return ()
            raise

    def workload_of(self, applied: Json) -> list[tuple[str, Json]]:
        """The objects that a work has brought here and that are here still, with their paths."""
        found = []
        for one in (applied.get("status") or {}).get("appliedResources") or []:
            reference = ObjectReference(
                one.get("group", ""), one["version"], one["resource"], one.get("namespace") or "", one["name"]
            )
            path = paths.of_reference(reference)
            item = self.kube.find(path)
            if item is not None:
                found.append((path, item))
        return found

    # -- writing -------------------------------------------------------------------------------------------------

    def write_bootstrap(self, namespace: str, kubeconfig: Json) -> None:
        """Give the agent another introduction. It restarts by itself."""
        encoded = base64.b64encode(json.dumps(kubeconfig).encode()).decode()
        self.kube.merge(paths.secret(namespace, BOOTSTRAP_SECRET), {"data": {"kubeconfig": encoded}})

    def readdress(self, namespace: str, secret: str, server: str) -> None:
        """Give the agent another address of the same hub in this Secret, and change nothing else.

        The agent takes a kubeconfig that is written in another way for another one. Raises WecError where it cannot be read.
        """
        content = (self._secret(namespace, secret) or {}).get("kubeconfig", b"")
        changed = kubeconfigs.with_server(content, server)
        if changed is None or _read_kubeconfig(changed)[0].get("server") != server:
            raise WecError(f"The kubeconfig in the Secret {namespace}/{secret} on the WEC cannot be read.")
        encoded = base64.b64encode(changed).decode()
        self.kube.merge(paths.secret(namespace, secret), {"data": {"kubeconfig": encoded}})

    def patch_klusterlet(self, name: str, patch: Json) -> None:
        self.kube.merge(paths.below(paths.KLUSTERLETS, name), patch)

    def forget_certificate(self, namespace: str) -> None:
        self.kube.delete(paths.secret(namespace, HUB_SECRET))

    def restart_agent(self, namespace: str) -> None:
        """Delete the agent's pods. A restarted container would find its old certificate in the pod's own volume.

        An agent that ends keeps its leadership, and its successor would wait for almost three minutes (OCM: library-go's
        leader election, 137 s): a lease whose holder is gone is taken away.
        """
        old = {pod["metadata"]["name"] for pod in self.pods(namespace)}
        for name in sorted(old):
            self.kube.delete(paths.below(paths.pods(namespace), name))
        end = time.monotonic() + _STOPPING_TAKES
        while old & {pod["metadata"]["name"] for pod in self.pods(namespace)} and time.monotonic() < end:
            time.sleep(0.5)
        self.free_locks(namespace)

    def free_locks(self, namespace: str) -> None:
        """Delete the leases by which an agent leads whose pod is gone: it may have ended without giving them back."""
        alive = {pod["metadata"]["name"] for pod in self.pods(namespace)}
        for lease in self.locks(namespace):
            holder = str((lease.get("spec") or {}).get("holderIdentity") or "").rpartition("_")[0]
            if holder and holder not in alive:
                seen = {key: lease["metadata"][key] for key in ("uid", "resourceVersion")}
                self.kube.delete_unless_changed(paths.below(paths.leases(namespace), lease["metadata"]["name"]), seen)

    def patch_operator(self, patch: Json) -> None:
        """Apply a JSON merge patch to the klusterlet operator's Deployment."""
        self.kube.merge(paths.deployment(OPERATOR_NAMESPACE, "klusterlet"), patch)

    def delete_klusterlet(self, name: str, uid: str) -> None:
        """Its operator takes the agent away, and the agent's namespaces. One that was made anew meanwhile stays."""
        self.kube.delete_unless_changed(paths.below(paths.KLUSTERLETS, name), {"uid": uid})

    def delete_namespace(self, name: str) -> None:
        self.kube.delete(paths.namespace(name))

    def delete_operator(self) -> None:
        """What a registration has put into the operator's namespace, where that itself has to stay."""
        for path in (
            paths.deployment(OPERATOR_NAMESPACE, "klusterlet"),
            paths.service_account(OPERATOR_NAMESPACE, "klusterlet"),
            paths.secret(OPERATOR_NAMESPACE, PULL_SECRET),
            paths.lease(OPERATOR_NAMESPACE, OPERATOR_LEASE),
        ):
            self.kube.delete(path)

    def delete_part(self, part: Part) -> None:
        self.kube.delete(paths.of_part(part))

    def delete_made_by_operator(self, klusterlet_name: str) -> None:
        """The roles that an operator has made for a Klusterlet outside of the agent's namespaces."""
        for place in (
            paths.CLUSTER_ROLE_BINDINGS,
            paths.CLUSTER_ROLES,
            paths.role_bindings("kube-system"),
            paths.roles("kube-system"),
        ):
            for item in self.kube.items(place, label_selector=f"{MADE_BY_OPERATOR}={klusterlet_name}"):
                self.kube.delete(paths.below(place, item["metadata"]["name"]))

    def release_klusterlet(self, item: Json) -> list[str]:
        """Take the operator's finalizer from a Klusterlet that is being deleted; gives what was taken."""
        path = paths.below(paths.KLUSTERLETS, item["metadata"]["name"])
        return release(self.kube, path, item, KLUSTERLET_FINALIZERS, paths.KLUSTERLET_KIND)

    def release_applied(self, item: Json) -> list[str]:
        """Take the agent's finalizer from an AppliedManifestWork that is being deleted; gives what was taken."""
        path = paths.below(paths.APPLIED_MANIFEST_WORKS, item["metadata"]["name"])
        return release(self.kube, path, item, APPLIED_FINALIZERS, paths.APPLIED_KIND)

    def delete_applied(self, applied: Json) -> None:
        self.kube.delete(paths.below(paths.APPLIED_MANIFEST_WORKS, applied["metadata"]["name"]))

    def set_owners(self, path: str, item: Json, owners: t.Sequence[Json]) -> None:
        """Raises ApiError, with 409 if somebody has changed the object since it was read."""
        same = {"resourceVersion": item["metadata"]["resourceVersion"]}
        self.kube.merge(path, {"metadata": {**same, "ownerReferences": list(owners)}})

    # -- health --------------------------------------------------------------------------------------------------

    def pods(self, namespace: str) -> list[Json]:
        return self.kube.items(paths.pods(namespace))

    def addon_runtime(self) -> addon.Runtime:
        """Whether the agent of the status add-on is ready, and if not, why, as far as its pods may be listed.

        Raises ApiError, Unreachable.
        """
        deployment = self.deployment(addon.NAMESPACE, addon.DEPLOYMENT)
        if deployment is None or addon.is_running(deployment):
            return addon.Runtime(deployment is not None)
        return addon.Runtime(False, self.addon_trouble() or ())

    def addon_trouble(self) -> tuple[str, ...] | None:
        """Why the pods of the status add-on's agent do not run; None where they may not be listed."""
        try:
            return tuple(diagnosis.pods_trouble(self.pods(addon.NAMESPACE)))
        except ApiError as error:
            if error.status != 403:
                raise
            return None

    def locks(self, namespace: str) -> list[Json]:
        """The leases by which the agents there choose who leads."""
        return self.kube.items(paths.leases(namespace))

    def deployment(self, namespace: str, name: str) -> Json | None:
        return self.kube.find(paths.deployment(namespace, name))


def _data(secret: Json | None) -> dict[str, bytes]:
    """What is in a Secret; nothing where it is not there, or cannot be read."""
    try:
        return {key: base64.b64decode(value) for key, value in ((secret or {}).get("data") or {}).items()}
    except (binascii.Error, ValueError, TypeError, AttributeError):
        return {}


def judged(view: ObservedAgent, judge: Judge, name: str) -> ObservedAgent:
    """The same with what the ITS knows of the agent's credentials, wherever the WEC itself was looked at."""
    bootstrap, credential = view.bootstrap, view.credential
    if bootstrap is not None:
        bootstrap = dataclasses.replace(bootstrap, is_revoked=judge.is_revoked(bootstrap.token, name))
    if credential is not None:
        credential = _judged_credential(credential, judge)
    return dataclasses.replace(view, bootstrap=bootstrap, credential=credential)


def _judged_credential(credential: HubCredential, judge: Judge) -> HubCredential:
    certificate, issued = None, None
    try:
        certificate = certificates.read_certificate(credential.pem)
        authorities = judge.client_ca
        issued = certificates.is_issued_by(credential.pem, authorities) if authorities else None
    except certificates.MalformedPem:
        pass
    return dataclasses.replace(credential, certificate=certificate, issued_by_its=issued)


def _read_kubeconfig(content: bytes) -> tuple[Json, bytes | None, str]:
    """The cluster's part, CA and token of an agent's kubeconfig; what cannot be read is empty."""
    try:
        config = kubeconfigs.select(kubeconfigs.check_shape(yaml_text.parse_untrusted(content)), None)
        ca = kubeconfigs.decode(config, "cluster", "certificate-authority")
    except (NotYamlError, KubeconfigError):
        return {}, None, ""
    return kubeconfigs.the_cluster(config), ca, str(kubeconfigs.the_user(config).get("token") or "")

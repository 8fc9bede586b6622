# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster's control plane: a real kube-apiserver and kube-controller-manager on a shared etcd."""

from __future__ import annotations

import asyncio
import json
import pathlib
import shutil
import signal
import socket
import time
import typing as t

import yaml

from . import processes
from .api import Api, client_tls
from .binaries import Binaries
from .flavours import KIND, Flavour
from .layout import Layout, hostname, other_hostname
from .pki import Authority

Json = dict[str, t.Any]
ONBOARDERS = "kubestellar-wec-onboarders"
"""The group that docs/rbac gives its rights to."""
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
# What stands in for kubelets, and Kubernetes' own controllers: nobody asks about these.
- level: None
  users: [sandbox-kubelet, "system:kube-controller-manager", "system:apiserver"]
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
# Questions about rights are posted, and store nothing: agents ask many of them.
- level: None
  resources:
  - group: authorization.k8s.io
    resources: [selfsubjectaccessreviews, selfsubjectrulesreviews, subjectaccessreviews]
  - group: authentication.k8s.io
    resources: [tokenreviews]
- level: Metadata
"""
EGRESS = """\
apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport: {{uds: {{udsName: {socket}}}}}
"""
_CONTROLLERS_THAT_NEED_NODES = "-nodeipam,-node-lifecycle-controller,-persistentvolume-binder-controller"


class StartError(Exception):
    """A part of the sandbox did not come up; the text names its log."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Etcd:
    """An etcd that API servers share, each below a prefix of its own. The hub has one alone, which can be saved and restored."""

    def __init__(self, layout: Layout, binaries: Binaries, name: str = "etcd") -> None:
        self._layout, self._binary, self._name = layout, binaries.path("etcd", "etcd"), name
        self.data, self._backup = layout.etcd(name), layout.etcd(f"{name}-backup")
        self.process: asyncio.subprocess.Process | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        peer = f"http://127.0.0.1:{free_port()}"
        self.process = await processes.spawn(
            [
                self._binary,
                f"--data-dir={self.data}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
            ],
            mark=str(self._layout.state),
            log=self._layout.state / f"{self._name}.log",
        )

    async def stop(self) -> None:
        if self.process is not None:
            await processes.stop(self.process, grace=10)

    def clear(self) -> None:
        """Forget everything. It must be stopped."""
        shutil.rmtree(self.data)

    def save(self) -> None:
        """Keep a copy of what there is. It must be stopped."""
        shutil.rmtree(self._backup, ignore_errors=True)
        shutil.copytree(self.data, self._backup)

    def restore(self) -> None:
        """Go back to that copy, also in its revision, as a snapshot does that is restored without --bump-revision.

        It must be stopped. Raises StartError.
        """
        if not self._backup.exists():
            raise StartError("there is no copy to go back to: make one with 'sandbox backup'")
        self.clear()
        shutil.copytree(self._backup, self.data)


class Cluster:
    """A control plane without nodes. ``user`` is the identity in the kubeconfig that people get."""

    def __init__(
        self,
        name: str,
        layout: Layout,
        binaries: Binaries,
        etcd: Etcd,
        flavour: Flavour = KIND,
        controllers: str = f"*,{_CONTROLLERS_THAT_NEED_NODES}",
        port: int | None = None,
    ) -> None:
        self.name, self.flavour = name, flavour
        self._which_controllers = controllers
        self.user = f"{name}-admin"
        self.folder = layout.cluster(name)
        self._layout, self._binaries, self.etcd = layout, binaries, etcd
        self.port = port or free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.egress_socket = layout.runtime / f"{name}--egress"
        self.apiserver: asyncio.subprocess.Process | None = None
        self.controllers: asyncio.subprocess.Process | None = None
        self.frozen = False
        self._issue_all()
        self.authority.signing_pair("service-accounts")
        (self.folder / "audit-policy.yaml").write_text(AUDIT_POLICY, encoding="utf-8")
        (self.folder / "egress.yaml").write_text(EGRESS.format(socket=self.egress_socket), encoding="utf-8")
        self.api = Api(self.url, client_tls(*self._own_identity))

    def _issue_all(self) -> None:
        self.authority = authority = Authority(self.folder, f"{self.name}-ca")
        authority.issue("admin", self.user, ["system:masters"])
        authority.issue("onboarder", f"{self.name}-onboarder", [ONBOARDERS])
        authority.issue("sandbox-kubelet", "sandbox-kubelet", ["system:masters"])
        authority.issue("kube-controller-manager", "system:kube-controller-manager", ["system:masters"])
        self._serve_with(authority)

    def _serve_with(self, authority: Authority) -> None:
        """``authority`` issues what the API server shows to those who connect; ``self.authority`` says whom it lets in."""
        self.serving = authority
        names = ["127.0.0.1", "localhost", "kubernetes.default.svc", hostname(self.name), other_hostname(self.name)]
        authority.issue("apiserver", "kube-apiserver", names=names)
        kcm = self.folder / "kube-controller-manager.kubeconfig"
        kcm.write_text(json.dumps(self.kubeconfig("kube-controller-manager")), encoding="utf-8")

    @property
    def _own_identity(self) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
        own = self.folder / "sandbox-kubelet"
        return self.serving.folder / "ca.crt", own.with_suffix(".crt"), own.with_suffix(".key")

    def replace_ca(self, clients: bool) -> None:
        """Another CA for what the API server shows, and with ``clients`` also for whom it lets in. It must be stopped.

        The key of ServiceAccount tokens stays, as it does where people replace a CA.
        """
        if clients:
            self._issue_all()
        else:
            self._serve_with(Authority(self.folder / "serving", f"{self.name}-serving-ca"))
        self.api.trust(*self._own_identity)

    def kubeconfig(self, identity: str = "admin", server: str | None = None) -> Json:
        """A kubeconfig with one context, named like the cluster."""
        user = self.user if identity == "admin" else f"{self.name}-{identity}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": self.name,
                    "cluster": {
                        "server": server or self.url,
                        "certificate-authority-data": self.serving.inline("ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": self.authority.inline(f"{identity}.crt"),
                        "client-key-data": self.authority.inline(f"{identity}.key"),
                    },
                }
            ],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": user}}],
            "current-context": self.name,
        }

    async def start(self) -> None:
        """Start the API server and, once it is ready, its controllers. Raises StartError."""
        await self.start_apiserver()
        await self._start_controllers()
        if self.flavour.publishes_cluster_info:
            await self.publish_cluster_info()
        for group, (kind, plural) in self.flavour.groups.items():
            await self.api.create(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", open_crd(group, kind, plural)
            )

    async def create_all(self, manifest: pathlib.Path) -> None:
        """Create the objects of a file, and the namespaces that they are in; what exists is left alone."""
        found = yaml.safe_load(manifest.read_text(encoding="utf-8"))
        for item in found["items"] if found["kind"] == "List" else [found]:
            group = f"/apis/{item['apiVersion']}" if "/" in item["apiVersion"] else f"/api/{item['apiVersion']}"
            namespace = item["metadata"].get("namespace")
            if namespace:
                await self.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
            where = f"/namespaces/{namespace}" if namespace else ""
            await self.api.create(f"{group}{where}/{item['kind'].lower()}s", item)

    async def stop_controllers(self) -> None:
        """Nothing is signed, garbage collected or scaled from then on."""
        if self.controllers is not None:
            await processes.stop(self.controllers, grace=0)

    async def start_controllers(self) -> None:
        await self.stop_controllers()
        await self._start_controllers()

    async def restart(self) -> None:
        """Start the API server again. Its controllers are restarted too, as they are when they lose their leader lease."""
        await self.start_apiserver()
        await self.start_controllers()

    async def _start_controllers(self) -> None:
        folder = self.folder
        self.controllers = await processes.spawn(
            [
                self._binaries.path(self.flavour.binaries, "kube-controller-manager"),
                f"--kubeconfig={folder / 'kube-controller-manager.kubeconfig'}",
                "--leader-elect=false",
                "--secure-port=0",
                f"--service-account-private-key-file={folder / 'service-accounts.key'}",
                f"--root-ca-file={self.serving.folder / 'ca.crt'}",
                f"--cluster-signing-cert-file={folder / 'ca.crt'}",
                f"--cluster-signing-key-file={folder / 'ca.key'}",
                f"--controllers={self._which_controllers}",
            ],
            mark=str(self._layout.state),
            log=folder / "kube-controller-manager.log",
        )

    async def start_apiserver(self) -> None:
        folder = self.folder
        self.apiserver = await processes.spawn(
            [
                self._binaries.path(self.flavour.binaries, "kube-apiserver"),
                f"--version={self.flavour.version}",
                f"--etcd-servers={self.etcd.url}",
                f"--etcd-prefix=/{self.name}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--endpoint-reconciler-type=none",
                f"--tls-cert-file={self.serving.folder / 'apiserver.crt'}",
                f"--tls-private-key-file={self.serving.folder / 'apiserver.key'}",
                f"--client-ca-file={folder / 'ca.crt'}",
                f"--service-account-key-file={folder / 'service-accounts.pub'}",
                f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--allow-privileged=true",
                f"--egress-selector-config-file={folder / 'egress.yaml'}",
                f"--audit-policy-file={folder / 'audit-policy.yaml'}",
                f"--audit-log-path={folder / 'audit.log'}",
                "--audit-log-maxsize=2000",
                "--profiling=false",
            ],
            mark=str(self._layout.state),
            log=folder / "kube-apiserver.log",
        )
        end = time.monotonic() + 90
        while not await self.api.ready():
            if self.apiserver.returncode is not None or time.monotonic() > end:
                raise StartError(
                    f"the API server of {self.name} did not become ready: see {folder / 'kube-apiserver.log'}"
                )
            await asyncio.sleep(0.2)

    async def stop_apiserver(self) -> None:
        """Its port then refuses connections. SIGKILL, because a graceful stop drains for up to a minute."""
        if self.apiserver is not None:
            await processes.stop(self.apiserver, grace=0)
        self.frozen = False

    def freeze(self, frozen: bool) -> None:
        """A frozen API server still accepts connections and never answers."""
        if self.apiserver is not None and self.apiserver.returncode is None:
            self.apiserver.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)
            self.frozen = frozen

    async def remove(self) -> None:
        for process in (self.controllers, self.apiserver):
            if process is not None:
                await processes.stop(process, grace=0)
        await self.api.close()

    async def publish_cluster_info(self, name: str | None = None) -> None:
        """Write kube-public/cluster-info as kubeadm does: the address at which others reach this API server."""
        config = self.kubeconfig(server=f"https://{name or hostname(self.name)}:{self.port}")
        public = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "", "cluster": config["clusters"][0]["cluster"]}],
        }
        await self.api.create("/api/v1/namespaces", {"metadata": {"name": "kube-public"}})
        info = {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": json.dumps(public)}}
        await self.api.create("/api/v1/namespaces/kube-public/configmaps", info)
        await self.api.merge("/api/v1/namespaces/kube-public/configmaps/cluster-info", info)

    @property
    def state(self) -> str:
        if self.apiserver is None or self.apiserver.returncode is not None:
            return "stopped"
        return "frozen" if self.frozen else "running"


def open_crd(group: str, kind: str, plural: str, version: str = "v1") -> Json:
    """A CustomResourceDefinition without a schema: enough to make its API group appear in discovery."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, sandbox"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }

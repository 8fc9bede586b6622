# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KubeStellar between a WDS and the hub: its real controller-manager and transport controller as plain processes.

What KubeFlex would have made (a control plane for the WDS, ControlPlane objects, Secrets with kubeconfigs) is put there
by hand; what the controllers make by themselves (the namespace of the properties, Bindings, ManifestWorks) is left to them.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import pathlib
import secrets
import time
import typing as t

import aiohttp
import yaml

from . import processes
from .api import ApiError
from .binaries import Binaries
from .cluster import Cluster, Etcd, StartError
from .flavours import KUBEFLEX
from .layout import REPOSITORY, WDS, Layout

Json = dict[str, t.Any]
MANAGER, TRANSPORT = "kubestellar-controller-manager", "ocm-transport-controller"
READERS = "kubestellar-wds-readers"
"""The group that docs/rbac/wds-reader.yml gives its rights to."""
_MANIFESTS = pathlib.Path(__file__).parent / "manifests"
_CONTROL_PLANES = "/apis/tenancy.kflex.kubestellar.org/v1alpha1/controlplanes"
_CONTROL = "/apis/control.kubestellar.io/v1alpha1"
_PROPERTIES = "/api/v1/namespaces/customization-properties"
# What KubeFlex runs for a control plane of its type k8s: nothing there may turn a workload's description into pods.
_CONTROLLERS = (
    "csrapproving,csrcleaner,csrsigning,namespace,root-ca-cert-publisher,serviceaccount,serviceaccount-token,"
    "bootstrapsigner,tokencleaner,garbagecollector,pv-protection,pvc-protection"
)
_RESTART_DELAYS = (0.5, 1, 2, 4, 8, 15)
_UNREACHABLE = (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError)


def new_wds(layout: Layout, binaries: Binaries, etcd: Etcd) -> Cluster:
    """The WDS's control plane, with an identity beside the administrator's that can only read."""
    wds = Cluster(WDS, layout, binaries, etcd, KUBEFLEX, _CONTROLLERS)
    wds.authority.issue("reader", f"{wds.name}-reader", [READERS])
    return wds


class Controller:
    """A process that is started again whenever it ends, later each time, as a Deployment would."""

    def __init__(self, name: str, command: t.Sequence[str], log: pathlib.Path, mark: str) -> None:
        self.name, self.log = name, log
        self.restarts = 0
        self._command, self._mark = command, mark
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        if self._keeping is None:
            return "stopped"
        return "running" if self._process is not None and self._process.returncode is None else "restarting"

    def start(self) -> None:
        self.restarts = 0
        self._keeping = processes.in_background(self._keep_running())

    async def stop(self) -> None:
        """SIGKILL: these controllers take SIGTERM as a wish."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        if self._process is not None:
            await processes.stop(self._process, grace=0)

    async def _keep_running(self) -> None:
        while True:
            self._process = await processes.spawn(self._command, mark=self._mark, log=self.log)
            code = await self._process.wait()
            print(f"{self.name} ended with {code}: see {self.log}", flush=True)
            await asyncio.sleep(_RESTART_DELAYS[min(self.restarts, len(_RESTART_DELAYS) - 1)])
            self.restarts += 1


class KubeStellar:
    """Both controllers of one WDS. They have an identity of their own on each side, an administrator's as in reality."""

    def __init__(self, its: Cluster, wds: Cluster, layout: Layout, binaries: Binaries) -> None:
        self._its, self._wds, self._binaries = its, wds, binaries
        its_kubeconfig, wds_kubeconfig = (_own_identity(cluster) for cluster in (its, wds))
        shared = ["-v=2", "--metrics-bind-address=127.0.0.1:0", "--pprof-bind-address=127.0.0.1:0"]
        commands = {
            MANAGER: [
                f"--kubeconfig={its_kubeconfig}",
                f"--its-name={its.name}",
                f"--wds-name={wds.name}",
                "--health-probe-bind-address=",
            ],
            TRANSPORT: [
                f"--transport-kubeconfig={its_kubeconfig}",
                f"--transport-context={its.name}",
                f"--wds-kubeconfig={wds_kubeconfig}",
                f"--wds-context={wds.name}",
                f"--wds-name={wds.name}",
                # KubeStellar's chart has it so: one object in each ManifestWork.
                "--max-num-wrapped=1",
            ],
        }
        self.controllers = [
            Controller(
                name,
                [str(binaries.path("kubestellar", name)), *arguments, *shared],
                wds.folder / f"{name}.log",
                str(layout.state),
            )
            for name, arguments in commands.items()
        ]

    @property
    def is_stopped(self) -> bool:
        return all(controller.state == "stopped" for controller in self.controllers)

    async def install(self) -> None:
        """Put on both sides what the controllers expect there; the ITS need not be a hub yet. Raises StartError."""
        await self._wds.create_all(REPOSITORY / "docs" / "rbac" / "wds-reader.yml")
        await define(self._wds, self._binaries.path("kubestellar", "kubestellar-crds").glob("*_*.yaml"))
        await define(self._its, self._binaries.path("kubestellar", "kubeflex-crds").glob("*_*.yaml"))
        await define(self._its, [_MANIFESTS / "workstatus-crd.yaml"])
        await self._describe(self._its, "its", "host")
        await self._describe(self._wds, "wds", "k8s")

    async def _describe(self, cluster: Cluster, role: str, kind: str) -> None:
        """Write on the hub, as KubeFlex does, that a control plane exists and how to get into it."""
        namespace, secret = f"{cluster.name}-system", "admin-kubeconfig"
        text = base64.b64encode(json.dumps(cluster.kubeconfig("kubestellar")).encode()).decode()
        api = self._its.api
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await api.create(
            f"/api/v1/namespaces/{namespace}/secrets",
            {"metadata": {"name": secret}, "data": {"kubeconfig": text, "kubeconfig-incluster": text}},
        )
        await api.create(
            _CONTROL_PLANES,
            {
                "apiVersion": "tenancy.kflex.kubestellar.org/v1alpha1",
                "kind": "ControlPlane",
                "metadata": {"name": cluster.name, "labels": {"kflex.kubestellar.io/cptype": role}},
                "spec": {"type": kind, "backend": "shared"},
            },
        )
        status = {
            "conditions": [],
            "observedGeneration": 1,
            "secretRef": {
                "name": secret,
                "namespace": namespace,
                "key": "kubeconfig",
                "inClusterKey": "kubeconfig-incluster",
            },
        }
        await api.merge(f"{_CONTROL_PLANES}/{cluster.name}/status", {"status": status})

    async def start(self) -> None:
        """Start both controllers and wait until they answer. Raises StartError."""
        for controller in self.controllers:
            controller.start()
        logs = " and ".join(str(controller.log) for controller in self.controllers)
        await self._probe(f"KubeStellar does not answer: see {logs}")

    async def stop(self) -> None:
        for controller in self.controllers:
            await controller.stop()

    async def _probe(self, otherwise: str) -> None:
        """The manager gives a BindingPolicy its Binding, and both controllers write into that one's status.

        The policy must select an object, or there is no Binding; it selects no WEC, so nothing is delivered.
        """
        name = f"sandbox-probe-{secrets.token_hex(3)}"
        policy, binding = f"{_CONTROL}/bindingpolicies/{name}", f"{_CONTROL}/bindings/{name}"

        async def asked() -> bool:
            await self._wds.api.create(
                f"{_CONTROL}/bindingpolicies",
                {
                    "apiVersion": "control.kubestellar.io/v1alpha1",
                    "kind": "BindingPolicy",
                    "metadata": {"name": name},
                    "spec": {
                        "clusterSelectors": [{"matchLabels": {"sandbox-probe": name}}],
                        "downsync": [{"apiGroup": "", "resources": ["namespaces"], "objectNames": ["default"]}],
                    },
                },
            )
            return True

        async def answered() -> bool:
            status = (await self._wds.api.get_or_none(binding) or {}).get("status", {})
            return bool(status.get("observedGeneration") and status.get("conditions"))

        async def gone(path: str) -> bool:
            return not await self._wds.api.get_or_none(path)

        await _until(asked, 60, otherwise)
        await _until(functools.partial(self._its.api.get_or_none, _PROPERTIES), 60, otherwise)
        await _until(answered, 60, otherwise)
        # The garbage collector, which would remove the Binding too, learns of new kinds only twice a minute.
        for path in (policy, binding):
            await self._wds.api.delete(path)
            await _until(functools.partial(gone, path), 60, otherwise)


def _own_identity(cluster: Cluster) -> pathlib.Path:
    """The controllers' kubeconfig: audit logs must tell their requests from those of people."""
    cluster.authority.issue("kubestellar", f"{cluster.name}-kubestellar", ["system:masters"])
    path = cluster.folder / "kubestellar.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(cluster.kubeconfig("kubestellar")), encoding="utf-8")
    return path


async def define(cluster: Cluster, manifests: t.Iterable[pathlib.Path]) -> None:
    """Create CustomResourceDefinitions, one in each file, and wait until their kinds are served. Raises StartError."""
    for manifest in manifests:
        await cluster.create_all(manifest)
        spec = yaml.safe_load(manifest.read_text(encoding="utf-8"))["spec"]
        kinds = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        await _until(functools.partial(cluster.api.get_or_none, kinds), 30, f"{cluster.name} does not serve {kinds}")


async def _until(holds: t.Callable[[], t.Awaitable[t.Any]], seconds: float, otherwise: str) -> None:
    """Poll until something holds; for this long, an API server may refuse or not answer. Raises StartError."""
    end = time.monotonic() + seconds
    while True:
        trouble = ""
        try:
            if await holds():
                return
        except _UNREACHABLE as error:
            trouble = f" ({error})"
        if time.monotonic() > end:
            raise StartError(f"after {seconds:.0f} s, {otherwise}{trouble}")
        await asyncio.sleep(0.2)

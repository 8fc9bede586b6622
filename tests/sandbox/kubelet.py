# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubelet for one cluster whose containers are plain processes: it binds pods, runs them and tells their state."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import pathlib
import shutil
import signal
import sys
import typing as t

import aiohttp

from . import processes, volumes
from .api import Api, ApiError, Follower
from .cluster import Cluster
from .egress import open_port
from .images import ImagePullError, Images
from .layout import Layout, hostname, other_hostname
from .status_agent import StatusAgent

Json = dict[str, t.Any]
_PROGRAM = pathlib.Path(__file__).with_name("container.py")
_RESTART_DELAYS = (0.5, 1, 2, 4, 8, 15)
_UNREACHABLE = (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Kubelet:
    """Runs all pods of one cluster. ``reachable`` are the clusters whose API servers its containers can dial."""

    def __init__(self, cluster: Cluster, reachable: t.Sequence[Cluster], images: Images, layout: Layout) -> None:
        self.cluster, self.reachable, self.images, self.layout = cluster, reachable, images, layout
        self.api: Api = cluster.api
        self.mark = str(layout.state)
        self.node = cluster.flavour.node(cluster.name)["metadata"]["name"]
        self.known_hosts = True
        """Whether new containers can resolve the API servers' names."""
        self.hidden_names: set[str] = set()
        """Names that containers cannot resolve although they exist."""
        self.status_lag = 0.0
        """Seconds that the status agent is behind."""
        self._wake = asyncio.Event()
        self._pods = Follower(self.api, "/api/v1/pods", self._wake.set)
        self.volumes = volumes.VolumeSource(self.api, self._wake.set)
        self._runners: dict[str, PodRunner] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await self._register_node()
        followers = [self._pods, *self.volumes.followers]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        for follower in followers:
            await follower.synced.wait()
        try:
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout=5)
                self._wake.clear()
                self._reconcile()
        finally:
            for task in (*following, *self._tasks):
                task.cancel()

    async def _register_node(self) -> None:
        while True:
            with contextlib.suppress(*_UNREACHABLE):
                await self.api.create("/api/v1/nodes", self.cluster.flavour.node(self.cluster.name))
                status = {"status": self.cluster.flavour.node_status(_now())}
                await self.api.merge(f"/api/v1/nodes/{self.node}/status", status)
                return
            await asyncio.sleep(1)

    def _reconcile(self) -> None:
        alive = {pod["metadata"]["uid"]: pod for pod in self._pods.objects.values()}
        for uid, pod in alive.items():
            runner = self._runners.get(uid)
            if runner is None:
                runner = self._runners[uid] = PodRunner(self, pod)
                task = asyncio.create_task(runner.run())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            runner.update(pod)
        for uid in set(self._runners) - set(alive):
            self._runners.pop(uid).gone()

    def entries(self, namespace: str, selector: t.Mapping[str, str]) -> list[str]:
        """Entry sockets of ready containers of the pods that a selector matches."""
        return [
            str(container.entry)
            for runner in self._runners.values()
            if runner.pod["metadata"]["namespace"] == namespace
            and selector.items() <= runner.pod["metadata"].get("labels", {}).items()
            for container in runner.containers
            if container.ready
        ]

    def hosts_file(self) -> str:
        names = ["localhost", "kubernetes.default.svc"]
        if self.known_hosts:
            both = [name(cluster.name) for cluster in self.reachable for name in (hostname, other_hostname)]
            names += [name for name in both if name not in self.hidden_names]
        return f"127.0.0.1 {' '.join(names)}\n"

    def set_known_hosts(self, known: bool) -> None:
        """Make the API servers' names resolvable or not, in running containers too."""
        self.known_hosts = known
        self._write_hosts()

    def hide_name(self, name: str, hidden: bool) -> None:
        """Make one name resolvable or not, in running containers too."""
        (self.hidden_names.add if hidden else self.hidden_names.discard)(name)
        self._write_hosts()

    def _write_hosts(self) -> None:
        for runner in self._runners.values():
            for container in runner.containers:
                container.write_hosts()

    async def kill_pods(self, namespace: str, selector: str) -> int:
        """SIGKILL the processes of matching pods, as a crash would; returns how many there were."""
        listed = await self.api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
        return self._signal(listed["items"], signal.SIGKILL)

    async def freeze_pods(self, namespace: str, selector: str, frozen: bool) -> int:
        """Let matching pods do nothing and hear nothing, though all looks well, or go on; returns how many there were."""
        listed = await self.api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
        return self._signal(listed["items"], signal.SIGSTOP if frozen else signal.SIGCONT)

    def _signal(self, pods: t.Iterable[Json], number: int) -> int:
        signalled = 0
        for pod in pods:
            runner = self._runners.get(pod["metadata"]["uid"])
            for container in runner.containers if runner else []:
                if container.process is not None and container.process.returncode is None:
                    container.process.send_signal(number)
                    signalled += 1
        return signalled


class PodRunner:
    """One pod from its binding to its removal."""

    def __init__(self, kubelet: Kubelet, pod: Json) -> None:
        self.kubelet, self.pod = kubelet, pod
        metadata = pod["metadata"]
        self.path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self.folder = kubelet.cluster.folder / "pods" / f"{metadata['name']}-{metadata['uid'][:8]}"
        self.containers = [Container(self, spec) for spec in pod["spec"]["containers"]]
        self.started = _now()
        self._wake = asyncio.Event()
        self._reported: Json | None = None
        self._vanished = False

    def update(self, pod: Json) -> None:
        self.pod = pod
        self._wake.set()

    def gone(self) -> None:
        """The object vanished from the API without waiting for us."""
        self._vanished = True
        self._wake.set()

    @property
    def ends(self) -> bool:
        return self._vanished or bool(self.pod["metadata"].get("deletionTimestamp"))

    async def run(self) -> None:
        await self._bind()
        keepers = [asyncio.create_task(container.keep_running()) for container in self.containers]
        try:
            while not self.ends:
                await self._report()
                for container in self.containers:
                    await container.refresh_files()
                await self.pause(1)
        finally:
            for keeper in keepers:
                keeper.cancel()
            grace = self.pod["metadata"].get("deletionGracePeriodSeconds") or 0
            await asyncio.gather(*(container.stop(min(grace, 30)) for container in self.containers))
            shutil.rmtree(self.folder, ignore_errors=True)
        while not self._vanished:
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod["metadata"]["uid"]}}
            try:
                await self.kubelet.api.delete(self.path, options)
                return
            except ApiError as error:
                if error.status == 409:
                    return
                await asyncio.sleep(1)
            except _UNREACHABLE:
                await asyncio.sleep(1)

    async def pause(self, seconds: float) -> None:
        """Wait, but not past a change of the pod."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout=seconds)
        self._wake.clear()

    async def _bind(self) -> None:
        while not self.ends and not self.pod["spec"].get("nodeName"):
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": self.pod["metadata"]["name"]},
                "target": {"apiVersion": "v1", "kind": "Node", "name": self.kubelet.node},
            }
            with contextlib.suppress(*_UNREACHABLE):
                await self.kubelet.api.create(f"{self.path}/binding", binding)
                return
            await self.pause(1)

    async def _report(self) -> None:
        ready = all(container.ready for container in self.containers)
        running = all(container.is_running for container in self.containers)
        conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        before = {one["type"]: one for one in self.pod.get("status", {}).get("conditions", [])}
        status = {
            "phase": "Running" if running or any(one.restarts for one in self.containers) else "Pending",
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "startTime": self.started,
            "conditions": [
                {
                    "type": kind,
                    "status": "True" if holds else "False",
                    "lastTransitionTime": before[kind]["lastTransitionTime"]
                    if before.get(kind, {}).get("status") == ("True" if holds else "False")
                    else _now(),
                }
                for kind, holds in conditions.items()
            ],
            "containerStatuses": [container.status() for container in self.containers],
        }
        if status == self._reported:
            return
        with contextlib.suppress(*_UNREACHABLE):
            await self.kubelet.api.merge(f"{self.path}/status", {"status": status})
            self._reported = status


class Container:
    """One container of a pod: pulled, started, restarted with growing delays, and stopped."""

    def __init__(self, runner: PodRunner, spec: Json) -> None:
        self._runner, self._spec = runner, spec
        metadata = runner.pod["metadata"]
        self.root = runner.folder / spec["name"]
        self.entry = runner.kubelet.layout.runtime / f"{metadata['uid'][:13]}-{spec['name'][:24]}"
        self._log = runner.kubelet.cluster.folder / f"pod-{metadata['namespace']}-{metadata['name']}-{spec['name']}.log"
        self._files: dict[str, volumes.Files] = {}
        self.process: asyncio.subprocess.Process | None = None
        self._agent: asyncio.Task[t.Any] | None = None
        self.ready = False
        self.restarts = 0
        self._started_at = ""
        self._waiting: tuple[str, str] = ("ContainerCreating", "")
        self._last: Json = {}

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def status(self) -> Json:
        if self.is_running:
            state: Json = {"running": {"startedAt": self._started_at}}
        else:
            reason, message = self._waiting
            state = {"waiting": {"reason": reason, "message": message}}
        return {
            "name": self._spec["name"],
            "image": self._spec["image"],
            "imageID": "",
            "ready": self.ready,
            "started": self.is_running,
            "restartCount": self.restarts,
            "state": state,
            "lastState": self._last,
        }

    async def keep_running(self) -> None:
        while True:
            try:
                await self._start()
            except ImagePullError as error:
                self._waiting = ("ImagePullBackOff", f"Back-off pulling image: {error}")
            except volumes.VolumeNotReady as error:
                self._waiting = ("ContainerCreating", f"MountVolume.SetUp failed: {error}")
            except _UNREACHABLE as error:
                self._waiting = ("ContainerCreating", str(error))
            else:
                await self._watch()
                self._runner.update(self._runner.pod)
                await asyncio.sleep(_RESTART_DELAYS[min(self.restarts, len(_RESTART_DELAYS)) - 1])
                continue
            await asyncio.sleep(1)

    async def _start(self) -> None:
        kubelet, pod = self._runner.kubelet, self._runner.pod
        image = kubelet.images.pull(kubelet.cluster.name, self._spec["image"])
        for folder in ("etc", "tmp", "dev"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.write_hosts()
        (self.root / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")
        await self._mount(only_followed=False)
        environment = {
            "PATH": "/",
            "HOME": "/tmp",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(kubelet.cluster.port),
            processes.MARK: kubelet.mark,
            **kubelet.volumes.environment(pod, self._spec),
        }
        command = [*(self._spec.get("command") or image.entrypoint), *self._spec.get("args", [])]
        command = [_expand(word, environment) for word in command]
        if image.binary is not None:
            executable = self.root / command[0].lstrip("/")
            executable.parent.mkdir(parents=True, exist_ok=True)
            executable.unlink(missing_ok=True)
            executable.hardlink_to(image.binary)
            command[0] = "/" + command[0].lstrip("/")
        spec = {
            "hostname": pod["metadata"]["name"],
            "root": str(self.root),
            "command": command if image.binary is not None else [],
            "environment": environment,
            "entry": str(self.entry),
            "links": {
                str(target.port): str(kubelet.layout.link(kubelet.cluster.name, target.name))
                for target in kubelet.reachable
            },
        }
        self.entry.unlink(missing_ok=True)
        spec_file = self.root.with_suffix(".json")
        spec_file.write_text(json.dumps(spec), encoding="utf-8")
        self.process = await processes.spawn(
            [sys.executable, "-I", _PROGRAM, spec_file], mark=kubelet.mark, log=self._log
        )
        self._started_at = _now()
        if image.reports_statuses:
            agent = StatusAgent(
                kubelet.api,
                self.root,
                command,
                spec["links"],
                lambda: kubelet.known_hosts,
                lambda: kubelet.status_lag,
                self._log,
            )
            self._agent = processes.in_background(agent.run())

    async def _watch(self) -> None:
        """Follow the process until it exits."""
        process = t.cast(asyncio.subprocess.Process, self.process)
        exited = asyncio.create_task(process.wait())
        while not exited.done():
            if not self.ready:
                self.ready = await self._answers()
                if self.ready:
                    self._runner.update(self._runner.pod)
            await asyncio.wait([exited], timeout=0.3 if not self.ready else 5)
        await self._end_agent()
        self.ready = False
        self.restarts += 1
        self._last = {
            "terminated": {
                "exitCode": process.returncode if process.returncode is not None and process.returncode >= 0 else 137,
                "reason": "Error" if process.returncode else "Completed",
                "startedAt": self._started_at,
                "finishedAt": _now(),
                "message": self._log_tail(),
            }
        }
        self._waiting = ("CrashLoopBackOff", f"back-off restarting failed container {self._spec['name']}")

    async def _answers(self) -> bool:
        """Whether the port of the readiness probe is open; a container without a probe is ready when it runs."""
        probe = self._spec.get("readinessProbe", {})
        port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        if not isinstance(port, int):
            return self.is_running and self.entry.exists()
        opened = await open_port(str(self.entry), port)
        if opened:
            opened[1].close()
        return bool(opened)

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-5:])[-2000:]
        return ""

    async def refresh_files(self) -> None:
        if self.is_running:
            with contextlib.suppress(volumes.VolumeNotReady):
                await self._mount(only_followed=True)

    async def _mount(self, only_followed: bool) -> None:
        kubelet, pod = self._runner.kubelet, self._runner.pod
        by_name = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        for mount in self._spec.get("volumeMounts", []):
            volume = by_name[mount["name"]]
            if only_followed and not kubelet.volumes.is_followed(volume):
                continue
            files = await kubelet.volumes.files(pod, volume)
            folder = self.root / mount["mountPath"].lstrip("/")
            volumes.remove_vanished(folder, self._files.get(mount["name"], {}), files)
            volumes.write(folder, files)
            self._files[mount["name"]] = files

    def write_hosts(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.root / "etc" / "hosts").write_text(self._runner.kubelet.hosts_file(), encoding="utf-8")

    async def stop(self, grace: float) -> None:
        await self._end_agent()
        if self.process is not None:
            await processes.stop(self.process, grace)
        self.ready = False
        self.entry.unlink(missing_ok=True)

    async def _end_agent(self) -> None:
        if self._agent is not None:
            await processes.end_tasks([self._agent])
            self._agent = None


def _expand(word: str, environment: t.Mapping[str, str]) -> str:
    for name, value in environment.items():
        word = word.replace(f"$({name})", value)
    return word

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one process that owns a sandbox: it starts all the others, runs the kubelets and obeys the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import sys
import time
import traceback
import typing as t

from . import addon, hub, outputs, processes
from .addon import ADDON_MANAGER, AddonRights
from .binaries import KUBERNETES_VERSION, Binaries
from .cluster import Cluster, Etcd, StartError
from .egress import Egress
from .flavours import BY_NAME, KIND, Flavour, of_wec
from .images import STATUS_AGENT, Images
from .kubelet import Kubelet
from .kubestellar import KubeStellar, define, new_wds
from .layout import ITS, ITS2, REPOSITORY, WDS, Layout, hostname, other_hostname
from .link import Link, Wire
from .simulated.process import SimulatedFleet, SimulationError

Json = dict[str, t.Any]
MANIFESTS = pathlib.Path(__file__).parent / "manifests"


class CommandError(Exception):
    """A command that cannot be carried out; the text says why."""


class Member:
    """One cluster of the sandbox with everything that serves it."""

    def __init__(self, cluster: Cluster, reachable: t.Sequence[Cluster], images: Images, layout: Layout) -> None:
        self.cluster = cluster
        self.kubelet = Kubelet(cluster, reachable, images, layout)
        self.egress = Egress(cluster.api, self.kubelet, cluster.egress_socket)
        self.links = {target.name: Link(layout.link(cluster.name, target.name), target.port) for target in reachable}
        self._tasks: list[asyncio.Task[t.Any]] = []

    async def start(self) -> None:
        await self.cluster.start()
        for link in self.links.values():
            await link.start()
        self._tasks = [processes.in_background(self.egress.run()), processes.in_background(self.kubelet.run())]

    async def remove(self) -> None:
        await processes.end_tasks(self._tasks)
        for link in self.links.values():
            await link.stop()
        await self.cluster.remove()


class Supervisor:
    """Brings a sandbox up and keeps it until it is told to stop."""

    def __init__(self, layout: Layout, ocm_version: str) -> None:
        self.layout, self.ocm_version = layout, ocm_version
        self.binaries = Binaries()
        self.images = Images(layout, self.binaries)
        self.members: dict[str, Member] = {}
        self.wds: Cluster | None = None
        self.kubestellar: KubeStellar | None = None
        self.simulated: SimulatedFleet | None = None
        self.addon: AddonRights | None = None
        self.addon_frozen = False
        self.stopping = asyncio.Event()
        self._changing = asyncio.Lock()
        self._commands: dict[str, t.Callable[..., t.Awaitable[t.Any]]] = {
            "status": self.status,
            "add": self.add,
            "remove": self.remove,
            "partition": self.partition,
            "heal": self.heal,
            "slow": self.slow,
            "stop": self.stop,
            "start": self.start,
            "stop-controllers": self.stop_controllers,
            "start-controllers": self.start_controllers,
            "stop-kubestellar": self.stop_kubestellar,
            "start-kubestellar": self.start_kubestellar,
            "addon": self.give_addon,
            "addon-freeze": self.addon_freeze,
            "addon-thaw": self.addon_thaw,
            "addon-agent": self.addon_agent,
            "addon-rights": self.addon_rights,
            "addon-lag": self.addon_lag,
            "freeze": self.freeze,
            "thaw": self.thaw,
            "break-image": self.break_image,
            "mend-images": self.mend_images,
            "webhooks": self.webhooks,
            "names": self.names,
            "hide-name": self.hide_name,
            "publish": self.publish,
            "backup": self.backup,
            "restore": self.restore,
            "rebuild": self.rebuild,
            "replace-ca": self.replace_ca,
            "kill-pods": self.kill_pods,
            "simulate": self.simulate,
            "down": self.down,
        }

    @property
    def its(self) -> Cluster:
        return self.members[ITS].cluster

    @property
    def hubs(self) -> list[Cluster]:
        return [self.members[name].cluster for name in (ITS, ITS2) if name in self.members]

    @property
    def wecs(self) -> list[Member]:
        return [member for name, member in self.members.items() if name.startswith("edge-")]

    # -- bringing up ---------------------------------------------------------------------------------------------

    async def bring_up(self, arguments: argparse.Namespace, print_line: t.Callable[[str], None]) -> None:
        wecs, kubestellar = arguments.wecs, arguments.kubestellar
        began = time.monotonic()

        def elapsed() -> str:
            return f"{time.monotonic() - began:.0f} s"

        self._etcd = Etcd(self.layout, self.binaries)
        self._its_etcd = Etcd(self.layout, self.binaries, f"etcd-{ITS}")
        await self._etcd.start()
        await self._its_etcd.start()
        names = [f"edge-{number}" for number in range(1, wecs + 1)]
        others = [*([ITS2] if arguments.second_hub else []), *([WDS] if kubestellar else []), *names]
        print_line(f"Starting the API servers of {ITS} and {', '.join(others) or 'no WEC'}")
        its = self._member(ITS, KIND, [], self._its_etcd)
        await its.start()
        outputs.write_kubeconfig(self.layout, its.cluster, "onboarder")
        print_line(f"Making {ITS} an Open Cluster Management hub, version {self.ocm_version} ({elapsed()})")
        making_hub = asyncio.create_task(self._initialise(its.cluster))
        if arguments.second_hub:
            second = self._member(ITS2, KIND, [])
            await second.start()
            outputs.write_kubeconfig(self.layout, second.cluster, "onboarder")
            await self._initialise(second.cluster)
        if kubestellar:
            self.wds = new_wds(self.layout, self.binaries, self._etcd)
            await self.wds.start()
            outputs.write_kubeconfig(self.layout, self.wds, "reader")
            self.kubestellar = KubeStellar(its.cluster, self.wds, self.layout, self.binaries)
            await self.kubestellar.install()
        members = [self._member(name, of_wec(number), self.hubs) for number, name in enumerate(names, start=1)]
        for start in range(0, len(members), 4):
            await asyncio.gather(*(member.start() for member in members[start : start + 4]))
        print_line(f"{wecs} WECs are up ({elapsed()})")
        if arguments.simulated:
            self.simulated = SimulatedFleet(
                self.layout, its.cluster, wecs + 1, arguments.simulated, arguments.simulated_faults
            )
            await self.simulated.start()
            print_line(f"{arguments.simulated} simulated WECs are up ({elapsed()})")
        await making_hub
        print_line(f"{ITS} is a hub ({elapsed()})")
        if self.kubestellar is not None:
            await self.kubestellar.start()
            print_line(f"KubeStellar answers on {WDS} ({elapsed()})")
        self._write_fleet()
        outputs.write_env(self.layout, self.binaries, self.wds is not None)

    async def _initialise(self, cluster: Cluster) -> None:
        """Make it a hub whose onboarders have the rights that are shipped."""
        await hub.initialise(cluster, self.ocm_version, self.layout, self.binaries)
        for manifest in ("its-onboarder.yml", "its-configurer.yml", "its-offboarder.yml", "its-watcher.yml"):
            await cluster.create_all(REPOSITORY / "docs" / "rbac" / manifest)

    def _member(
        self,
        name: str,
        flavour: Flavour,
        hubs: t.Sequence[Cluster],
        etcd: Etcd | None = None,
        port: int | None = None,
    ) -> Member:
        cluster = Cluster(name, self.layout, self.binaries, etcd or self._etcd, flavour, port=port)
        member = Member(cluster, [cluster, *hubs], self.images, self.layout)
        self.members[name] = member
        return member

    def _write_fleet(self) -> None:
        kubeconfigs = [member.cluster.kubeconfig() for member in self.wecs]
        simulated = self.simulated.kubeconfigs if self.simulated else []
        outputs.write_fleet(self.layout, [*kubeconfigs, *simulated], self.wds is not None)

    # -- commands ------------------------------------------------------------------------------------------------

    async def serve(self, ready: t.Callable[[], None]) -> None:
        """``ready`` is called when commands are answered."""
        server = await asyncio.start_unix_server(self._answer, self.layout.control)
        async with server:
            ready()
            await self.stopping.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply: Json
        try:
            request = json.loads(await reader.readline())
            command = self._commands.get(request["command"])
            if command is None:
                raise CommandError(f"there is no command {request['command']}")
            reply = {"result": await command(**request["arguments"])}
        except (CommandError, StartError, SimulationError) as error:
            reply = {"error": str(error)}
        except Exception as error:  # the caller must hear of it, and the sandbox must go on
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
            writer.close()

    def _find(self, name: str) -> Member:
        member = self.members.get(name)
        if member is None:
            raise CommandError(f"there is no cluster {name} with pods here, only {', '.join(self.members)}")
        return member

    @property
    def _clusters(self) -> dict[str, Cluster]:
        found = {name: member.cluster for name, member in self.members.items()}
        return {**found, WDS: self.wds} if self.wds is not None else found

    def _cluster(self, name: str) -> Cluster:
        cluster = self._clusters.get(name)
        if cluster is None:
            raise CommandError(f"there is no cluster {name} here, only {', '.join(self._clusters)}")
        return cluster

    def _installed_kubestellar(self) -> KubeStellar:
        if self.kubestellar is None:
            raise CommandError("this sandbox is one without KubeStellar: start it with KUBESTELLAR=1")
        return self.kubestellar

    def _its_link(self, wec: str) -> Link:
        link = self._find(wec).links.get(ITS)
        if link is None or wec in (ITS, ITS2):
            raise CommandError(f"{wec} is no WEC: name one of {', '.join(one.cluster.name for one in self.wecs)}")
        return link

    async def status(self) -> Json:
        return {
            "ocm": self.ocm_version,
            "clusters": {
                name: {
                    "url": cluster.url,
                    "flavour": cluster.flavour.name,
                    "version": cluster.flavour.version,
                    "state": cluster.state,
                    **(self._faults(name, self.members[name]) if name in self.members else {}),
                }
                for name, cluster in self._clusters.items()
            },
            "kubestellar": {
                controller.name: {
                    "state": controller.state,
                    "restarts": controller.restarts,
                    "log": str(controller.log),
                }
                for controller in (self.kubestellar.controllers if self.kubestellar else [])
            },
            "simulated": await self.simulated.ask("status") if self.simulated else None,
        }

    def _faults(self, name: str, member: Member) -> Json:
        return {
            "its_link": member.links[ITS].wire.value if ITS in member.links else None,
            "delay": member.links[ITS].delay if ITS in member.links else 0,
            "broken_images": self.images.broken_for(name),
            "webhooks": "down" if member.egress.broken else "up",
            "names": member.kubelet.known_hosts,
            "hidden_names": sorted(member.kubelet.hidden_names),
            "addon": "frozen" if name == ITS and self.addon_frozen else "",
            "status_lag": member.kubelet.status_lag,
        }

    async def add(self, name: str, flavour: str | None = None, kubernetes: str = KUBERNETES_VERSION) -> Json:
        """Start one more WEC, not registered. The binaries of its version are there."""
        async with self._changing:
            taken = [*self.members, *(self.simulated.names if self.simulated else [])]
            if not name.startswith("edge-") or name in taken:
                raise CommandError(f"cannot add {name}: the name must begin with edge- and be new")
            number = len(self.wecs) + 1
            if flavour is not None and flavour not in BY_NAME:
                raise CommandError(f"there is no flavour {flavour}, only {', '.join(BY_NAME)}")
            looks = BY_NAME[flavour] if flavour else of_wec(number)
            member = self._member(name, dataclasses.replace(looks, kubernetes=kubernetes), self.hubs)
            await member.start()
            self._write_fleet()
            return {"url": member.cluster.url}

    async def remove(self, name: str) -> None:
        """Take a WEC away for good, as if its machine were lost."""
        async with self._changing:
            if self._find(name) not in self.wecs:
                raise CommandError(f"{name} is no WEC")
            await self.members.pop(name).remove()
            self._write_fleet()

    async def partition(self, wec: str, refuse: bool = False) -> None:
        await self._its_link(wec).set(Wire.REFUSE if refuse else Wire.DROP)

    async def heal(self, wec: str) -> None:
        link = self._its_link(wec)
        await link.set(Wire.OPEN)
        link.delay = 0.0

    async def slow(self, wec: str, seconds: float) -> None:
        self._its_link(wec).delay = seconds

    async def stop(self, cluster: str) -> None:
        await self._cluster(cluster).stop_apiserver()
        for link in self._links_to(cluster):
            await link.set(Wire.REFUSE)

    async def start(self, cluster: str) -> None:
        target = self._cluster(cluster)
        if target.state != "stopped":
            raise CommandError(f"the API server of {cluster} is {target.state}")
        await target.restart()
        for link in self._links_to(cluster):
            await link.set(Wire.OPEN)

    async def stop_controllers(self, cluster: str) -> None:
        await self._cluster(cluster).stop_controllers()

    async def start_controllers(self, cluster: str) -> None:
        await self._cluster(cluster).start_controllers()

    async def stop_kubestellar(self) -> None:
        async with self._changing:
            await self._installed_kubestellar().stop()

    async def start_kubestellar(self) -> None:
        async with self._changing:
            kubestellar = self._installed_kubestellar()
            if not kubestellar.is_stopped:
                raise CommandError("KubeStellar's controllers are not stopped")
            await kubestellar.start()

    async def give_addon(self) -> None:
        """Give the hub (a stand-in of) KubeStellar's status add-on."""
        await define(self.its, [MANIFESTS / "workstatus-crd.yaml"])
        await self.its.create_all(MANIFESTS / "addon-status.yaml")
        if self.addon is None:
            self.addon = AddonRights(self.its.api)
            processes.in_background(self.addon.run())

    async def addon_freeze(self) -> int:
        return await self._freeze_addon(True)

    async def addon_thaw(self) -> int:
        return await self._freeze_addon(False)

    async def _freeze_addon(self, frozen: bool) -> int:
        """Nobody judges the add-on's health, approves its requests or deploys it: what the ITS says stays as it is."""
        self.addon_frozen = frozen
        return await self.members[ITS].kubelet.freeze_pods(*ADDON_MANAGER, frozen)

    async def addon_agent(self, wec: str, state: str) -> None:
        """Let a WEC's status agent die and not come back, or come back."""
        member = self._find(wec)
        if state == "down":
            self.images.break_for(wec, STATUS_AGENT)
            await member.kubelet.kill_pods(addon.AGENT_NAMESPACE, "app=status-agent")
        else:
            self.images.mend_for(wec, STATUS_AGENT)

    async def addon_rights(self, wec: str, state: str) -> None:
        """Take the rights of a WEC's status agent in its mailbox, or give them back."""
        self._find(wec)
        if self.addon is None:
            raise CommandError("this hub has no status add-on: give it one with 'sandbox addon'")
        await (self.addon.take(wec) if state == "down" else self.addon.give(wec))

    async def addon_lag(self, wec: str, seconds: float) -> None:
        """Let a WEC's status agent report everything later than it happens."""
        self._find(wec).kubelet.status_lag = seconds

    def _links_to(self, cluster: str) -> list[Link]:
        return [member.links[cluster] for member in self.members.values() if cluster in member.links]

    async def freeze(self, cluster: str) -> None:
        self._cluster(cluster).freeze(True)

    async def thaw(self, cluster: str) -> None:
        self._cluster(cluster).freeze(False)

    async def break_image(self, cluster: str, repository: str) -> None:
        self._find(cluster)
        self.images.break_for(cluster, repository)

    async def mend_images(self, cluster: str) -> None:
        self._find(cluster)
        self.images.mend_for(cluster)

    async def webhooks(self, state: str) -> None:
        if state == "down":
            self.members[ITS].egress.break_off()
        else:
            self.members[ITS].egress.broken = False

    async def names(self, wec: str, known: bool) -> None:
        self._find(wec).kubelet.set_known_hosts(known)

    async def hide_name(self, name: str, hidden: bool) -> None:
        """Let the pods of WECs, and simulated agents, not resolve one name of a hub, or resolve it again."""
        known = [of(cluster.name) for cluster in self.hubs for of in (hostname, other_hostname)]
        if name not in known:
            raise CommandError(f"no hub has the name {name}, only {', '.join(known)}")
        for member in self.wecs:
            member.kubelet.hide_name(name, hidden)
        if self.simulated is not None:
            await self.simulated.ask("hide-name", name=name, hidden=hidden)

    async def publish(self, name: str) -> None:
        """Let the hub publish its address with another name (kube-public/cluster-info)."""
        await self.its.publish_cluster_info(name)

    async def backup(self) -> None:
        """Keep a copy of everything that the hub stores."""
        async with self._changing:
            await self._with_its_stopped(self._its_etcd.save)

    async def restore(self) -> None:
        """Let the hub be as it was at its last backup."""
        async with self._changing:
            await self._with_its_stopped(self._its_etcd.restore)

    async def _with_its_stopped(self, do: t.Callable[[], None]) -> None:
        await self.stop(ITS)
        await self._its_etcd.stop()
        try:
            do()
        finally:
            await self._its_etcd.start()
            await self.start(ITS)

    async def rebuild(self) -> None:
        """Lose the hub for good, and build one at the same address that knows nothing: another CA, other keys."""
        async with self._changing:
            if self.kubestellar is not None or self.simulated is not None:
                raise CommandError("a hub with KubeStellar or simulated WECs cannot be rebuilt")
            port = self.its.port
            await self.members.pop(ITS).remove()
            await self._its_etcd.stop()
            self._its_etcd.clear()
            await self._its_etcd.start()
            fresh = self._member(ITS, KIND, [], self._its_etcd, port)
            await fresh.start()
            outputs.write_kubeconfig(self.layout, fresh.cluster, "onboarder")
            await self._initialise(fresh.cluster)

    async def replace_ca(self, clients: bool = False) -> None:
        """Give the hub another CA for what its API server shows, and with ``clients`` also for whom it lets in.

        Pods that run trust what they trusted when they started, also the hub's own.
        """
        async with self._changing:
            if self.kubestellar is not None or self.simulated is not None:
                raise CommandError("a hub with KubeStellar or simulated WECs cannot be given another CA")
            await self.stop(ITS)
            self.its.replace_ca(clients)
            await self.start(ITS)
            await self.its.publish_cluster_info()
            outputs.write_kubeconfig(self.layout, self.its, "onboarder")

    async def kill_pods(self, cluster: str, namespace: str, selector: str) -> int:
        return await self._find(cluster).kubelet.kill_pods(namespace, selector)

    async def simulate(self, fault: str, wecs: str) -> list[str]:
        """Let simulated WECs fail in some way, or in none any more; returns their names."""
        if self.simulated is None:
            raise CommandError("this sandbox has no simulated WECs: start it with SIMULATED=100")
        return t.cast("list[str]", await self.simulated.ask("fault", kind=fault, wecs=wecs))

    async def down(self) -> None:
        self.stopping.set()


def _raise_file_limit() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _run(arguments: argparse.Namespace, report: t.TextIO) -> int:
    layout = Layout(arguments.state)
    supervisor = Supervisor(layout, arguments.ocm)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, supervisor.stopping.set)

    def print_line(text: str) -> None:
        print(text, flush=True)
        print(text, file=report, flush=True)

    try:
        await supervisor.bring_up(arguments, print_line)

        def ready() -> None:
            print_line("READY")
            report.close()

        await supervisor.serve(ready)
        return 0
    except (StartError, OSError) as error:
        # Also when whoever asked for the sandbox is gone: nobody would ever take it down.
        traceback.print_exc()
        with contextlib.suppress(OSError, ValueError):
            print(f"FAILED {error}", file=report, flush=True)
        return 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--wecs", type=int, required=True)
    parser.add_argument("--ocm", required=True)
    parser.add_argument("--kubestellar", action="store_true")
    parser.add_argument("--second-hub", action="store_true")
    parser.add_argument("--simulated", type=int, default=0)
    parser.add_argument("--simulated-faults", default="")
    parser.add_argument("--report", type=int, required=True, help="file descriptor for progress lines")
    arguments = parser.parse_args()
    _raise_file_limit()
    with os.fdopen(arguments.report, "w", encoding="utf-8") as report:
        code = asyncio.run(_run(arguments, report))
    processes.kill_all(str(Layout(arguments.state).state))
    shutil.rmtree(Layout(arguments.state).runtime, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A status agent for the sandbox: reports the status of what ManifestWorks applied on a WEC as WorkStatus on the ITS.

It takes the place of the agent of KubeStellar's status add-on, which cannot be built from its module, and is a task of
the kubelet that lives as long as the agent's container. To the ITS it goes as that container would: over the WEC's link,
with the certificate that is mounted, and only while the ITS's name can be resolved. The WEC itself it reads with the
kubelet's identity.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import pathlib
import socket
import ssl
import time
import typing as t
import urllib.parse

import aiohttp
import aiohttp.abc
import yaml

from .api import Api, ApiError, Follower
from .container import connect_both

Json = dict[str, t.Any]
_APPLIED = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
_WORK_VERSION = "work.open-cluster-management.io/v1"
_STATUS_VERSION = "control.kubestellar.io/v1alpha1"
_JSON_PATCH = "application/json-patch+json"
_SINGLETON = "managed-by.kubestellar.io/singletonstatus"
_OURS = ("transport.kubestellar.io/", "managed-by.kubestellar.io/")
_WITHOUT_STATUS = {
    ("", "configmaps"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    *(("rbac.authorization.k8s.io", name) for name in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")),
}
_LONGEST_BACK_OFF = 1000.0
_UNREACHABLE = (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError)


def is_reported(work: Json) -> bool:
    """Whether KubeStellar made this ManifestWork."""
    return any(label.startswith(_OURS) for label in work["metadata"].get("labels") or {})


def has_status(resource: Json) -> bool:
    """Whether the agent reports on an entry of ``status.appliedResources``."""
    return (resource.get("group", ""), resource["resource"]) not in _WITHOUT_STATUS


def path_of(resource: Json) -> str:
    """All objects of this kind on a WEC."""
    group, version = resource.get("group", ""), resource["version"]
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}/{resource['resource']}"


def work_status(applied: Json, work: Json, resource: Json, kind: str) -> Json:
    """The WorkStatus of an object, but for its status."""
    source = {"group": resource.get("group", ""), "version": resource["version"], "resource": resource["resource"]}
    source.update({"kind": kind, "namespace": resource.get("namespace", ""), "name": resource["name"]})
    uid = applied["metadata"]["uid"]
    parts = [uid, source["group"] + source["version"], kind, source["namespace"], source["name"]]
    return {
        "apiVersion": _STATUS_VERSION,
        "kind": "WorkStatus",
        "metadata": {
            "name": "-".join(part.lower() for part in parts if part),
            "namespace": work["metadata"]["namespace"],
            "labels": {**work["metadata"]["labels"], _SINGLETON: "true"},
            "ownerReferences": [
                {
                    "apiVersion": _WORK_VERSION,
                    "kind": "ManifestWork",
                    "name": work["metadata"]["name"],
                    "uid": work["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"sourceRef": source},
        # Nothing ever fills these: no field tells how old a status is.
        "statusDetails": {
            "lastGeneration": 0,
            "lastGenerationIsApplied": False,
            "lastCurrencyUpdateTime": "1970-01-01T00:00:00Z",
        },
    }


class _Names(aiohttp.abc.AbstractResolver):
    """Resolves every name to the near end of the link, while the WEC's pods can resolve names."""

    def __init__(self, known: t.Callable[[], bool], port: int) -> None:
        self._known, self._port = known, port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        if not self._known():
            raise OSError(f"lookup {host}: no such host")
        return [
            {"hostname": host, "host": "127.0.0.1", "port": self._port, "family": family, "proto": 0, "flags": 0},
        ]

    async def close(self) -> None:
        """Nothing is held."""


class _Due:
    """When a write is made: as late as the agent lags, and after failures later each time."""

    def __init__(self) -> None:
        self.noticed = time.monotonic()
        self.failures = 0
        self.retry = 0.0

    def at(self, lag: float) -> float:
        return max(self.noticed + lag, self.retry)

    def failed(self) -> None:
        self.failures += 1
        self.retry = time.monotonic() + min(0.005 * 2 ** min(self.failures, 30), _LONGEST_BACK_OFF)


class StatusAgent:
    """``mount`` is where the container has its root, ``links`` leads from an API server's port to the WEC's link to it."""

    def __init__(
        self,
        wec: Api,
        root: pathlib.Path,
        command: t.Sequence[str],
        links: t.Mapping[str, str],
        names_known: t.Callable[[], bool],
        lag: t.Callable[[], float],
        log: pathlib.Path,
    ) -> None:
        flags = dict(word.lstrip("-").split("=", 1) for word in command if word.startswith("--") and "=" in word)
        self._kubeconfig = root / flags["hub-kubeconfig"].lstrip("/")
        self._mailbox = flags["cluster-name"]
        self._wec, self._links, self._names_known, self._lag, self._log = wec, links, names_known, lag, log
        self._wake = asyncio.Event()
        self._kinds: dict[str, dict[str, str]] = {}
        self._due: dict[str, _Due] = {}

    async def run(self) -> None:
        """Report until cancelled, with the certificate that is mounted at the time."""
        while True:
            credentials = self._credentials()
            session = asyncio.create_task(self._session())
            try:
                while self._credentials() == credentials and not session.done():
                    await asyncio.wait([session], timeout=1)
            finally:
                session.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await session

    def _credentials(self) -> list[bytes]:
        with contextlib.suppress(OSError):
            return [self._kubeconfig.with_name(name).read_bytes() for name in ("kubeconfig", "tls.crt", "tls.key")]
        return []

    def _say(self, text: str) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%H:%M:%S")
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{now} {text}\n")

    async def _session(self) -> None:
        try:
            config = yaml.safe_load(self._kubeconfig.read_text(encoding="utf-8"))
            cluster = config["clusters"][0]["cluster"]
            tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
            tls.load_cert_chain(self._kubeconfig.with_name("tls.crt"), self._kubeconfig.with_name("tls.key"))
            link = self._links[str(urllib.parse.urlsplit(cluster["server"]).port)]
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            self._say(f"cannot use {self._kubeconfig}: {error!r}")
            await asyncio.sleep(1)
            return

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await connect_both(reader, writer, asyncio.open_unix_connection(link))

        near = await asyncio.start_server(carry, "127.0.0.1", 0)
        its = Api(cluster["server"], tls, _Names(self._names_known, near.sockets[0].getsockname()[1]))
        tasks: list[asyncio.Task[t.Any]] = []
        try:
            await self._report(its, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await its.close()
            near.close()

    async def _report(self, its: Api, tasks: list[asyncio.Task[t.Any]]) -> None:
        """Let the mailbox have a WorkStatus for each object, whenever something changes."""
        mailbox = f"/apis/{_WORK_VERSION}/namespaces/{self._mailbox}/manifestworks"
        statuses_path = f"/apis/{_STATUS_VERSION}/namespaces/{self._mailbox}/workstatuses"

        def follow(api: Api, path: str) -> Follower:
            follower = Follower(api, path, self._wake.set)
            tasks.append(asyncio.create_task(follower.run()))
            return follower

        applied, works, statuses = follow(self._wec, _APPLIED), follow(its, mailbox), follow(its, statuses_path)
        objects: dict[str, Follower] = {}
        for follower in (applied, works, statuses):
            await follower.synced.wait()
        while True:
            self._wake.clear()
            wanted: dict[str, tuple[Json, t.Any]] = {}
            complete = True
            for one in list(applied.objects.values()):
                work = works.objects.get((self._mailbox, one["spec"]["manifestWorkName"]))
                if work is None or not is_reported(work):
                    continue
                for resource in one.get("status", {}).get("appliedResources") or []:
                    if not has_status(resource):
                        continue
                    path = path_of(resource)
                    if path not in objects:
                        objects[path] = follow(self._wec, path)
                    kind = await self._kind(path)
                    if kind is None or not objects[path].synced.is_set():
                        complete = False
                        continue
                    found = objects[path].objects.get((resource.get("namespace", ""), resource["name"]))
                    if found is not None and not found["metadata"].get("deletionTimestamp"):
                        status = work_status(one, work, resource, kind)
                        wanted[status["metadata"]["name"]] = (status, found.get("status"))
            writes = self._writes(its, statuses_path, statuses, wanted, complete)
            now = time.monotonic()
            self._due = {name: self._due.get(name) or _Due() for name in writes}
            ready = [name for name in writes if self._due[name].at(self._lag()) <= now]
            await asyncio.gather(*(self._try(name, writes[name]) for name in ready))
            pause = min((due.at(self._lag()) for due in self._due.values()), default=now + 5) - time.monotonic()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=min(max(pause, 0.05), 5))

    def _writes(
        self,
        its: Api,
        path: str,
        statuses: Follower,
        wanted: t.Mapping[str, tuple[Json, t.Any]],
        complete: bool,
    ) -> dict[str, t.Callable[[], t.Awaitable[None]]]:
        """What is to be written, by names of WorkStatuses."""
        there = {name: item for (_namespace, name), item in statuses.objects.items()}
        writes: dict[str, t.Callable[[], t.Awaitable[None]]] = {}

        def put(name: str, body: Json, status: t.Any, is_new: bool) -> t.Callable[[], t.Awaitable[None]]:
            async def write() -> None:
                if is_new:
                    statuses.objects[(self._mailbox, name)] = await its.request("POST", path, body)
                if status is not None:
                    operation = {"op": "add", "path": "/status", "value": status}
                    changed = await its.request("PATCH", f"{path}/{name}/status", [operation], _JSON_PATCH)
                    statuses.objects[(self._mailbox, name)] = changed

            return write

        def remove(name: str) -> t.Callable[[], t.Awaitable[None]]:
            async def write() -> None:
                await its.delete(f"{path}/{name}")
                statuses.objects.pop((self._mailbox, name), None)

            return write

        for name, (body, status) in wanted.items():
            if name not in there or there[name].get("status") != status:
                writes[name] = put(name, body, status, is_new=name not in there)
        if complete:
            for name, item in there.items():
                owners = item["metadata"].get("ownerReferences") or []
                if name not in wanted and any(owner["kind"] == "ManifestWork" for owner in owners):
                    writes[name] = remove(name)
        return writes

    async def _try(self, name: str, write: t.Callable[[], t.Awaitable[None]]) -> None:
        try:
            await write()
        except _UNREACHABLE as error:
            self._due[name].failed()
            self._say(f"cannot write WorkStatus {name}: {error!r}")
        else:
            self._due.pop(name, None)

    async def _kind(self, path: str) -> str | None:
        """The kind of the objects at a path, which appliedResources does not say."""
        root, _slash, resource = path.rpartition("/")
        if resource not in self._kinds.get(root, {}):
            with contextlib.suppress(*_UNREACHABLE):
                found = await self._wec.get(root)
                self._kinds[root] = {one["name"]: one["kind"] for one in found["resources"]}
        return self._kinds.get(root, {}).get(resource)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents' ways to the hub.

What an agent does on the hub, it does as itself: with the bootstrap token that it was given, and later with its own
certificate over a connection of its own. What has changed there, it hears from one watch that all agents share, with the
sandbox's own identity: a real agent has four watches, and four thousand would be a load that has nothing to do with
registering.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import ipaddress
import json
import os
import socket
import ssl
import typing as t
import urllib.parse

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ..api import MERGE_PATCH, Api, ApiError, Follower

Json = dict[str, t.Any]
CLUSTER_NAME = "open-cluster-management.io/cluster-name"
MANAGED_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
WORKS = "/apis/work.open-cluster-management.io/v1/manifestworks"
UNREACHABLE = (OSError, aiohttp.ClientError, asyncio.TimeoutError)
"""What a hub that does not answer ends in."""
_LOCAL_NAMES = ".sandbox"
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_AGENT = "simulated-agent"
_IDLE_CLOSES = 85.0
"""Seconds: more than a lease takes until it is renewed, less than kube-apiserver keeps an idle connection."""


class Feed:
    """What has happened on the hub, for all agents."""

    def __init__(self, api: Api) -> None:
        selector = f"?labelSelector={CLUSTER_NAME}"
        self._clusters = Follower(api, MANAGED_CLUSTERS, each=lambda item: self._report(item["metadata"]["name"]))
        self._requests = Follower(api, f"{REQUESTS}{selector}", each=lambda item: self._report(_label(item)))
        self._works = Follower(api, WORKS, each=self._note_work)
        self._works_of: dict[str, set[str]] = {}
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self.hidden_names: set[str] = set()
        """Names of hubs that agents cannot resolve."""

    async def run(self) -> None:
        await asyncio.gather(self._clusters.run(), self._requests.run(), self._works.run())

    def _report(self, cluster: str) -> None:
        for event in self._listeners.get(cluster, ()):
            event.set()

    def _note_work(self, item: Json) -> None:
        cluster, name = Follower.key(item)
        names = self._works_of.setdefault(cluster, set())
        if (cluster, name) in self._works.objects:
            names.add(name)
        else:
            names.discard(name)
        self._report(cluster)

    def hide_name(self, name: str, hidden: bool) -> None:
        """Agents notice at once, as those do whose watches end."""
        (self.hidden_names.add if hidden else self.hidden_names.discard)(name)
        for cluster in self._listeners:
            self._report(cluster)

    def listen(self, cluster: str, event: asyncio.Event) -> None:
        """From now on, set the event whenever something of this cluster changes on the hub."""
        self._listeners.setdefault(cluster, set()).add(event)

    def leave(self, cluster: str, event: asyncio.Event) -> None:
        self._listeners.get(cluster, set()).discard(event)

    def cluster(self, name: str) -> Json | None:
        return self._clusters.objects.get(("", name))

    def clusters(self) -> t.Collection[Json]:
        return self._clusters.objects.values()

    def request(self, name: str) -> Json | None:
        return self._requests.objects.get(("", name))

    def requests_of(self, cluster: str) -> list[Json]:
        return [item for item in self._requests.objects.values() if _label(item) == cluster]

    def works_of(self, cluster: str) -> list[Json]:
        return [self._works.objects[(cluster, name)] for name in sorted(self._works_of.get(cluster, ()))]


def _label(item: Json) -> str:
    return str((item["metadata"].get("labels") or {}).get(CLUSTER_NAME, ""))


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a hub is, as a kubeconfig tells it. ``ca`` is PEM."""

    server: str
    ca: str


class _Names(AbstractResolver):
    """The names that pods of the sandbox can resolve, and no others."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not host.endswith(_LOCAL_NAMES):
            raise OSError(f"lookup {host}: no such host")
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        result = {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET}
        return [t.cast(ResolveResult, {**result, "proto": 0, "flags": numeric})]

    async def close(self) -> None:
        """There is nothing to end."""


class Client:
    """Requests to the hub as one agent. No address that leads off this machine is ever dialled."""

    def __init__(
        self,
        address: Address,
        token: str = "",
        certificate: bytes = b"",
        key: bytes = b"",
        hidden_names: t.Container[str] = (),
    ) -> None:
        self._server = address.server.rstrip("/")
        self._host = urllib.parse.urlsplit(self._server).hostname or ""
        self._hidden_names = hidden_names
        if not _is_here(self._host):
            raise OSError(f"dial tcp {self._host}: connect: no route to host")
        self._headers = {"User-Agent": _AGENT, **({"Authorization": f"Bearer {token}"} if token else {})}
        # An agent that waits to be let in holds no memory for TLS of its own.
        tls = _own_tls(address.ca, certificate + key) if certificate else _shared_tls(address.ca)
        connector = aiohttp.TCPConnector(ssl=tls, limit=1, resolver=_Names(), keepalive_timeout=_IDLE_CLOSES)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=_TIMEOUT)

    async def close(self) -> None:
        await self._session.close()

    async def request(self, method: str, path: str, body: Json | None = None, content_type: str = "") -> Json:
        """Raises ApiError, or one of UNREACHABLE."""
        self.require_name()
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type or "application/json"} if data else {}
        async with self._session.request(method, f"{self._server}{path}", data=data, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise ApiError(answer.status, text)
            return t.cast(Json, json.loads(text))

    def require_name(self) -> None:
        """Raises OSError where the hub's name cannot be resolved (any more)."""
        if self._host in self._hidden_names:
            raise OSError(f"lookup {self._host}: no such host")

    async def get(self, path: str) -> Json:
        return await self.request("GET", path)

    async def merge(self, path: str, body: Json) -> Json:
        return await self.request("PATCH", path, body, MERGE_PATCH)


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(_LOCAL_NAMES):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


@functools.lru_cache(maxsize=4)
def _shared_tls(ca: str) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(cadata=ca)
    return tls


def _own_tls(ca: str, pem: bytes) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(cadata=ca)
    # The ssl module reads certificates from files only: this one is in memory.
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, pem)
        tls.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return tls

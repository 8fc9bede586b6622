# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server's way to Services: an HTTP CONNECT proxy that leads to a container behind the Service.

kube-apiserver dials webhooks through its egress selector (``HTTPConnect`` over a Unix socket); the name it asks for is
the Service's cluster IP or DNS name.
"""

from __future__ import annotations

import asyncio
import typing as t

from .api import Api, Follower
from .link import pump

Json = dict[str, t.Any]


class Pods(t.Protocol):
    """What the proxy needs of a kubelet."""

    def entries(self, namespace: str, selector: t.Mapping[str, str]) -> list[str]:
        """Entry sockets of ready containers of the pods that a selector matches."""


class Egress:
    """Serves one API server. While ``broken`` it answers as if no pod stood behind any Service."""

    def __init__(self, api: Api, pods: Pods, path: t.Any) -> None:
        self._pods, self._path = pods, path
        self._services = Follower(api, "/api/v1/services")
        self._open_writers: set[asyncio.StreamWriter] = set()
        self.broken = False

    def break_off(self) -> None:
        """Be broken from now on, for the connections that the API server has kept as well."""
        self.broken = True
        for writer in list(self._open_writers):
            writer.transport.abort()

    async def run(self) -> None:
        server = await asyncio.start_unix_server(self._serve, self._path)
        async with server:
            await self._services.run()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        except (asyncio.IncompleteReadError, IndexError):
            writer.close()
            return
        host, _colon, port = request.rpartition(":")
        onward = None if self.broken else await self._open(host.strip("[]"), int(port))
        if onward is None:
            writer.write(b"HTTP/1.1 503 no endpoints available for service\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self._open_writers.add(writer)
        try:
            await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))
        finally:
            self._open_writers.discard(writer)

    async def _open(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        service = next((one for one in self._services.objects.values() if _is_at(one, host)), None)
        if service is None or not service["spec"].get("selector"):
            return None
        target = next((one["targetPort"] for one in service["spec"]["ports"] if one["port"] == port), port)
        for entry in self._pods.entries(service["metadata"]["namespace"], service["spec"]["selector"]):
            opened = await open_port(entry, target)
            if opened:
                return opened
        return None


def _is_at(service: Json, host: str) -> bool:
    name = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    return host in (service["spec"].get("clusterIP"), name) or host.startswith(name + ".")


async def open_port(entry: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Connect to a port of a container through its entry socket; None if nothing listens there."""
    try:
        reader, writer = await asyncio.open_unix_connection(entry)
        writer.write(f"{port}\n".encode())
        if await reader.readexactly(1) == b"+":
            return reader, writer
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        pass
    return None

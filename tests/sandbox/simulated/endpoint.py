# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of one simulated WEC: a port of its own on the loopback interface, with the faults that an address can have.

A port for each, because that is what every client understands, and because only a port can refuse a connection. It is
kept while nothing listens on it, so that nobody else gets it: by a second socket that is bound to it and never listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import pathlib
import random
import socket
import ssl
import typing as t

from aiohttp import web

from .api import Answer, Api, Request, failure
from .faults import Fault

Json = dict[str, t.Any]
_HOST = "127.0.0.1"
_SLOWNESS = (0.8, 1.2)
"""Seconds that a slow API takes for each answer."""
_NOT_LOGGED = ("/readyz", "/livez", "/healthz")
_NONSENSE = Answer(200, b"<!DOCTYPE html><title>Router</title><h1>Please log in</h1>\n", "text/html")
_IDLE_CLOSES = 75.0


class AuditLog:
    """Every request to any simulated WEC, in the form of Kubernetes' own audit logs, and with the cluster's name.

    As in the real ones, questions about health and rights are left out.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, cluster: str, user: str, request: Request, agent: str, answer: Answer) -> None:
        if request.path in _NOT_LOGGED or "/authorization.k8s.io/" in request.path:
            return
        event = {
            "cluster": cluster,
            "verb": request.verb,
            "requestURI": request.target,
            "user": {"username": user},
            "userAgent": agent,
            "responseStatus": {"code": answer.status},
            "requestReceivedTimestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        }
        os.write(self._file, json.dumps(event).encode() + b"\n")


class Endpoint:
    """Serves one WEC's API. Only ``user``, by a certificate, is let in."""

    def __init__(self, name: str, user: str, tls: ssl.SSLContext, log: AuditLog) -> None:
        self._name, self._user, self._tls, self._log = name, user, tls, log
        self._keeper = _bound(0)
        self.port = int(self._keeper.getsockname()[1])
        self.url = f"https://{_HOST}:{self.port}"
        self.api: Api | None = None
        self.fault = Fault.NONE
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._requests: web.Server | None = None

    async def set(self, fault: Fault) -> None:
        """Serve with this fault from now on; connections that are open break where the address itself changes."""
        self.fault = fault
        await self._stop_listening()
        if fault is Fault.DEAD:
            return
        self._listener = _bound(self.port)
        if fault is Fault.SILENT:
            # The kernel accepts connections; nobody ever takes them up.
            self._listener.listen(1024)
            return
        self._requests = web.Server(self._serve, access_log=None, keepalive_timeout=_IDLE_CLOSES)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._requests, sock=self._listener, ssl=self._tls, backlog=128)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        elif self._listener is not None:
            self._listener.close()
        self._listener = None
        if self._requests is not None:
            await self._requests.shutdown(0)
            self._requests = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        read = Request(
            request.method,
            request.raw_path,
            await request.read(),
            request.headers.get("Content-Type", "application/json"),
            request.headers.get("Accept", ""),
            request.headers.get("If-None-Match", ""),
        )
        if self.fault is Fault.SLOW:
            await asyncio.sleep(random.uniform(*_SLOWNESS))
        user = _user(request)
        answer = _NONSENSE if self.fault is Fault.NONSENSE else self._answer(read, user)
        self._log.write(self._name, user, read, request.headers.get("User-Agent", ""), answer)
        headers = {"ETag": answer.etag, "Cache-Control": "public", "Vary": "Accept"} if answer.etag else {}
        response = web.Response(body=answer.body, status=answer.status, headers=headers)
        response.headers["Content-Type"] = answer.content_type
        return response

    def _answer(self, request: Request, user: str) -> Answer:
        if not user:
            return failure(401, "Unauthorized", "Unauthorized")
        if user != self._user or self.api is None:
            return failure(403, "Forbidden", f'User "{user}" cannot do this here')
        return self.api.answer(request)


def _user(request: web.BaseRequest) -> str:
    certificate = request.get_extra_info("peercert") or {}
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return ""


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    with contextlib.ExitStack() as stack:
        stack.callback(found.close)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setblocking(False)
        found.bind((_HOST, port))
        stack.pop_all()
    return found

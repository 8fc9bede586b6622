# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small asynchronous Kubernetes client for the sandbox's own parts, and a cache that follows one kind of object."""

from __future__ import annotations

import asyncio
import json
import pathlib
import ssl
import typing as t

import aiohttp
import aiohttp.abc

MERGE_PATCH = "application/merge-patch+json"
Json = dict[str, t.Any]


class ApiError(Exception):
    """The API server answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


def client_tls(ca: pathlib.Path, certificate: pathlib.Path, key: pathlib.Path) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=str(ca))
    tls.load_cert_chain(certificate, key)
    return tls


class Api:
    """Requests to one API server. ``resolver`` takes the place of the machine's own."""

    def __init__(self, url: str, tls: ssl.SSLContext, resolver: aiohttp.abc.AbstractResolver | None = None) -> None:
        self.url = url
        self._tls, self._resolver = tls, resolver
        self._session: aiohttp.ClientSession | None = None

    def trust(self, ca: pathlib.Path, certificate: pathlib.Path, key: pathlib.Path) -> None:
        """From the next connection on, trust another CA as well, and be who the certificate says."""
        self._tls.load_verify_locations(cafile=str(ca))
        self._tls.load_cert_chain(certificate, key)

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls, limit=0, resolver=self._resolver, use_dns_cache=self._resolver is None
            )
            self._session = aiohttp.ClientSession(self.url, connector=connector, headers={"User-Agent": "wec-sandbox"})
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self, method: str, path: str, body: t.Any = None, content_type: str = "application/json"
    ) -> t.Any:
        """Send one request; returns the decoded answer. Raises ApiError, or aiohttp.ClientError without an answer."""
        data = None if body is None else json.dumps(body)
        timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
        headers = {} if body is None else {"Content-Type": content_type}
        async with self.session.request(method, path, data=data, headers=headers, timeout=timeout) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise ApiError(answer.status, text)
            return json.loads(text) if text.startswith(("{", "[")) else text

    async def get(self, path: str) -> t.Any:
        return await self.request("GET", path)

    async def get_or_none(self, path: str) -> t.Any:
        try:
            return await self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def merge(self, path: str, body: Json) -> t.Any:
        return await self.request("PATCH", path, body, MERGE_PATCH)

    async def create(self, path: str, body: Json) -> t.Any:
        """Create an object; one that exists already is left alone."""
        try:
            return await self.request("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return None

    async def delete(self, path: str, body: Json | None = None) -> None:
        try:
            await self.request("DELETE", path, body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def ready(self) -> bool:
        try:
            return await self.get("/readyz") == "ok"
        except (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError):
            return False

    async def events(self, path: str, resource_version: str) -> t.AsyncIterator[tuple[str, Json]]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=330)
        query = {"watch": "1", "resourceVersion": resource_version, "timeoutSeconds": "300"}
        async with self.session.get(path, params=query, timeout=timeout) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, await answer.text())
            buffer = b""
            async for chunk in answer.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]


class Follower:
    """Keeps a current copy of all objects of one kind by LIST and WATCH; ``changed`` is called after each change.

    ``each`` is called with each object that came, changed or went.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        changed: t.Callable[[], None] = lambda: None,
        each: t.Callable[[Json], None] = lambda _item: None,
    ) -> None:
        self._api, self._path, self._changed, self._each = api, path, changed, each
        self.objects: dict[tuple[str, str], Json] = {}
        self.synced = asyncio.Event()

    @staticmethod
    def key(item: Json) -> tuple[str, str]:
        return item["metadata"].get("namespace", ""), item["metadata"]["name"]

    async def run(self) -> t.NoReturn:
        while True:
            try:
                listed = await self._api.get(self._path)
                before, self.objects = self.objects, {self.key(item): item for item in listed["items"]}
                self.synced.set()
                self._changed()
                for item in {**before, **self.objects}.values():
                    self._each(item)
                async for kind, item in self._api.events(self._path, listed["metadata"]["resourceVersion"]):
                    if kind == "ERROR":
                        break
                    if kind == "DELETED":
                        self.objects.pop(self.key(item), None)
                    elif kind in ("ADDED", "MODIFIED"):
                        self.objects[self.key(item)] = item
                    self._changed()
                    if kind != "BOOKMARK":
                        self._each(item)
            except (ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError):
                await asyncio.sleep(0.5)

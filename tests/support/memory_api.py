# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake API server without a network: clients call it in this process, so that property tests can ask it thousands of times."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import types
import typing as t
import urllib.parse
from unittest import mock

from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from fake_api import FakeApi, Fault
from fake_ocm import FakeIts
from kubernetes.client.exceptions import ApiException

Json = dict[str, t.Any]
_PORTS = itertools.count(1)
_SERVED: dict[str, InMemory] = {}


class InMemory(FakeApi):
    """``instead``: what is shown in place of an object, by its uid, alone and in lists. ``answers``: whole answers, by path."""

    instead: dict[str, t.Any]
    answers: dict[str, t.Any]

    def start(self) -> None:
        self.port = next(_PORTS)
        self.instead, self.answers = {}, {}
        _SERVED[self.url] = self

    def close(self) -> None:
        _SERVED.pop(self.url, None)

    def show(self, path: str, shown: t.Any) -> None:
        """In place of the object that is there. Writes meet the object itself."""
        self.instead[self.objects[path]["metadata"]["uid"]] = shown

    def forget_shown(self) -> None:
        self.instead.clear()
        self.answers.clear()
        self.requests.clear()

    def message(self, method: str, path: str, query: t.Mapping[str, str], body: Json | None) -> tuple[int, t.Any]:
        target = path if not query else f"{path}?{urllib.parse.urlencode(query)}"
        status, answer = self.serve(method, target, body)
        if path in self.answers:
            return status, self.answers[path]
        if isinstance(answer.get("items"), list):
            return status, {**answer, "items": [self._shown(item) for item in answer["items"]]}
        return status, self._shown(answer)

    def _shown(self, item: Json) -> t.Any:
        return self.instead.get((item.get("metadata") or {}).get("uid"), item)


class InMemoryIts(InMemory, FakeIts):
    """A hub."""


class _Response:
    """As the library for HTTP gives one."""

    reason = ""

    def __init__(self, status: int, data: bytes) -> None:
        self.status, self.data, self.headers = status, data, dict[str, str]()

    def getheaders(self) -> dict[str, str]:
        return self.headers


class _Client:
    """As much of the dynamic client as is used of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = types.SimpleNamespace(
            rest_client=types.SimpleNamespace(pool_manager=types.SimpleNamespace(clear=lambda: None))
        )

    def request(self, method: str, path: str, body: t.Any = None, **query: t.Any) -> t.Any:
        names = {
            "label_selector": "labelSelector",
            "field_selector": "fieldSelector",
            "_continue": "continue",
            "field_manager": "fieldManager",
            "force_conflicts": "force",
        }
        asked = {
            names.get(key, key): str(value) for key, value in query.items() if key in names or key in ("limit", "watch")
        }
        try:
            status, answer = _SERVED[self._url].message(method.upper(), path, asked, copy.deepcopy(body))
        except Fault as fault:
            status = fault.status
            answer = {"kind": "Status", "message": fault.message, "reason": fault.reason, "code": status}
        data = json.dumps(answer).encode()
        if status >= 400:
            raise ApiException(http_resp=_Response(status, data))
        return _Response(status, data)


@contextlib.contextmanager
def asked_in_process() -> t.Iterator[None]:
    """Every client asks these servers."""
    with mock.patch.object(Kube, "_client_of", lambda kube, _configuration: _Client(kube.connection.server)):
        yield

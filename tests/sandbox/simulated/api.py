# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of one simulated WEC: what a request means, and the answer. Sockets are endpoint.py's part."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t
import urllib.parse

import yaml

from ..flavours import Flavour
from . import resources
from .resources import REVIEWS, Kind
from .selectors import selected
from .store import Store, StoreError, not_found

Json = dict[str, t.Any]
_OBJECTS = re.compile(
    r"^(?:/api/(?P<core>v1)|/apis/(?P<group>[^/]+/[^/]+))(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)
_GROUP = re.compile(r"^/(?:api/(v1)|apis/([^/]+/[^/]+))$")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ALIVE = ("/readyz", "/livez", "/healthz")


@dataclasses.dataclass(frozen=True)
class Request:
    """``target`` is the path with its query."""

    method: str
    target: str
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = ""
    if_none_match: str = ""

    @property
    def path(self) -> str:
        return urllib.parse.urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.target).query))

    @property
    def verb(self) -> str:
        """As Kubernetes' audit logs name it."""
        found = _OBJECTS.match(self.path)
        if self.method == "GET" and found and not found["name"]:
            return "watch" if self.query.get("watch") in ("1", "true") else "list"
        return _VERBS.get(self.method, self.method.lower())


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    etag: str = ""


class Api:
    """Answers for one WEC."""

    def __init__(self, store: Store, flavour: Flavour, server: str) -> None:
        self._store, self._flavour, self._server = store, flavour, server

    def answer(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except StoreError as error:
            return failure(error.status, error.reason, error.message)
        except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            return failure(400, "BadRequest", f"the request cannot be understood: {type(error).__name__}: {error}")

    def _answer(self, request: Request) -> Answer:
        path = request.path
        if path in _ALIVE:
            return Answer(200, b"ok", "text/plain")
        if path == "/version":
            return _json(200, self._version())
        if path in ("/api", "/apis"):
            return self._discovery(request)
        group = _GROUP.match(path)
        if group:
            found = resources.resources(group[1] or group[2], [*self._store.kinds, *REVIEWS])
            return _json(200, found) if found else _nowhere()
        objects = _OBJECTS.match(path)
        if objects is None:
            return _nowhere()
        if objects["plural"] in {one.plural for one in REVIEWS} and request.method == "POST":
            return _json(201, _review(objects["plural"], json.loads(request.body)))
        kind = self._store.kind(objects["core"] or objects["group"], objects["plural"])
        if kind is None or objects["sub"] not in (None, "status"):
            return _nowhere()
        return self._objects(request, kind, objects["namespace"] or "", objects["name"], objects["sub"] == "status")

    def _version(self) -> Json:
        major, minor = self._flavour.version.lstrip("v").split(".")[:2]
        version = {"major": major, "minor": minor, "gitVersion": self._flavour.version}
        return {**version, "gitTreeState": "clean", "platform": "linux/amd64"}

    def _discovery(self, request: Request) -> Answer:
        kinds, is_core = [*self._store.kinds, *REVIEWS], request.path == "/api"
        if "g=apidiscovery.k8s.io;v=v2;" in request.accept:
            found = _json(200, resources.aggregated(kinds, is_core), resources.AGGREGATED)
            etag = f'"{hashlib.sha256(found.body).hexdigest()[:32].upper()}"'
            if request.if_none_match == etag:
                return Answer(304, b"", resources.AGGREGATED, etag)
            return dataclasses.replace(found, etag=etag)
        return _json(200, resources.versions(self._server) if is_core else resources.groups(kinds))

    def _objects(self, request: Request, kind: Kind, namespace: str, name: str | None, status: bool) -> Answer:
        store, method = self._store, request.method
        if kind.namespaced and not namespace and (name or method != "GET"):
            return _nowhere()
        if request.verb == "watch":
            return failure(405, "MethodNotAllowed", "a simulated WEC does not serve watches")
        if name is None:
            if method == "GET":
                return _json(200, self._list(kind, namespace, request.query))
            if method == "POST":
                return _json(201, store.create(kind, namespace, _body(request)))
        elif method == "GET":
            return _json(200, store.get(kind, namespace, name))
        elif method == "PUT":
            return _json(200, store.update(kind, namespace, name, _body(request), status))
        elif method == "PATCH":
            return _json(200, self._patch(request, kind, namespace, name, status))
        elif method == "DELETE":
            # In protobuf they come from clusteradm, which names no preconditions.
            is_readable = request.body and "protobuf" not in request.content_type
            preconditions = _body(request).get("preconditions") if is_readable else None
            return _json(200, store.delete(kind, namespace, name, preconditions))
        return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _list(self, kind: Kind, namespace: str, query: t.Mapping[str, str]) -> Json:
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        items = [one for one in self._store.items(kind, namespace) if selected(one, labels, fields)]
        start, limit = int(query.get("continue") or 0), int(query.get("limit") or 0) or len(items)
        metadata: Json = {"resourceVersion": self._store.version}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
            metadata["remainingItemCount"] = len(items) - start - limit
        page = items[start : start + limit]
        return {"apiVersion": kind.api_version, "kind": f"{kind.kind}List", "metadata": metadata, "items": page}

    def _patch(self, request: Request, kind: Kind, namespace: str, name: str, status: bool) -> Json:
        store, format_ = self._store, request.content_type.partition(";")[0].strip()
        if format_ == "application/apply-patch+yaml":
            item = yaml.safe_load(request.body)
            if not store.has(kind, namespace, name):
                return store.create(kind, namespace, item)
            return store.patch(kind, namespace, name, item, strategic=True, status_only=status)
        if format_ not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            raise StoreError(415, "UnsupportedMediaType", f"patches of the type {format_} are not served")
        if not store.has(kind, namespace, name):
            raise not_found(kind, name)
        return store.patch(kind, namespace, name, json.loads(request.body), "strategic" in format_, status)


def _body(request: Request) -> Json:
    if "protobuf" in request.content_type:
        raise StoreError(415, "UnsupportedMediaType", "only JSON and YAML are understood here")
    found = yaml.safe_load(request.body) if "yaml" in request.content_type else json.loads(request.body)
    return t.cast(Json, found)


def _json(status: int, body: t.Any, content_type: str = "application/json") -> Answer:
    return Answer(status, json.dumps(body, separators=(",", ":")).encode(), content_type)


def failure(status: int, reason: str, message: str) -> Answer:
    """An answer that says what is wrong, as API servers do."""
    answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return _json(status, {**answer, "message": message, "reason": reason, "code": status})


def _nowhere() -> Answer:
    return Answer(404, b"404 page not found\n", "text/plain")


def _review(plural: str, review: Json) -> Json:
    """Who is let in at all may do everything."""
    if plural == "selfsubjectaccessreviews":
        return {**review, "status": {"allowed": True}}
    everything: Json = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    anywhere = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    status = {"resourceRules": [everything], "nonResourceRules": [anywhere], "incomplete": False}
    return {**review, "status": status}

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small API server in this process, for tests that need no real one: objects in a dict, and a log of requests.

It knows nothing of schemas, and serves what it was given. Tests make it a hub, let it fail, or let it play agents.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import datetime
import http.server
import json
import re
import socket
import threading
import time
import typing as t
import urllib.parse
import uuid

import managed_fields

Json = dict[str, t.Any]
_COLLECTION = re.compile(
    r"^(?P<prefix>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)


class Fault(Exception):
    """Raised by a test's hook to answer with an error."""

    def __init__(self, status: int, message: str, reason: str = "", headers: t.Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.reason, self.headers = status, message, reason, headers or {}


def now(offset: float = 0) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def jwt(token_id: str, expires_in: float = 3600, secret: Json | None = None) -> str:
    """A token that says this of itself. Its signature is nothing. ``secret``: name and uid of what it is bound to."""
    expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires_in)
    claims: Json = {"jti": token_id, "exp": int(expires.timestamp())}
    if secret:
        claims["kubernetes.io"] = {"secret": secret}
    payload = json.dumps(claims).encode()
    return ".".join(["e30", base64.urlsafe_b64encode(payload).decode().rstrip("="), "c2lnbmF0dXJlLW9mLW5vdGhpbmc"])


class FakeApi:
    """One API server. ``before`` hooks see each request and may raise Fault; ``after`` hooks run after each write."""

    def __init__(self, is_hub: bool = False, version: str = "v1.34.4") -> None:
        self.objects: dict[str, Json] = {}
        self.requests: list[tuple[str, str]] = []
        self.before: list[t.Callable[[str, str, Json | None], None]] = []
        self.after: list[t.Callable[[], None]] = []
        self.is_hub, self.version = is_hub, version
        self.groups = ["apps"]
        self.rules: list[Json] = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        self.lock = threading.RLock()
        self.minted: dict[str, str] = {}
        """Ids of the newest tokens, by the names of the Secrets that they are bound to."""
        self.odd: dict[str, tuple[int, bytes]] = {}
        """What is answered in place of what is there, by path."""
        self.date: str | None = None
        """What is told as the time."""
        self.stories: list[tuple[str, str, Json]] = []
        """What has happened to objects: path, ADDED, MODIFIED or DELETED, and the object after (or before) it."""
        self.query: dict[str, str] = {}
        """Of the request that is served."""
        self.forgotten = 0
        """Watches from a resource version up to this one are told that it is too long ago."""
        self.is_mute = False
        """Watches stay open and tell nothing any more, as a connection does that has died in silence."""
        self._happened = threading.Condition(self.lock)
        self._counter = 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else each answer waits 40 ms for an acknowledgement that the client delays.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                api._connections.add(self.connection)

            def finish(self) -> None:
                api._connections.discard(self.connection)
                super().finish()

            def date_time_string(self, *arguments: t.Any) -> str:
                return api.date if api.date is not None else super().date_time_string(*arguments)

            def log_message(self, *_arguments: t.Any) -> None:
                pass

            def _serve(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                headers: t.Mapping[str, str] = {}
                parts = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(parts.query))
                try:
                    if query.get("watch") == "true":
                        self._serve_watch(parts.path, query)
                        return
                    with api.lock:
                        status, answer = api.serve(self.command, self.path, body)
                except Fault as fault:
                    status, headers = fault.status, fault.headers
                    answer = {"kind": "Status", "message": fault.message, "reason": fault.reason, "code": status}
                data = json.dumps(answer).encode()
                if parts.path in api.odd:
                    status, data = api.odd[parts.path]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _serve_watch(self, path: str, query: t.Mapping[str, str]) -> None:
                changes = api.watch(path, query)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for change in changes:
                        data = json.dumps(change).encode() + b"\n"
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        self._handler = Handler
        self._connections: set[t.Any] = set()
        self.port = 0
        self.start()
        self.uid = self.put("/api/v1/namespaces/kube-system", {})["metadata"]["uid"]

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections, and break those that are open."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """All but reads, and questions about rights, which are posted and store nothing."""
        return [request for request in self.requests if request[0] != "GET" and not request[1].endswith("reviews")]

    def kubeconfig(self, token: str = "token-of-the-user-of-the-fake", ca: bytes | None = None) -> Json:
        cluster: Json = {"server": self.url}
        if ca is not None:
            cluster["certificate-authority-data"] = base64.b64encode(ca).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": cluster}],
            "users": [{"name": "fake", "user": {"token": token}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "current-context": "fake",
        }

    # -- objects -------------------------------------------------------------------------------------------------

    def put(self, path: str, item: Json) -> Json:
        """Store an object as if it had always been there."""
        with self.lock:
            found = _COLLECTION.match(path)
            assert found, path
            metadata = item.setdefault("metadata", {})
            metadata["name"] = found["name"]
            if found["namespace"]:
                metadata["namespace"] = found["namespace"]
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", now())
            self._stamp(item)
            kind = "MODIFIED" if path in self.objects else "ADDED"
            self.objects[path] = item
            self._happen(path, kind)
            return item

    def change(self, path: str, patch: Json) -> None:
        """Change an object from the inside, as a controller would."""
        with self.lock:
            _merge(self.objects[path], patch)
            self._stamp(self.objects[path])
            self._happen(path, "MODIFIED")

    def _stamp(self, item: Json) -> None:
        self._counter += 1
        item["metadata"]["resourceVersion"] = str(self._counter)

    # -- watches -------------------------------------------------------------------------------------------------

    def _happen(self, path: str, kind: str) -> None:
        with self.lock:
            self.stories.append((path, kind, copy.deepcopy(self.objects[path])))
            self._happened.notify_all()

    def forget(self) -> None:
        """What has happened so far is not told any more, as after a compaction."""
        with self.lock:
            self.forgotten = self._counter
            self._counter += 1

    def wake(self) -> None:
        """Watches look at what was set."""
        with self.lock:
            self._happened.notify_all()

    def watch(self, path: str, query: t.Mapping[str, str]) -> t.Iterator[Json]:
        """Raises Fault before anything is told, as a hook may."""
        self.requests.append(("WATCH", path))
        for hook in self.before:
            hook("WATCH", path, None)
        return self._changes(
            path, query, int(query["resourceVersion"]), time.monotonic() + int(query["timeoutSeconds"])
        )

    def _changes(self, path: str, query: t.Mapping[str, str], version: int, end: float) -> t.Iterator[Json]:
        server = self._server
        while self._server is server:
            with self.lock:
                if version <= self.forgotten:
                    expired = {
                        "kind": "Status",
                        "code": 410,
                        "reason": "Expired",
                        "message": "too old resource version",
                    }
                    yield {"type": "ERROR", "object": expired}
                    return
                found = [] if self.is_mute else self._after(path, query, version)
                if not found and time.monotonic() >= end and not self.is_mute:
                    version = max(version, self._counter)
                    yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}
                    return
                if not found:
                    self._happened.wait(0.05)
            for change in found:
                version = int(change["object"]["metadata"]["resourceVersion"])
                yield change

    def _after(self, path: str, query: t.Mapping[str, str], version: int) -> list[Json]:
        found = []
        for key, kind, item in self.stories:
            own = key.rpartition("/")[0] == path and int(item["metadata"]["resourceVersion"]) > version
            if own and _selected(item, query.get("labelSelector"), query.get("fieldSelector")):
                found.append({"type": kind, "object": copy.deepcopy(item)})
        return found

    # -- requests ------------------------------------------------------------------------------------------------

    def serve(self, method: str, target: str, body: Json | None) -> tuple[int, t.Any]:
        parts = urllib.parse.urlsplit(target)
        path, query = parts.path, dict(urllib.parse.parse_qsl(parts.query))
        self.query = query
        self.requests.append((method, path))
        for hook in self.before:
            hook(method, path, body)
        if path == "/version":
            return 200, {"gitVersion": self.version}
        if path == "/readyz":
            return 200, {}
        if path == "/apis":
            return 200, {"groups": [{"name": name} for name in self.groups]}
        if path.endswith("/selfsubjectrulesreviews"):
            return 201, {"status": {"resourceRules": self.rules, "incomplete": False}}
        if path == "/apis/cluster.open-cluster-management.io/v1":
            if not self.is_hub:
                raise Fault(404, "the server could not find the requested resource", "NotFound")
            return 200, {"resources": [{"name": "managedclusters"}]}
        found = _COLLECTION.match(path)
        if found is None:
            raise Fault(404, f"nothing is served at {path}", "NotFound")
        if found["name"] is None and method == "GET":
            return 200, self._list(path, query)
        status, answer = getattr(self, f"_{method.lower()}")(path, found, body)
        if method != "GET":
            for hook in self.after:
                hook()
        return status, copy.deepcopy(answer)

    def _list(self, path: str, query: t.Mapping[str, str]) -> Json:
        match = _COLLECTION.match(path)
        assert match
        prefix, plural, namespace = match["prefix"], match["plural"], match["namespace"]
        items = []
        for key, item in sorted(self.objects.items()):
            found = _COLLECTION.match(key)
            if not found or (found["prefix"], found["plural"]) != (prefix, plural):
                continue
            if namespace and found["namespace"] != namespace:
                continue
            if _selected(item, query.get("labelSelector"), query.get("fieldSelector")):
                items.append(copy.deepcopy(item))
        if plural == "klusterlets" and not items and "crd:klusterlets" not in self.objects:
            raise Fault(404, "the server could not find the requested resource", "NotFound")
        start, limit = int(query.get("continue", 0)), int(query.get("limit", len(items) or 1))
        more = str(start + limit) if start + limit < len(items) else ""
        metadata = {"continue": more, "resourceVersion": str(self._counter)}
        return {"kind": "List", "metadata": metadata, "items": items[start : start + limit]}

    def _existing(self, path: str) -> Json:
        item = self.objects.get(path)
        if item is None:
            raise Fault(404, f"{path} not found", "NotFound")
        return item

    def _get(self, path: str, _found: re.Match[str], _body: Json | None) -> tuple[int, Json]:
        return 200, self._existing(path)

    def _post(self, path: str, found: re.Match[str], body: Json | None) -> tuple[int, Json]:
        if found["sub"] == "token":
            self._existing(path.rsplit("/", 1)[0])
            bound = ((body or {}).get("spec") or {}).get("boundObjectRef")
            secret = {"name": bound["name"], "uid": bound["uid"]} if bound else None
            token_id = str(uuid.uuid4())
            self.minted[str((secret or {}).get("name"))] = token_id
            return 201, {"status": {"token": jwt(token_id, secret=secret)}}
        item = copy.deepcopy(body or {})
        name = item["metadata"].get("name") or f"{item['metadata']['generateName']}{len(self.objects)}"
        if f"{path}/{name}" in self.objects:
            raise Fault(409, f"{name} already exists", "AlreadyExists")
        managed_fields.updated({"metadata": {}}, item, self._manager, now())
        return 201, self.put(f"{path}/{name}", item)

    @property
    def _manager(self) -> str:
        return self.query.get("fieldManager", "kubestellar.wec")

    def _patch(self, path: str, _found: re.Match[str], body: t.Any) -> tuple[int, Json]:
        # Of all patches, only an apply says whether it is forced.
        if "force" in self.query:
            return self._apply(path, body)
        item = self._existing(path)
        before = copy.deepcopy(item)
        if isinstance(body, list):
            body = {"metadata": {one["path"].removeprefix("/metadata/"): one["value"] for one in body}}
        wanted = ((body or {}).get("metadata") or {}).get("resourceVersion")
        if wanted not in (None, item["metadata"]["resourceVersion"]):
            raise Fault(409, "the object has been modified", "Conflict")
        _merge(item, body or {})
        managed_fields.updated(before, item, self._manager, now())
        self._stamp(item)
        self._happen(path, "MODIFIED")
        self._end(path)
        return 200, item

    def _apply(self, path: str, body: Json) -> tuple[int, Json]:
        uid = body["metadata"].get("uid")
        if uid and (path not in self.objects or self.objects[path]["metadata"]["uid"] != uid):
            raise Fault(409, "Precondition failed: UID in precondition does not match", "Conflict")
        if path not in self.objects:
            kind = {key: value for key, value in body.items() if key in ("apiVersion", "kind")}
            self.put(path, {**kind, "metadata": {}})
        item = self.objects[path]
        try:
            managed_fields.apply(item, body, self._manager, force=self.query["force"] == "true", time=now())
        except managed_fields.ConflictError as error:
            raise Fault(409, str(error), "Conflict") from None
        self._stamp(item)
        self._happen(path, "MODIFIED")
        return 200, item

    def _put(self, path: str, found: re.Match[str], body: Json | None) -> tuple[int, Json]:
        target = path.rsplit("/", 1)[0] if found["sub"] else path
        item, wanted = self._existing(target), body or {}
        if wanted["metadata"].get("resourceVersion") not in (None, item["metadata"]["resourceVersion"]):
            raise Fault(409, "the object has been modified", "Conflict")
        if found["sub"] == "approval":
            item["status"] = {**item.get("status", {}), **wanted["status"]}
        else:
            before = copy.deepcopy(item)
            item.clear()
            item.update(copy.deepcopy(wanted))
            managed_fields.updated(before, item, self._manager, now())
        self._stamp(item)
        self._happen(target, "MODIFIED")
        self._end(target)
        return 200, item

    def _delete(self, path: str, _found: re.Match[str], body: Json | None) -> tuple[int, Json]:
        wanted = ((body or {}).get("preconditions") or {}).get("uid")
        if wanted not in (None, self._existing(path)["metadata"]["uid"]):
            raise Fault(409, "the UID in the precondition does not match", "Conflict")
        self.remove(path)
        return 200, {"kind": "Status", "status": "Success"}

    def remove(self, path: str) -> None:
        """Delete an object; one with finalizers stays until they are gone."""
        metadata = self.objects[path]["metadata"]
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = now()
            self._stamp(self.objects[path])
            self._happen(path, "MODIFIED")
        self._end(path)

    def _end(self, path: str) -> None:
        metadata = self.objects[path]["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._stamp(self.objects[path])
            self._happen(path, "DELETED")
            del self.objects[path]


def _merge(item: Json, patch: Json) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(item.get(key), dict):
                item[key] = {}
            _merge(item[key], value)
        else:
            item[key] = copy.deepcopy(value)


def _selected(item: Json, labels: str | None, fields: str | None) -> bool:
    own = item["metadata"].get("labels") or {}
    for term in filter(None, (labels or "").split(",")):
        key, equals, value = term.partition("=")
        if key.startswith("!"):
            if key[1:] in own:
                return False
            continue
        if (equals and own.get(key) != value) or key not in own:
            return False
    if fields:
        key, _equals, value = fields.partition("=")
        assert key in ("metadata.name", "type"), fields
        return bool((item["metadata"]["name"] if key == "metadata.name" else item.get(key)) == value)
    return True

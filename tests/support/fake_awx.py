# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's API in this process, as far as awx.awx needs it: it stores objects, and refuses what a controller refuses."""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import threading
import typing as t
import urllib.parse

from awx_kinds import BELONGS, KINDS, STARTED, Field, Json, Kind, RefusedError, check_survey

TOKEN = "token-of-the-controller"
SECRET = "$encrypted$"


class FakeAwx:
    """``writes`` are all requests that change something, as ``VERB PATH``; ``faults`` is what was refused, and why."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Json]] = {kind: {} for kind in KINDS}
        self.surveys: dict[str, Json] = {}
        self.links: dict[str, list[int]] = {}
        self.writes: list[str] = []
        self.faults: list[str] = []
        self._last = 0
        self._lock = threading.Lock()
        self._insert("organizations", {"name": "Default"})
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}") if length else {}
                with api._lock:
                    code, answer = api._answer(self.command, self.path, body, self.headers.get("Authorization", ""))
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_arguments: t.Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}

    def names(self, kind: str) -> list[str]:
        return sorted(item.get("name", item.get("identifier")) for item in self.objects[kind].values())

    def get(self, kind: str, name: str) -> Json:
        """Raises StopIteration."""
        return next(item for item in self.objects[kind].values() if name in (item.get("name"), item.get("identifier")))

    def linked(self, kind: str, name: str, association: str) -> list[str]:
        target = KINDS[kind].associations[association]
        ids = self.links.get(f"{kind}/{self.get(kind, name)['id']}/{association}", [])
        return [self.objects[target][one].get("name") or self.objects[target][one]["identifier"] for one in ids]

    # -- requests ------------------------------------------------------------------------------------------------

    def _answer(self, verb: str, target: str, body: Json, authorization: str) -> tuple[int, Json | None]:
        url = urllib.parse.urlparse(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if authorization != f"Bearer {TOKEN}":
            return 401, {"detail": "Authentication credentials were not provided."}
        if not url.path.startswith("/api/v2/") or not url.path.endswith("/"):
            return self._fault(404, verb, target, "is no path of the API")
        path = url.path.removeprefix("/api/v2/").strip("/").split("/")
        if verb != "GET":
            self.writes.append(f"{verb} {'/'.join(path)}")
        try:
            return self._route(verb, path, query, body)
        except RefusedError as error:
            return self._fault(400, verb, target, str(error))
        except KeyError as error:
            return self._fault(404, verb, target, f"{error} is not there")

    def _fault(self, code: int, verb: str, target: str, why: str) -> tuple[int, Json]:
        self.faults.append(f"{verb} {target}: {why}")
        return code, {"detail": why}

    def _route(self, verb: str, path: list[str], query: dict[str, str], body: Json) -> tuple[int, Json | None]:
        kind = path[0]
        if kind == "unified_job_templates" and verb == "GET" and len(path) == 1:
            every = [self._shown(one, item) for one in STARTED for item in self.objects[one].values()]
            return 200, self._page(every, query, {"type", "organization", "name"})
        definition = KINDS[kind]
        if len(path) == 1:
            if verb == "GET":
                every = [self._shown(kind, item) for item in self.objects[kind].values()]
                return 200, self._page(every, query, {"id", *definition.fields})
            if verb == "POST":
                return 201, self._shown(kind, self._insert(kind, body))
        item = self.objects[kind][int(path[1])]
        if len(path) == 2:
            if verb == "GET":
                return 200, self._shown(kind, item)
            if verb == "PATCH":
                return 200, self._shown(kind, self._change(kind, item, body))
            if verb == "DELETE":
                return self._remove(kind, item)
        if len(path) == 3 and path[2] == "survey_spec" and kind in ("job_templates", "workflow_job_templates"):
            return self._survey(verb, f"{kind}/{path[1]}", body)
        if len(path) == 3 and path[2] in definition.associations:
            return self._associate(verb, kind, item, path[2], body)
        if path[2:] == ["create_approval_template"] and verb == "POST":
            if item["unified_job_template"] is not None:
                raise RefusedError("the node has a template")
            made = self._insert("workflow_approval_templates", body)
            item["unified_job_template"] = made["id"]
            return 201, self._shown("workflow_approval_templates", made)
        raise KeyError("/".join(path))

    def _page(self, every: list[Json], query: dict[str, str], known: set[str]) -> Json:
        found = every
        for key, value in query.items():
            if key in ("page_size", "page"):
                continue
            if key not in known:
                raise RefusedError(f"{key}: there is no such field to look for")
            found = [item for item in found if str(item.get(key)).lower() == value.lower()]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _survey(self, verb: str, key: str, body: Json) -> tuple[int, Json | None]:
        if verb == "POST":
            check_survey(body)
            self.surveys[key] = body
        elif verb != "GET":
            raise RefusedError(verb)
        return 200, self.surveys.get(key, {})

    def _associate(self, verb: str, kind: str, item: Json, association: str, body: Json) -> tuple[int, Json | None]:
        target = KINDS[kind].associations[association]
        linked = self.links.setdefault(f"{kind}/{item['id']}/{association}", [])
        if verb == "GET":
            return 200, self._page([self._shown(target, self.objects[target][one]) for one in linked], {}, set())
        if verb != "POST" or set(body) - {"id", "disassociate"} or body.get("id") not in self.objects[target]:
            raise RefusedError(f"{association}: {body}")
        if body.get("disassociate"):
            linked.remove(body["id"])
        else:
            self._only_one_of_a_type(kind, association, [*linked, body["id"]])
            linked.append(body["id"])
        return 204, None

    def _only_one_of_a_type(self, kind: str, association: str, ids: list[int]) -> None:
        if association == "credentials":
            types = [self.objects["credentials"][one]["credential_type"] for one in ids]
            if len(set(types)) != len(types):
                raise RefusedError("credentials: cannot assign multiple credentials of one type")

    # -- objects -------------------------------------------------------------------------------------------------

    def _insert(self, kind: str, body: Json) -> Json:
        definition = KINDS[kind]
        for name, field in definition.fields.items():
            if field.required and body.get(name) in (None, ""):
                raise RefusedError(f"{name}: this field is required")
        item = {name: copy.deepcopy(field.default) for name, field in definition.fields.items()}
        self._merge(kind, item, body)
        self._last += 1
        item["id"] = self._last
        self.objects[kind][self._last] = item
        return item

    def _change(self, kind: str, item: Json, body: Json) -> Json:
        changed = copy.deepcopy(item)
        self._merge(kind, changed, body)
        item.update(changed)
        return item

    def _merge(self, kind: str, item: Json, body: Json) -> None:
        definition = KINDS[kind]
        for name, value in body.items():
            if name not in definition.fields:
                raise RefusedError(f"{name}: {definition.type} has no such field")
            item[name] = self._valid(name, value, definition.fields[name])
        if kind == "credentials":
            stored = self.objects[kind].get(item.get("id", 0), {}).get("inputs", {})
            item["inputs"] = {
                key: stored.get(key, value) if value == SECRET else value for key, value in item["inputs"].items()
            }
        if definition.check:
            definition.check(item, lambda other, one: self.objects[other][one])
        key = [item.get(name) for name in definition.unique]
        for other in self.objects[kind].values():
            if (
                definition.unique
                and other["id"] != item.get("id")
                and [other[name] for name in definition.unique] == key
            ):
                raise RefusedError(f"{definition.type} with this {', '.join(definition.unique)} already exists")

    def _valid(self, name: str, value: t.Any, field: Field) -> t.Any:
        if value is None:
            # A controller takes no value for an empty one.
            return field.default
        if not isinstance(value, field.type) or (field.type is int and isinstance(value, bool)):
            raise RefusedError(f"{name}: {value!r} is no {field.type.__name__}")
        if field.choices and value not in field.choices:
            raise RefusedError(f"{name}: {value!r} is not a valid choice")
        if field.refers:
            kinds = STARTED if field.refers == "unified_job_templates" else (field.refers,)
            if not any(value in self.objects[kind] for kind in kinds):
                raise RefusedError(f"{name}: invalid pk {value}, object does not exist")
        return value

    def _remove(self, kind: str, item: Json) -> tuple[int, Json | None]:
        if kind == "credential_types" and any(
            one["credential_type"] == item["id"] for one in self.objects["credentials"].values()
        ):
            raise RefusedError("Credential types that are in use cannot be deleted")
        if kind == "organizations":
            raise RefusedError("it was there before")
        del self.objects[kind][item["id"]]
        self.surveys.pop(f"{kind}/{item['id']}", None)
        for other, field in BELONGS.items():
            for one in [one for one in self.objects[other].values() if one[field] == item["id"]]:
                with contextlib.suppress(KeyError):
                    self._remove(other, one)
        if (
            kind == "workflow_job_template_nodes"
            and item["unified_job_template"] in self.objects["workflow_approval_templates"]
        ):
            del self.objects["workflow_approval_templates"][item["unified_job_template"]]
        # What only refers to it has nothing there from now on.
        for other, definition in KINDS.items():
            for one in self.objects[other].values():
                for name, field in definition.fields.items():
                    if field.refers == kind and one[name] == item["id"]:
                        one[name] = None
        return (202, {}) if kind == "inventories" else (204, None)

    def _shown(self, kind: str, item: Json) -> Json:
        definition = KINDS[kind]
        url = f"/api/v2/{kind}/{item['id']}/"
        shown: Json = {**copy.deepcopy(item), "type": definition.type, "url": url, "summary_fields": {}}
        shown["related"] = {name: f"{url}{name}/" for name in (*definition.associations, "survey_spec")}
        if kind == "projects":
            shown["scm_revision"] = ""
        if kind == "inventory_sources":
            shown["organization"] = self.objects["inventories"][item["inventory"]]["organization"]
        if kind == "workflow_job_template_nodes" and item["unified_job_template"] is not None:
            started = next(one for one in STARTED if item["unified_job_template"] in self.objects[one])
            shown["related"]["unified_job_template"] = f"/api/v2/{started}/{item['unified_job_template']}/"
        if kind == "credentials":
            fields: list[Json] = self.objects["credential_types"][item["credential_type"]]["inputs"].get("fields", [])
            secret = {field["id"] for field in fields if field.get("secret")}
            shown["inputs"] = {key: SECRET if key in secret else value for key, value in item["inputs"].items()}
        return shown


__all__ = ["SECRET", "TOKEN", "FakeAwx", "Kind"]

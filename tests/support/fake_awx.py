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

import awx_data
from awx_jobs import ACTIVE, Jobs, Repository
from awx_kinds import BELONGS, KINDS, STARTED, Field, Json, Kind, RefusedError, check_answers, check_survey
from awx_query import page
from awx_rights import DeniedError, User, organization

TOKEN = "token-of-the-controller"
PLAYBOOKS = sorted(path.name for path in awx_data.PROJECT.glob("*.yml"))
SECRET = "$encrypted$"
UPDATING = ("scm_url", "scm_branch", "scm_type")
"""A project is updated when one of these changes."""


class FakeAwx:
    """``writes`` are all requests that change something, as ``VERB PATH``; ``faults`` is what was refused, and why."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Json]] = {kind: {} for kind in KINDS}
        self.surveys: dict[str, Json] = {}
        self.links: dict[str, list[int]] = {}
        self.writes: list[str] = []
        self.faults: list[str] = []
        self.users = {TOKEN: User("admin")}
        self.repository = Repository(list(PLAYBOOKS))
        self.jobs = Jobs(self.repository)
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
        return self.as_user(TOKEN)

    def as_user(self, token: str) -> dict[str, str]:
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": token}

    def administrator(self, *organizations: str) -> dict[str, str]:
        """A user who administers these organizations, and is no superuser."""
        ids = frozenset(self.get("organizations", name)["id"] for name in organizations)
        token = f"token-of-{'-'.join(organizations)}"
        self.users[token] = User(f"admin-of-{'-'.join(organizations)}", is_superuser=False, organizations=ids)
        return self.as_user(token)

    def start(self, kind: str, name: str) -> Json:
        """A job of this template, which runs until a test ends it."""
        template = self.get(kind, name)
        self._last += 1
        job_type = "workflow_job" if kind == "workflow_job_templates" else "job"
        more = {key: template.get(key) for key in ("inventory", "project")}
        return self.jobs.add(self._last, job_type, template, **more)

    def of_organization(self, name: str) -> dict[str, list[Json]]:
        """Everything of an organization, object by object, as it is stored."""
        wanted = self.get("organizations", name)["id"]
        return {
            kind: [copy.deepcopy(item) for item in items.values() if organization(self.objects, kind, item) == wanted]
            for kind, items in self.objects.items()
        }

    def restore(self, recorded: Json) -> None:
        """What was there when it was recorded. The last update of each project was successful."""
        self.objects = {
            kind: {int(key): item for key, item in items.items()} for kind, items in recorded["objects"].items()
        }
        self.surveys, self.links = copy.deepcopy(recorded["surveys"]), copy.deepcopy(recorded["links"])
        self._last = max(key for items in self.objects.values() for key in items)
        for project in self.objects["projects"].values():
            job = self._update(project)
            self.jobs.finish(job["id"], project)

    def add(self, kind: str, /, **fields: t.Any) -> Json:
        """As somebody else would have made it."""
        return self._insert(kind, fields)

    def add_managed_type(self, name: str, kind: str) -> Json:
        """A credential type that comes with AWX."""
        made = self._insert("credential_types", {"name": name, "kind": "cloud"})
        made.update(kind=kind, managed=True)
        return made

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

    def _answer(self, verb: str, target: str, body: Json, authorization: str) -> tuple[int, Json | list[str] | None]:
        url = urllib.parse.urlparse(target)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        user = self.users.get(authorization.removeprefix("Bearer "))
        if user is None:
            return 401, {"detail": "Authentication credentials were not provided."}
        if not url.path.startswith("/api/v2/") or not url.path.endswith("/"):
            return self._fault(404, verb, target, {"detail": "is no path of the API"})
        path = url.path.removeprefix("/api/v2/").strip("/").split("/")
        try:
            code, answer = self._route(user, verb, path, query, body)
        except RefusedError as error:
            return self._fault(400, verb, target, error.as_data())
        except DeniedError as error:
            return self._fault(403, verb, target, {"detail": str(error)})
        except KeyError as error:
            return self._fault(404, verb, target, {"detail": f"{error} is not there"})
        if code == 409:
            return self._fault(code, verb, target, answer or {})
        if verb != "GET":
            self.writes.append(f"{verb} {'/'.join(path)}")
        return code, answer

    def _fault(self, code: int, verb: str, target: str, why: Json) -> tuple[int, Json]:
        self.faults.append(f"{verb} {target}: {why}")
        return code, why

    def _route(
        self, user: User, verb: str, path: list[str], query: dict[str, str], body: Json
    ) -> tuple[int, Json | list[str] | None]:
        kind = path[0]
        if kind in ("me", "unified_jobs", "jobs", "project_updates"):
            return self._read(user, verb, path, query)
        if kind == "unified_job_templates" and verb == "GET" and len(path) == 1:
            templates = (one for one in STARTED if one != "workflow_approval_templates")
            every = [shown for one in templates for shown in self._seen(user, one)]
            return 200, page(every, query, {"id", "type", "organization", "name"})
        definition = KINDS[kind]
        if len(path) == 1:
            if verb == "GET":
                return 200, page(self._seen(user, kind), query, {"id", *definition.fields})
            if verb == "POST":
                user.check_change(self.objects, kind, body)
                return 201, self._shown(kind, self._insert(kind, body))
        item = self.objects[kind][int(path[1])]
        if not user.sees(self.objects, kind, item):
            raise KeyError(path[1])
        if verb != "GET":
            user.check_change(self.objects, kind, item)
        if len(path) == 2:
            if verb == "GET":
                if kind == "projects":
                    self.jobs.look(item)
                return 200, self._shown(kind, item)
            if verb == "PATCH":
                return 200, self._shown(kind, self._change(kind, item, body))
            if verb == "DELETE":
                return self._remove(kind, item)
        if path[2:] == ["playbooks"] and kind == "projects" and verb == "GET":
            return 200, list(item["playbook_files"])
        if path[2:] == ["update"] and kind == "projects" and verb == "POST":
            return 202, self._update(item)
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

    def _read(self, user: User, verb: str, path: list[str], query: dict[str, str]) -> tuple[int, Json]:
        """What is only read: who asks, and jobs."""
        if verb != "GET":
            raise KeyError("/".join(path))
        if path == ["me"]:
            return 200, page([user.as_data()], {}, ())
        kinds = {"jobs": ("job",), "project_updates": ("project_update",)}.get(path[0])
        templates = {one["id"]: (kind, one) for kind in STARTED for one in self.objects[kind].values()}
        seen = {
            key: job
            for key, job in self.jobs.every.items()
            if (kinds is None or job["type"] in kinds)
            and user.sees(self.objects, *templates[job["unified_job_template"]])
        }
        if len(path) == 1:
            fields = {"id", "name", "status", "unified_job_template", *(("inventory", "project") if kinds else ())}
            return 200, page([self._job(job) for job in seen.values()], query, fields)
        job = seen[int(path[1])]
        if path[2:] == ["events"]:
            events = [{"id": number, **event} for number, event in enumerate(job["events"], 1)]
            return 200, page(events, query, {"event"})
        if job["type"] == "project_update":
            self.jobs.look(self.objects["projects"][job["unified_job_template"]])
        return 200, self._job(job)

    @staticmethod
    def _job(job: Json) -> Json:
        return {key: value for key, value in job.items() if key != "events"}

    def _seen(self, user: User, kind: str) -> list[Json]:
        """A look at a list is one at each of its objects."""
        for item in self.objects[kind].values():
            if kind == "projects":
                self.jobs.look(item)
        seen = [self._shown(kind, item) for item in self.objects[kind].values() if user.sees(self.objects, kind, item)]
        for one in seen if kind == "credentials" else []:
            one["credential_type__kind"] = self.objects["credential_types"][one["credential_type"]]["kind"]
        return seen

    def _update(self, project: Json) -> Json:
        self._last += 1
        return self._job(self.jobs.update(self._last, project))

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
            return 200, page([self._shown(target, self.objects[target][one]) for one in linked], {}, ())
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
        if kind == "projects":
            item["playbook_files"] = []
            if item["scm_type"]:
                self._update(item)
        return item

    def _change(self, kind: str, item: Json, body: Json) -> Json:
        changed = copy.deepcopy(item)
        self._merge(kind, changed, body)
        if kind == "credential_types" and changed["inputs"] != item["inputs"] and self._is_in_use(item):
            raise DeniedError("Modifications to inputs are not allowed for credential types that are in use")
        if kind == "execution_environments" and changed["organization"] not in (None, item["organization"]):
            raise RefusedError("organization: Cannot change the organization of an execution environment")
        starts_update = kind == "projects" and any(changed[field] != item[field] for field in UPDATING)
        item.update(changed)
        if starts_update:
            self._update(item)
        return item

    def _is_in_use(self, credential_type: Json) -> bool:
        return any(one["credential_type"] == credential_type["id"] for one in self.objects["credentials"].values())

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
        if kind == "schedules" and ("extra_data" in body or "id" not in item):
            self._check_answers(item, with_required=True)
        if kind == "workflow_job_template_nodes" and "extra_data" in body:
            self._check_answers(item, with_required=False)
        if definition.check:
            definition.check(item, lambda other, one: self.objects[other][one])
        key = [item.get(name) for name in definition.unique]
        for other in self.objects[kind].values():
            if (
                definition.unique
                and other["id"] != item.get("id")
                and [other[name] for name in definition.unique] == key
            ):
                fields = " and ".join(name.replace("_", " ").title() for name in definition.unique)
                why = f"{definition.type.replace('_', ' ').capitalize()} with this {fields} already exists."
                raise RefusedError(why if len(definition.unique) > 1 else f"{definition.unique[0]}: {why}")

    def _check_answers(self, item: Json, *, with_required: bool) -> None:
        started = next(kind for kind in STARTED if item["unified_job_template"] in self.objects[kind])
        survey = self.surveys.get(f"{started}/{item['unified_job_template']}", {})
        check_answers(survey, item["extra_data"], with_required=with_required)

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
        if kind == "credential_types" and self._is_in_use(item):
            raise DeniedError("Credential types that are in use cannot be deleted")
        if kind == "organizations":
            raise RefusedError("it was there before")
        active = [job for job in self.jobs.every.values() if job["status"] in ACTIVE and self._uses(job, kind, item)]
        if active:
            ids = [{"type": job["type"], "id": job["id"]} for job in active]
            return 409, {"error": "Resource is being used by running jobs.", "active_jobs": ids}
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

    @staticmethod
    def _uses(job: Json, kind: str, item: Json) -> bool:
        field = {"inventories": "inventory", "projects": "project"}.get(kind)
        started = kind in STARTED and job["unified_job_template"] == item["id"]
        return started or (field is not None and job.get(field) == item["id"])

    def _shown(self, kind: str, item: Json) -> Json:
        definition = KINDS[kind]
        url = f"/api/v2/{kind}/{item['id']}/"
        shown: Json = {**copy.deepcopy(item), "type": definition.type, "url": url, "summary_fields": {}}
        shown["related"] = {name: f"{url}{name}/" for name in (*definition.associations, "survey_spec")}
        if kind == "projects":
            shown |= self.jobs.shown(item)
            del shown["playbook_files"]
            shown["related"]["update"] = f"{url}update/"
        if kind == "inventory_sources":
            # As on a controller, which takes it from the inventory.
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

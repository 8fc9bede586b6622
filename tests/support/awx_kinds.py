# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a controller's API that awx_setup makes: their fields, and what a controller refuses.

The fields are those of AWX 24's serializers, as far as awx.awx 24 sends them. What is not here is refused by the simulated API.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from dateutil import rrule
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Json = dict[str, t.Any]


class RefusedError(Exception):
    """What the API answers with 400: the field, and why."""

    def as_data(self) -> Json:
        field, separator, why = str(self).partition(": ")
        return {field: [why]} if separator else {"__all__": [str(self)]}


@dataclasses.dataclass(frozen=True)
class Field:
    """``default`` is what a controller fills in; ``refers`` is the kind whose id it takes."""

    type: type
    default: t.Any = ""
    required: bool = False
    choices: tuple[t.Any, ...] = ()
    refers: str = ""


def _text(**options: t.Any) -> Field:
    return Field(str, **options)


def _flag() -> Field:
    return Field(bool, default=False)


def _number(default: int = 0) -> Field:
    return Field(int, default=default)


def _of(kind: str, required: bool = False) -> Field:
    return Field(int, default=None, required=required, refers=kind)


_NAMED = {"name": _text(required=True), "description": _text()}
_ASK = ("limit", "job_type", "diff_mode", "variables", "inventory", "credential", "tags", "skip_tags", "verbosity")


@dataclasses.dataclass(frozen=True)
class Kind:
    type: str
    fields: dict[str, Field]
    unique: tuple[str, ...] = ("name",)
    associations: dict[str, str] = dataclasses.field(default_factory=dict)
    check: t.Callable[[Json, t.Callable[[str, int], Json]], None] | None = None


def _credential_type(item: Json, get: t.Callable[[str, int], Json]) -> None:
    inputs, injectors = item["inputs"], item["injectors"]
    if set(inputs) - {"fields", "required"}:
        raise RefusedError(f"inputs: {sorted(inputs)}")
    ids = []
    for field in inputs.get("fields", []):
        known = {
            "id",
            "label",
            "type",
            "secret",
            "multiline",
            "help_text",
            "choices",
            "default",
            "format",
            "ask_at_runtime",
        }
        if (
            set(field) - known
            or not {"id", "label"} <= set(field)
            or field.get("type", "string") not in ("string", "boolean")
        ):
            raise RefusedError(f"inputs: field {field}")
        if field["id"] == "tower" or not re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", field["id"]):
            raise RefusedError(f"inputs: id {field['id']}")
        ids.append(field["id"])
    if len(set(ids)) != len(ids) or set(inputs.get("required", [])) - set(ids):
        raise RefusedError("inputs: ids are repeated, or what is required is no field")
    if set(injectors) - {"file", "env", "extra_vars"}:
        raise RefusedError(f"injectors: {sorted(injectors)}")
    files = injectors.get("file", {})
    if any(not re.fullmatch(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?", label) for label in files) or (
        "template" in files and len(files) > 1
    ):
        raise RefusedError(f"injectors: file {sorted(files)}")
    if any(not re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", name) for name in injectors.get("env", {})):
        raise RefusedError("injectors: env")
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    filename: t.Any = "EXAMPLE"
    if "template" not in files:
        filename = {label.split(".")[1]: "EXAMPLE" for label in files}
    given = {**dict.fromkeys(ids, "EXAMPLE"), "tower": {"filename": filename}}
    for templates in injectors.values():
        for template in templates.values():
            try:
                environment.from_string(template).render(**given)
            except TemplateError as error:
                raise RefusedError(f"injectors: {template}: {error}") from error


def _credential(item: Json, get: t.Callable[[str, int], Json]) -> None:
    known = {field["id"] for field in get("credential_types", item["credential_type"])["inputs"].get("fields", [])}
    if set(item["inputs"]) - known:
        raise RefusedError(f"inputs: {sorted(set(item['inputs']) - known)} are no fields of the type")


def _kind_of(credential: int, get: t.Callable[[str, int], Json]) -> t.Any:
    return get("credential_types", get("credentials", credential)["credential_type"])["kind"]


def _project(item: Json, get: t.Callable[[str, int], Json]) -> None:
    if item["scm_type"] and not item["scm_url"]:
        raise RefusedError("scm_url: SCM URL is required")
    if item["credential"] is not None and _kind_of(item["credential"], get) != "scm":
        raise RefusedError("credential: Credential kind must be 'scm'.")


def _inventory_source(item: Json, get: t.Callable[[str, int], Json]) -> None:
    if item["source"] == "scm" and item["source_project"] is None:
        raise RefusedError("source_project: Project required for scm type sources")
    if item["credential"] is not None:
        kind = _kind_of(item["credential"], get)
        if kind in ("ssh", "scm", "insights", "vault"):
            raise RefusedError(f"credential: of the kind {kind}")


def _job_template(item: Json, get: t.Callable[[str, int], Json]) -> None:
    if item["project"] is None or not item["playbook"]:
        raise RefusedError("project: a job template must have a project and a playbook")
    if item["playbook"] not in get("projects", item["project"])["playbook_files"]:
        raise RefusedError("playbook: Playbook not found for project.")
    if item["inventory"] is None:
        raise RefusedError("inventory: must be set, or asked for on launch")


def _schedule(item: Json, get: t.Callable[[str, int], Json]) -> None:
    rule = item["rrule"]
    if not re.search(r"DTSTART(;TZID=[^:]+:\d{8}T\d{6}|:\d{8}T\d{6}Z)", rule):
        raise RefusedError("rrule: Valid DTSTART required in rrule")
    if len(re.findall(r"\bRRULE:", rule)) != 1 or "INTERVAL=" not in rule or "SECONDLY" in rule:
        raise RefusedError("rrule: one RRULE with an INTERVAL, and not SECONDLY")
    try:
        rrule.rrulestr(rule.replace(" RRULE", "\nRRULE"), forceset=True).after(
            datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
        )
    except ValueError as error:
        raise RefusedError(f"rrule: {error}") from error


_NODE = "workflow_job_template_nodes"
KINDS: dict[str, Kind] = {
    "organizations": Kind("organization", dict(_NAMED)),
    "credential_types": Kind(
        "credential_type",
        {
            **_NAMED,
            "kind": _text(required=True, choices=("cloud", "net")),
            "inputs": Field(dict, default={}),
            "injectors": Field(dict, default={}),
            "managed": _flag(),
        },
        ("name", "kind"),
        check=_credential_type,
    ),
    "credentials": Kind(
        "credential",
        {
            **_NAMED,
            "organization": _of("organizations"),
            "credential_type": _of("credential_types", required=True),
            "inputs": Field(dict, default={}),
        },
        ("name", "organization", "credential_type"),
        check=_credential,
    ),
    "execution_environments": Kind(
        "execution_environment",
        {
            **_NAMED,
            "organization": _of("organizations"),
            "image": _text(required=True),
            "pull": _text(choices=("", "always", "missing", "never")),
            "credential": _of("credentials"),
        },
    ),
    "projects": Kind(
        "project",
        {
            **_NAMED,
            "organization": _of("organizations"),
            "scm_type": _text(choices=("", "git", "svn", "insights", "archive")),
            "scm_url": _text(),
            "scm_branch": _text(),
            "scm_update_on_launch": _flag(),
            "scm_update_cache_timeout": _number(),
            "default_environment": _of("execution_environments"),
            "credential": _of("credentials"),
        },
        ("name", "organization"),
        check=_project,
    ),
    "inventories": Kind(
        "inventory",
        {
            **_NAMED,
            "organization": _of("organizations", required=True),
            "kind": _text(choices=("", "smart", "constructed")),
            "host_filter": _text(default=None),
            "variables": _text(),
        },
        ("name", "organization"),
    ),
    "inventory_sources": Kind(
        "inventory_source",
        {
            **_NAMED,
            "inventory": _of("inventories", required=True),
            "source": _text(required=True, choices=("file", "scm", "ec2", "gce", "controller", "terraform")),
            "source_project": _of("projects"),
            "source_path": _text(),
            "credential": _of("credentials"),
            "execution_environment": _of("execution_environments"),
            "overwrite": _flag(),
            "overwrite_vars": _flag(),
            "update_on_launch": _flag(),
        },
        ("name", "inventory"),
        check=_inventory_source,
    ),
    "job_templates": Kind(
        "job_template",
        {
            **_NAMED,
            "organization": _of("organizations"),
            "project": _of("projects"),
            "inventory": _of("inventories"),
            "execution_environment": _of("execution_environments"),
            "playbook": _text(),
            "forks": _number(),
            "job_slice_count": _number(1),
            "allow_simultaneous": _flag(),
            "survey_enabled": _flag(),
            **{f"ask_{one}_on_launch": _flag() for one in _ASK},
        },
        ("name", "organization"),
        {"credentials": "credentials"},
        check=_job_template,
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        {
            **_NAMED,
            "organization": _of("organizations"),
            "inventory": _of("inventories"),
            "ask_limit_on_launch": _flag(),
            "survey_enabled": _flag(),
        },
        ("name", "organization"),
    ),
    _NODE: Kind(
        "workflow_job_template_node",
        {
            "identifier": _text(required=True),
            "workflow_job_template": _of("workflow_job_templates", required=True),
            "unified_job_template": _of("unified_job_templates"),
            "extra_data": Field(dict, default={}),
            # Read only: it is sent all the same.
            "type": _text(choices=("workflow_job_template_node",)),
        },
        ("identifier", "workflow_job_template"),
        {"success_nodes": _NODE, "always_nodes": _NODE, "failure_nodes": _NODE},
    ),
    "workflow_approval_templates": Kind("workflow_approval", {**_NAMED, "timeout": _number()}, ()),
    "schedules": Kind(
        "schedule",
        {
            **_NAMED,
            "unified_job_template": _of("unified_job_templates", required=True),
            "extra_data": Field(dict, default={}),
            "rrule": _text(required=True),
            "enabled": Field(bool, default=True),
        },
        ("name", "unified_job_template"),
        check=_schedule,
    ),
}
STARTED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")
"""What a node or a schedule can start."""
BELONGS = {
    "inventory_sources": "inventory",
    _NODE: "workflow_job_template",
    "schedules": "unified_job_template",
}
"""What goes with another object, and the field that names it."""


def check_answers(survey: Json, given: Json, *, with_required: bool) -> None:
    """A schedule needs an answer to each required question; a node does not, since its workflow may have it at launch."""
    questions = {question["variable"]: question for question in survey.get("spec", [])}
    unknown = sorted(set(given) - set(questions))
    if unknown:
        raise RefusedError(f"extra_vars: Variables {', '.join(unknown)} are not allowed on launch.")
    for name, question in questions.items():
        if with_required and question["required"] and name not in given:
            raise RefusedError(f"variables_needed_to_start: '{name}' value missing")
        if question["type"] == "integer" and name in given and not isinstance(given[name], int):
            raise RefusedError(
                f"variables_needed_to_start: Value {given[name]} for '{name}' expected to be an integer."
            )


def check_survey(spec: Json) -> None:
    """What a controller's view of surveys wants."""
    if set(spec) != {"name", "description", "spec"} or not spec["spec"]:
        raise RefusedError(f"survey: {sorted(spec)}")
    seen = set()
    for question in spec["spec"]:
        if not {"question_name", "variable", "type", "required"} <= set(question):
            raise RefusedError(f"survey: {question}")
        kind, default = question["type"], question.get("default", "")
        if kind not in ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float"):
            raise RefusedError(f"survey: type {kind}")
        if question["variable"] in seen:
            raise RefusedError(f"survey: {question['variable']} is there twice")
        seen.add(question["variable"])
        if any(not isinstance(question.get(end, 0), int) for end in ("min", "max")):
            raise RefusedError("survey: min and max are integers")
        if kind == "integer" and default != "" and not isinstance(default, int):
            raise RefusedError(f"survey: default {default!r} is no integer")
        if kind == "multiplechoice" and default != "" and default not in question["choices"]:
            raise RefusedError(f"survey: default {default!r} is no choice")

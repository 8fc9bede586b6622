# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each item of extensions/awx/controller is what the modules of awx.awx take, and speaks of what is there."""

from __future__ import annotations

import importlib
import re
import typing as t

import awx_data
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from awx_kinds import KINDS, check_survey
from fake_awx import FakeAwx

Json = dict[str, t.Any]
LISTS = awx_data.lists(awx_project_url="https://git.example.com/fleet.git", awx_wds=True)
MODULES = {
    "controller_credential_types": "credential_type",
    "controller_credentials": "credential",
    "controller_execution_environments": "execution_environment",
    "controller_projects": "project",
    "controller_inventories": "inventory",
    "controller_inventory_sources": "inventory_source",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
}


class SpecFound(BaseException):
    """Ends a module's main as soon as it has said what it takes."""


def spec_of(module: str, monkeypatch: pytest.MonkeyPatch) -> Json:
    """The argument spec of a module of awx.awx, as its main gives it."""
    api = importlib.import_module("ansible_collections.awx.awx.plugins.module_utils.controller_api")
    found: Json = {}

    def catch(_self: t.Any, argument_spec: Json, **more: t.Any) -> None:
        found.update({key: value for key, value in more.items() if key in ("mutually_exclusive", "required_if")})
        found["argument_spec"] = argument_spec
        raise SpecFound

    monkeypatch.setattr(api.ControllerAPIModule, "__init__", catch)
    loaded = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}")
    with pytest.raises(SpecFound):
        loaded.main()
    return found


def test_every_list_is_there() -> None:
    assert set(LISTS) == set(MODULES)
    assert all(LISTS.values())


@pytest.mark.parametrize("key", MODULES)
def test_the_modules_take_each_item(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    validator = ArgumentSpecValidator(**spec_of(MODULES[key], monkeypatch))
    for item in LISTS[key]:
        own = {name: value for name, value in item.items() if name != "simplified_workflow_nodes"}
        assert validator.validate(own).error_messages == [], item["name"]
        wrong = validator.validate({**own, "no_such_option": 1})
        assert wrong.error_messages, "the validator refuses nothing"


def test_the_modules_take_each_node_of_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    validator = ArgumentSpecValidator(**spec_of("workflow_job_template_node", monkeypatch))
    for workflow in LISTS["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        for node in nodes.values():
            assert validator.validate({**node, "workflow_job_template": workflow["name"]}).error_messages == []
            assert {*node.get("success_nodes", []), *node.get("always_nodes", [])} <= set(nodes)


def test_each_name_that_is_referred_to_is_that_of_an_item() -> None:
    names = {key: {item["name"] for item in items} for key, items in LISTS.items()}
    started = names["controller_templates"] | names["controller_inventory_sources"] | names["controller_workflows"]
    for template in LISTS["controller_templates"]:
        assert set(template["credentials"]) <= names["controller_credentials"]
        assert template["project"] in names["controller_projects"]
        assert template["inventory"] in names["controller_inventories"]
        assert template["execution_environment"] in names["controller_execution_environments"]
        playbook = yaml.safe_load((awx_data.PROJECT / template["playbook"]).read_text())
        (ours,) = [play["ansible.builtin.import_playbook"] for play in playbook]
        assert (awx_data.ROOT / "playbooks" / f"{ours.removeprefix('kubestellar.wec.')}.yml").exists()
    for source in LISTS["controller_inventory_sources"]:
        assert (awx_data.PROJECT / source["source_path"]).exists()
        assert source["inventory"] in names["controller_inventories"]
    for credential in LISTS["controller_credentials"]:
        assert credential["credential_type"] in names["controller_credential_types"]
    for schedule in LISTS["controller_schedules"]:
        assert schedule["unified_job_template"] in started
    for node in [node for one in LISTS["controller_workflows"] for node in one["simplified_workflow_nodes"]]:
        assert node.get("unified_job_template", next(iter(started))) in started


@pytest.mark.parametrize(
    "template", [*LISTS["controller_templates"], *LISTS["controller_workflows"]], ids=lambda one: one["name"]
)
def test_each_question_is_about_a_variable_that_something_reads(template: Json) -> None:
    check_survey(template["survey_spec"])
    places = [awx_data.ROOT / "playbooks", *(awx_data.ROOT / "roles").iterdir()]
    text = "\n".join(path.read_text() for place in places for path in place.rglob("*.yml"))
    for question in template["survey_spec"]["spec"]:
        assert re.search(rf"\b{question['variable']}\b", text), question["variable"]
        options = [
            spec["argument_specs"]["main"]["options"][question["variable"]]
            for spec in map(
                yaml.safe_load,
                (path.read_text() for path in (awx_data.ROOT / "roles").glob("*/meta/argument_specs.yml")),
            )
            if question["variable"] in spec["argument_specs"]["main"]["options"]
        ]
        for option in options:
            assert set(question.get("choices", [])) <= set(option.get("choices", question.get("choices", [])))


def test_what_starts_a_template_by_itself_answers_each_required_question() -> None:
    """AWX refuses a schedule without, and counts a node among those whose prompts are rejected."""
    questions = {template["name"]: template["survey_spec"]["spec"] for template in LISTS["controller_templates"]}
    nodes = [node for workflow in LISTS["controller_workflows"] for node in workflow["simplified_workflow_nodes"]]
    for one in [*LISTS["controller_schedules"], *nodes]:
        survey = questions.get(one.get("unified_job_template", ""), [])
        assert {each["variable"] for each in survey if each["required"]} == set(one.get("extra_data", {}))
        for question in survey:
            assert one.get("extra_data", {}).get(question["variable"], question["default"]) == question["default"]


def test_credential_types_set_the_variables_that_the_modules_read(tmp_path: t.Any) -> None:
    connection = importlib.import_module("ansible_collections.kubestellar.wec.plugins.module_utils._apis.connection")
    known = {
        side.variable(field) for side in (connection.ITS, connection.WDS, connection.WEC) for field in connection.FIELDS
    }
    for kind in LISTS["controller_credential_types"]:
        variables = awx_data.inject(kind, {"kubeconfig": "the content", "context": "one"}, tmp_path)
        assert set(variables) <= known
        (path,) = [value for name, value in variables.items() if name.endswith("KUBECONFIG")]
        with open(path) as file:
            assert file.read() == "the content"
        assert {value for name, value in variables.items() if name.endswith("CONTEXT")} <= {"one"}
        # Without a context, the variable is empty, which counts as none.
        assert awx_data.inject(kind, {"kubeconfig": "x"}, tmp_path).get("KUBESTELLAR_ITS_CONTEXT", "") == ""


WRONG: dict[str, tuple[str, Json]] = {
    "unknown field": ("organizations", {"name": "one", "colour": "red"}),
    "missing field": ("credential_types", {"name": "one"}),
    "unknown choice": ("credential_types", {"name": "one", "kind": "ssh"}),
    "wrong type": ("credential_types", {"name": "one", "kind": "cloud", "managed": "no"}),
    "no such object": ("credentials", {"name": "one", "credential_type": 99}),
    "template of no field": (
        "credential_types",
        {"name": "one", "kind": "cloud", "injectors": {"env": {"A": "{{ b }}"}}},
    ),
    "no rule": ("schedules", {"name": "one", "unified_job_template": 1, "rrule": "daily"}),
    "twice": ("organizations", {"name": "Default"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_simulated_controller_refuses_what_a_controller_refuses(awx: FakeAwx, case: str) -> None:
    """Or a run against it would prove nothing."""
    kind, body = WRONG[case]
    code, _answer = awx._answer("POST", f"/api/v2/{kind}/", body, "Bearer token-of-the-controller")
    assert code == 400
    assert awx.faults
    assert set(awx.objects) == set(KINDS)
    assert awx._answer("POST", "/api/v2/organizations/", {"name": "two"}, "")[0] == 401

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx_setup over what the version before has made: it changes what has to change, and loses nothing."""

from __future__ import annotations

import copy
import pathlib
import subprocess
import typing as t

import awx_data
import pytest
from awx_kinds import Json
from awx_setup import IMAGE, SETUP, previous_version, recap, run
from fake_awx import FakeAwx

OUTCOMES: list[subprocess.CompletedProcess[str]] = []
COMMAND = f"{SETUP} -e awx_ee_image={IMAGE}"


@pytest.fixture(scope="module")
def before() -> Json:
    return {
        kind: {int(key): item for key, item in items.items()} for kind, items in previous_version()["objects"].items()
    }


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FakeAwx]:
    """After one run, without a file of a kubeconfig."""
    awx = FakeAwx()
    awx.restore(previous_version())
    OUTCOMES.append(run(COMMAND, awx, tmp_path_factory.mktemp("upgrade")))
    try:
        yield awx
    finally:
        awx.close()


def test_it_ends_well(upgraded: FakeAwx) -> None:
    assert OUTCOMES[0].returncode == 0, OUTCOMES[0].stdout
    assert upgraded.faults == []


def test_each_schedule_is_there_with_the_answers_that_awx_wants(upgraded: FakeAwx) -> None:
    assert upgraded.names("schedules") == ["WEC status every morning", "WECs from the ITS every hour"]
    assert upgraded.get("schedules", "WEC status every morning")["extra_data"] == {"wec_hosts": "wecs"}


def test_credentials_without_a_file_stay_as_they_are(upgraded: FakeAwx, before: Json) -> None:
    """Also their contexts. AWX cannot give a kubeconfig back."""
    assert upgraded.objects["credentials"] == before["credentials"]
    assert not [write for write in upgraded.writes if "PATCH credentials" in write]


def test_the_inventory_is_updated_before_each_job(upgraded: FakeAwx) -> None:
    assert upgraded.get("inventory_sources", "KubeStellar WECs from the project")["update_on_launch"] is True


def test_no_node_lacks_an_answer(upgraded: FakeAwx) -> None:
    """AWX names those that do in node_prompts_rejected."""
    for node in upgraded.objects["workflow_job_template_nodes"].values():
        survey = upgraded.surveys.get(f"job_templates/{node['unified_job_template']}", {})
        required = {question["variable"] for question in survey.get("spec", []) if question["required"]}
        assert required <= set(node["extra_data"]), node["identifier"]


def test_nothing_is_lost(upgraded: FakeAwx, before: Json) -> None:
    for kind, items in before.items():
        assert set(items) <= set(upgraded.objects[kind]), kind
        for key, item in items.items():
            # The name of an approval is the text that asks for it.
            fields = ("identifier", "organization", "image", *(["name"] if "approval" not in kind else []))
            for field in fields:
                assert upgraded.objects[kind][key].get(field) == item.get(field)
    assert upgraded.links == previous_version()["links"]


def test_a_second_run_changes_nothing(upgraded: FakeAwx, tmp_path: pathlib.Path) -> None:
    mark, stored = len(upgraded.writes), copy.deepcopy(upgraded.objects)
    again = run(COMMAND, upgraded, tmp_path)
    assert again.returncode == 0, again.stdout
    assert recap(again.stdout)["changed"] == 0
    assert upgraded.writes[mark:] == []
    assert upgraded.objects == stored


def test_inputs_of_released_credential_types_are_as_they_were(before: Json) -> None:
    """AWX refuses any change of them, help texts too, for a type that a credential uses: make a new type instead."""
    now = {kind["name"]: kind["inputs"] for kind in awx_data.lists()["controller_credential_types"]}
    for kind in before["credential_types"].values():
        assert now[kind["name"]] == kind["inputs"]

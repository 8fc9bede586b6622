# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and progress are for people: whoever reads the output of another callback finds nothing between its lines."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from playing import play

Json = dict[str, t.Any]
NAMES = ["edge-1", "edge-2", "edge-3"]
PLAYBOOKS = ("status", "plan", "configure")
# As ansible.posix.json does it: everything at the end, in one document.
_WRITES_JSON = """
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "as_json"
    results = []

    def v2_runner_on_ok(self, result, **kwargs):
        self.results.append([result._host.get_name(), bool(result._result.get("changed"))])

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps(self.results))
"""
_AS_PEOPLE_LIKE_IT = """
from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = '''
name: own_view
type: stdout
short_description: Ansible's own with another name
description: [It is Ansible's own.]
extends_documentation_fragment: [default_callback, result_format_callback]
'''


class CallbackModule(Default):
    CALLBACK_NAME = "own_view"
"""


@pytest.fixture
def own(tmp_path: pathlib.Path, its: FakeIts) -> Json:
    for name in NAMES:
        its.join(name, f"uid-of-{name}")
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"region": "us"}}})
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig(ca=its.authority.pem)))
    folder = tmp_path / "callbacks"
    folder.mkdir()
    (folder / "as_json.py").write_text(_WRITES_JSON)
    (folder / "own_view.py").write_text(_AS_PEOPLE_LIKE_IT)
    shared = {"its_kubeconfig": str(tmp_path / "its.kubeconfig"), "wec_labels": {"region": "eu"}}
    return {"wecs": {"vars": shared, "hosts": {name: {} for name in NAMES}}}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_callback_for_programs_has_the_output_for_itself(tmp_path: pathlib.Path, own: Json, playbook: str) -> None:
    environment = {"ANSIBLE_STDOUT_CALLBACK": "as_json", "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path / "callbacks")}
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, **environment)
    assert run.code == 0, run.output
    (document,) = run.lines
    assert {host for host, _changed in json.loads(document)} >= {"edge-1"}, document


@pytest.mark.parametrize("playbook", PLAYBOOKS)
@pytest.mark.parametrize("callback", ["minimal", "oneline"])
def test_a_line_for_each_result_stays_one(tmp_path: pathlib.Path, own: Json, playbook: str, callback: str) -> None:
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, ANSIBLE_STDOUT_CALLBACK=callback)
    assert run.code == 0, run.output
    assert not [line for line in run.lines if line.startswith("WEC ")], run.output
    if callback == "oneline":
        assert all(line.partition(" | ")[0] in NAMES for line in run.lines), run.output


@pytest.mark.parametrize("callback", ["default", "own_view"])
def test_people_see_the_table(tmp_path: pathlib.Path, own: Json, callback: str) -> None:
    environment = {"ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path / "callbacks")}
    run = play(tmp_path, "kubestellar.wec.status", own, **environment)
    assert [line for line in run.lines if line.startswith("WEC ")], run.output


def test_the_format_of_results_is_no_matter_of_the_table(tmp_path: pathlib.Path, own: Json) -> None:
    run = play(tmp_path, "kubestellar.wec.status", own, ANSIBLE_CALLBACK_RESULT_FORMAT="yaml")
    assert [line for line in run.lines if line.startswith("WEC ")], run.output


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_another_strategy_of_the_configuration_changes_nothing(
    tmp_path: pathlib.Path, own: Json, strategy: str, playbook: str
) -> None:
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, "--check", ANSIBLE_STRATEGY=strategy)
    assert run.code == 0, run.output
    assert {failed for _changed, failed in run.recap.values()} == {0}


@pytest.mark.parametrize(
    "setting",
    [
        {"ANSIBLE_HASH_BEHAVIOUR": "merge"},
        {"ANSIBLE_ANY_ERRORS_FATAL": "true"},
        {"ANSIBLE_FORKS": "1"},
        {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": "facts", "ANSIBLE_GATHERING": "smart"},
        {"ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit", "JUNIT_OUTPUT_DIR": "junit"},
        {"ANSIBLE_BECOME": "true", "ANSIBLE_BECOME_USER": "nobody-of-here", "ANSIBLE_REMOTE_USER": "nobody"},
        {"ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_PRIVATE_ROLE_VARS": "true"},
        {"ANSIBLE_HOST_PATTERN_MISMATCH": "error"},
        {"ANSIBLE_ERROR_ON_UNDEFINED_VARS": "false"},
        {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false", "ANSIBLE_DISPLAY_OK_HOSTS": "false"},
        {"ANSIBLE_JINJA2_NATIVE": "true"},
        {"ANSIBLE_PYTHON_INTERPRETER": "/nonexistent/python"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_settings_that_people_have_change_nothing(
    tmp_path: pathlib.Path, its: FakeIts, own: Json, setting: dict[str, str]
) -> None:
    run = play(tmp_path, "kubestellar.wec.configure", own, **setting)
    assert run.code == 0, run.output
    assert run.recap == dict.fromkeys(NAMES, (1, 0)), run.output
    labels = [its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"]["labels"] for name in NAMES]
    assert labels == [{"region": "eu"}] * 3
    again = play(tmp_path, "kubestellar.wec.configure", own, **setting)
    assert again.recap == dict.fromkeys(NAMES, (0, 0)), again.output


def test_hosts_that_are_machines_of_another_kind_are_left_alone(tmp_path: pathlib.Path, own: Json) -> None:
    own["wecs"]["vars"] |= {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.1",
        "ansible_become": True,
        "ansible_python_interpreter": "/nonexistent/python",
    }
    run = play(tmp_path, "kubestellar.wec.configure", own)
    assert run.code == 0, run.output
    assert run.recap == dict.fromkeys(NAMES, (1, 0)), run.output

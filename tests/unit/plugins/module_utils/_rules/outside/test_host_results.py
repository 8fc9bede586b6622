# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import host_results
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.untrusted import WrongShape
from hypothesis import given, settings
from hypothesis import strategies as st

MODULES = pathlib.Path(__file__).parents[6] / "plugins" / "modules"
ORDERS = {
    "add_host": {"host_name": "evil", "groups": ["wecs"]},
    "add_group": "wecs",
    "parent_groups": ["all"],
    "ansible_stats": {"data": {"a": 1}, "per_host": True, "aggregate": True},
    "_ansible_notify": ["restart"],
    "ansible_notify": ["restart"],
    "_ansible_facts_cacheable": True,
    "_ansible_delegated_vars": {"ansible_host": "evil"},
    "_ansible_no_log": False,
    "_ansible_verbose_always": True,
    "_ansible_ignore_errors": True,
    "_ansible_item_label": "x",
    "_ansible_retry": True,
    "_ansible_suppress_tmpdir_delete": True,
    "include": "/etc/evil.yml",
    "include_args": {"_raw_params": "/etc/evil.yml"},
    "results": [{"ansible_facts": {"wec_run_on": "controller"}}],
    "ansible_loop_var": "item",
    "item": "x",
    "skipped": True,
    "skip_reason": "x",
    "unreachable": True,
    "failed_when_result": False,
    "failed_when_suppressed_exception": "x",
    "changed_when_result": "x",
    "attempts": 1,
    "retries": 1,
    "rescued": 1,
    "ignored": 1,
    "ansible_job_id": "j1",
    "started": True,
    "finished": True,
    "results_file": "/etc/passwd",
    "async_result": {"ansible_job_id": "j1"},
    "censored": "x",
    "meta": "end_play",
    "false_condition": "x",
    "ansible_module_results": [1],
    "a_key_of_a_later_ansible": True,
}
SOUND = {"changed": True, "name": "edge-1", "uid": "u", "steps": [{"verb": "join"}], "msg": "it's done"}


def test_orders_are_left_out_and_values_stay() -> None:
    assert host_results.of_host({**SOUND, **ORDERS}) == {**SOUND, "failed": False}


def test_no_fact_but_the_interpreter_is_one() -> None:
    result = {
        "wec_run_on": "controller",
        "its_kubeconfig": {"users": [{"user": {"exec": {"command": "/bin/sh"}}}]},
        "ansible_python_interpreter": "/bin/evil",
        "ansible_connection": "local",
        "discovered_interpreter_python": "/usr/bin/python3.11",
        "discovered_interpreter_perl": ["/usr/bin/perl"],
        "discovered_interpreter_ruby": "/usr/bin/ruby {{ lookup('pipe', 'id') }}",
        "discovered_interpreter_lua": "lua",
        "discovered_interpreter_sh\n": "/bin/sh",
        "discovered_interpreter_": "/bin/sh",
    }
    found = host_results.of_host({**SOUND, "ansible_facts": result})
    assert found["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3.11"}


@pytest.mark.parametrize("message", ["text", ["a"], 3, None, {}, {"a": "b"}])
def test_facts_of_another_shape_are_none(message: t.Any) -> None:
    assert "ansible_facts" not in host_results.of_host({"ansible_facts": message})


@dataclasses.dataclass
class Event:
    msg: t.Any
    formatted_traceback: t.Any = None


@dataclasses.dataclass
class Summary:
    """As ansible-core 2.19 has it."""

    event: Event


def test_what_is_shown_is_texts_without_control_characters() -> None:
    found = host_results.of_host(
        {
            "failed": True,
            "msg": "\x1b[2Jall is \u202ewell\nhere",
            "warnings": ["a\x07", Summary(Event("b")), 3, {"a": 1}, Summary(Event(["c"]))],
            "deprecations": [{"msg": "c", "version": "9"}, "d", {"version": "9"}],
            "exception": Summary(Event("x", "Traceback\x1b[31m")),
            "diff": {"before": "a\x1b", "after": {"b": 1}, "evil": "c", "prepared": ["d"]},
            "rc": 3,
        }
    )
    assert found == {
        "changed": False,
        "failed": True,
        "msg": "\ufffd[2Jall is \ufffdwell\nhere",
        "warnings": ["a\ufffd", "b", "c", "d"],
        "exception": "Traceback\ufffd[31m",
        "diff": {"before": "a\ufffd", "after": {"b": 1}},
        "rc": 3,
    }


@pytest.mark.parametrize(
    "message", [{"msg": ["a"]}, {"warnings": "abc"}, {"diff": "abc"}, {"exception": {}}, {"rc": "0"}]
)
def test_what_has_another_shape_is_left_out(message: dict[str, t.Any]) -> None:
    assert host_results.of_host({**message, "failed": "no", "changed": 1}) == {"changed": False, "failed": False}


def test_what_is_no_result_is_told() -> None:
    deep: t.Any = "x"
    for _level in range(100):
        deep = [deep]
    for message in (None, [SOUND], "text", {"view": deep}, {"view": {1, 2}}):
        with pytest.raises(WrongShape, match="its answer"):
            host_results.of_host(message)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from([*ORDERS, "a", "msg"]), one, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *ORDERS,
        *sorted(host_results.RETURNED)[:5],
        "ansible_facts",
        "msg",
        "failed",
        "changed",
        "warnings",
        "diff",
        "exception",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_whatever_a_host_answers_nothing_of_it_is_an_order(answer: dict[str, t.Any]) -> None:
    found = host_results.of_host(answer)
    assert not set(found) & set(ORDERS)
    assert not [key for key in found.get("ansible_facts", {}) if not key.startswith("discovered_interpreter_")]
    assert type(found["failed"]) is type(found["changed"]) is bool
    json.dumps(found)


@pytest.mark.parametrize("module", sorted(path.stem for path in MODULES.glob("wec_*.py")))
def test_what_a_module_returns_by_its_documentation_passes(module: str) -> None:
    documented = get_docstring(str(MODULES / f"{module}.py"), fragment_loader)[2]
    keys = set(yaml.safe_load(documented) if isinstance(documented, str) else documented)
    assert keys - {"msg"} <= host_results.RETURNED

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answers, which may be anybody's by now: no order, no fact, no error but ours, and no secret of it goes on."""

from __future__ import annotations

import copy
import json
import types
import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import host_results
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _host_results
from ansible_collections.kubestellar.wec.plugins.plugin_utils._task_host import TaskHost
from fake_leaving import APPLIED
from fake_ocm import FakeAuthority, install_agent
from front_ends import AsAction
from fuzzing import SECRET, VALUES, Json, check_result, check_told, mutated
from hostile import PAYLOADS, TEXTS
from hosts import connection_to_host, modules_on_host
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemory, InMemoryIts, asked_in_process
from odd_wecs import token

_NOT_ORDERS = host_results.RETURNED | {
    *("changed", "failed", "msg", "module_stdout", "module_stderr", "stdout", "stderr", "rc"),
    *("warnings", "exception", "diff", "ansible_facts"),
}
_FLAGS = [
    *("--hub-token", "--hub-apiserver", "--ca-file", "--cluster-name", "--bundle-version", "--singleton"),
    *("--bundle-version-overrides", "--force-internal-endpoint-lookup", "--proxy-url", "--context"),
]
_ORDERS: Json = {
    "ansible_facts": {"wec_run_on": "controller", "discovered_interpreter_python": "/usr/bin/python3"},
    "add_host": {"host_name": "evil", "groups": ["wecs"]},
    "ansible_stats": {"data": {"a": 1}},
    "_ansible_notify": ["x"],
    "warnings": ["a"],
    "deprecations": [{"msg": "a", "version": "1"}],
    "diff": {"before": "a", "after": {"b": 1}},
    "exception": "Traceback",
    "msg": PAYLOADS[0],
    "rc": 0,
}


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = InMemoryIts(authority)
    with asked_in_process():
        yield found
    found.close()


@pytest.fixture(scope="module")
def looks(its: InMemoryIts) -> list[Json]:
    """What wec_agent tells of a bare cluster, and of one with an agent."""
    found = []
    for has_agent in (False, True):
        wec = InMemory()
        if has_agent:
            own = f"{token({'jti': 'a', 'exp': 2e9})}.{SECRET}"
            install_agent(wec, "edge-1", its, its.authority.client("edge-1"), own, its.url)
            wec.put(f"{APPLIED}/work", {})
        looked = AsAction()(
            "wec_agent", name="edge-1", with_rights=True, with_leaving=True, kubeconfig=wec.kubeconfig()
        )
        assert not looked.get("failed")
        clusteradm = {"binary": "clusteradm", "version": "1.3.1", "flags": _FLAGS}
        del looked["invocation"]
        found.append(json.loads(json.dumps({**looked, "clusteradm": clusteradm})))
    return found


ANSWERS = mutated(_ORDERS, VALUES | TEXTS) | VALUES


@given(ANSWERS)
def test_nothing_in_it_is_an_order(answer: t.Any) -> None:
    try:
        found = _host_results.answer(lambda: copy.deepcopy(answer))
    except WecError as error:
        check_told(error)
        return
    assert set(found) <= _NOT_ORDERS
    assert all(key.startswith("discovered_interpreter_") for key in found.get("ansible_facts", {}))
    json.dumps(found, default=str)


@given(st.data())
def test_a_join_ends_as_ours(its: InMemoryIts, looks: list[Json], data: st.DataObject) -> None:
    answers = [
        data.draw(mutated({**look, **_ORDERS} if data.draw(st.booleans()) else look, VALUES | TEXTS)) for look in looks
    ]
    asked = iter([*answers, *answers, *answers])
    run = AsAction(host=connection_to_host())
    with modules_on_host(lambda _options: copy.deepcopy(next(asked, {}))) as sent:
        result = run(
            "wec_join",
            check_mode=True,
            name="edge-1",
            its_kubeconfig=its.kubeconfig(SECRET, its.authority.pem),
            its_outage_timeout=0,
            kubeconfig_from_host="/nonexistent",
            wec_run_on="host",
        )
    check_result(result, run.lines, run.warnings)
    assert SECRET not in json.dumps([sent.options, sent.environment])
    assert set(result.get("ansible_facts", {})) <= {"discovered_interpreter_python"}
    assert not result.get("failed") or result["msg"]


@given(st.data())
def test_a_leave_ends_as_ours(its: InMemoryIts, looks: list[Json], data: st.DataObject) -> None:
    answers = [data.draw(mutated({**look, **_ORDERS}, VALUES | TEXTS)) for look in looks]
    asked = iter([*answers, *answers])
    run = AsAction(host=connection_to_host())
    with modules_on_host(lambda _options: copy.deepcopy(next(asked, {}))) as sent:
        result = run(
            "wec_join",
            check_mode=True,
            state="absent",
            name="edge-1",
            its_kubeconfig=its.kubeconfig(SECRET, its.authority.pem),
            its_outage_timeout=0,
            kubeconfig_from_host="/nonexistent",
            wec_run_on="host",
        )
    check_result(result, run.lines, run.warnings)
    assert SECRET not in json.dumps([sent.options, sent.environment])
    assert not [options for options in sent.options if options.get("steps")], "in check mode nothing is done there"
    assert not result.get("failed") or result["msg"]


@given(st.data())
def test_a_module_that_runs_on_a_host(its: InMemoryIts, looks: list[Json], data: st.DataObject) -> None:
    answer = data.draw(mutated({**looks[1], **_ORDERS}, VALUES | TEXTS) | VALUES)
    run = AsAction(host=connection_to_host())
    from ansible.plugins.action import ActionBase

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ActionBase, "_execute_module", lambda _action, **_options: copy.deepcopy(answer))
        result = run("wec_status", run_on="host", name="edge-1", its_kubeconfig="/nonexistent")
    assert set(result) <= _NOT_ORDERS
    assert set(result.get("ansible_facts", {})) <= {"discovered_interpreter_python"}
    assert len(json.dumps(result, default=str)) < 4 * 1024 * 1024


SHELL: Json = {
    "rc": 0,
    "stdout": "apiVersion: v1\n",
    "stderr": "cat: /a: No such file or directory\n",
    "stdout_lines": [],
}


@given(st.fixed_dictionaries({"rc": st.integers(-1, 255), "stdout": TEXTS | st.text(), "stderr": TEXTS | st.text()}))
def test_a_file_of_it(message: Json) -> None:
    """Ansible itself makes the three of what comes over the connection."""
    context = types.SimpleNamespace(no_log=False)
    action = types.SimpleNamespace(
        _low_level_execute_command=lambda _command: message,
        _play_context=context,
        _connection=types.SimpleNamespace(_play_context=context),
    )
    try:
        content = TaskHost(t.cast(t.Any, action), {}).read("/a")
    except (OSError, ValueError) as error:
        said = str(error)
        assert len(said) < 1000
    except AnsibleError:
        raise AssertionError("only a connection that fails is Ansible's own") from None
    else:
        assert isinstance(content, bytes)

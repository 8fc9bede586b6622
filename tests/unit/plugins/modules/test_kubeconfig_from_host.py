# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option kubeconfig_from_host through both front ends, with a real shell behind the connection."""

from __future__ import annotations

import json
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleConnectionFailure
from fake_api import FakeApi
from fake_ocm import FakeIts
from front_ends import AsAction, AsModule
from hosts import connection_to_host

SECRET = "the-secret-token-of-the-wec-user"


@pytest.fixture
def node(wec: FakeApi, tmp_path: pathlib.Path) -> pathlib.Path:
    """The kubeconfig that the node has; its address leads the node to itself."""
    path = tmp_path / "it's the node's.yaml"
    path.write_text(json.dumps(wec.kubeconfig(SECRET)))
    return path


@pytest.fixture
def options(its: FakeIts, node: pathlib.Path) -> dict[str, t.Any]:
    return {"name": "edge-1", "its_kubeconfig": its.kubeconfig(), "kubeconfig_from_host": str(node)}


def test_an_action_reads_it_over_the_connection_and_uses_it_from_here(wec: FakeApi, options: dict[str, t.Any]) -> None:
    run = AsAction(host=connection_to_host())
    run.address = "localhost"
    result = run("wec_join", preflight_only=True, **options)
    assert result["uid"] == wec.uid, result
    assert result["wec"]["server"] == f"http://localhost:{wec.port}", "the address was not replaced"
    assert "on the host, context fake" in result["wec"]["source"]
    assert SECRET not in json.dumps(result) + "\n".join(run.lines)


def test_nothing_that_the_connection_gives_is_shown_while_it_is_read(options: dict[str, t.Any]) -> None:
    connection = connection_to_host()
    run = AsAction(host=connection)
    run.address = "localhost"
    silent: list[bool] = []
    execute = connection.exec_command

    def exec_command(*arguments: t.Any, **more: t.Any) -> t.Any:
        silent.append(connection._play_context.no_log)
        return execute(*arguments, **more)

    with mock.patch.object(connection, "exec_command", exec_command):
        run("wec_join", preflight_only=True, **options)
    assert silent == [True]
    assert connection._play_context.no_log is False


def test_a_connection_that_leads_nowhere_else_needs_no_other_address(wec: FakeApi, options: dict[str, t.Any]) -> None:
    connection = connection_to_host()
    connection.transport = "local"
    result = AsAction(host=connection)("wec_join", preflight_only=True, **options)
    assert result["wec"]["server"] == wec.url


def test_a_module_reads_it_where_it_runs(wec: FakeApi, options: dict[str, t.Any]) -> None:
    result = AsModule()("wec_join", preflight_only=True, **options)
    assert result["uid"] == wec.uid, result
    assert result["wec"]["server"] == wec.url


@pytest.mark.parametrize("address", ["localhost", "192.0.2.7"])
def test_a_file_that_is_not_there_is_told(options: dict[str, t.Any], address: str, tmp_path: pathlib.Path) -> None:
    run = AsAction(host=connection_to_host())
    run.address = address
    result = run("wec_join", preflight_only=True, **{**options, "kubeconfig_from_host": str(tmp_path / "none")})
    assert result["failed"]
    assert f"the kubeconfig on the host is not there ({tmp_path / 'none'})" in result["msg"]


def test_a_file_that_cannot_be_read_is_told_with_the_shells_reason(
    options: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    result = AsAction(host=connection_to_host())(
        "wec_join", preflight_only=True, **{**options, "kubeconfig_from_host": str(tmp_path)}
    )
    assert f"{tmp_path} cannot be read: Is a directory" in result["msg"]
    assert "use become" in result["msg"]


def test_a_host_that_does_not_answer_is_unreachable_as_for_any_task(options: dict[str, t.Any]) -> None:
    connection = connection_to_host()
    broken = mock.patch.object(connection, "exec_command", side_effect=AnsibleConnectionFailure("no route to host"))
    with broken, pytest.raises(AnsibleConnectionFailure):
        AsAction(host=connection)("wec_join", preflight_only=True, **options)


def test_without_the_option_no_connection_is_opened(wec: FakeApi, options: dict[str, t.Any]) -> None:
    del options["kubeconfig_from_host"]
    result = AsAction()("wec_join", preflight_only=True, kubeconfig=wec.kubeconfig(), **options)
    assert result["uid"] == wec.uid

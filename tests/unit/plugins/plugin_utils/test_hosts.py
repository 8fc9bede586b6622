# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ITSs of a batch are asked side by side, and one that fails concerns its own hosts only."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _unknown_variables
from ansible_collections.kubestellar.wec.plugins.plugin_utils._hosts import (
    HostVariables,
    by_connection,
    each_connection,
    variables_of_options,
)

Json = dict[str, t.Any]


def parts(**hosts_of: list[str]) -> list[tuple[Json, list[HostVariables]]]:
    return [({"its_host": its}, [HostVariables(host, {}) for host in hosts]) for its, hosts in hosts_of.items()]


def test_none_waits_for_another() -> None:
    met = threading.Barrier(3, timeout=10)

    def prepare(connection: Json, _hosts: list[HostVariables]) -> t.Callable[[], str]:
        def look() -> str:
            met.wait()
            return str(connection["its_host"])

        return look

    assert each_connection(parts(one=["a"], two=["b", "c"], three=["d"]), prepare) == (["one", "two", "three"], [])


def test_variables_are_read_by_this_thread_alone() -> None:
    readers = set()

    def prepare(_connection: Json, _hosts: list[HostVariables]) -> t.Callable[[], None]:
        readers.add(threading.get_ident())
        return lambda: None

    each_connection(parts(one=["a"], two=["b"]), prepare)
    assert readers == {threading.get_ident()}


def test_what_fails_is_told_of_its_own_hosts() -> None:
    def prepare(connection: Json, _hosts: list[HostVariables]) -> t.Callable[[], str]:
        its = connection["its_host"]
        if its == "unreadable":
            raise WecError("a variable cannot be evaluated")

        def look() -> str:
            if its == "silent":
                raise WecError("it does not answer")
            return str(its)

        return look

    found, unseen = each_connection(parts(good=["a"], silent=["b", "c"], unreadable=["d"], fine=["e"]), prepare)
    assert found == ["good", "fine"]
    assert sorted((one["hosts"], one["msg"]) for one in unseen) == [
        (["b", "c"], "it does not answer"),
        (["d"], "a variable cannot be evaluated"),
    ]


def test_a_managed_cluster_that_is_called_as_a_group_is_refused_alone() -> None:
    made = {"wec_state": "joined", "wec_conditions": {}}
    variables = {"edge": made, "edge-1": made, "written-down": {}}
    groups = {"all": [], "edge": ["edge-1"], "written-down": ["x"]}
    task_vars = {
        "ansible_play_batch": list(variables),
        "inventory_hostname": "edge",
        "groups": groups,
    }
    parts, lost = by_connection(task_vars, variables, {}, with_wds=False)
    assert [host.host for _connection, hosts in parts for host in hosts] == ["edge-1", "written-down"]
    assert [(one["hosts"], one["problem"]["code"]) for one in lost] == [(["edge"], "name_is_group")]


def test_an_argument_that_is_what_the_inventory_says_for_this_host_is_not_everybodys() -> None:
    """A task that runs on one host may be for others, which have another ITS."""
    variables = {name: {"its_host": f"https://its-of-{name}"} for name in ("one", "two", "three")}
    task_vars = {"ansible_play_batch": list(variables), "inventory_hostname": "one", "groups": {}}

    def found(its_host: str) -> list[t.Any]:
        given = {"its_host": its_host}
        parts, _lost = by_connection(task_vars, variables, given, with_wds=False, some=["two", "three"])
        return [(connection["its_host"], [host.host for host in hosts]) for connection, hosts in parts]

    assert found("https://its-of-one") == [("https://its-of-two", ["two"]), ("https://its-of-three", ["three"])]
    assert found("https://another") == [("https://another", ["two", "three"])]


@pytest.mark.parametrize("role", ["register", "configure", "deregister"])
def test_messages_name_variables_that_there_are(role: str) -> None:
    assert set(variables_of_options(role).values()) <= _unknown_variables.known()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._bodies import wec_plan
from ..module_utils._bodies.task import Task
from ..module_utils._errors import WecError
from ..module_utils._operations.planning import FleetPlan
from ..plugin_utils._hosts import HostVariables, by_connection, each_connection
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]
_ENTRIES = ArgumentSpecValidator(wec_plan.OWN)


class ActionModule(InProcessAction):
    """One task for all hosts of the play: to look at each in a task of its own costs 20 ms a host."""

    BODY = wec_plan
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["wecs"] is not None:
            return wec_plan.run(task)
        some = task.params["hosts"]
        parts, lost = by_connection(self._variables, self._of_each_host, plain(self._task.args), with_wds=True, some=some)
        with contextlib.ExitStack() as stack:

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], FleetPlan]:
                part = self._with(task, {**connection, "wecs": None, "hosts": None})
                part.params["wecs"] = [_entry(host) for host in hosts]
                return functools.partial(wec_plan.look, stack, part)

            plans, unseen = each_connection(parts, prepare)
            result = wec_plan.conclude(task, plans, [*lost, *unseen])
        by_name = {host.host: host for _connection, hosts in parts for host in hosts}
        to_register: list[str] = result["to_register"]
        result["by_host"] = [host for host in to_register if _needs_own_connection(by_name.get(host))]
        own = set(result["by_host"])
        result["at_once"] = [host for host in to_register if host not in own]
        return result


def _needs_own_connection(host: HostVariables | None) -> bool:
    try:
        return host is None or host.needs_own_connection
    except WecError:
        # The role tells what is wrong with this host's variables, and nobody else's.
        return True


def _entry(host: HostVariables) -> Json:
    """What a host wants, validated; or what is wrong with its variables, which blocks this host."""
    try:
        said = host.wish(_ENTRIES, wait_addon=["register_wait_addon"])
        verify = host.get("register_verify")
    except WecError as error:
        nothing = host.nothing(_ENTRIES, host.host)
        return {**nothing, wec_plan.VIOLATIONS: [error.message], wec_plan.IS_NAMED: False}
    return {
        **said.options,
        "ask_wec": verify not in (None, "available", "addon"),
        **({wec_plan.VIOLATIONS: said.faults} if said.faults else {}),
    }

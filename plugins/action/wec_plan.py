# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ..module_utils import _wording
from ..module_utils._modules import wec_plan
from ..module_utils._modules.task import Task
from ..module_utils._operations.planning import FleetPlan
from ..plugin_utils import _desired_state
from ..plugin_utils._hosts import HostVariables, each_connection, variables_of_options
from ..plugin_utils._hosts_action import HostsAction
from ..plugin_utils._in_process import plain

Json = dict[str, t.Any]


class ActionModule(HostsAction):
    """One task for all hosts of the play: to look at each in a task of its own costs 20 ms a host."""

    BODY = wec_plan
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["wecs"] is not None:
            return wec_plan.run(task)
        with _wording.variables(variables_of_options("configure")):
            return self._plan_hosts(task)

    def _plan_hosts(self, task: Task) -> Json:
        hosts = self._of_batch(task.params["hosts"])
        parts, lost = self._of_connections(task, plain(self._task.args), with_wds=True, some=hosts)
        # Somebody asks for a version now, and only a WEC itself tells which it has.
        version_is_asked = "register_bundle_version" in self._task.get_variable_manager().extra_vars
        asked = {"ask_wecs": True} if version_is_asked and task.params["to_register"] else {}
        with contextlib.ExitStack() as stack:

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], FleetPlan]:
                part = self._with(task, {**connection, "wecs": None, "hosts": None, **asked})
                return functools.partial(wec_plan.look, stack, part, _desired_state.entries(hosts, self._groups))

            plans, unseen = each_connection(parts, prepare)
            for warning in self._groups.warnings:
                task.warn(warning)
            return wec_plan.conclude(task, plans, [*lost, *unseen])

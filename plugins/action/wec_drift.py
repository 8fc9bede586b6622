# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import typing as t

from ..module_utils._bodies import wec_drift
from ..module_utils._bodies.task import Task
from ..module_utils._operations.comparing import Comparison
from ..plugin_utils._hosts import HostVariables, by_connection, each_connection
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    """One task for all hosts of the play."""

    BODY = wec_drift
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["wecs"] is not None:
            return wec_drift.run(task)
        parts = by_connection(self._variables, plain(self._task.args), with_wds=False)
        inventory = task.params["inventory"]
        if inventory is None:
            inventory = self._names({host.host: host for _connection, hosts in parts for host in hosts})

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], tuple[str, Comparison]]:
            wecs = [host.wish() for host in hosts]
            part = self._with(task, {**connection, "wecs": wecs, "inventory": inventory})
            return functools.partial(wec_drift.compare, part)

        found, unseen = each_connection(parts, prepare)
        return wec_drift.conclude(task, found, unseen)

    def _names(self, known: dict[str, HostVariables]) -> list[str]:
        """Every WEC's name that the inventory has, whatever the run is limited to."""
        variables = self._variables["hostvars"]
        return [
            (known.get(host) or HostVariables(host, variables[host])).wec for host in self._variables["groups"]["all"]
        ]

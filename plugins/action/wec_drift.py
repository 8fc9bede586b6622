# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._bodies import wec_drift
from ..module_utils._bodies.task import Task
from ..module_utils._operations.comparing import Comparison
from ..module_utils._rules import readable
from ..plugin_utils._hosts import HostVariables, InvalidVariable, by_connection, each_connection, named
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]
_ENTRIES = ArgumentSpecValidator(wec_drift.OWN)


class ActionModule(InProcessAction):
    """One task for all hosts of the play."""

    BODY = wec_drift
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["wecs"] is not None:
            return wec_drift.run(task)
        parts, lost = by_connection(self._variables, self._of_each_host, plain(self._task.args), with_wds=False)
        inventory = task.params["inventory"]
        if inventory is None:
            inventory = self._names(task, {host.host: host for _connection, hosts in parts for host in hosts})

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], tuple[str, Comparison]]:
            part = self._with(task, {**connection, "wecs": None, "inventory": inventory})
            # Whose name nobody knows has no status.
            sound, unnamed = named(hosts)
            lost.extend(unnamed)
            part.params["wecs"] = [_entry(host) for host, _name in sound]
            return functools.partial(wec_drift.compare, part)

        found, unseen = each_connection(parts, prepare)
        return wec_drift.conclude(task, found, [*lost, *unseen])

    def _names(self, task: Task, known: dict[str, HostVariables]) -> list[str]:
        """Every WEC's name that the inventory has, whatever the run is limited to."""
        variables = self._of_each_host
        names = []
        for host in self._variables["groups"]["all"]:
            try:
                names.append((known.get(host) or HostVariables(host, variables[host])).wec)
            except Exception as error:
                # Of the hosts of the play, it is told as a failure.
                if host not in self._variables["ansible_play_batch"]:
                    told = error.message if isinstance(error, InvalidVariable) else f"{host}: {readable.why(error)}."
                    task.warn(f"{told} Until that is corrected, nobody knows which WEC the host is.")
        return names


def _entry(host: HostVariables) -> Json:
    """What a host wants, validated; or what is wrong with its variables."""
    said = host.wish(_ENTRIES)
    return {**said.options, wec_drift.VIOLATIONS: said.faults} if said.faults else said.options

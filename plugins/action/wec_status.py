# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import typing as t

from ..module_utils._modules import wec_status
from ..module_utils._modules.task import Task, failure
from ..module_utils._operations.fleet_status import FleetStatus
from ..module_utils._rules.observed import readable
from ..plugin_utils import _desired_state
from ..plugin_utils._fleet_action import FleetAction
from ..plugin_utils._hosts import HostVariables, InvalidVariable, each_connection, named

Json = dict[str, t.Any]


class ActionModule(FleetAction):
    """Many WECs that are asked themselves are asked in threads instead of forks."""

    BODY = wec_status

    def _run_body(self, task: Task) -> Json:
        if task.params["all"]:
            return wec_status.run(task)
        return super()._run_body(task)

    def _run_for_hosts(self, task: Task) -> Json:
        wec_status.require_effect(task)
        parts, lost = self._by_connection(task, with_wds=True)
        known = {host.host: host for _connection, hosts in parts for host in hosts}
        inventory = task.params["inventory"]
        # A host alone cannot tell which of the others somebody wants.
        if inventory is None and self._task.run_once and task.params["compare"]:
            inventory = self._names(task, known)

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], FleetStatus]:
            part = self._with(task, {**connection, "at_once": task.params["at_once"]})
            part.params["inventory"] = inventory
            # Whose name cannot be read has no status.
            valid, unnamed = named(hosts)
            lost.extend(unnamed)
            hosts = [host for host, _name in valid]
            entries = [_desired_state.entry(host, {}) for host in hosts]
            asked, invalid = [], []
            if part.params["ask_wecs"]:
                asked, invalid = self._entries(part, hosts, wec_status.OF_ONE, "register", with_machine=True)
            lost.extend({"hosts": [host.host], **failure(error)} for host, _name, error in invalid)
            failed = {host.host for host, _name, _error in invalid}
            return functools.partial(
                wec_status.look, part, [one for one in entries if one["host"] not in failed], asked
            )

        found, unseen = each_connection(parts, prepare)
        return wec_status.conclude(task, found, [*lost, *unseen])

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
                    sentence = (
                        error.message if isinstance(error, InvalidVariable) else f"{host}: {readable.why(error)}."
                    )
                    task.warn(f"{sentence} Until that is corrected, nobody knows which WEC the host is.")
        return names

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import typing as t

from ..module_utils._modules import wec_accept
from ..module_utils._modules.task import Task
from ..module_utils._rules.fleet import wec_results
from ..plugin_utils._fleet_action import FleetAction
from ..plugin_utils._hosts import HostVariables, each_connection

Json = dict[str, t.Any]


class ActionModule(FleetAction):
    BODY = wec_accept

    def _run_for_hosts(self, task: Task) -> Json:
        parts, lost = self._by_connection(task, with_wds=False)

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], list[Json]]:
            spec = wec_accept.TO_ASK if task.params["ask_wecs"] else wec_accept.OF_ONE
            entries, invalid = self._entries(task, hosts, spec, "register", with_machine=True)
            records = [wec_accept.failed(host.host, name, error) for host, name, error in invalid]
            part = self._with(task, connection)
            return functools.partial(wec_accept.records, part, entries, records)

        found, unseen = each_connection(parts, prepare)
        return wec_results.of_task([record for records in found for record in records], [*lost, *unseen], "changed")

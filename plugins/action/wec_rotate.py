# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible import context

from ..module_utils._modules import join_batch, wec_rotate
from ..module_utils._modules.task import Task
from ..module_utils._operations.registering import Registration
from ..plugin_utils._fleet_action import FleetAction
from ..plugin_utils._hosts import HostVariables, each_connection

Json = dict[str, t.Any]


class ActionModule(FleetAction):
    """Many WECs are worked on in threads instead of forks."""

    BODY = wec_rotate

    def _run_body(self, task: Task) -> Json:
        if task.params["at_once"] is None:
            task.params["at_once"] = context.CLIARGS.get("forks")
        return super()._run_body(task)

    def _role(self, _task: Task) -> str:
        return "rotate"

    def _run_for_hosts(self, task: Task) -> Json:
        wec_rotate.require_moment(task)
        with contextlib.ExitStack() as stack:
            connections, lost = self._by_connection(task, with_wds=False)
            slots = join_batch.slots(task)

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], wec_rotate.Part]:
                part = self._with(task, {**connection, "at_once": task.params["at_once"]})
                entries, invalid = self._entries(task, hosts, wec_rotate.OF_ONE, "rotate", with_machine=True)
                refused = [Registration(host.host, name, error=error) for host, name, error in invalid]
                return functools.partial(wec_rotate.look, stack, part, entries, slots, refused)

            parts, unseen = each_connection(connections, prepare)
            return wec_rotate.finish(task, parts, [*lost, *unseen])

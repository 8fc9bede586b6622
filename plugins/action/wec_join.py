# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ..module_utils._modules import join_batch, leave_batch, leaving_options, wec_join
from ..module_utils._modules.task import Task
from ..module_utils._operations.registering import Registering, Registration
from ..plugin_utils._fleet_action import FleetAction
from ..plugin_utils._hosts import HostVariables, each_connection

Json = dict[str, t.Any]


class ActionModule(FleetAction):
    """Many WECs are worked on in threads instead of forks."""

    BODY = wec_join

    def _role(self, task: Task) -> str:
        return "deregister" if task.params["state"] == "absent" else "register"

    def _run_for_hosts(self, task: Task) -> Json:
        with contextlib.ExitStack() as stack:
            return self._leave(stack, task) if task.params["state"] == "absent" else self._join(stack, task)

    def _join(self, stack: contextlib.ExitStack, task: Task) -> Json:
        connections, lost = self._by_connection(task, with_wds=False)
        slots = join_batch.slots(task)

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], Registering]:
            part = self._with(task, {**connection, "at_once": task.params["at_once"]})
            entries, invalid = self._entries(task, hosts, join_batch.OF_ONE, "register", with_machine=True)
            return functools.partial(
                join_batch.look,
                stack,
                part,
                entries,
                slots,
                [Registration(host.host, name, error=error) for host, name, error in invalid],
                is_one_of_several=len(connections) > 1,
            )

        parts, unseen = each_connection(connections, prepare)
        return join_batch.finish(task, parts, [*lost, *unseen])

    def _leave(self, stack: contextlib.ExitStack, task: Task) -> Json:
        connections, lost = self._by_connection(task, with_wds=True)
        slots = join_batch.slots(task)

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], leave_batch.Part]:
            part = self._with(task, {**connection, "at_once": task.params["at_once"]})
            spec = {**join_batch.OF_ONE, **leaving_options.OF_ONE}
            entries, invalid = self._entries(task, hosts, spec, "deregister", with_machine=True)
            leavers = [leave_batch.Leaver(host.host, name, error=error) for host, name, error in invalid]
            return functools.partial(leave_batch.look, stack, part, entries, slots, leavers)

        parts, unseen = each_connection(connections, prepare)
        return leave_batch.finish(task, parts, [*lost, *unseen], slots)

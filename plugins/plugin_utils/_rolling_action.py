# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that change the agents of WECs that have joined, in the waves of a playbook."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ..module_utils._modules import join_batch
from ..module_utils._modules.task import Body, Task
from ..module_utils._operations.registering import Registration
from ._fleet_action import FleetAction
from ._hosts import HostVariables, each_connection

Json = dict[str, t.Any]


class RollingBody(Body, t.Protocol):
    """``look`` gives a part for the WECs of one ITS, and ``finish`` does what is to be done for all parts."""

    OF_ONE: Json
    look: t.Callable[..., t.Any]
    finish: t.Callable[..., Json]


class RollingAction(FleetAction):
    """Many WECs are worked on in threads instead of forks."""

    BODY: t.ClassVar[RollingBody]
    ROLE: t.ClassVar[str]
    """What the variables of hosts begin with."""

    def _role(self, _task: Task) -> str:
        return self.ROLE

    def _run_for_hosts(self, task: Task) -> Json:
        with contextlib.ExitStack() as stack:
            connections, lost = self._by_connection(task, with_wds=False)
            slots = join_batch.slots(task)

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], t.Any]:
                part = self._with(task, {**connection, "at_once": task.params["at_once"]})
                entries, invalid = self._entries(task, hosts, self.BODY.OF_ONE, self.ROLE, with_machine=True)
                refused = [Registration(host.host, name, error=error) for host, name, error in invalid]
                return functools.partial(self.BODY.look, stack, part, entries, slots, refused)

            parts, unseen = each_connection(connections, prepare)
            return self.BODY.finish(task, parts, [*lost, *unseen])

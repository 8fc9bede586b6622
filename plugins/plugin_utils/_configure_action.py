# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that give WECs labels, annotations, properties or a cluster set: they differ in which of these."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ..module_utils._modules import configure_batch, wec_plan
from ..module_utils._modules.configure_options import PARTS
from ..module_utils._modules.task import Task
from ..module_utils._operations.planning import FleetPlan
from . import _desired_state
from ._fleet_action import FleetAction
from ._hosts import HostVariables, each_connection

Json = dict[str, t.Any]


class ConfigureAction(FleetAction):
    def _role(self, _task: Task) -> str:
        return "configure"

    def _run_for_hosts(self, task: Task) -> Json:
        parts, lost = self._by_connection(task, with_wds=True)
        given = self._given(wec_plan.OWN)
        own = self.BODY.SPEC["argument_spec"]["wecs"]["options"]
        if "state" in self._task.args:
            given.update({f"{part}_state": task.params["state"] for part in PARTS if part in own})
        parts_of_all = (*PARTS, "cluster_set")
        # A task that names any of them is about these, and leaves the others as they are.
        said = [part for part in parts_of_all if given.get(part) is not None]
        others = [part for part in parts_of_all if part not in (said or own)]
        with contextlib.ExitStack() as stack:

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], FleetPlan]:
                entries = _desired_state.entries(hosts, self._groups, given, others)
                return functools.partial(wec_plan.look, stack, self._with(task, connection), entries)

            plans, unseen = each_connection(parts, prepare)
            for warning in self._groups.warnings:
                task.warn(warning)
            return configure_batch.finish(task, plans, [*lost, *unseen])

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""Actions that work on hosts of the batch, where neither a WEC nor a list of them is named."""

from __future__ import annotations

import typing as t

from ..module_utils._bodies.task import Task
from ..module_utils._errors import InvalidOption
from ._batch_host import BatchHost
from ._hosts import HostVariables, by_connection
from ._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class FleetAction(InProcessAction):
    """With the keyword run_once, one task is for all hosts of the batch; without it, each host's task is for this host."""

    def _hosts(self, task: Task) -> list[str]:
        """Raises InvalidOption."""
        if not self._task.run_once or self._each_host_on_its_own:
            own: str = self._variables["inventory_hostname"]
            if task.params["hosts"] is None:
                return [own]
            if not self._task.run_once:
                raise InvalidOption("hosts", None, "counts only with run_once", "Add run_once: true, or leave it out")
            return [own] if own in task.params["hosts"] else []
        batch: list[str] = self._variables["ansible_play_batch"]
        if task.params["hosts"] is None:
            return list(batch)
        wanted = set(task.params["hosts"])
        return [host for host in batch if host in wanted]

    @property
    def _each_host_on_its_own(self) -> bool:
        """These strategies run a task with run_once for each host all the same (ansible-core: plugins/strategy/free.py)."""
        play = self._task.get_play()
        return play is not None and str(play.strategy).rpartition(".")[2] in ("free", "host_pinned")

    def _by_connection(
        self, task: Task, *, with_wds: bool
    ) -> tuple[list[tuple[Json, list[HostVariables]]], list[Json]]:
        """Those hosts by their ITS, and those whose connection cannot be read, each with the reason."""
        given = plain(self._task.args)
        return by_connection(self._variables, self._of_each_host, given, with_wds=with_wds, some=self._hosts(task))

    def _given(self, spec: t.Collection[str]) -> Json:
        """The task's own arguments of these: they are for each host, whatever its variables say."""
        return {option: value for option, value in plain(self._task.args).items() if option in spec}

    def _host(self, task: Task, name: str) -> t.Any:
        """The machine of a host of the batch."""
        return task.host if name == self._variables["inventory_hostname"] else BatchHost(self, name)

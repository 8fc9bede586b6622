# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that read the variables of hosts of the batch."""

from __future__ import annotations

import functools
import typing as t

from ..module_utils._errors import InvalidOption
from ..module_utils._modules.task import Task
from ..module_utils._rules.fleet import variables
from ._hidden_groups import GroupVariables
from ._hosts import HostVariables, by_connection
from ._in_process import InProcessAction
from ._unknown_variables import UnknownVariables

Json = dict[str, t.Any]


class HostsAction(InProcessAction):
    def _of_connections(
        self, task: Task, given: Json, *, with_wds: bool, some: t.Collection[str] | None
    ) -> tuple[list[tuple[Json, list[HostVariables]]], list[Json]]:
        """As by_connection. Warns of variables that are almost the collection's."""
        self._check_waves()
        unknown = UnknownVariables()
        found = by_connection(
            self._variables, self._of_each_host, given, with_wds=with_wds, some=some, check=unknown.check
        )
        for warning in unknown.warnings:
            task.warn(warning)
        return found

    def _check_waves(self) -> None:
        """Ansible itself says nothing useful of a size that it cannot use. Raises InvalidOption."""
        for name in ("wec_waves", "wec_max_fail_percentage"):
            if name not in self._variables:
                continue
            value = self._templar.template(self._variables[name])
            fault = variables.wave_fault(name, value)
            if fault is not None:
                raise InvalidOption(name, value, *fault)

    @functools.cached_property
    def _groups(self) -> GroupVariables:
        return GroupVariables(self._task.get_variable_manager()._inventory, self._loader)

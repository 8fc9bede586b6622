# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that Ansible itself would give each host in this task, for an action that is one task for all of them."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleValueOmittedError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

Json = dict[str, t.Any]


class Evaluated:
    """One host's variables. Each is evaluated when it is asked for; ``omit`` is the same as unset."""

    def __init__(self, variables: Json, loader: DataLoader, of_tasks: t.Collection[str]) -> None:
        """``of_tasks`` are names that were registered, or set by set_fact."""
        self._variables, self._of_tasks = variables, of_tasks
        self._templar = Templar(loader=loader, variables=variables)

    def __contains__(self, name: str) -> bool:
        return name in self._variables

    def is_null(self, name: str) -> bool:
        return name in self._variables and self._variables[name] is None

    @property
    def declared(self) -> t.Collection[str]:
        return self._variables.keys() - self._of_tasks

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._variables)

    def get(self, name: str) -> t.Any:
        """The value, or None. Raises whatever its evaluation raises."""
        value = self._variables.get(name)
        try:
            return None if value is None else self._templar.template(value)
        except AnsibleValueOmittedError:
            return None


class BatchVariables:
    """Inventory, play, import, role, task, set_fact and -e, in Ansible's own precedence.

    ``hostvars`` knows neither the variables of a play nor those of a role
    (ansible-core: VariableManager.get_vars, called by HostVars.raw_get without play and task).
    """

    def __init__(self, task: Task, loader: DataLoader) -> None:
        self._task, self._play, self._loader = task, task.get_play(), loader
        self._manager = task.get_variable_manager()

    def __getitem__(self, host: str) -> Evaluated:
        known = self._manager._inventory.get_host(host)
        found = self._manager.get_vars(
            play=self._play,
            host=known,
            task=self._task,
            include_hostvars=False,
        )
        of_tasks = {*self._manager._nonpersistent_fact_cache.get(host, {}), *self._task.vars}
        return Evaluated(found, self._loader, of_tasks)

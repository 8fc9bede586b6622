# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of the batch, over its own connection, for an action that is one task for all of them."""

from __future__ import annotations

import contextvars
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.executor.process import worker
from ansible.playbook.task import Task

from ..module_utils._errors import WecError
from ..module_utils._rules.observed import readable
from . import _task_run
from ._task_host import TaskHost

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

Json = dict[str, t.Any]
T = t.TypeVar("T")
_KEYWORDS = (
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "connection",
    "delegate_to",
    "environment",
    "port",
    "remote_user",
    "vars",
)
"""Those of the batch's task that say how a host is reached. They are templates again, for each host."""


_OF_ONE_THREAD = ("AnsibleAccessContext",)
"""What Ansible makes for each thread that has none, and changes in place (ansible-core: _internal/_templating/_access.py)."""


def context_of_thread(values: t.Mapping[contextvars.ContextVar[t.Any], t.Any]) -> contextvars.Context:
    """A context with these values, but for those that threads cannot share."""
    context = contextvars.Context()
    for variable, value in values.items():
        if variable.name not in _OF_ONE_THREAD:
            context.run(variable.set, value)
    return context


class HostTask(Task):
    """A task of Ansible's own for one host. Its action hands the host to ``question`` instead of anything else."""

    question: t.Callable[[TaskHost], None]


class BatchHost:
    """Each question is run as Ansible runs any task: with this host's variables, connection, become and delegation."""

    def __init__(self, action: ActionBase, name: str) -> None:
        self._action, self._name = action, name
        # Ansible keeps in it which task runs; threads begin with an empty one.
        self._values = dict(contextvars.copy_context())

    @property
    def address(self) -> str | None:
        return self._ask(lambda host: host.address)

    def read(self, path: str) -> bytes:
        """Raises OSError, ValueError, WecError."""
        return self._ask(lambda host: host.read(path))

    def run(self, module: str, options: Json) -> Json:
        """Raises WecError."""
        return self._ask(lambda host: host.run(module, options))

    def _ask(self, question: t.Callable[[TaskHost], T]) -> T:
        answers: list[T] = []
        failures: list[Exception] = []

        def answer(host: TaskHost) -> None:
            try:
                answers.append(question(host))
            except Exception as error:
                failures.append(error)

        message = context_of_thread(self._values).run(self._run, answer)
        if answers:
            return answers[0]
        if failures and not isinstance(failures[0], AnsibleConnectionFailure):
            raise failures[0]
        why = readable.why(failures[0]) if failures else message
        raise WecError(f"{self._name}: the host cannot be reached: {why}", unreachable=True)

    def _run(self, question: t.Callable[[TaskHost], None]) -> str:
        own = self._action._task
        manager = own.get_variable_manager()
        written = own.get_ds()
        keywords = {key: written[key] for key in _KEYWORDS if key in written} if isinstance(written, dict) else {}
        task = HostTask(block=own._parent, role=own._role)
        data = {"name": own.get_name(), "no_log": True, own.action: {}, **keywords}
        task.load_data(data, variable_manager=manager, loader=self._action._loader)
        task.question = question
        host = manager._inventory.get_host(self._name)
        variables = manager.get_vars(play=own.get_play(), host=host, task=task)
        return _task_run.run(worker.current_worker, self._action, host, task, variables)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host of an action's task, over its own connection, which is opened only when something is asked of it."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import typing as t

from ..module_utils._apis.connection import ITS, VARIABLES_OF_HUBS, WDS
from ..module_utils._errors import WecError
from ..module_utils._rules.outside import limits, screen
from . import _host_results

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

Json = dict[str, t.Any]
_NOT_FOR_HOSTS = (ITS.prefix, WDS.prefix)
_MISSING = os.strerror(errno.ENOENT)
_MISCOUNTED = "AST constructor recursion depth mismatch"
"""Until 3.11.7 and 3.12.1, Python counts together what threads parse at the same time (python/cpython#106905). Ansible parses a
module before anything of it is sent."""
_ATTEMPTS = 20


class TaskHost:
    """With ``become``, ``delegate_to`` and whatever connection plugin the task has."""

    def __init__(self, action: ActionBase, variables: Json) -> None:
        self._action, self._variables = action, variables
        self.facts: Json = {}
        """What Ansible itself has found out about the host meanwhile. What the host says of itself is none."""

    @property
    def address(self) -> str | None:
        """None for a connection that leads nowhere else."""
        if self._action._connection.transport == "local":
            return None
        return str(self._action._play_context.remote_addr)

    def read(self, path: str) -> bytes:
        """Read a file with a command of the shell, so that the host needs no Python, and nothing is copied anywhere.

        Raises OSError (FileNotFoundError for none), ValueError. A connection that fails is Ansible's own error.
        """
        with self._in_silence():
            answer = self._action._low_level_execute_command(f"LC_ALL=C cat {shlex.quote(path)}")
        # With a terminal, which some connections need to become another user, lines end otherwise, and errors go along.
        text = str(answer["stdout"]).replace("\r\n", "\n")
        if answer["rc"] == 0:
            content = text.encode()
            if len(content) > limits.DOCUMENT:
                raise OSError(errno.EFBIG, f"it is longer than {limits.DOCUMENT} bytes", path)
            return content
        lines = [line.strip() for line in f"{answer['stderr']}\n{text}".splitlines() if line.strip()]
        own = [line for line in lines if path in line]
        why = (own or lines or [f"the command ended with {answer['rc']}"])[-1].rpartition(": ")[2]
        why = screen.shown(why)[: limits.NAME]
        raise FileNotFoundError(errno.ENOENT, why, path) if why == _MISSING else OSError(errno.EACCES, why, path)

    def run(self, module: str, options: Json) -> Json:
        """Run a module there as any task does it, with these options and without what the environment says of the ITS.

        Gives no more of what comes back than ``_host_results.answer``. Raises WecError.
        """
        own = [option for option in options if option.startswith(_NOT_FOR_HOSTS)]
        if own:
            raise WecError(f"{', '.join(own)} must not be sent to the host of a WEC.")
        task = self._action._task
        before = task.environment
        with self._in_silence():
            try:
                task.environment = self._environment()
                result = _host_results.answer(lambda: self._execute(module, options))
            finally:
                task.environment = before
        # The interpreter that was found there is remembered for the tasks that follow, as for any module.
        self.facts.update(result.pop("ansible_facts", {}))
        return result

    def _execute(self, module: str, options: Json) -> t.Any:
        for _attempt in range(_ATTEMPTS):
            try:
                return self._action._execute_module(
                    module_name=module, module_args=dict(options), task_vars=self._variables
                )
            except SystemError as error:
                if _MISCOUNTED not in str(error):
                    raise
        raise WecError(f"The module {module} could not be put together: Python says {_MISCOUNTED}. Run again.")

    def _environment(self) -> list[dict[str, t.Any]]:
        """The task's keyword ``environment`` also says how this process reaches the ITS and the WDS."""
        layers = [self._action._templar.template(layer) for layer in self._action._task.environment or []]
        return [
            {key: value for key, value in layer.items() if not str(key).startswith(VARIABLES_OF_HUBS)}
            for layer in layers
            if isinstance(layer, t.Mapping)
        ]

    @contextlib.contextmanager
    def _in_silence(self) -> t.Iterator[None]:
        """Connection plugins show what a command gives at -vvv, unless the task is said to be secret."""
        contexts = [self._action._play_context]
        own = getattr(self._action._connection, "_play_context", None)
        if own is not None and own is not contexts[0]:
            contexts.append(own)
        before = [context.no_log for context in contexts]
        for context in contexts:
            context.no_log = True
        try:
            yield
        finally:
            for context, was in zip(contexts, before, strict=True):
                context.no_log = was

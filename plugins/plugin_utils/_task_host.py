# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The host of an action's task, over its own connection, which is opened only when something is asked of it."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import typing as t

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

_MISSING = os.strerror(errno.ENOENT)


class TaskHost:
    """With ``become``, ``delegate_to`` and whatever connection plugin the task has."""

    def __init__(self, action: ActionBase) -> None:
        self._action = action

    @property
    def address(self) -> str | None:
        """None for a connection that leads nowhere else."""
        if self._action._connection.transport == "local":
            return None
        return str(self._action._play_context.remote_addr)

    def read(self, path: str) -> bytes:
        """Read a file with a command of the shell, so that the host needs no Python, and nothing is copied anywhere.

        Raises OSError (FileNotFoundError for none). A connection that fails is Ansible's own error.
        """
        with self._in_silence():
            told = self._action._low_level_execute_command(f"LC_ALL=C cat {shlex.quote(path)}")
        # With a terminal, which some connections need to become another user, lines end otherwise, and errors go along.
        text = str(told["stdout"]).replace("\r\n", "\n")
        if told["rc"] == 0:
            return text.encode()
        lines = [line.strip() for line in f"{told['stderr']}\n{text}".splitlines() if line.strip()]
        own = [line for line in lines if path in line]
        why = (own or lines or [f"the command ended with {told['rc']}"])[-1].rpartition(": ")[2]
        raise FileNotFoundError(errno.ENOENT, why, path) if why == _MISSING else OSError(errno.EACCES, why, path)

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

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for an action's task: a connection that leads to this machine, and modules that run in this process."""

from __future__ import annotations

import contextlib
import typing as t
from unittest import mock

from ansible.playbook.play_context import PlayContext
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader
from front_ends import AsModule

Json = dict[str, t.Any]


def connection_to_host() -> ConnectionBase:
    """It runs commands on this machine, and says that it leads elsewhere."""
    connection = connection_loader.get("local", PlayContext(), "/dev/null")
    connection.transport = "elsewhere"
    return t.cast(ConnectionBase, connection)


class Sent:
    """What was run on the host, each time with its options and the environment that went along."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.options: list[Json] = []
        self.environment: list[list[Json]] = []
        self.in_silence: list[bool] = []


@contextlib.contextmanager
def modules_on_host(answer: t.Callable[[Json], Json] | None = None) -> t.Iterator[Sent]:
    """Modules that an action has run on its host run here, and what they were given is kept. ``answer`` replaces them."""
    sent = Sent()

    def run(action: t.Any, module_name: str, module_args: Json, task_vars: Json) -> Json:
        sent.modules.append(module_name)
        sent.options.append(module_args)
        sent.environment.append(list(action._task.environment))
        sent.in_silence.append(action._play_context.no_log)
        if answer is not None:
            return answer(module_args)
        return AsModule()(module_name.rpartition(".")[2], **module_args)

    with mock.patch.object(ActionBase, "_execute_module", run):
        yield sent

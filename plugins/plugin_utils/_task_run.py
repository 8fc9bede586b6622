# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a task for one host as a worker of Ansible does it, which is not the same in each ansible-core."""

from __future__ import annotations

import typing as t

from ansible._internal._task import TaskContext
from ansible.executor.task_executor import TaskExecutor

if t.TYPE_CHECKING:
    from ansible.executor.process.worker import WorkerProcess
    from ansible.inventory.host import Host
    from ansible.playbook.task import Task
    from ansible.plugins.action import ActionBase


def run(worker: WorkerProcess, action: ActionBase, host: Host, task: Task, variables: dict[str, t.Any]) -> str:
    """Returns the message of the result. ``action`` is the one that asks for it, in this worker."""
    # The play context of a task's own host has that host's user and password in it.
    shared = (worker._play_context, action._loader, action._shared_loader_obj, worker._final_q)
    manager = action._task.get_variable_manager()
    if not hasattr(TaskContext, "create"):
        # ansible-core 2.20 and older
        return str(TaskExecutor(host, task, variables, *shared, manager).run().get("msg"))
    with TaskContext.create(task=task, task_vars=variables, host_name=host.name):
        task.squash()
        return str(TaskExecutor(host, *shared, manager).run().msg)

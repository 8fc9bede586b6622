# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a body through both front ends, as Ansible would: a module's main(), and an action's run()."""

from __future__ import annotations

import importlib
import io
import json
import typing as t
from contextlib import redirect_stdout
from unittest import mock

from ansible.inventory.host import Host
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible.utils.display import Display

Json = dict[str, t.Any]
_PLUGINS = "ansible_collections.kubestellar.wec.plugins"


class FrontEnd(t.Protocol):
    """``lines`` are what was shown while it ran, ``warnings`` what was warned of."""

    lines: list[str]
    warnings: list[str]

    def __call__(self, module: str, check_mode: bool = False, **options: t.Any) -> Json: ...


class AsModule:
    """``main()`` in this process, with arguments as a module gets them."""

    name = "module"

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def __call__(self, module: str, check_mode: bool = False, **options: t.Any) -> Json:
        main = importlib.import_module(f"{_PLUGINS}.modules.{module}").main
        printed = io.StringIO()
        arguments = {**options, "_ansible_check_mode": check_mode, "_ansible_diff": True}
        warn = mock.patch.object(AnsibleModule, "warn", lambda _module, text: self.warnings.append(text))
        with patch_module_args(arguments), redirect_stdout(printed), warn:
            try:
                main()
            except SystemExit:
                pass
            else:
                raise AssertionError("the module neither exited nor failed")
        return t.cast(Json, json.loads(printed.getvalue().splitlines()[-1]))


class _VariableManager:
    """Gives each host what a test says, in place of what Ansible makes of an inventory, a play and a task."""

    def __init__(self, hosts: t.Mapping[str, Json]) -> None:
        self._hosts = hosts
        self._inventory = self
        self._nonpersistent_fact_cache: Json = {}
        self.extra_vars: Json = {}

    def get_host(self, name: str) -> Host:
        return Host(name)

    def get_vars(self, *, host: Host, **_of_task: t.Any) -> Json:
        return self._hosts[host.name]


class AsAction:
    """``run()`` of the action, with a task as the executor makes it."""

    name = "action"

    def __init__(self, host: t.Any = None, **variables: t.Any) -> None:
        """``host``: a connection that may be used; without it, none must be."""
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.host, self._variables = host, variables
        self.environment: list[Json] = []
        self.address = "192.0.2.7"

    def __call__(self, module: str, check_mode: bool = False, **options: t.Any) -> Json:
        action = importlib.import_module(f"{_PLUGINS}.action.{module}").ActionModule
        task = Task()
        task.action = f"kubestellar.wec.{module}"
        task.args = options
        task.check_mode = check_mode
        task.diff = True
        task.environment = self.environment
        task.run_once = "ansible_play_batch" in self._variables
        task._variable_manager = _VariableManager(self._variables.get("hostvars") or {})
        task.get_play = lambda: None
        loader = DataLoader()
        connection = self.host or mock.Mock()
        connection._shell.tmpdir = None
        plugin = action(
            task=task,
            connection=connection,
            play_context=self._play_context(check_mode),
            loader=loader,
            templar=Templar(loader=loader, variables={}),
            shared_loader_obj=None,
        )
        show = mock.patch.object(Display, "display", lambda _display, line, *_rest, **_more: self.lines.append(line))
        warn = mock.patch.object(Display, "warning", lambda _display, text, *_rest, **_more: self.warnings.append(text))
        with show, warn:
            result = t.cast(Json, plugin.run(task_vars=dict(self._variables)))
        if self.host is None:
            assert not connection.method_calls, "an action on the controller must not use the connection"
        return result

    def _play_context(self, check_mode: bool) -> t.Any:
        return mock.Mock(check_mode=check_mode, remote_addr=self.address, executable="/bin/sh", no_log=False)


FRONT_ENDS: tuple[type[t.Any], ...] = (AsModule, AsAction)

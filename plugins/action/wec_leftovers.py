# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils import _wording
from ..module_utils._modules import wec_leftovers
from ..module_utils._modules.task import Task
from ..plugin_utils._hosts import variables_of_options
from ..plugin_utils._in_process import InProcessAction

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    BODY = wec_leftovers

    def _run_body(self, task: Task) -> Json:
        """What is shown on the screen is for the person who runs the playbook."""
        with _wording.variables(variables_of_options("deregister") if task.params["show_table"] else {}):
            return super()._run_body(task)

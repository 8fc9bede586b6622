# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._modules import wec_rotate
from ..module_utils._modules.task import Task
from ..plugin_utils._rolling_action import RollingAction

Json = dict[str, t.Any]


class ActionModule(RollingAction):
    BODY = wec_rotate
    ROLE = "rotate"

    def _run_for_hosts(self, task: Task) -> Json:
        # Before anything is asked: it is the same for all hosts.
        wec_rotate.require_moment(task)
        return super()._run_for_hosts(task)

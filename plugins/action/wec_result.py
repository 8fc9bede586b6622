# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._modules import wec_result
from ..module_utils._modules.task import Task
from ..module_utils._rules.fleet import wec_results
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    BODY = wec_result

    def _run_body(self, task: Task) -> Json:
        registered = [self._variables.get(name) for name in task.params["registered"]]
        if self._task.run_once:
            return self._summarize(task, registered)
        host = self._variables["inventory_hostname"]
        # Only this host's own records are evaluated: with those of all, a thousand hosts would read a million.
        found = wec_results.of_hosts(registered, [host])[host]
        is_first = host == self._variables["ansible_play_hosts_all"][0]
        others = plain(wec_results.of_no_host(registered)) if is_first else []
        return wec_result.conclude(task, host, plain(found), others)

    def _summarize(self, task: Task, registered: list[t.Any]) -> Json:
        batch, everybody = self._variables["ansible_play_batch"], self._variables["ansible_play_hosts_all"]
        left = self._variables["ansible_play_hosts"]
        remaining = set(left)
        before = [host for host in everybody if host not in remaining]
        later = left[left.index(batch[-1]) + 1 :]
        records = {host: plain(record) for host, record in wec_results.of_hosts(registered, batch).items()}
        count = len(everybody)
        planned = next((one for one in registered if isinstance(one, t.Mapping) and "digest" in one), None)
        if planned is not None:
            # Of those that are in sync, a large fleet's play has only one.
            count = len(planned["wecs"]) + sum(len(one["hosts"]) for one in planned["unseen"])
        return wec_result.summarize(task, records, before, later, count)

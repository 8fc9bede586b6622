# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import typing as t

from ..module_utils._bodies import wec_survey
from ..module_utils._bodies.task import Task
from ..plugin_utils._hosts import HostVariables, by_connection, each_connection, named
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    """One task for all hosts of the play."""

    BODY = wec_survey
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["names"] is not None:
            return wec_survey.run(task)

        connections, lost = by_connection(self._variables, self._of_each_host, plain(self._task.args), with_wds=False)

        def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], tuple[Json, dict[str, Json]]]:
            sound, unnamed = named(hosts)
            lost.extend(unnamed)
            names = {host.host: name for host, name in sound}
            return functools.partial(_look, self._with(task, {**connection, "names": list(names.values())}), names)

        found, unseen = each_connection(connections, prepare)
        seen = {
            host: {"hub": number, "view": view}
            for number, (_hub, views) in enumerate(found)
            for host, view in views.items()
        }
        return {"changed": False, "hubs": [hub for hub, _views in found], "wecs": seen, "unseen": [*lost, *unseen]}


def _look(task: Task, names: dict[str, str]) -> tuple[Json, dict[str, Json]]:
    """``names`` are those of the WECs, by their hosts."""
    hub, views = wec_survey.look(task)
    return hub, {host: views[name] for host, name in names.items()}

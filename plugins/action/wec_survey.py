# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._bodies import wec_survey
from ..module_utils._bodies.task import Task, failure
from ..module_utils._errors import WecError
from ..plugin_utils._hosts import by_connection
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    """One task for all hosts of the play."""

    BODY = wec_survey
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["names"] is not None:
            return wec_survey.run(task)
        hubs: list[Json] = []
        seen: dict[str, Json] = {}
        unseen: list[Json] = []
        for connection, hosts in by_connection(self._variables, plain(self._task.args), with_wds=False):
            try:
                names = [host.wec for host in hosts]
                hub, views = wec_survey.look(self._with(task, {**connection, "names": names}))
            except WecError as error:
                # It concerns these hosts only, and each of them finds it out by itself.
                unseen.append({"hosts": [host.host for host in hosts], **failure(error)})
                continue
            seen.update(
                {host.host: {"hub": len(hubs), "view": views[name]} for host, name in zip(hosts, names, strict=True)}
            )
            hubs.append(hub)
        return {"changed": False, "hubs": hubs, "wecs": seen, "unseen": unseen}

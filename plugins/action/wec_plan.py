# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._apis.connection import FIELDS, ITS, WDS
from ..module_utils._bodies import wec_plan
from ..module_utils._bodies.task import Task, failure
from ..module_utils._errors import WecError
from ..module_utils._rules.fleet_plan import Forecast
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]
_CONNECTIONS = tuple(family.option(field) for family in (ITS, WDS) for field in FIELDS)
_PARTS = ("labels", "annotations", "properties")


class ActionModule(InProcessAction):
    """One task for all hosts of the play: to look at each in a task of its own costs 20 ms a host."""

    BODY = wec_plan
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["wecs"] is not None:
            return wec_plan.run(task)
        found: list[Forecast] = []
        unseen: list[Json] = []
        for connection, wecs in self._by_its().items():
            try:
                found += self._forecasts(task, connection, wecs)
            except WecError as error:
                # It concerns these hosts only: the roles tell each of them.
                unseen.append({"hosts": [one["host"] for one in wecs], **failure(error)})
        return wec_plan.conclude(task, found, unseen)

    def _forecasts(self, task: Task, connection: str, wecs: list[Json]) -> list[Forecast]:
        """Those of the hosts that have this connection to an ITS. Raises WecError."""
        arguments = {**plain(self._task.args), **json.loads(connection), "wecs": wecs}
        spec = {key: value for key, value in self.BODY.SPEC.items() if key != "supports_check_mode"}
        checked = ArgumentSpecValidator(**spec).validate(arguments)
        if checked.error_messages:
            raise WecError("; ".join(checked.error_messages))
        part = copy.copy(task)
        part.params = checked.validated_parameters
        part.keep_secret(checked._no_log_values)
        return wec_plan.forecasts(part)

    def _by_its(self) -> dict[str, list[Json]]:
        """What the play's hosts want, as the inventory says it, for each connection to an ITS that they have."""
        groups: dict[str, list[Json]] = {}
        for host in self._variables["ansible_play_hosts_all"]:
            try:
                own = _Variables(host, self._variables["hostvars"][host])
                connection = {key: own.get(key) for key in _CONNECTIONS}
                given = {key: value for key, value in connection.items() if value is not None}
                groups.setdefault(json.dumps(given, sort_keys=True), []).append(own.wish())
            except AnsibleError as error:
                raise WecError(f"{host}: a variable cannot be evaluated: {error.message}") from error
        return groups


class _Variables:
    """One host's variables, by the names that the roles read."""

    def __init__(self, host: str, variables: t.Mapping[str, t.Any]) -> None:
        self._host, self._variables = host, variables

    def get(self, *names: str) -> t.Any:
        """The first of these that is set."""
        for name in names:
            value = self._variables.get(name)
            if value is not None:
                return plain(value)
        return None

    def wish(self) -> Json:
        wish: Json = {
            "host": self._host,
            "name": self.get("register_name", "configure_name", "wec_name") or self._host,
            "cluster_set": self.get("configure_cluster_set", "wec_cluster_set"),
            "protected": self.get("configure_protected"),
            "schema": self.get("configure_schema"),
            "groups": self.get("group_names"),
            "wait_addon": self.get("register_wait_addon"),
            "ask_wec": self.get("register_verify") not in (None, "available", "addon"),
        }
        for part in _PARTS:
            wish[part] = self.get(f"configure_{part}", f"wec_{part}")
            wish[f"{part}_state"] = self.get(f"configure_{part}_state")
        return {key: value for key, value in wish.items() if value is not None}

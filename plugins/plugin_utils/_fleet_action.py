# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that work on hosts of the batch, where neither a WEC nor a list of them is named."""

from __future__ import annotations

import typing as t

from ansible import context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils import _wording
from ..module_utils._errors import InvalidOption, MissingLibrary, WecError
from ..module_utils._modules import join_batch
from ..module_utils._modules.task import Task
from ..module_utils._rules.outside.unexpected import as_wec_error
from ._batch_host import BatchHost
from ._hosts import HostVariables, type_faults, variables_of_options
from ._hosts_action import HostsAction
from ._in_process import plain

Json = dict[str, t.Any]


class FleetAction(HostsAction):
    """With the keyword run_once, one task is for all hosts of the batch; without it, each host's task is for this host."""

    def _run_body(self, task: Task) -> Json:
        if "at_once" in task.params and task.params["at_once"] is None:
            # Threads stand for forks.
            task.params["at_once"] = context.CLIARGS.get("forks")
        if task.params["name"] is not None or task.params["wecs"] is not None:
            return self.BODY.run(task)
        with _wording.variables(variables_of_options(self._role(task))):
            return self._run_for_hosts(task)

    def _role(self, _task: Task) -> str:
        """Whose variables the task is told in."""
        return "register"

    def _run_for_hosts(self, task: Task) -> Json:
        raise NotImplementedError

    def _hosts(self, task: Task) -> list[str]:
        """Raises InvalidOption."""
        if not self._task.run_once:
            if task.params["hosts"] is not None:
                raise InvalidOption("hosts", None, "counts only with run_once", "Add run_once: true, or leave it out")
            return [self._variables["inventory_hostname"]]
        self._require_linear_strategy()
        return self._of_batch(task.params["hosts"])

    def _require_linear_strategy(self) -> None:
        """The others run a task with run_once for each host all the same (ansible-core: plugins/strategy/free.py).

        Raises InvalidOption.
        """
        play = self._task.get_play()
        if play is not None and str(play.strategy).rpartition(".")[2] in ("free", "host_pinned"):
            why = "runs a task that is for all hosts once for each of them"
            raise InvalidOption("strategy", str(play.strategy), why, "Set strategy: linear in the play")

    def _by_connection(
        self, task: Task, *, with_wds: bool
    ) -> tuple[list[tuple[Json, list[HostVariables]]], list[Json]]:
        """Those hosts by their ITS, and those whose connection cannot be read, each with the reason."""
        given = plain(self._task.args)
        return self._of_connections(task, given, with_wds=with_wds, some=self._hosts(task))

    def _given(self, spec: t.Collection[str]) -> Json:
        """The task's own arguments of these: they are for each host, whatever its variables say."""
        return {option: value for option, value in plain(self._task.args).items() if option in spec}

    def _host(self, task: Task, name: str) -> t.Any:
        """The machine of a host of the batch."""
        return task.host if name == self._variables["inventory_hostname"] else BatchHost(self, name)

    def _entries(
        self,
        task: Task,
        hosts: t.Sequence[HostVariables],
        spec: t.Mapping[str, Json],
        role: str,
        *,
        with_machine: bool = False,
    ) -> tuple[list[Json], list[tuple[HostVariables, str, WecError]]]:
        """What each host's variables say, and the hosts where that cannot be used, each with its WEC's name and the reason."""
        validator = ArgumentSpecValidator(dict(spec))
        found, invalid = [], []
        for host in hosts:
            name = host.host
            try:
                name = host.wec
                said = host.entry(spec, role)
                if said.faults:
                    raise WecError(" ".join(said.faults))
                checked = validator.validate({**said.options, **self._given(spec)})
                task.keep_secret(checked._no_log_values)
                if checked.error_messages:
                    faults = type_faults(host.host, said, validator) or checked.error_messages
                    raise WecError(" ".join(faults))
                machine = {join_batch.HOST: self._host(task, host.host)} if with_machine else {}
                found.append({**checked.validated_parameters, **machine})
            except MissingLibrary:
                raise
            except Exception as error:
                invalid.append((host, name, as_wec_error(error, host.host)))
        return found, invalid

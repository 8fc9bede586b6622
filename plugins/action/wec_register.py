# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible import context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._bodies import wec_register
from ..module_utils._bodies.task import Task
from ..module_utils._errors import MissingLibrary, WecError
from ..module_utils._operations.registering import Registering, Registration
from ..module_utils._rules.unexpected import as_wec_error
from ..plugin_utils._hosts import HostVariables, by_connection, each_connection, type_faults
from ..plugin_utils._in_process import InProcessAction, plain

Json = dict[str, t.Any]


class ActionModule(InProcessAction):
    """One task for all hosts of the batch, which it works on in threads instead of forks."""

    BODY = wec_register
    BYPASS_HOST_LOOP = True

    def _run_body(self, task: Task) -> Json:
        if task.params["at_once"] is None:
            task.params["at_once"] = context.CLIARGS.get("forks")
        if task.params["wecs"] is not None:
            return wec_register.run(task)
        connections, lost = by_connection(self._variables, self._of_each_host, plain(self._task.args), with_wds=False)
        places = wec_register.places(task)
        with contextlib.ExitStack() as stack:

            def prepare(connection: Json, hosts: list[HostVariables]) -> t.Callable[[], Registering]:
                part = self._with(task, {**connection, "at_once": task.params["at_once"]})
                sound, flawed = self._options_of(task, hosts)
                return functools.partial(
                    wec_register.look, stack, part, sound, places, flawed, is_one_of_several=len(connections) > 1
                )

            parts, unseen = each_connection(connections, prepare)
            return wec_register.finish(task, parts, [*lost, *unseen])

    def _options_of(self, task: Task, hosts: t.Sequence[HostVariables]) -> tuple[list[Json], list[Registration]]:
        """What each host's variables say, and the hosts where that is of no use."""
        validator = ArgumentSpecValidator(wec_register.OWN)
        found, lost = [], []
        for host in hosts:
            name = host.host
            try:
                name = host.wec
                said = host.registration(wec_register.OWN)
                if said.faults:
                    raise WecError(" ".join(said.faults))
                checked = validator.validate(said.options)
                task.keep_secret(checked._no_log_values)
                if checked.error_messages:
                    faults = type_faults(host.host, said, validator) or checked.error_messages
                    raise WecError(" ".join(faults))
                found.append(checked.validated_parameters)
            except MissingLibrary:
                raise
            except Exception as error:
                lost.append(Registration(host.host, name, error=as_wec_error(error, host.host)))
        return found, lost

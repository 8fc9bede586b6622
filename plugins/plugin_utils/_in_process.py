# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front end for actions: a body in the controller's own process.

No interpreter is started, nothing is copied and no connection is opened, unless an option asks something of the host; the
ITS's credentials stay on the controller.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import gc
import json
import multiprocessing
import os
import traceback
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.plugins.callback.default import CallbackModule as ForPeople
from ansible.plugins.loader import callback_loader
from ansible.utils.display import Display

from ..module_utils._apis.connection import secrets_in
from ..module_utils._apis.host import Host
from ..module_utils._errors import InvalidOption, InvalidOptions, MissingLibrary, WecError
from ..module_utils._modules import options
from ..module_utils._modules import task as tasks
from ..module_utils._rules.outside import as_written, screen, secrecy
from ..module_utils._rules.outside.unexpected import as_wec_error
from . import _files, _host_results
from ._host_variables import BatchVariables
from ._task_host import TaskHost

Json = dict[str, t.Any]


def plain(value: t.Any) -> t.Any:
    """Arguments arrive as subclasses of str and int that carry tags; YAML and JSON writers want the bare types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, datetime.datetime):
        return datetime.datetime.fromisoformat(value.isoformat())
    if isinstance(value, datetime.date):
        # What YAML took for a date stays one, so that the code that needs a text can refuse it.
        return datetime.date.fromisoformat(value.isoformat())
    if isinstance(value, t.Mapping):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(one) for one in value]
    return value


def _display(line: str) -> None:
    """Up to 2.4.0, ansible-runner wraps what displays a line, and writes to the standard output of a worker, of which Ansible warns.

    The innermost wrapper is Ansible's own. It hands the line to the main process, where ansible-runner gets it as well.
    """
    method: t.Any = Display.display
    while multiprocessing.parent_process() is not None and hasattr(getattr(method, "__wrapped__", None), "__wrapped__"):
        method = method.__wrapped__
    method(Display(), line)


class _ActionTask:
    def __init__(
        self, action: InProcessAction, params: Json, secrets: set[str], environment: dict[str, str], host: Host
    ) -> None:
        self._action = action
        self._secrets = secrets
        self.params = params
        self.check_mode: bool = action._task.check_mode
        self.environment: t.Mapping[str, str] = environment
        # This is a worker of the run, which ends with the task.
        self.owner: int | None = os.getppid()
        self.host: Host = host

    def read_file(self, path: str) -> tuple[str, bytes]:
        """Relative paths are found beside the playbook, in the role's files, or where Ansible was started, in this order.

        Vaulted files are decrypted in memory. Raises ValueError.
        """
        loader = self._action._loader
        wanted = os.path.expanduser(path)
        try:
            found = self._action._find_needle("files", wanted)
        except AnsibleError as error:
            found = os.path.abspath(wanted)
            if not os.path.exists(found):
                raise ValueError(_where_looked(wanted, loader.get_basedir())) from error
        return os.path.abspath(found), _files.read(loader, found)

    def progress(self, line: str) -> None:
        # A copy of the secrets, as other threads find out more meanwhile.
        if not self._action._task.no_log and _people_look():
            _display(screen.line(_scrubbed(line, frozenset(self._secrets))))

    def warn(self, text: str) -> None:
        Display().warning(screen.line(_scrubbed(text, frozenset(self._secrets))))

    def keep_secret(self, values: t.Iterable[str]) -> None:
        self._secrets.update(secrecy.hidden(values))


def _people_look() -> bool:
    """Whether what is shown is for people. One callback writes JSON, another a line for each result: lines between break those
    who read that. Those for people write as Ansible's own does, with more or less of it."""
    shown = callback_loader.get(C.DEFAULT_STDOUT_CALLBACK, class_only=True)
    return isinstance(shown, type) and issubclass(shown, ForPeople)


class InProcessAction(ActionBase):
    """An action whose module has the same name. ``BODY`` is the module's body."""

    BODY: t.ClassVar[tasks.Body]
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Json:
        self._variables = task_vars or {}
        question = getattr(self._task, "question", None)
        if question is not None:
            # One task for all hosts asks something of this one (_batch_host.py).
            question(TaskHost(self, self._variables))
            return {}
        on_host = self._task.args.get("run_on") == "host" or self._is_delegated
        # What async_status fetches of a host would go past us, with facts and all.
        self._supports_async = False
        result: Json = super().run(tmp, task_vars)
        if on_host:
            result.update(self._run_on_host(task_vars or {}))
            return result
        if multiprocessing.parent_process() is not None:
            # What a worker has inherited, and ends with, is not looked through again with each collection of garbage.
            gc.freeze()
        result.update(self._run_here(task_vars or {}))
        return result

    @property
    def _is_delegated(self) -> bool:
        """Whether delegate_to names a machine to run on, and not only the one whose kubeconfig or agent it is about."""
        args = self._task.args
        about_host = args.get("kubeconfig_from_host") or args.get("wec_run_on") == "host"
        return bool(self._task.delegate_to and not about_host and self._connection.transport != "local")

    @functools.cached_property
    def _of_each_host(self) -> BatchVariables:
        return BatchVariables(self._task, self._loader)

    def _run_on_host(self, task_vars: Json) -> Json:
        try:
            return _host_results.answer(lambda: self._execute_module(task_vars=task_vars))
        except WecError as error:
            return {"failed": True, **tasks.failure(error)}

    def _parse_returned_data(self, res: Json, *more: t.Any, **named: t.Any) -> Json:
        """Ansible warns of what a host prints beside its result, as it is. In JSON, such characters are escaped."""
        clean = {key: screen.shown(value) if isinstance(value, str) else value for key, value in res.items()}
        return t.cast(Json, super()._parse_returned_data(clean, *more, **named))

    def _run_here(self, task_vars: Json) -> Json:
        """Whatever is raised becomes a failure, without any of the secrets that are known by then, or that the options hold."""
        secrets: set[str] = set()
        shown: Json = {}
        try:
            result = self._attempt(task_vars, secrets, shown)
        except MissingLibrary as error:
            result = {"failed": True, "msg": f"{error.message} {missing_required_lib(error.library)}"}
            result["exception"] = error.trace
        except AnsibleConnectionFailure as error:
            # Ansible's own word for a host that cannot be reached.
            raise AnsibleConnectionFailure(_scrubbed(str(error.message), secrets)) from None
        except AnsibleError as error:
            result = {"failed": True, "msg": str(error.message), "exception": traceback.format_exc()}
        except SystemExit as error:
            # It would end the worker, and with it the whole run.
            result = {"failed": True, "msg": f"a library ended the program ({error.code})"}
        except Exception as error:
            failure = as_wec_error(error, str(self._task.args.get("name") or self._task.action))
            result = {"failed": True, **tasks.failure(failure), "exception": traceback.format_exc()}
        result = {key: _scrubbed(value, secrets) for key, value in {**result, **shown}.items()}
        # Ansible shows these two as they are, and what a cluster says may be in them.
        for key, show in (("msg", screen.line), ("exception", screen.shown)):
            if isinstance(result.get(key), str):
                result[key] = show(result[key])
        return result

    def _attempt(self, task_vars: Json, secrets: set[str], shown: Json) -> Json:
        """``secrets`` takes what is found out, ``shown`` what is in the result whatever comes of it. Raises anything."""
        arguments = plain(self._task.args)
        secrets.update(secrecy.hidden(secrecy.in_options(arguments)))
        spec = {key: value for key, value in self.BODY.SPEC.items() if key != "supports_check_mode"}
        checked = ArgumentSpecValidator(**spec).validate(arguments)
        secrets.update(secrecy.hidden(checked._no_log_values))
        params = checked.validated_parameters
        environment = self._environment()
        secrets.update(secrecy.hidden(secrets_in(environment)))
        if self._shows_invocation(task_vars):
            shown["invocation"] = {"module_args": options.known(params, spec["argument_spec"])}
        if checked.error_messages:
            raise WecError(_option_faults(self._task.action, checked.errors))
        InvalidOptions.raise_for(
            [InvalidOption(*one) for one in as_written.name_faults(spec["argument_spec"], arguments)]
        )
        self._require_hosts(params.get("hosts_pattern"))
        host = TaskHost(self, task_vars)
        task = _ActionTask(self, params, secrets, environment, host)
        with self._as_environment(environment):
            result = self._run_body(task)
        if host.facts:
            result["ansible_facts"] = host.facts
        return result

    def _run_body(self, task: tasks.Task) -> Json:
        return self.BODY.run(task)

    def _require_hosts(self, pattern: t.Any) -> None:
        """Ansible skips a play that has no host, and calls that success. Raises InvalidOption."""
        if pattern is None:
            return
        wanted = plain(pattern)
        inventory = self._task.get_variable_manager()._inventory
        # Ansible takes an empty list for all.
        found = inventory.get_hosts(wanted, ignore_limits=True, ignore_restrictions=True) if wanted else []
        shown = wanted if isinstance(wanted, str) else ",".join(map(str, wanted))
        if not found:
            remedy = "Put the clusters into the group wecs, or name hosts or groups of the inventory in wec_hosts"
            raise InvalidOption("wec_hosts", shown, "matches no host of the inventory", remedy)
        if not inventory.get_hosts(wanted, ignore_restrictions=True):
            limit = self._variables.get("ansible_limit")
            remedy = "Name hosts of it in --limit, or others in wec_hosts"
            raise InvalidOption("wec_hosts", shown, f"has no host that --limit {limit} leaves", remedy)

    def _of_batch(self, wanted: t.Collection[str] | None) -> list[str]:
        """The hosts of the batch, or those of them that are wanted, in its order."""
        batch: list[str] = self._variables["ansible_play_batch"]
        some = set(batch if wanted is None else wanted)
        return [host for host in batch if host in some]

    def _with(self, task: tasks.Task, arguments: Json) -> tasks.Task:
        """The same task with other arguments beside its own. Raises WecError for what the module does not take."""
        spec = {key: value for key, value in self.BODY.SPEC.items() if key != "supports_check_mode"}
        checked = ArgumentSpecValidator(**spec).validate({**plain(self._task.args), **arguments})
        if checked.error_messages:
            raise WecError("; ".join(checked.error_messages))
        part = copy.copy(task)
        part.params = checked.validated_parameters
        part.keep_secret(checked._no_log_values)
        return part

    def _environment(self) -> dict[str, str]:
        """The process's variables, and those of the task's keyword ``environment``, which Ansible applies to modules only."""
        merged = dict(os.environ)
        for layer in self._task.environment or []:
            templated = self._templar.template(layer)
            if isinstance(templated, t.Mapping):
                merged.update({str(key): str(value) for key, value in templated.items()})
        return merged

    @contextlib.contextmanager
    def _as_environment(self, wanted: t.Mapping[str, str]) -> t.Iterator[None]:
        """Credential plugins and clusteradm inherit the process's environment."""
        before = dict(os.environ)
        os.environ.update(wanted)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _shows_invocation(self, task_vars: Json) -> bool:
        try:
            return bool(C.config.get_config_value("INJECT_INVOCATION", variables=task_vars))
        except AnsibleError:
            # Before 2.21 there is no such setting, and it is always shown.
            return True


def _where_looked(path: str, beside: str) -> str:
    """``beside`` is the folder of the playbook."""
    if os.path.isabs(path):
        return "there is no such file"
    return f"there is no such file beside the playbook ({beside}) or where Ansible was started ({os.getcwd()})"


def _option_faults(action: str, errors: t.Iterable[Exception]) -> str:
    """The same texts that a module gives."""
    texts = []
    for error in errors:
        if isinstance(error, UnsupportedError):
            texts.append(f"Unsupported parameters for ({action}) module: {error}")
        else:
            texts.append(str(error))
    return "; ".join(texts)


def _scrubbed(value: t.Any, secrets: t.AbstractSet[str]) -> t.Any:
    """Without any of the secrets; in JSON's types, as a module's result is.

    To take the result of a whole fleet apart is slow, so that is done only if one of them can be in it. JSON escapes each
    character for itself: what is part of a text is part of it when it is escaped, too. Only the names of Python's constants are
    others there.
    """
    if value is None or isinstance(value, bool):
        return value
    try:
        text = json.dumps([value, "True", "False", "None"], allow_nan=False)
    except (TypeError, ValueError):
        return remove_values(value, secrets)
    except RecursionError:
        return "(too deep to be shown)"
    if any(json.dumps(secret)[1:-1] in text for secret in secrets):
        return remove_values(value, secrets)
    return json.loads(text)[0]

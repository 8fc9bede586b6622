# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front end for modules: a body under AnsibleModule."""

from __future__ import annotations

import os
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .._apis import connection
from .._apis.host import Host
from .._errors import MissingLibrary, WecError
from .._rules.outside import screen, secrecy
from .._rules.outside.unexpected import as_wec_error
from . import options
from . import task as tasks
from .this_host import ThisHost


class _ModuleTask:
    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.params: dict[str, t.Any] = module.params
        self.check_mode: bool = module.check_mode
        self.environment: t.Mapping[str, str] = os.environ
        # Whatever started this module ends with it, also where the run goes on.
        self.owner: int | None = None
        self.host: Host = ThisHost()

    def read_file(self, path: str) -> tuple[str, bytes]:
        absolute = os.path.abspath(os.path.expanduser(path))
        with open(absolute, "rb") as file:
            return absolute, file.read()

    def progress(self, line: str) -> None:
        """A module has no way to the screen while it runs."""

    def warn(self, text: str) -> None:
        self._module.warn(screen.line(text))

    def keep_secret(self, values: t.Iterable[str]) -> None:
        self._module.no_log_values.update(secrecy.hidden(values))


class _Module(AnsibleModule):
    """A module that hides what its options hold, also where they are not valid."""

    params: dict[str, t.Any]
    _given: t.Collection[str] = ()

    def _load_params(self) -> None:
        """What is not valid may be gone from the options when they have been validated."""
        super()._load_params()
        self._given = secrecy.hidden(secrecy.in_options(self.params))

    def _log_invocation(self) -> None:
        """The host's log gets the options, and what is a secret in them is not told by their names alone.

        Taken out of the values themselves: in the text of a dictionary, a secret of several lines looks otherwise.
        """
        self._hide()
        given = self.params
        self.params = remove_values(given, self.no_log_values)
        try:
            super()._log_invocation()
        finally:
            self.params = given

    def fail_json(self, msg: str, **more: t.Any) -> None:
        self._hide()
        # The arguments are shown as they were given, too, if they are not valid.
        self.params = options.known(self.params, self.argument_spec)
        super().fail_json(screen.line(str(msg)), **more)

    def exit_json(self, **more: t.Any) -> None:
        self._hide()
        super().exit_json(**more)

    def _hide(self) -> None:
        found = secrecy.in_options(self.params) | connection.secrets_in(os.environ)
        self.no_log_values.update(self._given, secrecy.hidden(found))


def run(body: tasks.Body) -> None:
    """What a module's ``main`` does. Whatever is raised becomes a failure, without secrets."""
    module = _Module(**body.SPEC)
    try:
        result = body.run(_ModuleTask(module))
    except MissingLibrary as error:
        module.fail_json(msg=f"{error.message} {missing_required_lib(error.library)}", trace=error.trace)
    except WecError as error:
        module.fail_json(**tasks.failure(error), trace=_trace())
    except SystemExit as error:
        module.fail_json(msg=f"a library ended the program ({error.code})")
    except Exception as error:
        failure = as_wec_error(error, str(module.params.get("name") or module._name))
        module.fail_json(**tasks.failure(failure), trace=_trace())
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _trace() -> str:
    return traceback.format_exc()

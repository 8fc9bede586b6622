# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The front end for modules: a body under AnsibleModule."""

from __future__ import annotations

import os
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._apis.host import Host
from .._errors import MissingLibrary, WecError
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
        self._module.warn(text)

    def keep_secret(self, values: t.Iterable[str]) -> None:
        self._module.no_log_values.update(value for value in values if value)


def run(body: tasks.Body) -> None:
    """What a module's ``main`` does."""
    module = AnsibleModule(**body.SPEC)
    try:
        result = body.run(_ModuleTask(module))
    except MissingLibrary as error:
        module.fail_json(msg=f"{error.message} {missing_required_lib(error.library)}", trace=error.trace)
    except WecError as error:
        module.fail_json(**tasks.failure(error), trace=_trace())
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _trace() -> str:
    return traceback.format_exc()

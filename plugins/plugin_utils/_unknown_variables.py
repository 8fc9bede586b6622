# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of hosts that look like the collection's and are none of them: most are typing errors."""

from __future__ import annotations

import functools
import pathlib
import typing as t

from ..module_utils._rules.fleet import variables
from ..module_utils._rules.fleet.variables import FAIL, IGNORE, UNKNOWN, WARN
from ..module_utils._rules.outside import screen, yaml_text
from ._hosts import HostVariables, InvalidVariable

_ROLES = pathlib.Path(__file__).parents[2] / "roles"
_NAMED = 5
"""So many hosts are named in a warning."""


@functools.cache
def known() -> frozenset[str]:
    """All variables of the collection. Those of the roles are what their argument specs say."""
    specs = [yaml_text.parse(file.read_bytes()) for file in sorted(_ROLES.glob("*/meta/argument_specs.yml"))]
    return variables.names(name for spec in specs for one in spec["argument_specs"].values() for name in one["options"])


class UnknownVariables:
    """Looks at one host after another."""

    def __init__(self) -> None:
        self._hosts: dict[str, list[str]] = {}

    def check(self, host: HostVariables) -> None:
        """Raises InvalidVariable, where the inventory wants that."""
        found = variables.unknown(host.declared, known())
        if not found:
            return
        name, reaction = host.find(UNKNOWN)
        reaction = reaction or WARN
        if reaction not in (WARN, FAIL, IGNORE):
            raise InvalidVariable(host.host, name, f" must be {WARN}, {FAIL} or {IGNORE}, and is {reaction!r}")
        if reaction == FAIL:
            raise InvalidVariable(
                host.host, found[0], f" is not a variable of this collection.{_meant(found[0])} Correct its name"
            )
        if reaction == WARN:
            for one in found:
                self._hosts.setdefault(one, []).append(host.host)

    @property
    def warnings(self) -> list[str]:
        warnings = []
        for name, hosts in self._hosts.items():
            warnings.append(
                f"{name} ({screen.listed(hosts, _NAMED)}) is not a variable of this collection.{_meant(name)} If it is yours, "
                f"give it another prefix, or set {UNKNOWN}: {IGNORE}."
            )
        return warnings


def _meant(name: str) -> str:
    nearest: t.Any = variables.nearest(name, known())
    return f" Did you mean {nearest}?" if nearest else ""

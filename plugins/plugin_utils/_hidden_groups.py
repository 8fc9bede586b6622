# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels, annotations and properties of groups that Ansible hides, because a host or another group has the same variable."""

from __future__ import annotations

import re
import typing as t

from ansible.inventory.group import Group
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

from ..module_utils._modules.configure_options import PARTS
from ..module_utils._rules.outside import screen

Json = dict[str, t.Any]
_NAMED = 5
"""So many hosts are named in a warning."""


class GroupVariables:
    """The variables of each group, as they are written down: what is a template there is not looked into."""

    def __init__(self, inventory: InventoryManager, loader: DataLoader) -> None:
        self._inventory, self._loader = inventory, loader
        self._known: dict[str, Json] = {}
        self._hidden: dict[tuple[str, str], tuple[set[str], list[str]]] = {}
        self._overridden: dict[str, tuple[set[str], list[str]]] = {}

    def compare(self, host: str, found: t.Mapping[str, t.Collection[str]]) -> None:
        """``found``: the keys of the host's labels, annotations and properties, as Ansible has put them together."""
        known = self._inventory.get_host(host)
        for group in known.get_groups() if known else ():
            for part, keys in found.items():
                own = self._of(group).get(f"wec_{part}")
                lost = {str(key) for key in own if key not in keys} if isinstance(own, dict) else set()
                if lost:
                    all_keys, hosts = self._hidden.setdefault((group.name, part), (set(), []))
                    all_keys.update(lost)
                    hosts.append(host)

    def note_found_on_its(self, host: str, overridden: t.Mapping[str, t.Collection[str]]) -> None:
        """``overridden``: by variables, the keys of which the inventory plugin's variable of a host has another value."""
        for variable, keys in overridden.items():
            all_keys, hosts = self._overridden.setdefault(variable, (set(), []))
            all_keys.update(keys)
            hosts.append(host)

    @property
    def warnings(self) -> list[str]:
        names = []
        for variable, (keys, hosts) in self._overridden.items():
            names.append(
                f"{variable} ({', '.join(sorted(keys))}) does not count for {screen.listed(hosts, _NAMED)}: the inventory plugin kubestellar.wec.its says "
                "that their state is the desired one. Set desired_state to false in its file, and your variables say it."
            )
        for (group, part), (keys, hosts) in self._hidden.items():
            names.append(
                f"wec_{part} of the group {group} ({', '.join(sorted(keys))}) does not count for {screen.listed(hosts, _NAMED)}: "
                f"a more specific wec_{part} hides it. Call the group's variable wec_{part}_{_identifier(group)}, and they are put together."
            )
        return names

    def _of(self, group: Group) -> Json:
        if group.name not in self._known:
            merged: Json = {**group.get_vars()}
            for stage in ("inventory", "task"):
                merged |= get_vars_from_inventory_sources(self._loader, self._inventory._sources, [group], stage)
                merged |= get_vars_from_path(self._loader, self._loader.get_basedir(), [group], stage)
            self._known[group.name] = {name: merged.get(name) for name in (f"wec_{part}" for part in PARTS)}
        return self._known[group.name]


def _identifier(group: str) -> str:
    """A group's name as a part of a variable's."""
    return re.sub(r"\W", "_", group, flags=re.ASCII)

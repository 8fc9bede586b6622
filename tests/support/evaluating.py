# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible makes of the variables of an inventory when tasks use them."""

from __future__ import annotations

import pathlib
import typing as t

from ansible import template as ansible_template
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

Json = dict[str, t.Any]


def trusted(text: str) -> t.Any:
    # Before ansible-core 2.19, every text is a template.
    trust: t.Callable[[str], t.Any] = getattr(ansible_template, "trust_as_template", str)
    return trust(text)


def bare(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, t.Mapping):
        return {bare(key): bare(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [bare(one) for one in value]
    return value


class Read:
    """Inventories, and what each host has as variables after they have been evaluated in every way that a playbook has."""

    def __init__(self, *paths: pathlib.Path) -> None:
        self._loader = DataLoader()
        self.inventory = InventoryManager(self._loader, [str(path) for path in paths])
        self._variables = VariableManager(self._loader, self.inventory)
        self._hostvars = HostVars(self.inventory, self._variables, self._loader)

    @property
    def hosts(self) -> list[str]:
        return sorted(host.name for host in self.inventory.get_hosts())

    def variables(self, host: str) -> Json:
        """As ``debug: var=...`` shows them, of this host's own; they are also used in texts, by filters, and a second time."""
        own = dict(self._variables.get_vars(host=self.inventory.get_host(host)))
        own["hostvars"] = self._hostvars
        templar = Templar(self._loader, variables=own)
        found: Json = {}
        # Before ansible-core 2.19 the names are marked as well, and a template that is put together of them is none.
        for name in [
            str.__str__(name) for name in own if name.startswith(("wec_", "group", "inventory_hostname", "its_"))
        ]:
            value = templar.template(trusted("{{ " + name + " }}"))
            templar.template(trusted("{{ " + name + " | to_json }} {{ [" + name + "] | to_nice_yaml }}"))
            templar.template(trusted("so: {{ hostvars['" + host + "']." + name + " }}"))
            again = Templar(self._loader, variables={"again": value, "inner": [value]})
            assert bare(again.template(trusted("{{ again }}"))) == bare(value)
            assert bare(again.template(trusted("{{ inner }}"))) == [bare(value)]
            found[name] = bare(value)
        return found

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""An inventory as Ansible itself reads it, for what does not run in a play."""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import get_file_vault_secret
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ..module_utils._apis.connection import FIELDS, ITS
from ..module_utils._bodies.fleet_source import Inventory
from ..module_utils._errors import InvalidOption, WecError
from ..module_utils._rules.events import Expected
from ._hosts import HostVariables


def read(sources: t.Sequence[str], group: str) -> Inventory:
    """The WECs of a group with the labels that the inventory gives them, and their ITSs. Raises InvalidOption."""
    shown = os.pathsep.join(sources)
    missing = [source for source in sources if not os.path.exists(os.path.expanduser(source)) and "," not in source]
    if missing:
        raise InvalidOption("inventory", missing[0], "is no file or folder", "Name an inventory that exists")
    try:
        loader = DataLoader()
        if C.DEFAULT_VAULT_PASSWORD_FILE:
            secret = get_file_vault_secret(filename=C.DEFAULT_VAULT_PASSWORD_FILE, loader=loader)
            secret.load()
            loader.set_vault_secrets([(C.DEFAULT_VAULT_IDENTITY, secret)])
        inventory = InventoryManager(loader, [os.path.expanduser(source) for source in sources])
        hosts = [host.name for host in inventory.get_hosts(group)] if group in inventory.groups else None
        manager = VariableManager(loader, inventory)
        variables = HostVars(inventory, manager, loader)
        if hosts is None:
            raise InvalidOption("inventory", shown, f"has no group {group}", "Name its group in inventory_group")
        found = [HostVariables(host, variables[host]) for host in hosts]
        connections: list[dict[str, t.Any]] = []
        for one in found:
            own = {ITS.option(field): one.get(ITS.option(field)) for field in FIELDS}
            given = {option: value for option, value in own.items() if value is not None}
            if given and given not in connections:
                connections.append(given)
        wecs = {one.wec: Expected(one.host, one.get("configure_labels", "wec_labels") or {}) for one in found}
        return Inventory(wecs, connections)
    except InvalidOption:
        raise
    except AnsibleError as error:
        raise InvalidOption("inventory", shown, f"cannot be read: {error.message}", "Correct it") from error
    except WecError as error:
        raise InvalidOption("inventory", shown, f"cannot be read: {error.message}", "Correct it") from error

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory as Ansible itself reads it, for what does not run in a play."""

from __future__ import annotations

import json
import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecretsContext, get_file_vault_secret
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ..module_utils._apis.connection import FIELDS, ITS
from ..module_utils._errors import InvalidOption, WecError
from ..module_utils._modules.fleet_source import Inventory
from ..module_utils._rules.eventing.events import Expected
from ..module_utils._rules.observed import readable
from ._hosts import HostVariables

_ASKED_FOR = ("prompt", "prompt_ask_vault_pass")
_VAULT_REMEDY = (
    "Name the file with its password in ANSIBLE_VAULT_PASSWORD_FILE, or in ANSIBLE_VAULT_IDENTITY_LIST (LABEL@FILE), where the "
    "source runs"
)


def read(sources: t.Sequence[str], group: str) -> Inventory:
    """The WECs of a group with the labels that the inventory gives them, and their ITSs. Raises InvalidOption.

    A host whose variables cannot be used is left out, and named in what it gives.
    """
    shown = os.pathsep.join(sources)
    missing = [source for source in sources if not os.path.exists(os.path.expanduser(source)) and "," not in source]
    if missing:
        raise InvalidOption("inventory", missing[0], "is not a file or folder", "Name an inventory that exists")
    try:
        loader = DataLoader()
        _set_vault_secrets(loader)
        inventory = InventoryManager(loader, [os.path.expanduser(source) for source in sources])
        hosts = [host.name for host in inventory.groups[group].get_hosts()] if group in inventory.groups else None
        manager = VariableManager(loader, inventory)
        variables = HostVars(inventory, manager, loader)
        if hosts is None:
            raise InvalidOption("inventory", shown, f"has no group {group}", "Name its group in inventory_group")
    except InvalidOption:
        raise
    except AnsibleError as error:
        raise InvalidOption("inventory", shown, f"cannot be read: {error.message}", _remedy(error)) from error
    except Exception as error:
        raise InvalidOption("inventory", shown, f"cannot be read: {readable.why(error)}", "Correct it") from error
    found = Inventory({}, [])
    for host in hosts:
        try:
            name, expected, connection = _of_host(HostVariables(host, _Variables(variables[host])))
        except Exception as error:
            sentence = (
                error.message if isinstance(error, WecError) else f"{host}: {readable.why(error)}. {_remedy(error)}."
            )
            found.faults.append(f"{sentence} Until that is corrected, the source does not expect this host's WEC.")
            continue
        found.wecs[name] = expected
        if connection and connection not in found.connections:
            found.connections.append(connection)
    return found


def _remedy(error: Exception) -> str:
    return _VAULT_REMEDY if "vault" in readable.why(error).lower() else "Correct it"


def _set_vault_secrets(loader: DataLoader) -> None:
    """For files and for values, which Ansible's commands set up before anything else. Raises AnsibleError."""
    secrets = _vault_secrets(loader)
    loader.set_vault_secrets(secrets)
    of_values = VaultSecretsContext.current(optional=True)
    if of_values is None:
        VaultSecretsContext.initialize(VaultSecretsContext(secrets))
    else:
        # A password file may have another password by now.
        of_values.secrets = secrets


def _vault_secrets(loader: DataLoader) -> list[tuple[str, t.Any]]:
    """Passwords by their vault ids, as Ansible's commands take them from its configuration; nobody can be asked for one.

    Raises AnsibleError.
    """
    wanted = [(C.DEFAULT_VAULT_IDENTITY, C.DEFAULT_VAULT_PASSWORD_FILE)] if C.DEFAULT_VAULT_PASSWORD_FILE else []
    for identity in C.DEFAULT_VAULT_IDENTITY_LIST:
        label, at, source = identity.partition("@")
        wanted.append((label or C.DEFAULT_VAULT_IDENTITY, source) if at else (C.DEFAULT_VAULT_IDENTITY, identity))
    found = []
    for label, source in wanted:
        if source in _ASKED_FOR:
            continue
        secret = get_file_vault_secret(filename=source, vault_id=label, loader=loader)
        secret.load()
        found.append((label, secret))
    return found


class _Variables:
    """One host's, without a play."""

    def __init__(self, found: t.Mapping[str, t.Any]) -> None:
        self._found = found

    def __contains__(self, name: t.Any) -> bool:
        return name in self._found

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._found)

    @property
    def declared(self) -> t.Collection[str]:
        return self._found.keys()

    def is_null(self, name: str) -> bool:
        return name in self._found and self._found[name] is None

    def get(self, name: str) -> t.Any:
        return self._found.get(name)


def _of_host(host: HostVariables) -> tuple[str, Expected, dict[str, t.Any]]:
    """Its WEC's name, what is expected of it, and its ITS. Raises InvalidVariable, TypeError, ValueError."""
    own = {ITS.option(field): host.get(ITS.option(field)) for field in FIELDS}
    labels, _variables = host.merged("labels")
    # It goes from one process to another as JSON.
    json.dumps([labels, own])
    connection = {option: value for option, value in own.items() if value is not None}
    return host.wec, Expected(host.host, {str(key): value for key, value in (labels or {}).items()}), connection

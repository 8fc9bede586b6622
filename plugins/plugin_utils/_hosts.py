# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""What the hosts of a batch say in their variables, for an action that is one task for all of them."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleError

from ..module_utils._apis.connection import FIELDS, ITS, WDS, WEC
from ..module_utils._bodies.task import each_its, failure
from ..module_utils._errors import WecError
from ._in_process import plain

Json = dict[str, t.Any]
T = t.TypeVar("T")
_CONNECTIONS = {side: tuple(side.option(field) for field in FIELDS) for side in (ITS, WDS)}

_OF_WEC = frozenset({*(WEC.option(field) for field in FIELDS), "connect_timeout", "read_timeout"})
"""Options of wec_join that an inventory has as wec_OPTION; the others are the role's, as register_OPTION."""
_PARTS = ("labels", "annotations", "properties")


class HostVariables:
    """One host's variables, by the names that the roles read."""

    def __init__(self, host: str, variables: t.Mapping[str, t.Any]) -> None:
        self.host, self._variables = host, variables

    def get(self, *names: str) -> t.Any:
        """The first of these that is set. Raises WecError."""
        try:
            for name in names:
                value = self._variables.get(name)
                if value is not None:
                    return plain(value)
        except AnsibleError as error:
            raise WecError(f"{self.host}: a variable cannot be evaluated: {error.message}") from error
        return None

    @property
    def wec(self) -> str:
        """The WEC's name."""
        return str(self.get("register_name", "configure_name", "wec_name") or self.host)

    def wish(self) -> Json:
        """What it shall have, as an entry of the option wecs. Raises WecError."""
        schema = self.get("configure_schema")
        wish: Json = {
            "host": self.host,
            "name": self.wec,
            # As for the role, an empty text is none.
            "cluster_set": self.get("configure_cluster_set", "wec_cluster_set") or None,
            "protected": self.get("configure_protected"),
            "schema": schema,
            # Only a schema asks for them.
            "groups": self.get("group_names") if schema else None,
        }
        for part in _PARTS:
            wish[part] = self.get(f"configure_{part}", f"wec_{part}")
            wish[f"{part}_state"] = self.get(f"configure_{part}_state")
        return {key: value for key, value in wish.items() if value is not None}

    def registration(self, options: t.Iterable[str]) -> Json:
        """How it shall be registered, as an entry of the option wecs of wec_register. Raises WecError."""
        found: Json = {"name": self.wec, "inventory_hostname": self.host}
        for option in options:
            variable = f"wec_{option}" if option in _OF_WEC else f"register_{option}"
            value = found[option] if option in found else self.get(variable)
            if value is not None:
                found[option] = value
        return found

    @property
    def needs_own_connection(self) -> bool:
        """Whether something of its WEC is to be done or read on the host itself."""
        return bool(self.get("wec_kubeconfig_from_host")) or self.get("wec_run_on") == "host"


def by_connection(
    task_vars: t.Mapping[str, t.Any], given: Json, *, with_wds: bool, some: t.Collection[str] | None = None
) -> list[tuple[Json, list[HostVariables]]]:
    """The hosts of the batch, or ``some`` of them, for each connection to an ITS (and a WDS) that they have.

    ``given`` are the task's own arguments: one that is not what the inventory says for this host is everybody's.
    Raises WecError.
    """
    options = (*_CONNECTIONS[ITS], *(_CONNECTIONS[WDS] if with_wds else ()))
    hosts = [HostVariables(host, task_vars["hostvars"][host]) for host in task_vars["ansible_play_batch"]]
    connections = [{option: host.get(option) for option in options} for host in hosts]
    this = next(
        (own for host, own in zip(hosts, connections, strict=True) if host.host == task_vars["inventory_hostname"]), {}
    )
    for_all = {option: given[option] for option in options if option in given and given[option] != this.get(option)}
    groups: dict[str, tuple[Json, list[HostVariables]]] = {}
    for host, own in zip(hosts, connections, strict=True):
        if some is not None and host.host not in some:
            continue
        connection = {key: value for key, value in {**own, **for_all}.items() if value is not None}
        groups.setdefault(json.dumps(connection, sort_keys=True), (connection, []))[1].append(host)
    return list(groups.values())


def each_connection(
    parts: t.Iterable[tuple[Json, list[HostVariables]]],
    prepare: t.Callable[[Json, list[HostVariables]], t.Callable[[], T]],
) -> tuple[list[T], list[Json]]:
    """What is found at each ITS, and the hosts of those where that raises WecError, with the reason: it concerns these only.

    ``prepare`` reads variables, which is not for threads, and gives what looks at the ITS: that is done side by side.
    """
    prepared: list[tuple[list[str], t.Callable[[], T]]] = []
    unseen: list[Json] = []
    for connection, hosts in parts:
        names = [host.host for host in hosts]
        try:
            prepared.append((names, prepare(connection, hosts)))
        except WecError as error:
            unseen.append({"hosts": names, **failure(error)})

    found, lost = each_its(lambda one: one[1](), prepared, lambda one: one[0])
    return found, [*unseen, *lost]

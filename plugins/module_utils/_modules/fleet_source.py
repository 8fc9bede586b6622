# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of the event source fleet."""

from __future__ import annotations

import dataclasses
import datetime
import os
import typing as t

from .._apis import connection
from .._apis.connection import ReadFile
from .._apis.kube import Kube
from .._errors import InvalidOption, InvalidOptions, WecError
from .._operations.watching import FleetWatch, Settings
from .._rules.desired import labels
from .._rules.eventing import event_texts
from .._rules.eventing.events import Expected, Wanted
from .._rules.fleet import names
from .._rules.outside import screen
from . import options

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The WECs of an inventory by their names, and the different connections to ITSs that it has for them.

    ``faults``: hosts that are left out, each with what is wrong with it.
    """

    wecs: dict[str, Expected]
    connections: list[Json]
    faults: list[str] = dataclasses.field(default_factory=list)


_MOST = {"drift_delay": 365 * 86400, "certificate_days": 36500}
"""What is more is no limit, and more than a moment can be moved."""
ReadInventory = t.Callable[[t.Sequence[str], str], Inventory]
"""Reads inventories: the hosts of a group. Raises WecError."""

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "inventory": {"type": "list", "elements": "str"},
        "inventory_group": {"type": "str", "default": "wecs"},
        "expected": {"type": "raw"},
        "initial": {"type": "bool", "default": True},
        "drift_delay": {"type": "float", "default": 60.0},
        "certificate_days": {"type": "float", "default": 30.0},
        "unreachable_after": {"type": "float", "default": 10.0},
        "watch_timeout": {"type": "int", "default": 60},
        **{name: spec for name, spec in options.its().items() if name != "its_outage_timeout"},
        "connect_timeout": {"type": "float", "default": 10.0},
        "read_timeout": {"type": "float", "default": 30.0},
    },
    "mutually_exclusive": [("inventory", "expected")],
}


def fleet_watch(
    given: Json,
    environment: t.Mapping[str, str],
    read_file: ReadFile,
    read_inventory: ReadInventory,
    report: t.Callable[[Json], None],
    warn: t.Callable[[str], None],
    keep_secret: t.Callable[[t.Iterable[str]], None] = lambda _secrets: None,
) -> FleetWatch:
    """What the options ask for, not begun yet. Raises WecError."""
    _check(given)

    def warn_shown(text: str) -> None:
        warn(screen.shown(text))

    def tell_harmless(event: Json) -> None:
        report(event_texts.harmless(event))

    lookup = _Lookup(given, read_inventory, warn_shown)
    resolved = given
    if given["inventory"] and not connection.is_given(connection.ITS, given, environment):
        resolved = {**given, **lookup.the_connection()}

    def connect() -> Kube:
        # Options are looked up each time: a kubeconfig may have been replaced since.
        found = connection.resolve(connection.ITS, resolved, environment, read_file)
        keep_secret(found.secrets)
        # The watch itself goes on after failures.
        return Kube(found, given["connect_timeout"], given["read_timeout"], outage=0, keep_secret=keep_secret)

    connect().close()
    settings = Settings(given["initial"], given["watch_timeout"], given["unreachable_after"])
    return FleetWatch(connect, lookup, tell_harmless, settings, warn_shown)


class _Lookup:
    """What there shall be. Inventories are read again when their files have changed."""

    def __init__(self, given: Json, read_inventory: ReadInventory, warn: t.Callable[[str], None]) -> None:
        self._given, self._read, self._warn = given, read_inventory, warn
        self._stamp: t.Any = None
        self._found = Wanted(
            _listed(given["expected"]),
            datetime.timedelta(seconds=given["drift_delay"]),
            datetime.timedelta(days=given["certificate_days"]),
        )
        self._has_read = False

    def the_connection(self) -> Json:
        """The connection to the ITS that all hosts have in common. Raises WecError."""
        found = self._read(self._given["inventory"], self._given["inventory_group"]).connections
        if len(found) > 1:
            raise InvalidOption(
                "inventory",
                None,
                f"its hosts have {len(found)} different connections to an ITS, and a source looks at one",
                "Name one ITS in its_kubeconfig and its_context, and give an inventory of its WECs",
            )
        return found[0] if found else {}

    def __call__(self) -> Wanted:
        """Raises WecError the first time; what cannot be read later leaves everything as it was."""
        sources = self._given["inventory"]
        if not sources:
            return self._found
        stamp = _stamp(sources)
        if self._has_read and stamp == self._stamp:
            return self._found
        self._stamp = stamp
        try:
            read = self._read(sources, self._given["inventory_group"])
        except WecError as error:
            if not self._has_read:
                raise
            self._warn(f"{error.message} The inventory counts as it was.")
            return self._found
        for fault in read.faults:
            self._warn(fault)
        self._has_read = True
        self._found = Wanted(read.wecs, self._found.drift_delay, self._found.expiring)
        return self._found


def _stamp(sources: t.Sequence[str]) -> list[tuple[str, int, int]]:
    """What tells whether files have changed; those of a folder too."""
    found = []
    for source in sources:
        path = os.path.expanduser(source)
        files = [path]
        for folder, _folders, inside in os.walk(path):
            files += [os.path.join(folder, name) for name in inside]
        # Variables of groups and hosts lie beside an inventory.
        for variables in ("group_vars", "host_vars"):
            for folder, _folders, inside in os.walk(os.path.join(os.path.dirname(path), variables)):
                files += [os.path.join(folder, name) for name in inside]
        for file in sorted(set(files)):
            try:
                status = os.stat(file)
            except OSError:
                continue
            found.append((file, status.st_mtime_ns, status.st_size))
    return found


def _listed(given: t.Any) -> dict[str, Expected] | None:
    """The option expected: a list of names, or a dictionary of names with their labels. Raises InvalidOption."""
    if given is None:
        return None
    remedy = "Give a list of names, or a dictionary of names, each with a dictionary of labels"
    if not isinstance(given, (list, dict)):
        raise InvalidOption("expected", str(given), "is neither a list nor a dictionary", remedy)
    faults, found = [], {}
    for name in given:
        wanted = (given[name] if isinstance(given, dict) else None) or {}
        fault = names.fault(name) if isinstance(name, str) else "is not text"
        if fault:
            faults.append(InvalidOption("expected", str(name), fault))
            continue
        if not isinstance(wanted, dict):
            faults.append(InvalidOption(f"expected[{name}]", str(wanted), "is not a dictionary of labels", remedy))
            continue
        for key, value in wanted.items():
            wrong = labels.key_fault(str(key)) or labels.value_fault(value)
            if wrong:
                faults.append(InvalidOption(f"expected[{name}]", f"{key}: {value}", wrong))
        found[name] = Expected(name, dict(wanted))
    InvalidOptions.raise_for(faults)
    return found


def _check(given: Json) -> None:
    faults = [
        InvalidOption(option, given[option], "must be more than 0")
        for option in ("connect_timeout", "read_timeout", "watch_timeout")
        if given[option] <= 0
    ]
    faults += [
        InvalidOption(option, given[option], "must not be less than 0")
        for option in ("drift_delay", "certificate_days", "unreachable_after")
        if given[option] < 0
    ]
    faults += [
        InvalidOption(option, given[option], f"must not be more than {most}")
        for option, most in _MOST.items()
        if not given[option] <= most
    ]
    InvalidOptions.raise_for(faults)

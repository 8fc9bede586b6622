# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a simulated WEC, and how people say which ones it is wrong with."""

from __future__ import annotations

import enum
import random
import typing as t


class Fault(enum.Enum):
    """At most one at a time for each WEC."""

    NONE = "none"
    SLOW = "slow"
    """Its API takes a second for each answer."""
    DEAD = "dead"
    """Its machine is lost: its address refuses connections, and its agent does nothing."""
    SILENT = "silent"
    """It cannot be reached from here: its address accepts connections and never answers. Its agent lives."""
    NONSENSE = "nonsense"
    """Something else answers at its address: each answer is a web page, with status 200. Its agent lives."""
    MUTE = "mute"
    """Its API works, and its agent never says anything to the hub."""
    WRONG = "wrong"
    """Its agent asks for the certificate of another cluster's agent."""


NAMES = tuple(one.value for one in Fault if one is not Fault.NONE)


class FaultError(ValueError):
    """Something that does not say which WECs shall fail how; the text says why."""


def fault(name: str) -> Fault:
    """Raises FaultError."""
    try:
        return Fault(name)
    except ValueError:
        raise FaultError(f"there is no fault {name}, only {', '.join((*NAMES, Fault.NONE.value))}") from None


def share(text: str, of: int) -> int:
    """How many ``3`` or ``5%`` are; a share of more than nothing is at least one. Raises FaultError."""
    number, percent, _rest = text.partition("%")
    try:
        value = float(number) if percent else int(number)
    except ValueError:
        raise FaultError(f"{text} is neither a number of WECs, such as 3, nor a share of them, such as 5%") from None
    found = round(of * value / 100) if percent else int(value)
    if percent and value > 0:
        found = max(1, found)
    if not 0 <= found <= of:
        raise FaultError(f"{text} cannot be had of {of} simulated WECs")
    return found


def distribute(text: str, names: t.Sequence[str]) -> dict[str, Fault]:
    """Which WECs fail how by ``slow=5%,dead=3``: the same ones each time, and each by one fault only. Raises FaultError."""
    left, found = list(names), dict[str, Fault]()
    random.Random(len(names)).shuffle(left)
    for term in filter(None, (one.strip() for one in text.split(","))):
        kind, equals, amount = term.partition("=")
        if not equals:
            raise FaultError(f"{term} should look like slow=5% or dead=3")
        wanted = share(amount, len(names))
        if wanted > len(left):
            raise FaultError(f"{text} is more than the {len(names)} simulated WECs that there are")
        chosen, left = left[:wanted], left[wanted:]
        found.update(dict.fromkeys(chosen, fault(kind)))
    return found


def choose(text: str, names: t.Sequence[str]) -> list[str]:
    """The WECs that ``edge-3,edge-9``, ``20``, ``5%`` or ``all`` mean. Raises FaultError."""
    if text == "all":
        return list(names)
    if text.rstrip("%").replace(".", "", 1).isdigit():
        mixed = list(names)
        random.Random(len(names)).shuffle(mixed)
        return mixed[: share(text, len(names))]
    wanted, known = [one for one in text.split(",") if one], set(names)
    strangers = [one for one in wanted if one not in known]
    if strangers or not wanted:
        raise FaultError(f"no simulated WEC is called {', '.join(strangers) or repr(text)}")
    return wanted

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of wec_join that say how a WEC leaves its ITS."""

from __future__ import annotations

import typing as t

from .._errors import InvalidOption
from .._rules.deregistration import leaving
from . import options

SPEC: dict[str, t.Any] = {
    "drain": {"type": "str", "choices": [leaving.REFUSE, leaving.WAIT, leaving.IGNORE], "default": leaving.REFUSE},
    "wec_access": {"type": "str", "choices": ["given", leaving.LOST, leaving.MOVED], "default": "given"},
    "its_access": {"type": "str", "choices": ["given", "lost"], "default": "given"},
    "workload": {"type": "str", "choices": [leaving.KEEP, leaving.REMOVE]},
    "purge": {"type": "bool"},
}
OF_ONE: dict[str, t.Any] = {**options.for_each(SPEC), "wait_timeout": {"type": "int"}}
"""The options of each of several WECs."""


def unused(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    """Those that are given and count for state=absent only."""
    for option, spec in SPEC.items():
        if given[option] != spec.get("default"):
            yield InvalidOption(option, given[option], "has a meaning only with state=absent", "Leave it out")


def faults(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    """What is wrong with values that can be told without looking at anything."""
    access = given["wec_access"]
    if access != "given":
        does_not_count = "the WEC is lost too" if access == leaving.LOST else "the WEC serves another ITS"
        if given["its_access"] == "lost":
            yield InvalidOption("its_access", "lost", f"leaves nothing to do, because {does_not_count}", "Leave it out")
        if given["drain"] == leaving.WAIT:
            yield InvalidOption(
                "drain",
                leaving.WAIT,
                f"cannot be done with wec_access={access}: no agent takes works off it",
                "Use refuse or ignore",
            )
        for option in ("purge", "workload"):
            if given[option]:
                yield InvalidOption(option, given[option], f"cannot be done with wec_access={access}", "Leave it out")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and values that YAML took for something else: what was written is lost (0042 is 34, 1.10 is 1.1), so nothing is guessed."""

from __future__ import annotations

import datetime
import typing as t

_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    datetime.date: "a date",
    datetime.datetime: "a date",
    list: "a list",
    tuple: "a list",
    dict: "a dictionary",
}


NAMES = frozenset({"name", "context", "its_context", "wds_context", "cluster_set", "bundle_version"})
"""Options that are names. An argument spec makes a text of whatever it is given, as YAML has read it."""


def name_faults(spec: t.Mapping[str, t.Any], given: t.Any, place: str = "") -> t.Iterator[tuple[str, t.Any, str]]:
    """Names that are no texts, in arguments that no spec has changed yet: place, value and what is wrong."""
    if not isinstance(given, t.Mapping):
        return
    for option, value in given.items():
        own = spec.get(option) or {}
        where = f"{place}{option}"
        if option in NAMES and own.get("type", "str") == "str" and value is not None:
            fault = text_fault(value)
            if fault:
                yield where, value, fault
        elif own.get("options"):
            entries = value if isinstance(value, (list, tuple)) else [value]
            for index, entry in enumerate(entries):
                yield from name_faults(own["options"], entry, f"{where}[{index}]." if entries is value else f"{where}.")


def text_fault(value: t.Any) -> str | None:
    """What is wrong with a value that has to be a text, or None."""
    if isinstance(value, str):
        return None
    if value is None:
        return "must be a string, and is null: leave the key out, or write '' for an empty text"
    kind = next((word for known, word in _KINDS.items() if isinstance(value, known)), "something else")
    if isinstance(value, (bool, int, float, datetime.date)):
        return f"must be a string, and is {kind} in YAML: write it in quotes, as you mean it (or end its template with | string)"
    return f"must be a string, and is {kind}"

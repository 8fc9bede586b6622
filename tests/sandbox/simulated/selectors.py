# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors of LIST requests."""

from __future__ import annotations

import re
import typing as t

Json = dict[str, t.Any]
_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)$")
_TERMS = re.compile(r",(?![^()]*\))")


def selected(item: Json, labels: str, fields: str) -> bool:
    """Whether both selectors match. Raises ValueError for one that cannot be understood."""
    own = item["metadata"].get("labels") or {}
    return all(_has_label(own, term.strip()) for term in _TERMS.split(labels) if term.strip()) and all(
        _has_field(item, term.strip()) for term in fields.split(",") if term.strip()
    )


def _has_label(own: t.Mapping[str, str], term: str) -> bool:
    found = _SET.match(term)
    if found:
        is_in = own.get(found["key"]) in [one.strip() for one in found["values"].split(",")]
        return is_in if found["how"] == "in" else not is_in
    for operator in ("!=", "==", "="):
        key, sign, value = term.partition(operator)
        if sign:
            return (own.get(key.strip()) == value.strip()) is (operator != "!=")
    return term[1:] not in own if term.startswith("!") else term in own


def _has_field(item: Json, term: str) -> bool:
    key, _equals, value = term.replace("==", "=").partition("=")
    if key not in ("metadata.name", "metadata.namespace"):
        raise ValueError(f"field label not supported: {key}")
    return bool(item["metadata"].get(key.partition(".")[2], "") == value)

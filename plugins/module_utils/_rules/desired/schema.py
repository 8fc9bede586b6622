# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet's own schema: which labels, annotations and properties its WECs may and must have, with which values."""

from __future__ import annotations

import fnmatch
import re
import typing as t

Json = dict[str, t.Any]
PARTS = ("labels", "annotations", "properties")
_FIELDS: dict[str, t.Any] = {"required": bool, "required_in": list, "values": list, "pattern": str}


def own_faults(schema: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with the schema itself."""
    found = [
        f"schema.{part}: is not a part of a schema; there are {', '.join(PARTS)}"
        for part in schema
        if part not in PARTS
    ]
    for part in PARTS:
        rules = schema.get(part) or {}
        if not isinstance(rules, t.Mapping):
            found.append(f"schema.{part}: must map keys to their rules")
            continue
        for key, rule in rules.items():
            found += [f"schema.{part}[{key}]{text}" for text in _rule_faults(rule)]
    return found


def _rule_faults(rule: t.Any) -> t.Iterator[str]:
    if rule is not None and not isinstance(rule, t.Mapping):
        yield ": must be a rule, such as {required: true}"
        return
    for field, value in (rule or {}).items():
        if field not in _FIELDS:
            yield f".{field}: is not a part of a rule; there are {', '.join(_FIELDS)}"
        elif not isinstance(value, _FIELDS[field]):
            yield f".{field}: must be a {_FIELDS[field].__name__}"
        elif field in ("values", "required_in") and not all(isinstance(one, str) for one in value):
            yield f".{field}: must have texts: write them in quotes"
        elif field == "pattern":
            try:
                re.compile(value)
            except re.error as error:
                yield f".pattern: is not a regular expression: {error}"


def faults(schema: t.Mapping[str, t.Any], wec: t.Mapping[str, t.Any], groups: t.Collection[str]) -> list[str]:
    """Where a WEC's labels, annotations and properties do not follow the schema. ``groups``: those of its inventory host.

    Keys of the schema are patterns with ``*`` and ``?``. A key that none of them matches is not allowed, in a part that the
    schema has.
    """
    found = []
    for part in PARTS:
        rules = schema.get(part)
        if rules is None:
            continue
        given: t.Mapping[str, t.Any] = wec.get(part) or {}
        for key, value in given.items():
            found += [f"{part}[{key}]: {text}" for text in _entry_faults(str(key), value, rules)]
        for pattern, rule in rules.items():
            if _is_required(rule or {}, groups) and not fnmatch.filter(map(str, given), pattern):
                found.append(f"{part}[{pattern}]: is required by the schema and not there")
    return found


def _entry_faults(key: str, value: t.Any, rules: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    # The key itself is meant before any pattern that matches it too.
    own = {key: rules[key]} if key in rules else rules
    matching = [rule or {} for pattern, rule in own.items() if fnmatch.fnmatchcase(key, str(pattern))]
    if not matching:
        yield f"is not allowed by the schema, which has {', '.join(map(str, rules)) or 'none'}"
    for rule in matching:
        if "values" in rule and value not in rule["values"]:
            yield f"{value!r} is not one of {', '.join(rule['values'])}"
        if "pattern" in rule and not re.fullmatch(rule["pattern"], str(value)):
            yield f"{value!r} does not match the pattern {rule['pattern']}"


def _is_required(rule: t.Mapping[str, t.Any], groups: t.Collection[str]) -> bool:
    return bool(rule.get("required")) or any(group in groups for group in rule.get("required_in") or [])

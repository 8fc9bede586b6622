# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which properties the templates in an object need (Go: text/template, as KubeStellar uses it, with missingkey=error)."""

from __future__ import annotations

import re
import typing as t

EXPAND = "control.kubestellar.io/expand-templates"
"""Annotation of objects whose texts are templates (KubeStellar: api/control/v1alpha1)."""
CLUSTER_NAME = "clusterName"

# A comment, or an action with its strings and characters, in which braces mean nothing.
_ACTION = re.compile(
    r"\{\{-?\s*/\*.*?\*/\s*-?\}\}"
    r"|\{\{(?P<action>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|(?!\}\}).)*)\}\}",
    re.DOTALL,
)
_LITERAL = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'", re.DOTALL)
_FIELD = re.compile(r"(?:(?<![\w.)\]])|(?<=\$))\.(?P<field>[^\W\d]\w*)")


def is_expanded(item: t.Mapping[str, t.Any]) -> bool:
    annotations = (item.get("metadata") or {}).get("annotations") or {}
    return bool(annotations.get(EXPAND) == "true")


def needed(item: t.Mapping[str, t.Any]) -> set[str]:
    """The properties without which an object's templates cannot be expanded; empty for one that is not expanded.

    What stands in a branch that is not taken counts too: which one is taken may differ for each WEC.
    """
    if not is_expanded(item):
        return set()
    return {field for text in _texts(item) for field in fields(text)} - {CLUSTER_NAME}


def fields(text: str) -> set[str]:
    """The fields of the top-level data that a template's actions name. ``index . "key"`` needs no such key."""
    found: set[str] = set()
    for action in _ACTION.finditer(text):
        words = _LITERAL.sub(" ", action["action"] or "")
        found.update(field["field"] for field in _FIELD.finditer(words))
    return found


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        if "{{" in value:
            yield value
    elif isinstance(value, t.Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)

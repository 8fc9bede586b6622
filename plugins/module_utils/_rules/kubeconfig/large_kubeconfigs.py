# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One context of a kubeconfig that has a thousand, without reading the others.

To parse two megabytes of YAML takes a quarter of a second, for each host and task. kubectl, clusteradm and kind write
kubeconfigs in block style: lists at the left margin, an entry from each "- " to the next. Such a file can be cut into its
entries by its lines; what is cut out is parsed as YAML, and has to be what it was taken for. Whatever looks otherwise is
parsed as a whole by the caller.
"""

from __future__ import annotations

import functools
import re
import threading
import typing as t

from ..outside import yaml_text
from ..outside.yaml_text import NotYamlError

Json = dict[str, t.Any]
LARGE = 64 * 1024
"""Bytes from which on it is worth it."""
_PARTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_AT_THE_MARGIN = re.compile(r"^(?=[^ \n])", re.MULTILINE)
_SECTION = re.compile(r"(clusters|users|contexts):[ ]*\n")
_NAME = re.compile(r"^(?:- |  )name: (.*?)[ ]*$", re.MULTILINE)
_CUTTING = threading.Lock()
"""A batch works in threads: the first to come cuts for all, because a file that is cut takes several times its size."""
_ANCHORS = re.compile(r"(?:^|[ ])[&*]\S", re.MULTILINE)


def excerpt(content: bytes, context: str | None) -> Json | None:
    """A kubeconfig with this context only, its cluster and its user; None where it cannot be cut out for sure."""
    if context is None or len(content) < LARGE:
        return None
    try:
        with _CUTTING:
            sections = _sections(content)
        if sections is None:
            return None
        chosen = _entry(sections["contexts"], "context", context)
        if chosen is None:
            return None
        cluster = _entry(sections["clusters"], "cluster", chosen["context"].get("cluster"))
        user = _entry(sections["users"], "user", chosen["context"].get("user"))
    except (NotYamlError, UnicodeDecodeError):
        return None
    if cluster is None or user is None:
        return None
    return {"clusters": [cluster], "users": [user], "contexts": [chosen], "current-context": context}


@functools.lru_cache(maxsize=4)
def _sections(content: bytes) -> dict[str, dict[str, str]] | None:
    """The entries of each list, as text, by the names that they may have; None for a file of another shape.

    It is kept for the other contexts of the file, which a batch takes one after the other. Raises UnicodeDecodeError.
    """
    text = content.decode()
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    if "\t" in text or "\r" in text or _ANCHORS.search(text):
        return None
    for block in _AT_THE_MARGIN.split(text):
        if block.startswith("- "):
            if current is None:
                return None
            # A name that is written in quotes, or that looks like a number, is found by reading the file as a whole.
            for name in _NAME.findall(block):
                current[name] = "" if name in current else block
            continue
        section = _SECTION.fullmatch(block)
        current = None
        if section:
            if section[1] in found:
                return None
            current = found[section[1]] = {}
        elif block.startswith(("---", "...", "{", "%", *(f"{part}:" for part in _PARTS))):
            return None
    return found if set(found) == set(_PARTS) else None


def _entry(entries: t.Mapping[str, str], part: str, name: t.Any) -> Json | None:
    """The one entry of this name."""
    # What has a name of another's is for the reader of the whole file.
    if not isinstance(name, str) or not entries.get(name):
        return None
    (entry,) = yaml_text.parse(entries[name])
    if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(part), dict):
        return entry
    return None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server's answers look like, checked at this one place: callers may rely on it.

An object is a mapping; what has metadata has a mapping there. An object of a list, and of a change in a watch, has a name. What
stands in the rest is its kind's own, and odd values there are that one object's.
"""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]


class OddShape(Exception):
    """An answer is none of an API server; the text says what is odd, and quotes nothing."""


@dataclasses.dataclass(frozen=True)
class Page:
    """A page of a list. ``more`` is the token for the next one, or empty."""

    items: list[Json]
    more: str
    version: str


def item(answer: t.Any) -> Json:
    """One object. Raises OddShape."""
    if not isinstance(answer, dict):
        raise OddShape(f"{_what(answer)} in place of an object")
    if answer.get("metadata") is not None and not isinstance(answer["metadata"], dict):
        raise OddShape(f"metadata that is {_what(answer['metadata'])}")
    return answer


def page(answer: t.Any) -> Page:
    """Raises OddShape."""
    whole = item(answer)
    items = whole.get("items")
    if items is None:
        items = []
    if not isinstance(items, list):
        raise OddShape(f"items that are {_what(items)}")
    metadata = whole.get("metadata") or {}
    return Page([named(one) for one in items], _text(metadata.get("continue")), _text(metadata.get("resourceVersion")))


def named(answer: t.Any) -> Json:
    """One object that has a name. Raises OddShape."""
    found = item(answer)
    name = (found.get("metadata") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise OddShape("an object without a name")
    return found


def change(kind: str, answer: t.Any) -> Json:
    """The object of a change in a watch; that of a BOOKMARK has no name. Raises OddShape."""
    found = item(answer) if kind == "BOOKMARK" else named(answer)
    if not isinstance((found.get("metadata") or {}).get("resourceVersion"), str):
        raise OddShape("a change without a resourceVersion")
    return found


def uid(answer: t.Any) -> str:
    """What identifies an object. Raises OddShape."""
    value = (item(answer).get("metadata") or {}).get("uid")
    if not isinstance(value, str) or not value:
        raise OddShape("an object without a uid")
    return value


def _text(value: t.Any) -> str:
    if value is not None and not isinstance(value, str):
        raise OddShape(f"metadata with {_what(value)} in place of a text")
    return value or ""


def _what(value: t.Any) -> str:
    return {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}.get(
        type(value), "nothing" if value is None else "something else"
    )

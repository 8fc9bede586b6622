# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of others on a screen, in a log and in a report: every character is one that can be seen, and stays where it is."""

from __future__ import annotations

import re
import typing as t
import unicodedata

from . import limits

REPLACEMENT = "\ufffd"
_ELLIPSIS = "…"
_KEPT = frozenset("\n\t")
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks without a glyph (Unicode: Default_Ignorable_Code_Point, beyond those of the category Cf)."""
_BLANKS = re.compile(r"[\n\t ]+")


def shown(text: str) -> str:
    """The same text with U+FFFD for what is no character, controls the terminal, turns the direction or cannot be seen.

    These are the categories Cc, Cf, Cs, Co, Cn, Zl and Zp of Unicode, and letters without a glyph. Tab and line end stay.
    """
    # Most texts are harmless, and this is what makes that quick to see.
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    if not text.isprintable():
        text = "".join(one if _is_visible(one) else REPLACEMENT for one in text)
    return _INVISIBLE.sub(REPLACEMENT, text)


def line(text: str) -> str:
    """The same on one line: nobody else can begin one."""
    text = shown(text)
    return _BLANKS.sub(" ", text) if "\n" in text or "\t" in text else text


def shortened(text: str, longest: int) -> str:
    """The beginning of a text. It ends between words: half a secret is not recognized any more by the code that hides secrets."""
    if len(text) <= longest:
        return text
    beginning = text[: longest - len(_ELLIPSIS)]
    return (beginning.rpartition(" ")[0] or beginning) + _ELLIPSIS


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends with a mark or a problem's code."""
    return text if text.endswith((".", "!", "?", "]", _ELLIPSIS)) else f"{text}."


def fact(text: str) -> str:
    """What a cluster says of itself, for a message. No text of Kubernetes for people is so long that it is cut."""
    return shortened(text, limits.TEXT)


def listed(names: t.Sequence[str], most: int) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def cell(value: t.Any, longest: int = limits.CELL) -> str:
    """What stands in a cell of a table: one line, and not endless."""
    text = str(value)
    # Characters beyond the end are not looked at.
    text = line(text[: longest + 1])
    return text if len(text) <= longest else text[: longest - 1] + _ELLIPSIS


def table(rows: t.Sequence[t.Sequence[t.Any]], longest_last: int = limits.LINE) -> list[str]:
    """Lines with cells below each other. The last of each row, which nothing stands beside, may be longer."""
    cells = [[*map(cell, row[:-1]), cell(row[-1], longest_last)] for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in cells), strict=True)]
    return [
        "  ".join([*(one.ljust(width) for one, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in cells
    ]


def _is_visible(character: str) -> bool:
    return character.isprintable() or character in _KEPT or unicodedata.category(character) == "Zs"

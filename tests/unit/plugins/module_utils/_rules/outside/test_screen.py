# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import unicodedata

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits, screen
from hypothesis import given
from hypothesis import strategies as st

HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=200)


@given(ANY_TEXT)
def test_no_character_that_controls_turns_or_hides_is_left(text: str) -> None:
    found = screen.shown(text)
    assert not [one for one in found if unicodedata.category(one) in HARMFUL and one not in "\n\t"]
    found.encode()


@given(ANY_TEXT)
def test_one_line_stays_one_line(text: str) -> None:
    assert len(screen.line(text).splitlines()) <= 1


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=5))
def test_a_table_has_a_line_for_each_row(rows: list[tuple[str, str, str]]) -> None:
    lines = screen.table(rows)
    assert len(lines) == len(rows)
    assert all(len(line.splitlines()) <= 1 and len(line) <= 2 * (limits.CELL + 2) + limits.LINE for line in lines)


@pytest.mark.parametrize(
    "text", ["edge-1", "Überall: größer, 日本 → Москва ✓", "no break", "two\nlines\tand a tab", "e\u0301", ""]
)
def test_what_people_write_stays(text: str) -> None:
    assert screen.shown(text) == text


@pytest.mark.parametrize(
    "character",
    [
        "\x1b",
        "\r",
        "\x00",
        "\x9b",
        "\u061c",
        "\u200b",
        "\u200e",
        "\u202e",
        "\u2028",
        "\u2029",
        "\u2066",
        "\ufeff",
        "\ud800",
        "\ue000",
        "\uffff",
        "\u00ad",
        "\u3164",
        "\ufe0f",
        "\U000e0041",
        "\U000f0000",
        "\U000e0100",
    ],
)
def test_each_of_these_is_replaced(character: str) -> None:
    assert screen.shown(f"a{character}b") == "a\ufffdb"


def test_a_line_end_of_two_characters_is_one() -> None:
    assert screen.shown("a\r\nb\rc") == "a\nb\ufffdc"


def test_cells_end_with_an_ellipsis() -> None:
    assert screen.cell("x" * 64) == "x" * 64
    assert screen.cell("x" * 65) == "x" * 63 + "…"
    assert screen.cell("a\nb\tc") == "a b c"
    assert screen.cell(None) == "None"


def test_a_giant_is_cut_before_it_is_looked_at() -> None:
    began = time.perf_counter()
    screen.table([("a", "\x1b" * 20_000_000, "b")])
    assert time.perf_counter() - began < 0.5


def test_columns_stand_below_each_other() -> None:
    assert screen.table([("WEC", "STATE", "WHY"), ("edge-10", "joined", "-")]) == [
        "WEC      STATE   WHY",
        "edge-10  joined  -",
    ]

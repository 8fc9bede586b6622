# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of the cells, and the table."""

from __future__ import annotations

import pathlib
import typing as t

from matrix import results

ROW: dict[str, t.Any] = {
    "versions": {
        "Python": "3.12",
        "ansible-core": "2.20.1",
        "kubernetes": "37.0.0",
        "PyYAML": "6",
        "cryptography": "50",
    },
    "parts": {"unit": "2000", "demo": "3 WECs"},
}


def test_a_row_says_what_ran_and_nothing_else() -> None:
    head, _line, row = results.table({"2.20-3.12-newest": ROW}).splitlines()
    assert head.startswith("| ansible-core | Python | kubernetes |")
    assert row == "| 2.20.1 | 3.12 | 37.0.0 | 6 | 50 | | 2000 | 3 WECs | |"


def test_a_cell_that_fails_is_proved_no_more(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "results.json"
    results.record("2.21-3.13-newest", ROW, file)
    results.record("2.20-3.12-newest", ROW, file)
    assert list(results.read(file)) == ["2.20-3.12-newest", "2.21-3.13-newest"]
    results.record("2.20-3.12-newest", None, file)
    assert list(results.read(file)) == ["2.21-3.13-newest"]


def test_a_cell_that_is_no_more_is_forgotten(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "results.json"
    results.record("2.18-3.11-newest", ROW, file)
    assert results.read(file) == {}


def test_parts_that_ran_at_another_time_stay_if_the_versions_are_the_same(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "results.json"
    results.record("2.20-3.12-newest", ROW, file)
    results.record("2.20-3.12-newest", {**ROW, "parts": {"unit": "2001", "integration": "30"}}, file)
    assert results.read(file)["2.20-3.12-newest"]["parts"] == {"unit": "2001", "demo": "3 WECs", "integration": "30"}
    results.record("2.20-3.12-newest", {"versions": {}, "parts": {"unit": "2002"}}, file)
    assert results.read(file)["2.20-3.12-newest"]["parts"] == {"unit": "2002"}

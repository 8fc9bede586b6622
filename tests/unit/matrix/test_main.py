# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run of the matrix, but for what a cell runs."""

from __future__ import annotations

import sys
import typing as t

import pytest
from matrix import __main__ as command
from matrix import results, running
from matrix.pythons import MissingPython
from matrix.running import PartFailed

Recorded = dict[str, t.Any]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    rows: Recorded = {}
    monkeypatch.setattr(results, "record", rows.__setitem__)
    monkeypatch.setattr(running.Runner, "prepare", lambda _runner: None)
    monkeypatch.setattr(running.Runner, "run", lambda _runner, part: f"{part} passed")
    return rows


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["matrix", *arguments])
    return command.main()


def test_each_cell_is_recorded_with_what_ran(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    assert run(monkeypatch, "2.21-3.13-newest*", "--parts", "unit,integration") == 0
    assert recorded["2.21-3.13-newest"]["parts"] == {"unit": "unit passed", "integration": "integration passed"}
    host = recorded["2.21-3.13-newest-host3.10"]
    assert host["versions"]["Python of hosts"] == "3.10"
    assert host["parts"] == {"integration": "integration passed"}


def test_a_missing_python_fails_its_cell_and_the_run(
    monkeypatch: pytest.MonkeyPatch, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(runner: running.Runner) -> None:
        if runner._cell.python == "3.12":
            raise MissingPython("There is no Python 3.12. Install it")

    monkeypatch.setattr(running.Runner, "prepare", prepare)
    assert run(monkeypatch, "2.20-*-newest") == 1
    assert "2.20-3.12-newest FAILED: There is no Python 3.12. Install it" in capsys.readouterr().out
    assert recorded["2.20-3.12-newest"] is None
    assert recorded["2.20-3.13-newest"]["parts"]


def test_a_part_that_fails_ends_its_cell(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    def part(_runner: running.Runner, name: str) -> str:
        if name == "demo":
            raise PartFailed("demo failed")
        assert name == "unit"
        return "2000"

    monkeypatch.setattr(running.Runner, "run", part)
    assert run(monkeypatch, "2.21-3.12-newest") == 1
    assert recorded == {"2.21-3.12-newest": None}


def test_unknown_cells_are_refused(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    assert run(monkeypatch, "2.22-*") == 2
    assert recorded == {}

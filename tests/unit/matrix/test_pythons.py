# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interpreters are found by their version, and nothing else is taken for one."""

from __future__ import annotations

import pathlib

import pytest
from matrix import pythons


def interpreter(path: pathlib.Path, says: str, code: int = 0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The one folder on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin")
    monkeypatch.delenv(pythons.VARIABLE, raising=False)
    return tmp_path / "path"


def test_one_on_path(path: pathlib.Path) -> None:
    there = interpreter(path / "python3.98", "3.98")
    assert pythons.find("3.98") == there


@pytest.mark.parametrize("inside", ["python3.98", "bin/python3.98", "3.98.1/bin/python3.98"])
def test_one_in_the_folder_comes_first(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    interpreter(path / "python3.98", "3.98")
    monkeypatch.setenv(pythons.VARIABLE, str(tmp_path / "pythons"))
    there = interpreter(tmp_path / "pythons" / inside, "3.98")
    assert pythons.find("3.98") == there


@pytest.mark.parametrize(("says", "code"), [("3.97", 0), ("3.98", 127)])
def test_one_that_does_not_run_or_is_another_is_none(path: pathlib.Path, says: str, code: int) -> None:
    interpreter(path / "python3.98", says, code)
    with pytest.raises(pythons.MissingPython):
        pythons.find("3.98")


def test_a_missing_one_says_how_to_get_it() -> None:
    with pytest.raises(
        pythons.MissingPython, match=r"no Python 3\.98\. Install it so that python3\.98 is on PATH .*WEC_PYTHONS"
    ):
        pythons.find("3.98")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of docs/inventory.md that makes an inventory of a spreadsheet."""

from __future__ import annotations

import csv
import pathlib
import re
import subprocess
import sys

import pytest
from evaluating import Read
from hostile import ODD, PAYLOADS, aimed

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "inventory.md"
# A file cannot hold these, or Python's CSV does not take them.
CELLS = [text for text in (*PAYLOADS, *ODD) if text and "\0" not in text]


@pytest.fixture
def program(tmp_path: pathlib.Path) -> pathlib.Path:
    section = PAGE.read_text(encoding="utf-8").partition("## A list as CSV")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    path = tmp_path / "wecs.py"
    path.write_text(found[1].replace("#!/usr/bin/env python3", f"#!{sys.executable}"), encoding="utf-8")
    path.chmod(0o755)
    return path


def write(program: pathlib.Path, *rows: list[str]) -> None:
    with program.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_its_example_is_an_inventory(program: pathlib.Path) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## A list as CSV")[2]
    found = re.search(r"```csv\n(.*?)```", section, re.DOTALL)
    assert found
    program.with_suffix(".csv").write_text(found[1], encoding="utf-8")
    read = Read(program)
    assert read.hosts == ["edge-1", "edge-2"]
    own = read.variables("edge-1")
    assert own["wec_labels"] == {"region": "us-east", "location-group": "edge"}
    assert own["wec_properties"] == {"maxPods": "100"}
    assert read.variables("edge-2")["wec_cluster_set"] == "default"


def test_a_cell_is_never_a_template(program: pathlib.Path, tmp_path: pathlib.Path) -> None:
    mark = tmp_path / "was-evaluated"
    cells = [aimed(text, mark) for text in CELLS]
    heads = [f"property:k{number}" for number in range(len(cells))]
    write(program, ["name", "wec_context", *heads], ["edge-1", cells[0], *cells])
    found = Read(program).variables("edge-1")
    assert not mark.exists()
    assert found["wec_properties"] == dict(zip((f"k{number}" for number in range(len(cells))), cells, strict=True))
    assert found["wec_context"] == cells[0]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (["name", "ansible_connection"], ["edge-1", "local"]),
        (["name", "wec_kubeconfig"], ["edge-1", "/tmp/x"]),
        (["name"], ["edge-1", "more than there are columns"]),
        (["name", "label:a"], ["all", "b"]),
        (["name", "label:a"], ["wecs", "b"]),
        (["name", "label:a"], ["e[1:3]", "b"]),
    ],
)
def test_other_columns_and_names_are_refused(program: pathlib.Path, head: list[str], row: list[str]) -> None:
    write(program, head, row)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"is not a (column of this list|valid name for a WEC)", done.stderr), done.stderr

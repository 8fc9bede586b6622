# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which combinations of versions are tested, and how they are chosen."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from matrix.cells import CORES, HOST_PYTHON, NEWEST, OLDEST, cells, chosen, libraries

ROOT = pathlib.Path(__file__).parents[3]


def test_every_supported_pair_and_the_oldest_libraries_with_every_python() -> None:
    found = cells()
    assert len({cell.name for cell in found}) == len(found)
    controllers = [cell for cell in found if not cell.host_python]
    pairs = {(core, python) for core, (_release, pythons) in CORES.items() for python in pythons}
    assert {(cell.core, cell.python) for cell in controllers if cell.libraries == NEWEST} == pairs
    assert {cell.python for cell in controllers if cell.libraries == OLDEST} == {python for _core, python in pairs}


def test_the_oldest_that_is_promised_is_tested() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={min(CORES)}.0"
    for meta in ROOT.glob("roles/*/meta/main.yml"):
        assert yaml.safe_load(meta.read_text())["galaxy_info"]["min_ansible_version"] == min(CORES), meta
    page = " ".join((ROOT / "docs" / "compatibility.md").read_text().split())
    assert f"ansible-core {min(CORES)} or newer, Python 3.11 or newer on the controller" in page
    assert f"{HOST_PYTHON} or newer with `run_on: host`" in page
    for name, version in libraries(OLDEST).items():
        assert f"{name}>={version}" in (ROOT / "requirements.txt").read_text()


def test_without_a_pattern_all_are_chosen() -> None:
    assert chosen([]) == cells()


def test_patterns_choose() -> None:
    assert [cell.name for cell in chosen(["2.19-3.11-*", "2.20-3.13-newest"])] == [
        "2.19-3.11-newest",
        "2.20-3.13-newest",
        "2.19-3.11-oldest",
        f"2.19-3.11-oldest-host{HOST_PYTHON}",
    ]


def test_a_pattern_that_chooses_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"No cell is called 2\.18-\*\. There are: 2\.19-3\.11-newest, "):
        chosen(["2.21-*", "2.18-*"])


@pytest.mark.parametrize("file", ["plugins/doc_fragments/_common.py", "plugins/inventory/its.py"])
def test_the_documentation_promises_the_same_libraries(file: str) -> None:
    promised = re.findall(r"^  - (\w+) >= ([\d.]+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert {name: version.split(".")[:2] for name, version in promised if name != "python"} == {
        name: version.split(".")[:2] for name, version in libraries(OLDEST).items()
    }

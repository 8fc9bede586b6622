# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The combinations of versions that are tested."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import re
import typing as t

_TESTS = pathlib.Path(__file__).parents[1]
CORES = {
    # ansible-core: the release that is tested, and the Pythons of a controller that it supports.
    "2.19": ("2.19.14", ("3.11", "3.12", "3.13")),
    "2.20": ("2.20.10", ("3.12", "3.13")),
    "2.21": ("2.21.5", ("3.12", "3.13")),
}
OLDEST, NEWEST = "oldest", "newest"
HOST_PYTHON = "3.10"
"""The oldest Python of a managed host with wec_run_on=host; every controller's is newer."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """``host_python``: that of a managed host. Then only the tests of modules that run on hosts are run."""

    core: str
    python: str
    libraries: str
    host_python: str = ""

    @property
    def name(self) -> str:
        host = f"-host{self.host_python}" if self.host_python else ""
        return f"{self.core}-{self.python}-{self.libraries}{host}"

    @property
    def pythons(self) -> list[str]:
        return [self.python, *([self.host_python] if self.host_python else [])]

    @property
    def versions(self) -> dict[str, str]:
        """What is installed on the controller, in the order of the table."""
        return {"ansible-core": CORES[self.core][0], **libraries(self.libraries)}


def libraries(which: str) -> dict[str, str]:
    """The versions of the collection's libraries: the oldest that it promises, or the newest that there are."""
    file = _TESTS.parent / "requirements.txt" if which == OLDEST else _TESTS / "requirements" / "newest.txt"
    found = dict(re.findall(r"^(\w+)[>=]=([\d.]+)$", file.read_text(encoding="utf-8"), re.MULTILINE))
    return {name: found[name] for name in ("kubernetes", "PyYAML", "cryptography")}


def cells() -> list[Cell]:
    """Every supported pair with the newest libraries, every Python also with the oldest, and hosts with an older Python."""
    pairs = [(core, python) for core, (_release, pythons) in CORES.items() for python in pythons]
    newest = [Cell(core, python, NEWEST) for core, python in pairs]
    # The older a Python is, the older is the ansible-core that is in use with it.
    oldest = [Cell(core, python, OLDEST) for core, python in (("2.19", "3.11"), ("2.20", "3.12"), ("2.21", "3.13"))]
    hosts = [Cell("2.19", "3.11", OLDEST, HOST_PYTHON), Cell("2.21", "3.13", NEWEST, HOST_PYTHON)]
    return [*newest, *oldest, *hosts]


def chosen(patterns: t.Sequence[str]) -> list[Cell]:
    """The cells whose name one of the patterns matches; all without a pattern. Raises ValueError."""
    every = cells()
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(cell.name, pattern) for cell in every):
            raise ValueError(f"No cell is called {pattern}. There are: {', '.join(cell.name for cell in every)}.")
    return [cell for cell in every if not patterns or any(fnmatch.fnmatchcase(cell.name, one) for one in patterns)]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests one cell, in environments that are made for it and removed after it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t

from sandbox.outputs import collections_folder

from . import pythons
from .cells import Cell, libraries

ROOT = pathlib.Path(__file__).parents[2]
INTEGRATION = ("test_register.py", "test_deregister.py", "test_walk.py")
"""Registering, configuring and deregistering on real clusters."""
ON_HOSTS = ("test_register.py::test_both_front_ends_give_the_same[host]", "test_edge.py")
"""The modules on a host, with an interpreter of its own."""
PARTS = ("unit", "demo", "integration")


class PartFailed(Exception):
    """The text says which part, and where its output is."""


class Runner:
    """``folder`` keeps the output of everything that runs, and the environments meanwhile."""

    def __init__(self, cell: Cell, folder: pathlib.Path, workers: str) -> None:
        self._cell, self._folder, self._workers = cell, folder, workers
        self._own = folder / cell.name
        self._environment: dict[str, str] = {}

    def prepare(self) -> None:
        """Raises MissingPython, PartFailed."""
        found = [pythons.find(version) for version in self._cell.pythons]
        self._own.mkdir(parents=True)
        venv = self._venv(
            "controller", found[0], self._cell.versions, "-r", str(ROOT / "tests/requirements/matrix.txt")
        )
        (self._own / "ansible.cfg").touch()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))},
            "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "tests"),
            "ANSIBLE_COLLECTIONS_PATH": str(collections_folder()),
            "ANSIBLE_CONFIG": str(self._own / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._own / "ansible"),
            "ANSIBLE_FORCE_COLOR": "0",
            "NO_COLOR": "1",
            "WEC_DEMO_PYTHON": str(venv / "bin" / "python"),
            "WEC_SANDBOX": str(self._own / "sandbox"),
        }
        if self._cell.host_python:
            host = self._venv("host", found[1], libraries(self._cell.libraries))
            self._environment["WEC_TEST_HOST_PYTHON"] = str(host / "bin" / "python")

    def run(self, part: str) -> str:
        """Run one part; returns what the table says of it. Raises PartFailed."""
        if part == "demo":
            try:
                output = self._run(part, ["tests/demo"])
            finally:
                self._run("sandbox-down", [sys.executable, "-m", "sandbox", "down"])
            registered = len(re.findall(r"^edge-\d+ +joined ", output, re.MULTILINE))
            if registered != 3:
                raise PartFailed(f"{part}: {registered} of 3 WECs are joined, see {self._log(part)}")
            return "3 WECs"
        tests = ["tests/unit"]
        if part == "integration":
            names = ON_HOSTS if self._cell.host_python else INTEGRATION
            also_long = [] if self._cell.host_python else ["-m", "not long"]
            tests = [*(f"tests/integration/{name}" for name in names), "--dist", "loadfile", *also_long]
        output = self._run(part, ["python", "-m", "pytest", "-q", "-n", self._workers, *tests])
        passed = re.search(r"(?<!\d)([1-9]\d*) passed", output)
        if passed is None:
            raise PartFailed(f"{part}: no test ran, see {self._log(part)}")
        return passed[1]

    @property
    def parts(self) -> t.Sequence[str]:
        return ("integration",) if self._cell.host_python else PARTS

    def _venv(self, name: str, python: str, versions: t.Mapping[str, str], *more: str) -> pathlib.Path:
        venv = self._own / name
        pins = [f"{library}=={version}" for library, version in versions.items()]
        self._run(f"{name}-venv", [python, "-m", "venv", str(venv)])
        self._run(f"{name}-pip", [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", *pins, *more])
        return venv

    def _log(self, what: str) -> pathlib.Path:
        return self._folder / f"{self._cell.name}-{what}.log"

    def _run(self, what: str, command: t.Sequence[str]) -> str:
        log = self._log(what)
        began = time.monotonic()
        with log.open("w", encoding="utf-8") as sink:
            done = subprocess.run(
                command, cwd=ROOT, env=self._environment or None, stdout=sink, stderr=subprocess.STDOUT, check=False
            )
        output = log.read_text(encoding="utf-8", errors="replace")
        if done.returncode:
            print(*output.splitlines()[-30:], sep="\n", flush=True)
            raise PartFailed(f"{what} failed with exit code {done.returncode}, see {log}")
        print(f"    {what}: {time.monotonic() - began:.0f} s", flush=True)
        return output

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the collection with each combination of versions that it promises: ``make test-matrix``."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

from . import results
from .cells import Cell, cells, chosen
from .pythons import MissingPython
from .running import PARTS, PartFailed, Runner


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-matrix", description=__doc__)
    parser.add_argument("cells", nargs="*", help="names or patterns, such as '2.21-*'")
    parser.add_argument("--parts", default=",".join(PARTS), help="of each cell; all of them unless given")
    parser.add_argument("--workers", default="2", help="how many tests run at the same time")
    parser.add_argument("--list", action="store_true", help="show the cells, and run nothing")
    given = parser.parse_args()
    if given.list:
        print(*(cell.name for cell in cells()), sep="\n")
        return 0
    try:
        wanted = chosen(given.cells)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kubestellar-wec-matrix."))
    failed = [cell.name for cell in wanted if not _passes(cell, folder, given.parts.split(","), given.workers)]
    print(f"\n{len(wanted) - len(failed)} passed, {len(failed)} failed")
    if failed:
        print(f"Failed: {', '.join(failed)}. The output is in {folder}.", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _passes(cell: Cell, folder: pathlib.Path, wanted: list[str], workers: str) -> bool:
    print(f"==> {cell.name}: {', '.join(f'{name} {version}' for name, version in cell.versions.items())}", flush=True)
    began = time.monotonic()
    runner = Runner(cell, folder, workers)
    proved: dict[str, str] = {}
    try:
        runner.prepare()
        for part in runner.parts:
            if part in wanted:
                proved[part] = runner.run(part)
    except (MissingPython, PartFailed) as error:
        print(f"==> {cell.name} FAILED: {error}", flush=True)
        results.record(cell.name, None)
        return False
    finally:
        shutil.rmtree(folder / cell.name, ignore_errors=True)
    host = {"Python of hosts": cell.host_python} if cell.host_python else {}
    results.record(cell.name, {"versions": {"Python": cell.python, **cell.versions, **host}, "parts": proved})
    print(f"==> {cell.name}: passed in {time.monotonic() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())

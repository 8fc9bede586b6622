# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor's side of the simulated fleet: it starts the process, and asks it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import typing as t

from .. import processes
from ..cluster import Cluster, StartError
from ..layout import Layout
from . import FOLDER

Json = dict[str, t.Any]


class SimulationError(Exception):
    """The fleet refused, or is not there; the text says why."""


class SimulatedFleet:
    """Simulated WECs edge-FIRST and so on, which continue the real ones."""

    def __init__(self, layout: Layout, its: Cluster, first: int, count: int, faults: str) -> None:
        self._layout, self._its = layout, its
        self._first, self._count, self._faults = first, count, faults
        self._process: asyncio.subprocess.Process | None = None
        self.kubeconfigs: list[Json] = []

    @property
    def names(self) -> list[str]:
        return [one["current-context"] for one in self.kubeconfigs]

    async def start(self) -> None:
        """Raises StartError."""
        folder = self._layout.state / FOLDER
        folder.mkdir(exist_ok=True)
        log = folder / "fleet.log"
        numbers = ["--first", str(self._first), "--count", str(self._count), "--faults", self._faults]
        self._process = await processes.spawn(
            [
                sys.executable,
                "-m",
                "sandbox.simulated",
                "--state",
                self._layout.state,
                "--hub",
                self._its.url,
                *numbers,
            ],
            mark=str(self._layout.state),
            log=log,
        )
        end = time.monotonic() + 120
        while not self._layout.simulated.exists():
            if self._process.returncode is not None or time.monotonic() > end:
                message = log.read_text(encoding="utf-8").strip().splitlines()
                raise StartError(
                    f"the simulated fleet did not come up: {message[-1] if message else ''} (more in {log})"
                )
            await asyncio.sleep(0.05)
        self.kubeconfigs = json.loads((folder / "kubeconfigs.json").read_text(encoding="utf-8"))

    async def ask(self, command: str, **arguments: t.Any) -> t.Any:
        """Raises SimulationError."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._layout.simulated, limit=2**24)
            writer.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            reply = json.loads(await reader.readline())
            writer.close()
        except (OSError, ValueError) as error:
            raise SimulationError(f"the simulated fleet does not answer: {error}") from error
        if "error" in reply:
            raise SimulationError(reply["error"])
        return reply["result"]

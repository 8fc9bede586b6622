# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps what was measured."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import typing as t

from .figures import Measurement
from .scenarios import Settings

Json = dict[str, t.Any]
DEFAULT = pathlib.Path(__file__).parent / "results.json"


@dataclasses.dataclass(frozen=True)
class Kept:
    """``machine`` is what it was measured on, ``at_once`` how many WECs each contender worked at a time."""

    machine: Json
    at_once: int
    measurements: list[Measurement]

    def of(self, scenario: str, contender: str | None = None, wecs: int | None = None) -> list[Measurement]:
        return [
            one
            for one in self.measurements
            if one.scenario == scenario and contender in (None, one.contender) and wecs in (None, one.wecs)
        ]


def read(path: pathlib.Path) -> Kept:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Kept(content["machine"], content["at_once"], [Measurement.read(one) for one in content["measurements"]])


class Results:
    """Adds measurements to a file. A scenario that is measured again replaces what there was of it."""

    def __init__(self, path: pathlib.Path, settings: Settings) -> None:
        self._path, self._settings = path, settings
        self._before = read(path).measurements if path.exists() else []
        self._new: list[Measurement] = []
        # As others have left it: while it is measured, the load is our own.
        self._load = round(os.getloadavg()[0])

    def add(self, measurement: Measurement) -> None:
        self._new.append(measurement)
        again = {one.scenario for one in self._new}
        kept = [*(one for one in self._before if one.scenario not in again), *self._new]
        content = {
            "machine": {**_machine(), "load": self._load},
            "at_once": self._settings.at_once,
            "measurements": [one.as_data() for one in kept],
        }
        self._path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _machine() -> Json:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "day": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
    }

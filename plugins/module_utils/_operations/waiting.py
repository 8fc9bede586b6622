# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for what somebody else does with one WEC."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from .._apis.shared import Waiting
from .._errors import TimedOut
from .._rules.problems import Problem

TICK = 1.0
LINE_EVERY = 5.0


@dataclasses.dataclass(frozen=True)
class Waiter:
    """Each wait has ``timeout`` seconds. ``waiting`` is entered while nothing is looked at."""

    name: str
    timeout: float
    progress: t.Callable[[str], None]
    waiting: Waiting = contextlib.nullcontext

    def until(self, look: t.Callable[[], str | None], blame: t.Callable[[str], Problem]) -> None:
        """Until ``look`` gives None. What it gives else is what is there still and why. Raises TimedOut."""
        begin = time.monotonic()
        line_at = begin + LINE_EVERY
        while True:
            told = look()
            if told is None:
                return
            if time.monotonic() >= begin + self.timeout:
                problem = blame(told)
                raise TimedOut(f"{self.name}: {problem}", problem)
            if time.monotonic() >= line_at:
                line_at += LINE_EVERY
                self.progress(f"{self.name}: {told} ({time.monotonic() - begin:.0f} s)")
            with self.waiting():
                time.sleep(TICK)

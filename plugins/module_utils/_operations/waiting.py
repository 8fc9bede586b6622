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
from .._rules.status.problems import Problem

TICK = 1.0
LINE_EVERY = 5.0


SAME_EVERY = 30.0
"""Seconds after which a line that tells nothing new is shown again, so that nobody takes the run for dead."""


class Lines:
    """Decides when a line about a wait is shown: every ``interval`` seconds at most, and only seldom if nothing has changed."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._shown_at = self._began = time.monotonic()
        self._last: t.Hashable = None

    @property
    def is_time(self) -> bool:
        """Whether a line may be shown now."""
        return time.monotonic() - self._shown_at >= self._interval

    @property
    def any_was_shown(self) -> bool:
        return self._shown_at > self._began

    def take(self, what: t.Hashable) -> bool:
        """Whether to show a line that says ``what``. It is then taken to be shown."""
        since = time.monotonic() - self._shown_at
        if since < self._interval or (what == self._last and since < SAME_EVERY):
            return False
        self._shown_at, self._last = time.monotonic(), what
        return True


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
        lines = Lines(LINE_EVERY)
        while True:
            message = look()
            if message is None:
                return
            if time.monotonic() >= begin + self.timeout:
                problem = blame(message)
                raise TimedOut(f"{self.name}: {problem}", problem)
            if lines.take(message):
                self.progress(f"{self.name}: {message} ({time.monotonic() - begin:.0f} s of {self.timeout:.0f} s)")
            with self.waiting():
                time.sleep(TICK)

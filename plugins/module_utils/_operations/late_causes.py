# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why WECs that are waited for are late, as they show it themselves: asked beside the wait, which is never held up by it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import typing as t

from .._apis.its import Its
from .._apis.wec import Wec
from .._rules.status.problems import Problem
from . import status
from .wec_on_host import WecOnHost

_AT_ONCE = 5
"""So many are asked at the same time; a line names no more."""
_AGAIN = 15.0
"""Seconds after which one is asked again: the causes on a WEC appear one after the other."""
_SECONDS = 10.0
"""For everything that one is asked in one go. Nobody waits longer for it at the end."""


def of_both_sides(its: Its, wec: Wec | WecOnHost, name: str) -> Problem | None:
    """The first thing that is wrong. A WEC that only its host reaches is not asked: that would be a task of its own each time."""
    if not isinstance(wec, Wec):
        return None
    with wec.kube.within(_SECONDS):
        return next(iter(status.of_one(its, wec, its.view(name)).problems), None)


class LateCauses:
    """``ask`` gives what is wrong with a WEC, by its own API and its ITS; None if nothing is seen. It may take its time."""

    def __init__(self, ask: t.Callable[[str], Problem | None]) -> None:
        self._ask = ask
        self._executor = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
        self._lock = threading.Lock()
        self._known: dict[str, Problem | None] = {}
        self._asked_at: dict[str, float] = {}

    def of(self, name: str) -> Problem | None:
        """What is known by now. WECs that are named here are asked, and known the next time."""
        with self._lock:
            if time.monotonic() - self._asked_at.get(name, float("-inf")) > _AGAIN:
                self._asked_at[name] = float("inf")
                self._executor.submit(self._look, name)
            return self._known.get(name)

    def _look(self, name: str) -> None:
        found = None
        try:
            found = self._ask(name)
        finally:
            # One that cannot even be asked shows nothing: the wait ends with what the ITS shows of it.
            with self._lock:
                self._known[name], self._asked_at[name] = found, time.monotonic()

    def close(self) -> None:
        """Nobody is asked any more when this returns: what is asked then has its own deadlines."""
        self._executor.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def asked(ask: t.Callable[[str], Problem | None]) -> t.Iterator[LateCauses]:
    """For as long as a wait lasts."""
    causes = LateCauses(ask)
    try:
        yield causes
    finally:
        causes.close()

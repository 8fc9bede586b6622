# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same for several WECs at once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import typing as t

MAX_CONCURRENT_HUBS = 16
"""So many ITSs are looked at, or worked on, at the same time."""
R = t.TypeVar("R")
T = t.TypeVar("T")


class Slots:
    """For so many workers at the same time. One that only waits leaves its slot to another."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)

    def __enter__(self) -> None:
        self._free.acquire()

    def __exit__(self, *_details: object) -> None:
        self._free.release()

    @contextlib.contextmanager
    def left(self) -> t.Iterator[None]:
        """Only for those who have a place."""
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()


@contextlib.contextmanager
def threads(at_once: int) -> t.Iterator[concurrent.futures.ThreadPoolExecutor]:
    """So many threads. A task that is interrupted, or out of time, does not wait for what has not begun."""
    executor = concurrent.futures.ThreadPoolExecutor(at_once)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def each(do: t.Callable[[T], R], those: t.Sequence[T], at_once: int) -> list[R]:
    """Do it for each of them; gives what that gives. Raises what the first of them raises."""
    if len(those) <= 1:
        # It can be interrupted here.
        return [do(one) for one in those]
    with threads(at_once) as executor:
        return [done.result() for done in [executor.submit(do, one) for one in those]]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many clusters are asked who they are, so that none of them gets two names. One that does not answer keeps nobody waiting."""

from __future__ import annotations

import concurrent.futures
import threading
import typing as t

from .._errors import WecError
from .._rules.status import problems

T = t.TypeVar("T")
_TIMES = 4
"""As many times more are asked at once than are worked on: that costs little, and some may not answer."""
_SILENCE = 2.0
"""Seconds without any answer after which the roll is closed."""


class Named(t.Protocol):
    """A host with the name of its WEC, and why that cannot be worked on."""

    host: str
    name: str
    error: WecError | None


def refuse_repeated(those: t.Sequence[Named]) -> None:
    """Names that several hosts have: nobody can tell which of them is meant."""
    by_name: dict[str, list[Named]] = {}
    for one in those:
        by_name.setdefault(one.name, []).append(one)
    for name, same in by_name.items():
        for one in same if len(same) > 1 else ():
            others = ", ".join(other.host for other in same if other is not one)
            why = f"The name {name} is also that of {others}: give each host its own wec_name"
            one.error = one.error or used_twice(name, why)


def used_twice(name: str, why: str) -> WecError:
    """``why`` has the remedy in it: there is one for each of the two ways."""
    return WecError(f"{name}: {why}. [duplicate_name]", problems.of("duplicate_name", why))


class ClusterIds(t.Generic[T]):
    """``ask`` gives a cluster's UID, or raises anything. Those of one UID are handed to ``refuse``, each with the others.

    ``owns`` tells whether the ITS has a UID under somebody's name already: then it is the others' who are refused.

    When all have been asked, a late one can still answer: it is then refused alone, if its cluster is another's.
    """

    def __init__(
        self,
        those: t.Sequence[T],
        ask: t.Callable[[T], str],
        refuse: t.Callable[[T, list[T]], None],
        at_once: int,
        owns: t.Callable[[T, str], bool] = lambda _one, _uid: False,
    ) -> None:
        self._ask, self._refuse, self._owns = ask, refuse, owns
        self._executor = concurrent.futures.ThreadPoolExecutor(at_once * _TIMES)
        self._lock = threading.Lock()
        self._by_uid: dict[str, list[T]] = {}
        self._is_closed = False
        self._those = list(those)
        self._calls = {id(one): self._executor.submit(self._call, one) for one in those}
        waiting = set(self._calls.values())
        while waiting:
            answered, waiting = concurrent.futures.wait(
                waiting, _SILENCE, return_when=concurrent.futures.FIRST_COMPLETED
            )
            if not answered:
                break
        with self._lock:
            self._is_closed = True
            for uid, same in self._by_uid.items():
                self._refuse_all(uid, same)

    def close(self) -> None:
        """Ask nobody else."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    @property
    def answered(self) -> int:
        """How many are known by now."""
        with self._lock:
            return sum(len(same) for same in self._by_uid.values())

    def in_order(self) -> list[T]:
        """All of them, those first that have answered."""
        return sorted(self._those, key=lambda one: not self._calls[id(one)].done())

    def answer_of(self, one: T) -> None:
        """Wait until it has answered. Raises what there was instead."""
        self._calls[id(one)].result()

    def _call(self, one: T) -> None:
        uid = self._ask(one)
        with self._lock:
            same = self._by_uid.setdefault(uid, [])
            same.append(one)
            if self._is_closed and len(same) > 1 and not self._is_owner(uid, one, same):
                self._refuse(one, same[:-1])

    def _refuse_all(self, uid: str, same: list[T]) -> None:
        if len(same) > 1:
            for one in same:
                if not self._is_owner(uid, one, same):
                    self._refuse(one, [other for other in same if other is not one])

    def _is_owner(self, uid: str, one: T, same: t.Sequence[T]) -> bool:
        """A UID is not a secret: a cluster that shows another's must not keep that one out."""
        return [other for other in same if self._owns(other, uid)] == [one]

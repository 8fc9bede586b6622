# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, on which fleet."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime
import typing as t

from .contenders import BARE, COLLECTION, KUBERNETES_CORE, SHELL, Contenders
from .figures import Measurement, Spread
from .ground import Ground

REGISTRATION, LEAVE, DEAD, ALL_OF_THEM, NOTHING, STATUS, PLAN, LABEL, REAL = (
    "registration",
    "leave",
    "dead",
    "registration of all",
    "nothing to do",
    "status",
    "plan",
    "label",
    "real",
)
NONE_DEAD = "none dead"
SIZES = (10, 30, 100, 300, 1000)
_FEW = 10
"""WECs for whoever takes one after the other, or minutes for each."""
_SOME = 100


@dataclasses.dataclass(frozen=True)
class Settings:
    """``wecs`` is the size of the fleet, ``repeat`` how often what is over in seconds is measured,
    ``many`` how many WECs at most are registered at once beside the whole fleet.
    """

    wecs: int = 1000
    real: int = 10
    repeat: int = 3
    at_once: int = 20
    many: int = 300

    @property
    def sizes(self) -> list[int]:
        return [size for size in SIZES if size <= self.wecs]

    def at_most(self, count: int) -> int:
        return min(count, self.wecs)


class Bench:
    """Scenarios on one ground. Each gives its measurements one by one."""

    def __init__(self, ground: Ground, settings: Settings) -> None:
        self._ground, self._settings = ground, settings
        self._contenders = Contenders(ground, settings.at_once)
        self._names = ground.names()
        self._next = 0
        self._rounds = 0

    def _fresh(self, count: int) -> list[str]:
        """WECs that nothing has been done to."""
        chosen = self._names[self._next : self._next + count]
        self._next += count
        if len(chosen) < count:
            raise ValueError(f"the fleet of {len(self._names)} is used up")
        return chosen

    # -- registration --------------------------------------------------------------------------------------------

    @staticmethod
    def fresh_wecs(settings: Settings, scenarios: t.Collection[str]) -> int:
        """How many WECs these scenarios use up."""
        some, few, many = settings.at_most(_SOME), settings.at_most(_FEW), settings.at_most(settings.many)
        curve = sum(size for size in settings.sizes if size <= many and size != some)
        uses = {REGISTRATION: 2 * some + 2 * few + curve, LEAVE: 2 * some + few}
        return sum(count for name, count in uses.items() if name in scenarios)

    def registration(self) -> t.Iterator[Measurement]:
        """From nothing to available and configured, the contenders on WECs of the same hub."""
        some, few, many = (self._settings.at_most(count) for count in (_SOME, _FEW, self._settings.many))
        yield self._register(BARE, some)
        yield self._register(COLLECTION, some)
        for contender in (SHELL, KUBERNETES_CORE):
            yield self._register(contender, few)
        for size in self._settings.sizes:
            if size <= many and size != some:
                yield self._register(COLLECTION, size)

    def _register(self, contender: str, count: int) -> Measurement:
        return self._ground.measure(self._contenders.registers(REGISTRATION, contender, self._fresh(count)))

    # -- leaving -------------------------------------------------------------------------------------------------

    def leave(self) -> t.Iterator[Measurement]:
        """From registered and configured to gone from both sides, the contenders on WECs of the same hub."""
        some, few = self._settings.at_most(_SOME), self._settings.at_most(_FEW)
        chosen = {
            contender: self._fresh(count) for contender, count in ((BARE, some), (COLLECTION, some), (SHELL, few))
        }
        everybody = [name for names in chosen.values() for name in names]
        # Not measured: that is a scenario of its own.
        self._ground.measure(self._contenders.registers(f"before {LEAVE}", COLLECTION, everybody))
        for contender, names in chosen.items():
            self._ground.await_rest()
            found = self._ground.measure(self._contenders.leaves(LEAVE, contender, names))
            self._ground.require_gone(names)
            yield found

    # -- a fleet that is registered ------------------------------------------------------------------------------

    def registration_of_all(self) -> t.Iterator[Measurement]:
        """The whole fleet at once."""
        yield self._ground.measure(self._contenders.registers(ALL_OF_THEM, COLLECTION, self._names))

    def registration_of(self, others: t.Sequence[str]) -> Measurement:
        """The whole fleet at once, and what becomes of these ``others``; the rest may fail."""
        began = datetime.datetime.now(datetime.timezone.utc)
        job = self._contenders.registers(DEAD, COLLECTION, self._names)
        found = self._ground.measure(dataclasses.replace(job, may_fail=True))
        times = list(self._ground.availability(others, began).values())
        found.finished = Spread.of([round(one.available, 1) for one in times])
        return found

    def nothing_to_do(self) -> t.Iterator[Measurement]:
        """What has just been done is asked for again."""
        for size in self._sizes_repeatedly():
            yield self._ground.measure(self._contenders.runs(NOTHING, "register", self._names[:size], {}))

    def status(self) -> t.Iterator[Measurement]:
        for size in self._sizes_repeatedly():
            yield self._ground.measure(self._contenders.looks(STATUS, COLLECTION, self._names[:size]))
        some = self._names[: self._settings.at_most(_SOME)]
        for contender in (SHELL, KUBERNETES_CORE):
            yield self._ground.measure(self._contenders.looks(STATUS, contender, some))

    def plan(self) -> t.Iterator[Measurement]:
        """Of a change for each WEC."""
        for _round in range(self._settings.repeat):
            yield self._ground.measure(self._contenders.runs(PLAN, "plan", self._names, {"round": "planned"}))

    def label(self) -> t.Iterator[Measurement]:
        """A label changes on each WEC. The bare client and the collection take turns, so that both see the same hub."""
        for size in self._sizes_repeatedly():
            for contender in (BARE, COLLECTION):
                yield self._label(contender, size)
        some = self._settings.at_most(_SOME)
        for contender in (SHELL, KUBERNETES_CORE):
            yield self._label(contender, some)
        if self._settings.wecs > some:
            yield self._label(SHELL, self._settings.wecs)

    def _label(self, contender: str, size: int) -> Measurement:
        self._rounds += 1
        # Values that an earlier run on this fleet has not used.
        value = f"{datetime.datetime.now(datetime.timezone.utc):%H%M%S}-{self._rounds}"
        self._ground.await_rest()
        return self._ground.measure(self._contenders.labels(LABEL, contender, self._names[:size], value))

    def _sizes_repeatedly(self) -> t.Iterator[int]:
        for size in self._settings.sizes:
            for _round in range(self._settings.repeat):
                yield size


def with_dead_ones(sound: t.Any, harmed: t.Any, settings: Settings) -> t.Iterator[Measurement]:
    """What becomes of the others where one in twenty refuses connections or never answers.

    Beside a fleet without such, on a hub of its own, at the same time: what else becomes of the machine concerns both.
    """
    with contextlib.ExitStack() as stack:
        grounds = []
        for layout in (sound, harmed):
            grounds.append(Ground.up(layout, 0, settings.wecs))
            stack.callback(grounds[-1].down)
        names = grounds[0].names()
        dead = names[7::20]
        for fault, those in (("dead", dead[::2]), ("silent", dead[1::2])):
            grounds[1].simulate(fault, those)
        others = [name for name in names if name not in dead]
        executor = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        runs = [executor.submit(Bench(ground, settings).registration_of, others) for ground in grounds]
        for run, note in zip(runs, (NONE_DEAD, f"{len(dead)} dead"), strict=True):
            found = run.result()
            found.note = note
            yield found


def on_real_clusters(layout: t.Any, settings: Settings) -> t.Iterator[Measurement]:
    """Registration of real klusterlets, on a fresh sandbox for each contender."""
    for contender in (BARE, COLLECTION, SHELL, KUBERNETES_CORE):
        ground = Ground.up(layout, settings.real, 0)
        try:
            contenders = Contenders(ground, settings.at_once)
            yield ground.measure(contenders.registers(REAL, contender, ground.names()))
        finally:
            ground.down()

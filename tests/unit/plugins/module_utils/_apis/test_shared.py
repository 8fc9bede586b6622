# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many ask for is read for all of them, and never before they have asked."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.shared import _Shared
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.concurrency import Slots

MANY = 20


class Source:
    """Tells how often it was read, and fails as it is told to."""

    def __init__(self) -> None:
        self.reads: list[float] = []
        self.error: Exception | None = None

    def read(self) -> int:
        self.reads.append(time.monotonic())
        if self.error is not None:
            raise self.error
        return len(self.reads)


@pytest.fixture
def source() -> Source:
    return Source()


def test_one_reading_serves_all_who_wait_for_it(source: Source) -> None:
    shared, ready = _Shared(source.read, 0.3), threading.Barrier(MANY)
    shared.get()

    def ask(_number: int) -> int:
        ready.wait()
        return shared.get()

    with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
        assert set(pool.map(ask, range(MANY))) == {2}
    assert source.reads[1] - source.reads[0] >= 0.3


def test_what_is_given_was_read_after_it_was_asked_for(source: Source) -> None:
    shared = _Shared(source.read, 0.01)

    def ask(_number: int) -> bool:
        asked = time.monotonic()
        return source.reads[shared.get() - 1] >= asked

    with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
        assert all(pool.map(ask, range(10 * MANY)))


def test_whoever_wants_no_more_gets_what_was_read_before(source: Source) -> None:
    shared = _Shared(source.read, 0.01)
    assert [shared.get(), shared.get(60.0), shared.get()] == [1, 1, 2]


def test_an_error_is_that_of_those_who_have_waited_and_each_has_its_own(source: Source) -> None:
    shared, ready = _Shared(source.read, 0.05), threading.Barrier(2)
    shared.get()
    source.error = WecError("it is gone", hint="x")

    def ask(_number: int) -> WecError:
        ready.wait()
        with pytest.raises(WecError) as raised:
            shared.get()
        return raised.value

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one, other = pool.map(ask, range(2))
    one.details["steps"] = ["mine"]
    assert (other.message, other.details) == ("it is gone", {"hint": "x"})
    source.error = None
    assert shared.get(60.0) == len(source.reads), "what failed is read again"


def test_who_waits_leaves_its_place_to_another() -> None:
    places, began, seen = Slots(1), threading.Event(), list[str]()

    def wait(name: str, waiting: t.Callable[[], t.ContextManager[None]]) -> None:
        with places:
            seen.append(name)
            began.set()
            with waiting():
                time.sleep(0.05)
                seen.append(f"{name} waits")
            seen.append(f"{name} is over")

    def turn(waiting: t.Callable[[], t.ContextManager[None]]) -> list[str]:
        seen.clear()
        began.clear()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(wait, "one", waiting)
            began.wait()
            pool.submit(wait, "other", waiting).result()
            first.result()
        return seen[:2]

    assert turn(contextlib.nullcontext) == ["one", "one waits"]
    assert turn(places.left) == ["one", "other"]

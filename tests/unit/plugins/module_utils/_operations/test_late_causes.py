# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import late_causes
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.problems import Problem

CAUSE = problems.of("its_unreachable_from_wec", "dial tcp 198.51.100.7:6443: i/o timeout")


def await_cause(causes: late_causes.LateCauses, name: str, wanted: Problem | None) -> None:
    for _look in range(100):
        if causes.of(name) == wanted:
            return
        time.sleep(0.02)
    raise AssertionError(f"{causes.of(name)} in place of {wanted}")


def test_a_wait_is_not_held_up_by_asking() -> None:
    answers = threading.Event()

    def ask(_name: str) -> Problem:
        answers.wait(10)
        return CAUSE

    with late_causes.asked(ask) as causes:
        began = time.monotonic()
        assert causes.of("edge-1") is None
        assert time.monotonic() - began < 1
        answers.set()
        await_cause(causes, "edge-1", CAUSE)


def test_one_is_not_asked_again_at_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(name: str) -> Problem:
        asked.append(name)
        return CAUSE

    with late_causes.asked(ask) as causes:
        await_cause(causes, "edge-1", CAUSE)
        for _line in range(5):
            assert causes.of("edge-1") == CAUSE
        assert asked == ["edge-1"]
        monkeypatch.setattr(late_causes, "_AGAIN", -1.0)
        causes.of("edge-1")
        for _look in range(100):
            if len(asked) > 1:
                break
            time.sleep(0.02)
    assert len(asked) == 2


def test_one_that_cannot_be_asked_shows_nothing_and_others_do() -> None:
    def ask(name: str) -> Problem:
        if name == "edge-1":
            raise OSError("no route")
        return CAUSE

    with late_causes.asked(ask) as causes:
        causes.of("edge-1")
        await_cause(causes, "edge-2", CAUSE)
        assert causes.of("edge-1") is None


def test_nobody_is_asked_after_the_wait() -> None:
    ended: list[str] = []

    def ask(name: str) -> None:
        time.sleep(0.2)
        ended.append(name)

    with late_causes.asked(ask) as causes:
        causes.of("edge-1")
        time.sleep(0.05)
        causes.of("edge-2")
    message = list(ended)
    time.sleep(0.3)
    assert ended == message
    assert "edge-1" in message

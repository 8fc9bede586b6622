# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines about a wait: each tells something new, or comes seldom."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import TimedOut
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import acceptance, waiting
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.acceptance import Verdict
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.delivering import Settling
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.waiting import SAME_EVERY, Lines, Waiter
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_has_been_said_is_said_again_only_seldom(clock: Clock) -> None:
    lines = Lines(5.0)
    shown = []
    for second in range(1, 71):
        clock.now = 100.0 + second
        if lines.take("b" if second == 23 else "a"):
            shown.append(second)
    assert shown == [5, 23, 28, 28 + SAME_EVERY]


def test_a_wait_shows_its_end_and_does_not_repeat_itself(clock: Clock) -> None:
    message: list[str] = []
    waiter = Waiter("edge-1", 20, message.append)
    with pytest.raises(TimedOut):
        waiter.until(lambda: "it is there", lambda text: problems.of("deleting", text))
    assert message == ["edge-1: it is there (5 s of 20 s)"]
    assert clock.now >= 120.0
    assert waiting.TICK > 0


def test_a_line_names_the_cause_that_the_hub_shows() -> None:
    away = Verdict("edge-2", waiting_for="it has joined, and is not available")
    away.problem = problems.of("lease_expired", "its lease was renewed 6 min ago")
    late = Verdict("edge-3", waiting_for="its agent has not contacted the ITS")
    late.problem = problems.of("managed_cluster_missing", "it dials https://its1.example:6443")
    assert acceptance.waited_for([away, late], acceptance.cause_on_its) == (
        "; edge-2: it has joined, and is not available (the agent has stopped renewing its lease [lease_expired])"
        "; edge-3: its agent has not contacted the ITS (it dials https://its1.example:6443)"
    )
    assert "lease_expired" not in acceptance.waited_for([away, late])


@pytest.mark.usefixtures("clock")
def test_kubestellar_is_waited_for_with_the_end_and_what_is_there() -> None:
    message: list[str] = []
    settling = Settling(t.cast(t.Any, None), None, 12, message.append)
    late = settling._until({"edge-1": ""}, lambda _name: "the Binding web has it still", "Bindings")
    assert late == {"edge-1": "the Binding web has it still"}
    assert message == ["Bindings: waiting for edge-1 (5 s of 12 s); edge-1: the Binding web has it still"]

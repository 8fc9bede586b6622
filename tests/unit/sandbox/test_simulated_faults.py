# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections

import pytest
from sandbox.simulated.faults import Fault, FaultError, choose, distribute

NAMES = [f"edge-{number}" for number in range(1, 101)]


def test_shares_and_numbers_are_of_different_wecs() -> None:
    found = distribute("slow=5%,dead=3, mute=1%", NAMES)
    assert collections.Counter(found.values()) == {Fault.SLOW: 5, Fault.DEAD: 3, Fault.MUTE: 1}
    assert set(found) <= set(NAMES)


def test_the_same_wecs_fail_each_time() -> None:
    assert distribute("slow=5%", NAMES) == distribute("slow=5%", NAMES)


def test_a_share_of_a_small_fleet_is_one_at_least() -> None:
    assert list(distribute("wrong=1%", NAMES[:4]).values()) == [Fault.WRONG]
    assert distribute("wrong=0%", NAMES) == {}


def test_no_faults_are_none() -> None:
    assert distribute("", NAMES) == {}


@pytest.mark.parametrize("text", ["slow", "lame=5%", "slow=many", "slow=101", "slow=60%,dead=60%", "slow=-1"])
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        distribute(text, NAMES)


def test_wecs_are_chosen_by_name_number_share_or_all() -> None:
    assert choose("edge-3,edge-9", NAMES) == ["edge-3", "edge-9"]
    assert len(set(choose("20", NAMES))) == 20
    assert len(set(choose("5%", NAMES))) == 5
    assert choose("all", NAMES) == NAMES


@pytest.mark.parametrize("text", ["edge-101", "edge-1,its1", "", "101"])
def test_wecs_that_there_are_not_cannot_be_chosen(text: str) -> None:
    with pytest.raises(FaultError):
        choose(text, NAMES)

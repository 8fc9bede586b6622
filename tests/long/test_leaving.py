# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deregistration that is killed after its first write, its second, and so on to the last, is simply repeated."""

from __future__ import annotations

import time

import pytest
from departing import assert_departs, assert_gone, path_of, registered, with_work
from fleet import MANAGED_CLUSTERS, Fleet

pytestmark = pytest.mark.long
_MOMENTS = range(1, 15)
"""More than leaving writes: what is left over is killed when it is done."""
_COLLECTED_WITHIN = 180
"""Seconds. A garbage collector that finds an owner's kind again misses the owner after about 80."""


@pytest.mark.parametrize("moment", _MOMENTS)
def test_killed_and_repeated(fleet: Fleet, wec: str, moment: int) -> None:
    with_work(fleet, wec)
    last = assert_departs(fleet, wec, moment)
    print(f"killed after write {moment}: {last or '(it was over)'}")


@pytest.mark.parametrize("purge", [True, False])
def test_workload_that_was_kept_is_still_there_long_after_another_registration(
    fleet: Fleet, wec: str, purge: bool
) -> None:
    with_work(fleet, wec)
    # Its agent is soon known to be dead.
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"leaseDurationSeconds": 1}})
    done = fleet.leave(wec, its_access="lost", workload="keep", purge=purge)
    assert not done.get("failed"), done
    lost = fleet.leave(wec, wec_access="lost", drain="ignore", wait_timeout=200)
    assert not lost.get("failed"), lost
    registered(fleet, wec)
    uid = (fleet.wec(wec).get(path_of("by-hand")) or {})["metadata"]["uid"]
    time.sleep(_COLLECTED_WITHIN)
    kept = fleet.wec(wec).get(path_of("by-hand"))
    assert kept is not None
    assert kept["metadata"]["uid"] == uid
    left = fleet.leave(wec, purge=True)
    assert not left.get("failed"), left
    assert_gone(fleet, wec, purged=True)
    assert fleet.wec(wec).get(path_of("by-hand")) is not None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import heartbeat, times

NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
Json = dict[str, t.Any]


def ago(seconds: float) -> str | None:
    return times.show(NOW - datetime.timedelta(seconds=seconds))


def view(
    renewed: float | None, observed: float | None = None, duration: int = 60, available: str = "True"
) -> ObservedManagedCluster:
    """``renewed`` seconds ago by the WEC's clock, ``observed`` seconds ago by the ITS's."""
    cluster = {
        "metadata": {"name": "edge-1"},
        "spec": {"hubAcceptsClient": True, "leaseDurationSeconds": duration},
        "status": {
            "conditions": [
                {"type": "ManagedClusterJoined", "status": "True"},
                {"type": "ManagedClusterConditionAvailable", "status": available},
            ]
        },
    }
    if renewed is None:
        return ObservedManagedCluster("edge-1", cluster)
    lease: Json = {"metadata": {}, "spec": {"renewTime": ago(renewed)}}
    if observed is not None:
        owned = {"f:spec": {"f:renewTime": {}}}
        lease["metadata"]["managedFields"] = [
            {"manager": "hub", "time": ago(9000), "fieldsV1": {"f:spec": {"f:leaseDurationSeconds": {}}}},
            {"manager": "registration", "time": ago(observed), "fieldsV1": owned},
        ]
    return ObservedManagedCluster("edge-1", cluster, lease=lease)


def codes(one: ObservedManagedCluster) -> list[str]:
    return [problem.code for problem in heartbeat.trouble(one, NOW)]


@pytest.mark.parametrize(
    ("renewed", "observed", "duration", "expected"),
    [
        (10, None, 60, []),
        (89, None, 60, []),
        (91, None, 60, ["heartbeat_late"]),
        (91, 91, 60, ["heartbeat_late"]),
        (3, 3, 1, ["heartbeat_late"]),
        # Its clock is slow by 80 s, and its agent is in time. OCM calls nobody dead for that, but sees it too late.
        (120, 40, 60, ["clock_skew"]),
        # Its clock is fast: by its own word it is in time.
        (0, 100, 60, ["heartbeat_late", "clock_skew"]),
        (-400, None, 60, ["clock_skew"]),
        # After five durations the state says it.
        (600, 600, 60, []),
        (None, None, 60, []),
    ],
)
def test_what_is_wrong_with_a_heartbeat(
    renewed: float | None, observed: float | None, duration: int, expected: list[str]
) -> None:
    assert codes(view(renewed, observed, duration)) == expected


def test_one_that_the_its_calls_unavailable_has_a_state_for_it() -> None:
    assert codes(view(100, 100, available="Unknown")) == []


def test_a_difference_of_clocks_is_said_and_so_is_that_nobody_knows() -> None:
    (late,) = heartbeat.trouble(view(100), NOW)
    assert "this is by the WEC's own clock" in str(late)
    (late,) = heartbeat.trouble(view(130, 100), NOW)
    assert "its lease lasts 60 s and was renewed 100 s ago; the WEC's clock is 30 s behind the ITS's" in str(late)
    (late,) = heartbeat.trouble(view(101, 100), NOW)
    assert "clock" not in str(late)


@pytest.mark.parametrize(
    "entries",
    [
        None,
        "x",
        [7],
        [{"time": 7, "fieldsV1": {"f:spec": {"f:renewTime": {}}}}],
        [{"time": "x", "fieldsV1": "f:renewTime"}],
    ],
)
def test_what_the_its_notes_may_be_anything(entries: t.Any) -> None:
    one = view(20)
    assert one.lease is not None
    one.lease["metadata"]["managedFields"] = entries
    found = heartbeat.of_view(one, NOW)
    assert found == heartbeat.Heartbeat(20.0, None, 60)
    assert found.words == "last heartbeat 20 s ago"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks compute of what they have seen."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from bench.figures import AGENTS, CLUSTERADM, HUB, OURS, Availability, Measurement, Spread, account, percentile, typical

BOOTSTRAP = "system:serviceaccount:open-cluster-management:agent-registration-bootstrap"


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([1, 2, 3, 4], 0.5, 2),
        ([3, 1, 2], 0.5, 2),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 21)), 0.95, 19),
        ([1, 2, 3], 1, 3),
        ([1, 2, 3], 0, 1),
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="no share"):
        percentile([1], 95)


def event(user: str, agent: str = "", verb: str = "get") -> bytes:
    return json.dumps({"user": {"username": user}, "userAgent": agent, "verb": verb}).encode() + b"\n"


@pytest.mark.parametrize(
    ("user", "agent", "who"),
    [
        ("its1-onboarder", "kubestellar.wec", OURS),
        ("its1-admin", "kubectl/v1.34.4 (linux/amd64)", OURS),
        ("its1-admin", "", OURS),
        ("its1-admin", "clusteradm/v0.0.0", CLUSTERADM),
        (BOOTSTRAP, "clusteradm/v0.0.0", CLUSTERADM),
        (BOOTSTRAP, "simulated-agent", AGENTS),
        ("system:open-cluster-management:edge-1:abc", "simulated-agent", AGENTS),
        ("system:serviceaccount:open-cluster-management-hub:registration-controller-sa", "registration", HUB),
        ("sandbox-kubelet", "", HUB),
    ],
)
def test_a_request_is_its_maker_s(user: str, agent: str, who: str) -> None:
    assert account([event(user, agent)]) == {who: {"get": 1}}


def test_requests_are_counted_by_maker_and_verb() -> None:
    lines = [event("its1-admin", verb="patch")] * 3 + [event("its1-admin"), event(BOOTSTRAP, verb="create")]
    assert account(lines) == {OURS: {"patch": 3, "get": 1}, AGENTS: {"create": 1}}


def test_a_line_that_is_no_event_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="line 1"):
        account([b"{half a line"])


def cluster(*conditions: dict[str, str]) -> dict[str, t.Any]:
    return {"metadata": {"creationTimestamp": "2026-01-01T00:00:10Z"}, "status": {"conditions": list(conditions)}}


def test_availability_is_told_from_the_hub_s_own_times() -> None:
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    found = {"type": "ManagedClusterConditionAvailable", "lastTransitionTime": "2026-01-01T00:00:15Z"}
    assert Availability.of(cluster({**found, "status": "True"}), began) == Availability(10.0, 15.0)
    assert Availability.of(cluster({**found, "status": "Unknown"}), began) is None
    assert Availability.of(cluster(), began) is None


def run(wall: float, **more: t.Any) -> Measurement:
    return Measurement("label", "bare client", 100, wall=wall, cpu=1.0, memory=20.0, **more)


def test_the_typical_run_is_one_that_was() -> None:
    runs = [run(9.0), run(1.0), run(2.0), run(3.0)]
    assert typical(runs) is runs[2]
    with pytest.raises(ValueError, match="no runs"):
        typical([])


def test_measurements_outlive_a_file() -> None:
    before = run(1.5, requests={OURS: {"patch": 100}}, finished=Spread.of([1.0, 2.0]))
    after = Measurement.read(json.loads(json.dumps(before.as_data())))
    assert after == before
    assert after.own_requests == 100
    assert after.per_wec(OURS) == 1.0
    assert after.per_wec(AGENTS) == 0.0

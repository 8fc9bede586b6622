# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.configuration import (
    DesiredState,
    Observed,
    Part,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import agent_certificate, drift
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.drift import Drift, Limits
from fake_ocm import csr

Json = dict[str, t.Any]
NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
LIMITS = Limits(30, 2)


def test_every_kind_has_a_remedy_that_names_the_wec() -> None:
    for kind in drift.REMEDIES:
        remedy = Drift(kind, "edge-1", None, "x").remedy
        assert "{" not in remedy
        assert kind == drift.INVALID_DESIRED_STATE or "edge-1" in remedy or "inventory" in remedy


def test_a_part_that_is_left_alone_is_no_drift() -> None:
    cluster = {"metadata": {"labels": {"region": "eu"}, "annotations": {"a": "b"}}}
    observed = Observed(ObservedManagedCluster("edge-1", cluster), {"data": {"x": "y"}})
    assert drift.of_desired("edge-1", DesiredState("edge-1"), observed) == []
    (found,) = drift.of_desired(
        "host", DesiredState("edge-1", labels=Part({"region": "eu"}), annotations=Part({}, "exact")), observed
    )
    assert (found.kind, found.host, found.msg, found.before, found.after) == (
        "annotations",
        "host",
        "no longer wanted: a",
        {"a": "b"},
        {"a": None},
    )


def test_missing_different_and_no_longer_wanted_are_told_apart_and_what_others_have_set_is_no_drift() -> None:
    def entry(manager: str, *keys: str) -> dict[str, t.Any]:
        fields = {"f:metadata": {"f:labels": {f"f:{key}": {} for key in keys}}}
        return {"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}

    fields = [entry("kubestellar.wec", "tier", "team"), entry("kubectl-label", "region", "foreign")]
    labels = {"tier": "gold", "team": "x", "region": "eu", "foreign": "1"}
    observed = Observed(ObservedManagedCluster("edge-1", {"metadata": {"labels": labels, "managedFields": fields}}))
    desired = DesiredState("edge-1", labels=Part({"tier": "silver", "region": "us", "zone": "a"}, "applied"))
    (found,) = drift.of_desired("edge-1", desired, observed)
    assert found.msg == (
        "missing: +zone=a. different: tier gold -> silver; region eu -> us "
        "(set: region by kubectl-label (2026-01-01T00:00:00Z)). no longer wanted: team"
    )


@pytest.mark.parametrize(
    ("running", "behind"),
    [
        ({"a": "v1.30.0", "b": "v1.32.9"}, []),
        ({"a": "v1.30.0", "b": "v1.33.0"}, ["a"]),
        ({"a": None, "b": "v1.33.0"}, []),
        ({"a": "nonsense", "b": "v1.33.0"}, []),
        ({"a": "v1.40.0", "b": "v2.0.0"}, ["a"]),
        ({}, []),
    ],
)
def test_how_far_behind_the_newest_one_may_be(running: dict[str, str | None], behind: list[str]) -> None:
    assert [one.name for one in drift.of_versions({"a": "a", "b": "b"}, running, LIMITS)] == behind


@pytest.mark.parametrize("encoded", ["", "no base64 at all!", base64.b64encode(b"no certificate").decode()])
def test_a_certificate_that_cannot_be_read_tells_nothing(encoded: str) -> None:
    view = ObservedManagedCluster("edge-1", {"metadata": {}}, ({**csr("edge-1"), "status": {"certificate": encoded}},))
    assert agent_certificate.of_view(view) is None
    assert drift.of_certificate("edge-1", "edge-1", None, NOW, LIMITS) == []


@pytest.mark.parametrize(
    ("version", "hub", "given", "message"),
    [
        ("1.0.0", (1, 2, 1), None, "its klusterlet is 1.0.0, and the hub is 1.2.1"),
        ("1.0.0", (1, 2, 1), "v1.1.0", "its klusterlet is 1.0.0, and the inventory wants 1.1.0"),
        # The inventory holds it back.
        ("1.0.0", (1, 2, 1), "1.0.0", None),
        ("1.2.1", (1, 2, 1), None, None),
        ("1.3.0", (1, 2, 1), None, None),
        # Nobody was asked, or the hub does not tell.
        (None, (1, 2, 1), None, None),
        ("1.0.0", None, None, None),
    ],
)
def test_a_klusterlet_that_is_older_than_it_should_be_is_drift(
    version: str | None, hub: tuple[int, int, int] | None, given: str | None, message: str | None
) -> None:
    found = drift.of_klusterlet("host", "edge-1", version, hub, given)
    assert [one.msg for one in found] == ([message] if message else [])
    assert all(one.remedy == "Run kubestellar.wec.upgrade for edge-1" for one in found)


def test_an_upgrade_that_was_not_finished_is_drift_whatever_the_version_is() -> None:
    (found,) = drift.of_klusterlet("host", "edge-1", "1.2.1", (1, 2, 1), None, is_unfinished=True)
    assert found.msg == "the upgrade of its klusterlet, which is 1.2.1, was not finished"
    assert found.kind == "klusterlet_behind"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statuses of workload come back from WECs into the WDS, and what it looks like when they do not."""

from __future__ import annotations

import os
import time
import typing as t

import pytest
from fleet import MANAGED_CLUSTERS, Fleet, start, wait_until, works_of
from sandbox import lifecycle
from sandbox.layout import Layout
from statuses import Application

Json = dict[str, t.Any]
WECS = ("edge-1", "edge-2")


@pytest.fixture(scope="module")
def stellar(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """Two registered WECs with the status add-on, and a WDS. ``$WEC_TEST_STATUSES``: one that is up already."""
    given = os.environ.get("WEC_TEST_STATUSES")
    if given:
        yield Fleet(Layout(given))
        return
    state = tmp_path_factory.mktemp("statuses") / "sandbox"
    try:
        fleet = start(2, state, kubestellar=True)
        fleet.sandbox("addon")
        run = fleet.register(WECS)
        assert run.code == 0, run.output
        yield fleet
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture
def application(stellar: Fleet) -> t.Iterator[t.Callable[..., Application]]:
    made: list[Application] = []

    def make(**options: t.Any) -> Application:
        made.append(Application(stellar, **options))
        return made[-1]

    yield make
    for name in WECS:
        if stellar.managed_cluster(name):
            stellar.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"group": None}}})
    for one in made:
        for name in WECS:
            if stellar.managed_cluster(name):
                wait_until(lambda app=one, wec=name: app.work_status(wec) is None, 30, f"{one.name} has left {name}")
        one.end()


def label(stellar: Fleet, app: Application, *names: str) -> None:
    for name in names:
        result = stellar.module("wec_label", name, labels=app.labels)
        assert not result.get("failed"), result


def unlabel(stellar: Fleet, name: str) -> None:
    result = stellar.module("wec_label", name, labels={"group": ""}, state="absent", allow_removal=True)
    assert not result.get("failed"), result


def everywhere(stellar: Fleet, app: Application) -> None:
    """Labelled, delivered and reported."""
    label(stellar, app, *WECS)
    wait_until(lambda: app.rows() == {"edge-1": 1, "edge-2": 1}, 60, "a row for each WEC")


def test_a_row_for_each_wec_and_their_sum(stellar: Fleet, application: t.Callable[..., Application]) -> None:
    app = application()
    everywhere(stellar, app)
    wait_until(lambda: app.total() == (2, 2), 15, "COUNT and SUM")
    app.scale(2)
    wait_until(lambda: app.rows() == {"edge-1": 2, "edge-2": 2}, 30, "rows of all after a change in the WDS")
    wait_until(lambda: app.total() == (2, 4), 15, "SUM after a change in the WDS")
    wait_until(
        lambda: app.held_at("edge-2", 3) and app.rows() == {"edge-1": 2, "edge-2": 3} and app.total() == (2, 5),
        60,
        "rows and SUM after a change on one WEC",
    )


@pytest.mark.long
def test_workload_that_cannot_run_on_one_wec_is_seen_in_the_wds(
    stellar: Fleet, application: t.Callable[..., Application]
) -> None:
    app = application()
    everywhere(stellar, app)
    try:
        app.fail_on("edge-2")
        wait_until(lambda: app.rows() == {"edge-1": 1, "edge-2": 0}, 30, "edge-2 has none that is ready")
        wait_until(lambda: app.total() == (2, 1), 15, "SUM without edge-2")
    finally:
        stellar.sandbox("mend-images", cluster="edge-2")
    wait_until(lambda: app.rows() == {"edge-1": 1, "edge-2": 1}, 60, "edge-2 is ready again")


def test_a_label_moves_workload_and_its_status(stellar: Fleet, application: t.Callable[..., Application]) -> None:
    app = application(singleton=True)
    assert app.ready_in_wds() == 0
    label(stellar, app, "edge-1")
    wait_until(lambda: app.ready_in_wds() == 1, 30, "the status of edge-1 in the WDS")
    wait_until(lambda: app.held_at("edge-1", 2) and app.ready_in_wds() == 2, 30, "a change on edge-1 in the WDS")
    unlabel(stellar, "edge-1")
    wait_until(lambda: app.work_status("edge-1") is None and app.in_wds() == {}, 30, "no status without a WEC")
    label(stellar, app, "edge-2")
    wait_until(lambda: app.ready_in_wds() == 1, 30, "the status of edge-2 in the WDS")
    # With two of them, there is no status that could be the object's.
    label(stellar, app, "edge-1")
    wait_until(lambda: app.ready_reported("edge-1") == 1 and app.in_wds() == {}, 30, "no status of two WECs")


def test_a_work_status_is_as_kubestellars_add_on_writes_it(
    stellar: Fleet, application: t.Callable[..., Application]
) -> None:
    app = application()
    everywhere(stellar, app)
    found = t.cast(Json, app.work_status("edge-1"))
    metadata = found["metadata"]
    (owner,) = metadata["ownerReferences"]
    work = t.cast(Json, stellar.its.get(f"{works_of('edge-1')}/{owner['name']}"))
    assert (owner["kind"], owner["uid"]) == ("ManifestWork", work["metadata"]["uid"])
    assert (owner["controller"], owner["blockOwnerDeletion"]) == (True, True)
    assert work["metadata"]["labels"].items() <= metadata["labels"].items()
    applied = [
        one
        for one in stellar.wec("edge-1").items("/apis/work.open-cluster-management.io/v1/appliedmanifestworks")
        if one["spec"]["manifestWorkName"] == owner["name"]
    ]
    assert metadata["name"] == f"{applied[0]['metadata']['uid']}-appsv1-deployment-{app.name}-web"
    deployment = t.cast(Json, stellar.wec("edge-1").get(f"/apis/apps/v1/namespaces/{app.name}/deployments/web"))
    assert found["status"] == deployment["status"]
    kinds = {one["spec"]["sourceRef"]["kind"] for one in app.work_statuses("edge-1")}
    assert kinds == {"Deployment", "Namespace"}, "the add-on's own objects are not reported"


def test_the_row_of_a_wec_that_leaves_goes(stellar: Fleet, application: t.Callable[..., Application]) -> None:
    app = application()
    everywhere(stellar, app)
    try:
        run = stellar.deregister(["edge-2"])
        assert run.code == 0, run.output
        wait_until(lambda: app.rows() == {"edge-1": 1}, 15, "the row of edge-2 has gone")
        wait_until(lambda: app.total() == (1, 1), 15, "edge-2 no longer counts")
        assert app.ready_on("edge-2") == 0
    finally:
        again = stellar.register(["edge-2"])
        assert again.code == 0, again.output
    label(stellar, app, "edge-2")
    wait_until(lambda: app.rows() == {"edge-1": 1, "edge-2": 1}, 60, "the row of edge-2 is back")


@pytest.mark.long
def test_a_partition_keeps_the_last_status_and_then_the_new_one_comes(
    stellar: Fleet, application: t.Callable[..., Application]
) -> None:
    app = application()
    everywhere(stellar, app)
    stellar.sandbox("partition", wec="edge-2")
    try:
        app.fail_on("edge-2")
        wait_until(lambda: app.ready_on("edge-2") == 0, 30, "no replica that is ready on edge-2")
        time.sleep(8)
        assert app.rows() == {"edge-1": 1, "edge-2": 1}
    finally:
        stellar.sandbox("heal", wec="edge-2")
    try:
        wait_until(lambda: app.rows() == {"edge-1": 1, "edge-2": 0}, 60, "the new status after the partition")
    finally:
        stellar.sandbox("mend-images", cluster="edge-2")


@pytest.mark.parametrize("fault", ["addon-agent", "addon-rights"])
@pytest.mark.long
def test_without_its_agent_or_its_rights_a_wecs_row_keeps_the_old_number(
    stellar: Fleet, application: t.Callable[..., Application], fault: str
) -> None:
    app = application()
    everywhere(stellar, app)
    stellar.sandbox(fault, wec="edge-2", state="down")
    try:
        app.scale(2)
        wait_until(lambda: app.rows() == {"edge-1": 2, "edge-2": 1}, 30, "the row of edge-1 alone has changed")
        assert app.ready_on("edge-2") == 2
        time.sleep(8)
        assert app.rows() == {"edge-1": 2, "edge-2": 1}
    finally:
        stellar.sandbox(fault, wec="edge-2", state="up")
    # Its agent waits longer after each refusal.
    wait_until(lambda: app.rows() == {"edge-1": 2, "edge-2": 2}, 90, "the row of edge-2 follows")


@pytest.mark.long
def test_an_agent_that_lags_reports_late(stellar: Fleet, application: t.Callable[..., Application]) -> None:
    app = application()
    everywhere(stellar, app)
    stellar.sandbox("addon-lag", wec="edge-2", seconds=12)
    try:
        app.scale(2)
        wait_until(lambda: app.ready_on("edge-2") == 2, 30, "two replicas on edge-2")
        began = time.monotonic()
        wait_until(lambda: app.ready_reported("edge-2") == 2, 40, "the status follows")
        assert time.monotonic() - began > 8
    finally:
        stellar.sandbox("addon-lag", wec="edge-2", seconds=0)


@pytest.mark.long
def test_a_frozen_controller_calls_a_dead_agent_available(stellar: Fleet) -> None:
    """The worst of all: only the feedback of the add-on's own work tells the truth."""
    wait_until(lambda: stellar.addon_condition("edge-2") == "True", 120, "the add-on is available")
    stellar.sandbox("addon-freeze")
    try:
        stellar.sandbox("addon-agent", wec="edge-2", state="down")
        wait_until(lambda: not feedback(stellar, "edge-2").get("ReadyReplicas"), 120, "the feedback says so")
        time.sleep(10)
        assert stellar.addon_condition("edge-2") == "True"
        stellar.sandbox("addon-thaw")
        wait_until(lambda: stellar.addon_condition("edge-2") != "True", 120, "the truth")
    finally:
        stellar.sandbox("addon-thaw")
        stellar.sandbox("addon-agent", wec="edge-2", state="up")
    wait_until(lambda: stellar.addon_condition("edge-2") == "True", 150, "the add-on is available again")


def feedback(stellar: Fleet, wec: str) -> dict[str, int]:
    """What the work agent says of the add-on's Deployment."""
    work = stellar.its.get(f"{works_of(wec)}/addon-addon-status-deploy-0") or {}
    values: dict[str, int] = {}
    for manifest in work.get("status", {}).get("resourceStatus", {}).get("manifests", []):
        for value in manifest.get("statusFeedback", {}).get("values", []):
            values[value["name"]] = value["fieldValue"].get("integer", 0)
    return values

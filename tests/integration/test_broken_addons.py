# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to break the status add-on that was tried on KubeStellar's own, and what is said of it, and when."""

from __future__ import annotations

import time
import typing as t

import pytest
from fleet import Fleet, start, wait_until
from sandbox import lifecycle
from sandbox.layout import Layout
from statuses import Application

pytestmark = pytest.mark.long
SOUND, WEC = "edge-1", "edge-2"
NAMESPACE = "open-cluster-management-agent-addon"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/addon-status-hub-kubeconfig"


@pytest.fixture(scope="module")
def stellar(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """Two registered WECs with the status add-on and a workload, in sync and without problems."""
    state = tmp_path_factory.mktemp("addons") / "sandbox"
    try:
        fleet = start(2, state, kubestellar=True)
        fleet.sandbox("addon")
        run = fleet.register([SOUND, WEC])
        assert run.code == 0, run.output
        app = Application(fleet)
        for name in (SOUND, WEC):
            assert not fleet.module("wec_label", name, labels=app.labels).get("failed")
        wait_until(lambda: app.rows() == {SOUND: 1, WEC: 1}, 60, "a row for each WEC")
        yield fleet
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture(autouse=True)
def _valid(stellar: Fleet) -> t.Iterator[None]:
    """Before and after each fault."""
    wait_until(lambda: problems(stellar) == {} == asked(stellar), 180, "no problem")
    yield
    for command in ("addon-agent", "addon-rights"):
        stellar.sandbox(command, wec=WEC, state="up")
    stellar.sandbox("addon-thaw")
    stellar.sandbox("mend-images", cluster=WEC)


def problems(stellar: Fleet) -> dict[str, str]:
    """As the ITS shows them."""
    return stellar.problems(WEC, both_sides=False)


def asked(stellar: Fleet) -> dict[str, str]:
    """From both sides, as diagnose does."""
    return stellar.problems(WEC)


def kill_pod(stellar: Fleet) -> None:
    stellar.sandbox("kill-pods", cluster=WEC, namespace=NAMESPACE, selector="app=status-agent")


def stays_without_problems(stellar: Fleet, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert problems(stellar) == {}
        time.sleep(2)


def test_an_image_that_is_missing_is_seen_at_once_on_the_wec_and_within_two_minutes_on_the_its(stellar: Fleet) -> None:
    stellar.sandbox("break-image", cluster=WEC, repository="status-agent")
    kill_pod(stellar)
    began = time.monotonic()
    wait_until(lambda: "ImagePullBackOff" in asked(stellar).get("addon_unavailable", ""), 30, "the cause, on the WEC")
    assert time.monotonic() - began < 30
    wait_until(lambda: "addon_unavailable" in problems(stellar), 120, "the problem, on the ITS")
    assert stellar.addon_condition(WEC) != "True"


def test_with_its_controller_down_the_its_is_not_believed(stellar: Fleet) -> None:
    stellar.sandbox("addon-freeze")
    stellar.sandbox("addon-agent", wec=WEC, state="down")
    wait_until(lambda: "addon_controller_down" in problems(stellar), 120, "the truth")
    assert stellar.addon_condition(WEC) == "True"
    assert "addon_unavailable" in asked(stellar)


def test_a_missing_role_binding_is_named(stellar: Fleet) -> None:
    stellar.sandbox("addon-rights", wec=WEC, state="down")
    # The workload has been there for a minute, or will be.
    wait_until(lambda: "RoleBinding" in problems(stellar).get("statuses_stale", ""), 90, "statuses_stale")
    assert stellar.addon_condition(WEC) == "True"
    assert "statuses_stale" in asked(stellar)


def test_a_secret_that_is_deleted_comes_back_and_is_no_problem(stellar: Fleet) -> None:
    before = (stellar.wec(WEC).get(SECRET) or {})["metadata"]["uid"]
    stellar.wec(WEC).request("DELETE", SECRET)
    wait_until(
        lambda: (stellar.wec(WEC).get(SECRET) or {}).get("metadata", {}).get("uid") not in (None, before),
        30,
        "a Secret",
    )
    stays_without_problems(stellar, 10)


def test_an_agent_that_is_started_again_is_no_problem(stellar: Fleet) -> None:
    kill_pod(stellar)
    stays_without_problems(stellar, 10)


def test_an_agent_that_resolves_no_name_keeps_running_and_is_no_problem_by_itself(stellar: Fleet) -> None:
    stellar.sandbox("names", wec=WEC, known=False)
    try:
        kill_pod(stellar)
        stays_without_problems(stellar, 10)
    finally:
        stellar.sandbox("names", wec=WEC, known=True)


def test_a_wec_that_is_partitioned_is_late_first_and_its_statuses_are_old_then(stellar: Fleet) -> None:
    stellar.its.request(
        "PATCH",
        f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{WEC}",
        {"spec": {"leaseDurationSeconds": 5}},
    )
    stellar.sandbox("partition", wec=WEC)
    try:
        wait_until(lambda: set(problems(stellar)) & {"heartbeat_late", "lease_expired"} != set(), 90, "a late lease")
        wait_until(lambda: "statuses_stale" in problems(stellar), 120, "statuses_stale")
        assert list(problems(stellar))[-1] == "statuses_stale", "the cause comes first"
    finally:
        stellar.sandbox("heal", wec=WEC)
        stellar.its.request(
            "PATCH",
            f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{WEC}",
            {"spec": {"leaseDurationSeconds": 60}},
        )


def test_registering_and_leaving_with_a_broken_add_on(stellar: Fleet) -> None:
    """What is broken is known in seconds; the WEC takes workload all the same, and leaves nothing."""
    left = stellar.deregister([WEC])
    assert left.code == 0, left.output
    stellar.sandbox("break-image", cluster=WEC, repository="status-agent")
    began = time.monotonic()
    run = stellar.register([WEC], register_addon_timeout=20)
    assert run.code == 0, run.output
    assert "[addon_unavailable]" in run.text
    assert "ImagePullBackOff" in run.text
    assert time.monotonic() - began < 120
    strict = stellar.register([WEC], register_addon_timeout=5, register_wait_addon="always")
    assert strict.code != 0
    stellar.sandbox("mend-images", cluster=WEC)
    stellar.sandbox("addon-freeze")
    left = stellar.deregister([WEC])
    assert left.code == 0, left.output
    assert stellar.its.get(f"/api/v1/namespaces/{WEC}") is None
    registering = stellar.register([WEC], register_addon_timeout=5)
    assert registering.code == 0, registering.output
    assert "[addon_" in registering.text
    stellar.sandbox("addon-thaw")
    again = stellar.register([WEC])
    assert again.code == 0, again.output

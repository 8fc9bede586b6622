# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs with workload that KubeStellar has delivered leave their ITS, and the others do not notice."""

from __future__ import annotations

import os
import time
import typing as t

import pytest
from fleet import ITS, MANAGED_CLUSTERS, WDS, Fleet, start, works_of
from sandbox import lifecycle
from sandbox.layout import Layout
from watching import Going, Watch
from workload import Workload

Json = dict[str, t.Any]
Before = dict[str, "set[str]"]


@pytest.fixture(scope="module")
def stellar(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """One WEC that stays, and a WDS with KubeStellar. ``$WEC_TEST_KUBESTELLAR``: one that is up already."""
    given = os.environ.get("WEC_TEST_KUBESTELLAR")
    state = given or tmp_path_factory.mktemp("stellar") / "sandbox"
    try:
        fleet = Fleet(Layout(state)) if given else start(2, state, kubestellar=True)
        yield fleet
    finally:
        if not given:
            lifecycle.down(Layout(state))


@pytest.fixture(scope="module")
def app(stellar: Fleet) -> t.Iterator[Workload]:
    workload = Workload(stellar, {"site": "{{ .clusterURL }}"}, {"location-group": "edge"})
    yield workload
    workload.end()


@pytest.fixture(scope="module")
def stays(stellar: Fleet, app: Workload) -> str:
    """A WEC that has the workload, too."""
    (name,) = stellar.take(1)
    delivered(stellar, app, name)
    return name


@pytest.fixture
def before(stellar: Fleet, wec: str) -> Before:
    return {ITS: stellar.its.objects(), wec: stellar.wec(wec).objects()}


@pytest.fixture
def wec(stellar: Fleet, stays: str) -> t.Iterator[str]:
    (name,) = stellar.take(1)
    yield name
    stellar.release([name])


def delivered(stellar: Fleet, app: Workload, name: str) -> None:
    """Registered and configured as the sandbox's inventory says, and with the workload."""
    run = stellar.register([name])
    assert run.code == 0, run.output
    app.arrives_somehow(name)


def assert_as_before(stellar: Fleet, before: Before, wec: str) -> None:
    assert stellar.wec(wec).objects() ^ before[wec] == set()
    assert {one for one in stellar.its.objects() ^ before[ITS] if wec in one} == set()


def test_its_workload_goes_with_it_and_that_of_the_others_is_never_interrupted(
    stellar: Fleet, app: Workload, stays: str, wec: str, before: Before
) -> None:
    delivered(stellar, app, wec)
    with stellar.wec(stays).watching(app.config_maps) as seen:
        run = stellar.deregister([wec], deregister_purge=True)
        assert run.code == 0, run.output
        assert app.on(wec) is None
        assert_as_before(stellar, before, wec)
        assert app.on(stays)
        assert not [one for one in seen if one.startswith("DELETED")], seen
    again = stellar.register([wec])
    assert again.code == 0, again.output
    app.arrives_somehow(wec)


@pytest.mark.long
def test_a_kubestellar_that_does_not_answer_stops_it(stellar: Fleet, app: Workload, wec: str, before: Before) -> None:
    delivered(stellar, app, wec)
    stellar.sandbox("stop-kubestellar")
    try:
        stuck = stellar.leave(wec, wait_timeout=8)
        assert stuck["problem"]["code"] == "kubestellar_not_responding", stuck
        cluster: Json = stellar.managed_cluster(wec) or {}
        assert "deletionTimestamp" not in cluster["metadata"]
        assert app.on(wec) is not None
    finally:
        stellar.sandbox("start-kubestellar")
    done = stellar.leave(wec, purge=True)
    assert not done.get("failed"), done
    assert app.on(wec) is None
    assert_as_before(stellar, before, wec)


def test_a_policy_that_selects_every_wec_is_refused(stellar: Fleet, stays: str, wec: str) -> None:
    run = stellar.register([wec])
    assert run.code == 0, run.output
    wds = {"wds_kubeconfig": str(stellar.layout.kubeconfig(f"{WDS}-reader"))}
    everywhere = Workload(stellar, {"plain": "text"}, {})
    try:
        everywhere.arrives_somehow(wec)
        mark = stellar.mark()
        refused = stellar.leave(wec, **wds)
        assert refused["problem"]["code"] == "selected_without_labels", refused
        assert everywhere.name in refused["msg"]
        assert stellar.writes(mark) == []
    finally:
        everywhere.end()
    everywhere.leaves(wec)
    done = stellar.leave(wec, **wds)
    assert not done.get("failed"), done


@pytest.mark.long
def test_a_hub_that_is_away_while_it_leaves_is_ridden_out(
    stellar: Fleet, app: Workload, wec: str, before: Before
) -> None:
    delivered(stellar, app, wec)
    mark = stellar.mark()

    def away() -> bool | None:
        if not any("patch" in one and "/managedclusters/" in one for one in stellar.writes(mark)):
            return None
        stellar.sandbox("stop", cluster=ITS)
        time.sleep(10)
        stellar.sandbox("start", cluster=ITS)
        return True

    watch = Watch(away)
    run = Going(stellar, [wec], "-e", "deregister_purge=true", playbook="deregister").wait()
    assert watch.stop()
    assert run.code == 0, run.output
    assert app.on(wec) is None
    assert_as_before(stellar, before, wec)


@pytest.mark.long
def test_a_managed_cluster_that_was_deleted_while_it_was_selected_is_helped_to_go(
    stellar: Fleet, app: Workload, wec: str, before: Before
) -> None:
    """KubeStellar makes its works again and again: it never goes by itself."""
    delivered(stellar, app, wec)
    stellar.its.request("DELETE", f"{MANAGED_CLUSTERS}/{wec}")
    time.sleep(8)
    assert stellar.managed_cluster(wec) is not None
    done = stellar.leave(wec, purge=True)
    assert not done.get("failed"), done
    assert app.on(wec) is None
    assert stellar.its.items(works_of(wec)) == []
    assert_as_before(stellar, before, wec)


@pytest.mark.long
def test_with_the_status_add_on(stellar: Fleet, app: Workload, wec: str, before: Before) -> None:
    stellar.sandbox("addon")
    joined = stellar.join(wec, wait_addon="never")
    assert not joined.get("failed"), joined
    detached = stellar.module("wec_accept", wec, state="absent")
    assert not detached.get("failed"), detached
    assert "keeps its access" in " ".join(detached["warnings"]), detached
    back = stellar.module("wec_accept", wec, wait_addon="never")
    assert not back.get("failed"), back
    assert back["changed"]
    done = stellar.leave(wec, purge=True)
    assert not done.get("failed"), done
    assert_as_before(stellar, before, wec)

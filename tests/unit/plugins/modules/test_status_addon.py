# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WEC that is reached anyway is asked itself whether its status add-on runs, which the ITS knows a minute later."""

from __future__ import annotations

import typing as t

import pytest
from fake_api import FakeApi, Fault
from fake_fleet import FakeFleet
from fake_ocm import FakeIts, condition, install_agent
from front_ends import AsAction, FrontEnd
from records import by_host

Json = dict[str, t.Any]
ADDONS = "/apis/addon.open-cluster-management.io/v1alpha1"
DEPLOYMENT = "/apis/apps/v1/namespaces/open-cluster-management-agent-addon/deployments/status-agent"
RUNNING = {
    "metadata": {"generation": 1},
    "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
}
NOT_READY = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "updatedReplicas": 1}}
REGISTERED = condition("RegistrationApplied")
NAMES = ["edge-1", "edge-2"]


@pytest.fixture
def fleet(its: FakeIts) -> t.Iterator[FakeFleet]:
    """WECs that have joined, whose add-ons have registered; the ITS does not show yet that they run."""
    found = FakeFleet(its)
    found.add(*NAMES, announces=False)
    its.put(f"{ADDONS}/clustermanagementaddons/addon-status", {})
    for name, wec in found.wecs.items():
        its.join(name, wec.uid)
        install_agent(wec, name, its, certificate=its.authority.client(name))
        shown = {"conditions": [REGISTERED, condition("Available", "False", "ProbeUnavailable")]}
        its.put(f"{ADDONS}/namespaces/{name}/managedclusteraddons/addon-status", {"status": shown})
    yield found
    found.close()


@pytest.fixture
def options(its: FakeIts) -> Json:
    return {"its_kubeconfig": its.kubeconfig("", its.authority.pem), "addon_timeout": 4, "progress_interval": 0.1}


def asked(wec: FakeApi) -> int:
    return sum(DEPLOYMENT in str(request) for request in wec.requests)


def of_play(its: FakeIts, fleet: FakeFleet, **more: t.Any) -> AsAction:
    shared = {"its_kubeconfig": its.kubeconfig("", its.authority.pem), **more}
    hosts = {name: {**shared, "wec_kubeconfig": wec.kubeconfig()} for name, wec in fleet.wecs.items()}
    return AsAction(ansible_play_batch=NAMES, hostvars=hosts, inventory_hostname=NAMES[0], groups={"all": NAMES})


def test_one_whose_addon_runs_is_not_waited_for(run: FrontEnd, fleet: FakeFleet, options: Json) -> None:
    wec = fleet.wecs["edge-1"]
    wec.put(DEPLOYMENT, RUNNING)
    result = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), **options)
    assert not result.get("failed"), result
    assert result["addon"] == "available"
    # After an outage a Deployment may be shown as it was.
    assert asked(wec) == 2


def test_each_of_several_is_judged_by_itself(run: FrontEnd, fleet: FakeFleet, options: Json) -> None:
    for wec, shown in zip(fleet.wecs.values(), (RUNNING, NOT_READY), strict=True):
        wec.put(DEPLOYMENT, shown)
    entries = [{"name": name, "kubeconfig": wec.kubeconfig()} for name, wec in fleet.wecs.items()]
    found = by_host(run("wec_join", wecs=entries, **options))
    assert (found["edge-1"]["failed"], found["edge-1"]["addon"]) == (False, "available")
    assert (found["edge-2"]["failed"], found["edge-2"]["problem"]["code"]) == (True, "addon_unavailable")


def test_one_that_may_not_be_asked_is_waited_for_as_the_its_shows_it(
    run: FrontEnd, fleet: FakeFleet, options: Json
) -> None:
    wec = fleet.wecs["edge-1"]
    refused = []

    def refuse(_method: str, path: str, _body: Json | None) -> None:
        if path == DEPLOYMENT:
            refused.append(path)
            raise Fault(403, "cannot get resource deployments", "Forbidden")

    wec.before.append(refuse)
    result = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), **options)
    assert result["problem"]["code"] == "addon_unavailable"
    # By the one look, which repeats what is refused once.
    assert len(refused) == 2


def test_an_addon_that_has_not_registered_is_not_proved_by_an_old_deployment(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json
) -> None:
    wec = fleet.wecs["edge-1"]
    wec.put(DEPLOYMENT, RUNNING)
    its.put(f"{ADDONS}/namespaces/edge-1/managedclusteraddons/addon-status", {"status": {"conditions": []}})
    result = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), **options)
    assert result["problem"]["code"] == "addon_registering"
    assert asked(wec) == 0


def test_hosts_are_asked_at_the_end_if_that_is_wanted(its: FakeIts, fleet: FakeFleet) -> None:
    for wec in fleet.wecs.values():
        wec.put(DEPLOYMENT, RUNNING)
    found = by_host(of_play(its, fleet)("wec_accept", ask_wecs=True, addon_timeout=4))
    assert {name: (one["failed"], one["addon"]) for name, one in found.items()} == dict.fromkeys(
        NAMES, (False, "available")
    )


def test_hosts_are_not_asked_otherwise(its: FakeIts, fleet: FakeFleet) -> None:
    for wec in fleet.wecs.values():
        wec.put(DEPLOYMENT, RUNNING)
    found = by_host(of_play(its, fleet)("wec_accept", addon_timeout=2))
    assert {one["problem"]["code"] for one in found.values()} == {"addon_unavailable"}
    assert [wec.requests for wec in fleet.wecs.values()] == [[], []]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WEC that is reached anyway is asked itself whether its status add-on runs, which the ITS knows a minute later."""

from __future__ import annotations

import typing as t

import pytest
from fake_api import FakeApi, Fault, now
from fake_fleet import FakeFleet
from fake_ocm import FakeIts, condition, install_agent
from front_ends import AsAction, FrontEnd
from records import by_host

Json = dict[str, t.Any]
ADDONS = "/apis/addon.open-cluster-management.io/v1alpha1"
DEPLOYMENT = "/apis/apps/v1/namespaces/open-cluster-management-agent-addon/deployments/status-agent"
POD = "/api/v1/namespaces/open-cluster-management-agent-addon/pod"
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
    found = by_host(run("wec_join", wecs=entries, wait_addon="always", **options))
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


def test_a_wec_whose_addon_is_in_trouble_is_registered_all_the_same_unless_it_is_asked_for(
    run: FrontEnd, fleet: FakeFleet, options: Json
) -> None:
    """Workload goes there without it; a hub whose add-on machinery is down failed a whole fleet."""
    for wec in fleet.wecs.values():
        wec.put(DEPLOYMENT, NOT_READY)
    wec = fleet.wecs["edge-1"]
    result = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), **options)
    assert not result.get("failed"), result
    assert (result["state"], result["addon"], result["problem"]["code"]) == (
        "joined",
        "unavailable",
        "addon_unavailable",
    )
    assert any(one.startswith("edge-1: KubeStellar's status add-on is not available") for one in run.warnings)
    entries = [{"name": name, "kubeconfig": wec.kubeconfig()} for name, wec in fleet.wecs.items()]
    pulling = {"name": "status-agent", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
    for own in fleet.wecs.values():
        own.put(f"{POD}s/status-agent-1", {"status": {"containerStatuses": [pulling]}})
    found = by_host(run("wec_join", wecs=entries, **options))
    assert all("ImagePullBackOff" in str(one["problem"]["evidence"]) for one in found.values())
    assert [(one["failed"], one["problem"]["code"]) for one in found.values()] == [(False, "addon_unavailable")] * 2
    strict = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), wait_addon="always", **options)
    assert (strict["failed"], strict["problem"]["code"]) == (True, "addon_unavailable")


# -- what status says -------------------------------------------------------------------------------------------------

WORKS = "/apis/work.open-cluster-management.io/v1/namespaces/{}/manifestworks"
AVAILABLE = {"status": {"conditions": [REGISTERED, condition("Available")]}}


def show_available(its: FakeIts, name: str = "edge-1", ready: int | None = 1) -> None:
    """The ITS calls the add-on available. ``ready``: what the WEC's work agent reports, with other things or nothing."""
    its.put(f"{ADDONS}/namespaces/{name}/managedclusteraddons/addon-status", AVAILABLE)
    values = [{"name": "Replicas", "fieldValue": {"type": "Integer", "integer": 1}}]
    if ready is not None:
        values.append({"name": "ReadyReplicas", "fieldValue": {"type": "Integer", "integer": ready}})
    manifest = {
        "resourceMeta": {"kind": "Deployment", "name": "status-agent"},
        "statusFeedback": {"values": values},
    }
    its.put(
        f"{WORKS.format(name)}/addon-addon-status-deploy-0",
        {
            "metadata": {"labels": {"open-cluster-management.io/addon-name": "addon-status"}},
            "status": {"resourceStatus": {"manifests": [manifest]}},
        },
    )


def status(run: FrontEnd, **options: t.Any) -> Json:
    (found,) = run("wec_status", name="edge-1", **options)["wecs"]
    return t.cast(Json, found)


def codes(result: Json) -> list[str]:
    return [problem["code"] for problem in result["problems"]]


@pytest.mark.parametrize("ready", [0, None])
def test_an_addon_that_is_called_available_by_a_controller_that_is_down_is_named(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json, ready: int | None
) -> None:
    """Seen: the feedback loses ReadyReplicas, and Available stays True for ever."""
    its_alone = {"its_kubeconfig": options["its_kubeconfig"]}
    show_available(its, ready=ready)
    found = status(run, **its_alone)
    assert codes(found) == ["addon_controller_down"]
    show_available(its)
    assert codes(status(run, **its_alone)) == []


@pytest.mark.parametrize("deployment", [NOT_READY, None])
def test_a_wec_that_is_asked_shows_what_its_addon_does(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json, deployment: Json | None
) -> None:
    show_available(its)
    wec = fleet.wecs["edge-1"]
    if deployment:
        wec.put(DEPLOYMENT, deployment)
    own = {"its_kubeconfig": options["its_kubeconfig"], "kubeconfig": wec.kubeconfig()}
    found = status(run, **own)
    assert codes(found) == ["addon_unavailable"], found
    assert "the ITS shows the add-on as available" in found["problems"][0]["evidence"][0]
    wec.put(DEPLOYMENT, RUNNING)
    assert codes(status(run, **own)) == []


def test_without_the_right_to_list_its_pods_only_the_cause_is_missing(
    run: FrontEnd, fleet: FakeFleet, options: Json
) -> None:
    """The identity that the documentation ships had no such right, and nothing was said of the add-on at all."""
    wec = fleet.wecs["edge-1"]

    def refuse(_method: str, path: str, _body: Json | None) -> None:
        if path == "/api/v1/namespaces/open-cluster-management-agent-addon/pods":
            raise Fault(403, "cannot list resource pods", "Forbidden")

    wec.before.append(refuse)
    own = {"its_kubeconfig": options["its_kubeconfig"], "kubeconfig": wec.kubeconfig()}
    found = status(run, **own)
    assert codes(found) == ["addon_unavailable"]
    assert "its pods may not be listed there" in found["problems"][0]["evidence"]


def work(its: FakeIts, number: int, *conditions: Json, age: float = 0) -> None:
    for one in conditions:
        one["lastTransitionTime"] = now(-age)
        one["observedGeneration"] = 1
    metadata = {"generation": 1, "creationTimestamp": now(-age)}
    its.put(
        f"{WORKS.format('edge-1')}/work-{number}", {"metadata": metadata, "status": {"conditions": list(conditions)}}
    )


def test_what_a_wec_runs_is_counted_and_what_fails_is_named(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json
) -> None:
    show_available(its)
    work(its, 1, condition("Applied"), condition("Available"), age=300)
    work(its, 2, condition("Applied"), condition("Available", "False", "NotReady"), age=300)
    work(its, 3, condition("Applied", "False", "AppliedManifestFailed"), age=5)
    work(its, 4, age=300)
    found = status(run, its_kubeconfig=options["its_kubeconfig"])
    works = found["works"]
    assert (works["count"], works["applied"], works["available"]) == (4, 2, 1)
    assert [one["name"] for one in works["failing"]] == ["work-2", "work-4"], "the third is on its way"
    assert codes(found) == ["manifestworks_failing"]
    assert "ManifestWork work-2: Available=False NotReady" in found["problems"][0]["evidence"]


def test_who_may_not_look_at_works_is_told_everything_else(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json
) -> None:
    def refuse(_method: str, path: str, _body: Json | None) -> None:
        if "manifestworks" in path:
            raise Fault(403, "cannot list resource manifestworks", "Forbidden")

    show_available(its)
    its.before.append(refuse)
    found = status(run, its_kubeconfig=options["its_kubeconfig"])
    assert (found["state"], found["works"]) == ("joined", None)


DECISIONS = "/apis/cluster.open-cluster-management.io/v1beta1/namespaces/open-cluster-management/placementdecisions"
WEBHOOK = "/apis/apps/v1/namespaces/open-cluster-management-hub/deployments/cluster-manager-addon-webhook"


def test_why_a_wec_has_no_addon_is_said_as_far_as_the_its_shows_it(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, options: Json
) -> None:
    """Seen: a crashing webhook of the hub kept every WEC without an add-on, and the remedy spoke of the Placement."""
    its.objects.pop(f"{ADDONS}/namespaces/edge-1/managedclusteraddons/addon-status")
    its.put(
        f"{DECISIONS}/global-decision-1",
        {
            "metadata": {"labels": {"cluster.open-cluster-management.io/placement": "global"}},
            "status": {"decisions": [{"clusterName": "edge-1", "reason": ""}]},
        },
    )
    its.put(WEBHOOK, {"status": {"replicas": 1}})
    found = status(run, its_kubeconfig=options["its_kubeconfig"])
    assert codes(found) == ["addon_absent"]
    evidence = found["problems"][0]["evidence"]
    assert "Placement global has chosen it" in evidence
    assert any("cluster-manager-addon-webhook) is not ready" in fact for fact in evidence)
    its.objects.pop(f"{DECISIONS}/global-decision-1")
    its.put(WEBHOOK, {"status": {"replicas": 1, "readyReplicas": 1}})
    wec = fleet.wecs["edge-1"]
    result = run("wec_join", name="edge-1", kubeconfig=wec.kubeconfig(), **options)
    assert "Placement global has not chosen it" in result["problem"]["evidence"]
    assert not any("webhook" in fact for fact in result["problem"]["evidence"])

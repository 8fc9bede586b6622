# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KubeStellar's guide "Workload Execution Clusters (WEC)", section by section and in its order, with playbooks alone.

One long test, because each section builds on the one before.
"""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from fleet import ITS, MANAGED_CLUSTERS, Fleet, Run, start, wait_until, works_of
from sandbox import lifecycle
from sandbox.layout import Layout
from statuses import Application

Json = dict[str, t.Any]
# The WECs look like kind, k3s and OpenShift: a development cluster, one at the edge and one on premises.
DEVELOPMENT, EDGE, ON_PREMISES = WECS = ("edge-1", "edge-2", "edge-3")
LABELS: dict[str, dict[str, str]] = {
    DEVELOPMENT: {"location-group": "edge", "name": DEVELOPMENT},
    EDGE: {"region": "us-east", "zone": "us-east-1", "gpu": "true", "cpu-architecture": "amd64"},
    ON_PREMISES: {"environment": "production", "tier": "critical"},
}
PROPERTIES = {"clusterURL": "https://my.clusters/1001-abcd", "datacenter": "us-east-1a", "maxPods": "100"}
ADDON = "/apis/addon.open-cluster-management.io/v1alpha1/namespaces/{}/managedclusteraddons/addon-status"


@pytest.fixture(scope="module")
def stellar(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """An ITS with the status add-on, a WDS, and three clusters that are not registered."""
    state = tmp_path_factory.mktemp("guide") / "sandbox"
    try:
        fleet = start(len(WECS), state, kubestellar=True)
        fleet.sandbox("addon")
        yield fleet
    finally:
        lifecycle.down(Layout(state))


class Guide:
    """Runs the collection's playbooks with an inventory of the guide's labels and properties."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.hosts: dict[str, Json] = {
            name: {"wec_labels": LABELS[name], "wec_properties": PROPERTIES if name == EDGE else {}} for name in WECS
        }

    def run(self, playbook: str, *arguments: str, limit: t.Sequence[str] = WECS, code: int = 0) -> Run:
        inventory = self.fleet.state / "guide.yml"
        inventory.write_text(yaml.safe_dump({"wecs": {"hosts": self.hosts}}))
        run = self.fleet.playbook(playbook, limit, "-i", str(inventory), *arguments)
        print(f"{playbook} {' '.join(arguments)}: {run.seconds:.0f} s\n{run.output}")
        assert (run.code == 0) == (code == 0), run.output
        return run


def test_the_guide(stellar: Fleet) -> None:
    guide = Guide(stellar)
    requirements(guide)
    before = {name: stellar.wec(name).objects() for name in WECS}
    registration(guide)
    labels(guide)
    properties(guide)
    supported_types(guide)
    lifecycle_registration(guide)
    application = Application(stellar)
    distribution(guide, application)
    monitoring(guide, application)
    deregistration(guide, application, before)


def requirements(guide: Guide) -> None:
    """What makes a cluster suitable: it is looked at, and one that cannot be reached is named before anything is changed."""
    mark = guide.fleet.mark()
    guide.fleet.sandbox("stop", cluster=EDGE)
    try:
        run = guide.run("register", "--check", code=1)
        assert "wec_unreachable" in run.output
        assert run.recap[DEVELOPMENT].failed == 0
    finally:
        guide.fleet.sandbox("start", cluster=EDGE)
    run = guide.run("register", "--check", "--diff")
    for name in WECS:
        assert f"accept ManagedCluster {name}; approve CertificateSigningRequest of {name}" in run.text
    assert guide.fleet.writes(mark) == []


def registration(guide: Guide) -> None:
    """Token, agent, approval, verification: one run, and a second one changes nothing."""
    guide.run("register")
    for name in WECS:
        assert guide.fleet.is_available(name)
        assert guide.fleet.its.get(ADDON.format(name)), "the status add-on is on its way to each WEC"
    mark = guide.fleet.mark()
    again = guide.run("register")
    assert {one.changed for one in again.recap.values()} == {0}
    assert guide.fleet.writes(mark) == []


def labels(guide: Guide) -> None:
    for name in WECS:
        found = (guide.fleet.managed_cluster(name) or {})["metadata"]["labels"]
        assert LABELS[name].items() <= found.items()


def properties(guide: Guide) -> None:
    found = guide.fleet.its.get(f"/api/v1/namespaces/customization-properties/configmaps/{EDGE}")
    assert (found or {})["data"] == PROPERTIES


def supported_types(guide: Guide) -> None:
    versions = {name: (guide.fleet.wec(name).get("/version") or {})["gitVersion"] for name in WECS}
    run = guide.run("status")
    for name in WECS:
        (row,) = [line.split() for line in run.output.splitlines() if line.split()[:2] == [name, "joined"]]
        assert versions[name] in row


def lifecycle_registration(guide: Guide) -> None:
    for name in WECS:
        assert guide.fleet.its.get(f"/api/v1/namespaces/{name}"), "a mailbox"
        assert guide.fleet.condition(name, "ManagedClusterJoined") == "True"


def distribution(guide: Guide, app: Application) -> None:
    """A label in the inventory, and the workload of the BindingPolicy arrives; of the third WEC there is nothing."""
    for name in (DEVELOPMENT, EDGE):
        guide.hosts[name]["wec_labels"] = {**LABELS[name], **app.labels}
    run = guide.run("configure")
    assert f"BindingPolicy {app.name} starts to select {DEVELOPMENT}" in run.text
    for name in (DEVELOPMENT, EDGE):
        wait_until(lambda name=name: app.ready_on(name) == 1, 60, f"the workload on {name}")
        assert any(app.name in json.dumps(one["spec"]) for one in guide.fleet.its.items(works_of(name)))
    assert app.ready_on(ON_PREMISES) == 0


def monitoring(guide: Guide, app: Application) -> None:
    """Statuses come back to the ITS, and into the WDS as one view of all."""
    for name in (DEVELOPMENT, EDGE):
        wait_until(lambda name=name: app.ready_reported(name) == 1, 30, f"the status of {name} on the {ITS}")
    wait_until(lambda: app.rows() == {DEVELOPMENT: 1, EDGE: 1}, 30, "a row for each WEC")
    app.scale(2)
    wait_until(lambda: app.total() == (2, 4), 30, "two WECs and four replicas")
    # The ITS hears about once a minute whether the add-on's agent is ready: until then, it calls the add-on unavailable.
    for name in WECS:
        wait_until(
            lambda name=name: guide.fleet.addon_condition(name) == "True", 120, f"the add-on of {name} is available"
        )
    guide.run("diagnose")


def deregistration(guide: Guide, app: Application, before: dict[str, set[str]]) -> None:
    """One WEC leaves: its workload, its row, its agent and its mailbox go, and the other does not notice."""
    fleet = guide.fleet
    deployments = f"/apis/apps/v1/namespaces/{app.name}/deployments"
    with fleet.wec(DEVELOPMENT).watching(deployments) as seen:
        guide.run("deregister", "-e", "deregister_purge=true", limit=[EDGE])
        wait_until(lambda: app.rows() == {DEVELOPMENT: 2}, 15, "the row has gone")
        assert not [event for event in seen if event.startswith("DELETED")], seen
    assert fleet.its.get(f"{MANAGED_CLUSTERS}/{EDGE}") is None
    assert fleet.its.get(f"/api/v1/namespaces/{EDGE}") is None
    assert fleet.wec(EDGE).objects() == before[EDGE]
    assert app.ready_on(DEVELOPMENT) == 2
    guide.run("deregister", "-e", "deregister_purge=true", limit=[DEVELOPMENT, ON_PREMISES])
    for name in WECS:
        assert not [one for one in fleet.its.objects() if name in one], "nothing is left on the ITS"
        assert fleet.wec(name).objects() == before[name]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred simulated WECs of a real hub are upgraded, and follow their hub to another address: how long it takes, and what it asks for.

The figures of docs/upgrade.md, docs/day2.md and docs/performance.md are what these tests print (``pytest -s``). Bounds are ratios of
times of the same machine in the same hour.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

import pytest
import yaml
from fleet import ITS, Cluster, Fleet, Run, start, wait_until, works_of
from sandbox import lifecycle
from sandbox.layout import Layout, hostname, other_hostname

pytestmark = pytest.mark.long
Json = dict[str, t.Any]
COUNT = 100
FORKS = ("-f", "20")
OLD, NEW = "1.0.0", "1.2.1"
SETTINGS = "/api/v1/namespaces/default/configmaps/settings"
AGENT_SECRET = "/api/v1/namespaces/open-cluster-management-agent/secrets/hub-kubeconfig-secret"
_WORK = {"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork"}
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
_LONG = 1500


@dataclasses.dataclass(frozen=True)
class Measured:
    """A run, and the requests that it has made, for each WEC: its own and those of the ``clusteradm`` that it has started."""

    run: Run
    to_its: float
    to_wecs: float

    def show(self, what: str) -> None:
        load = " ".join(f"{one:.1f}" for one in os.getloadavg())
        print(
            f"\n{what}: {self.run.seconds:.1f} s, for each WEC {self.to_its:.2f} requests to the ITS, {self.to_wecs:.1f} to itself "
            f"(load {load})"
        )


@dataclasses.dataclass(frozen=True)
class Registered:
    fleet: Fleet
    wecs: dict[str, Cluster]
    registration: Measured

    @property
    def names(self) -> list[str]:
        return list(self.wecs)

    def measure(self, what: str, playbook: str, **variables: t.Any) -> Measured:
        mark = self.fleet.mark()
        run = self.fleet.playbook(playbook, self.names, *FORKS, timeout=_LONG, **variables)
        assert run.code == 0, run.output[-5000:]
        requests = [one["cluster"] for one in self.fleet.requests(mark)]
        to_its = requests.count(ITS)
        found = Measured(run, to_its / len(self.names), (len(requests) - to_its) / len(self.names))
        found.show(what)
        return found

    def uids(self) -> dict[str, str | None]:
        """Of the workload on each WEC."""
        found = {name: wec.get(SETTINGS) for name, wec in self.wecs.items()}
        return {name: item and item["metadata"]["uid"] for name, item in found.items()}

    def are_cut_off(self) -> bool:
        """Whether each WEC's operator says that its agent does not reach the hub."""
        return all(_is_cut_off(t.cast(Json, wec.get(KLUSTERLET))) for wec in self.wecs.values())

    def certificates(self) -> dict[str, str]:
        """Of the agents, as their Secrets have them."""
        found = {name: t.cast(Json, wec.get(AGENT_SECRET)) for name, wec in self.wecs.items()}
        return {name: secret["data"]["tls.crt"] for name, secret in found.items()}


def _is_cut_off(klusterlet: Json) -> bool:
    conditions = klusterlet["status"]["conditions"]
    return any(one["type"] == "HubConnectionDegraded" and one["status"] == "True" for one in conditions)


def _clusters(layout: Layout) -> dict[str, Cluster]:
    """By one look at the file for all, which takes a second."""
    config = yaml.safe_load(layout.kubeconfig("fleet").read_text())
    parts = zip(config["contexts"], config["clusters"], config["users"], strict=True)
    return {one["name"]: Cluster({"clusters": [cluster], "users": [user]}) for one, cluster, user in parts}


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Registered]:
    """Klusterlets of a version that is behind, and a workload on each WEC."""
    state = tmp_path_factory.mktemp("simulated-day2") / "sandbox"
    try:
        fleet = start(0, state, simulated=COUNT)
        fresh = Registered(fleet, _clusters(fleet.layout), t.cast(Measured, None))
        found = dataclasses.replace(
            fresh, registration=fresh.measure("registration", "register", register_bundle_version=OLD)
        )
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
        body = {
            "metadata": {"name": "work"},
            "spec": {"workload": {"manifests": [{**content, "data": {"key": "value"}}]}},
        }
        its = fleet.its
        for name in found.names:
            its.request("POST", works_of(name), {**_WORK, **body})
        wait_until(lambda: all(found.uids().values()), 120, "the workload is everywhere")
        yield found
    finally:
        lifecycle.down(Layout(state))


def test_they_follow_the_hub_to_another_address_as_fast_as_they_were_registered(registered: Registered) -> None:
    fleet, names = registered.fleet, registered.names
    before, variables = registered.uids(), {"register_bundle_version": OLD, "wec_ask_all": True}
    certificates = registered.certificates()
    try:
        fleet.sandbox("publish", name=other_hostname(ITS))
        fleet.sandbox("hide-name", name=hostname(ITS), hidden=True)
        wait_until(registered.are_cut_off, 60, "the operators say that the hub cannot be reached")
        assert "hub_address_changed" in fleet.problems(names[-1])
        moved = registered.measure("another address of the hub", "register", **variables)
        assert {recap.changed for recap in moved.run.recap.values()} == {1}
        assert moved.run.seconds <= 1.5 * registered.registration.run.seconds
        assert registered.uids() == before
        assert registered.certificates() == certificates
        mark = fleet.mark()
        again = registered.measure("nothing to do", "register", **variables)
        assert {recap.changed for recap in again.run.recap.values()} == {0}
        assert fleet.writes(mark) == []
    finally:
        fleet.sandbox("hide-name", name=hostname(ITS), hidden=False)
        fleet.sandbox("publish", name=hostname(ITS))


def test_they_are_upgraded_in_waves_and_looking_at_those_that_are_costs_what_status_does(
    registered: Registered,
) -> None:
    fleet, names = registered.fleet, registered.names
    before, left = registered.uids(), str(fleet.state / "left.txt")
    upgraded = registered.measure(
        "upgrade in waves of 1, 10 %, 100 %", "upgrade", wec_waves="1,10%,100%", wec_remaining_file=left
    )
    assert {recap.changed for recap in upgraded.run.recap.values()} == {1}
    assert f"{names[-1]} was upgraded from {OLD} to {NEW}." in upgraded.run.text
    assert registered.uids() == before
    assert upgraded.to_its <= 10
    assert upgraded.run.seconds <= 4 * registered.registration.run.seconds
    mark = fleet.mark()
    nothing = registered.measure("upgrade with nothing to do", "upgrade")
    assert {recap.changed for recap in nothing.run.recap.values()} == {0}
    assert fleet.writes(mark) == []
    status = registered.measure("status that asks all", "status", wec_ask_all=True)
    assert nothing.run.seconds <= 2 * status.run.seconds
    assert nothing.to_its <= status.to_its + 0.5
    assert nothing.to_wecs <= 1.5 * status.to_wecs

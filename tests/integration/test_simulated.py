# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated WECs are WECs for the collection, and for the hub; what goes wrong with some harms no others."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time
import typing as t
import urllib.error

import pytest
import yaml
from fleet import ITS, MANAGED_CLUSTERS, Fleet, Run, start, wait_until, works_of
from sandbox import lifecycle
from sandbox.control import SandboxError
from sandbox.layout import Layout

Json = dict[str, t.Any]
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
COUNT = 12
LATER = 4


@dataclasses.dataclass(frozen=True)
class Registered:
    """A fleet after its first registration."""

    fleet: Fleet
    run: Run
    healthy: list[str]
    failing: dict[str, str]
    """By their faults."""
    later: list[str]
    """Not registered yet: healthy ones, and a dead one among them."""


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Registered]:
    state = tmp_path_factory.mktemp("simulated") / "sandbox"
    faults = "dead=2,silent=1,nonsense=1,mute=1,wrong=1"
    fleet = start(0, state, simulated=COUNT + LATER + 1, simulated_faults=faults)
    try:
        every = [f"edge-{number}" for number in range(1, COUNT + LATER + 2)]
        faulty = simulated(fleet)["faults"]
        failing = {fault: wecs[0] for fault, wecs in faulty.items()}
        sound = [name for name in every if not any(name in wecs for wecs in faulty.values())]
        healthy, dead = sound[:-LATER], faulty["dead"][1]
        later = [name for name in every if name == dead or name in sound[-LATER:]]
        names = [name for name in every if name not in later]
        impatient = {"register_wait_timeout": 15, "wec_connect_timeout": 2, "wec_read_timeout": 5}
        run = fleet.register(names, "-f", str(COUNT), **impatient)
        yield Registered(fleet, run, healthy, failing, later)
    finally:
        lifecycle.down(Layout(state))


def simulated(fleet: Fleet) -> Json:
    return t.cast(Json, fleet.sandbox("status")["simulated"])


def test_the_healthy_are_registered_and_each_other_fails_alone(registered: Registered) -> None:
    recap, text = registered.run.recap, registered.run.text
    assert sorted(registered.failing) == ["dead", "mute", "nonsense", "silent", "wrong"]
    assert {name for name, one in recap.items() if one.failed} == set(registered.failing.values()), text
    for name in registered.healthy:
        assert recap[name].changed == 1, text
        assert registered.fleet.is_available(name)
    refused, silent = registered.failing["dead"], registered.failing["silent"]
    for name, why in ((refused, "the connection was refused"), (silent, "it does not answer")):
        assert any(name in part and why in part for part in text.split("fatal: ")), text


def test_the_hub_has_let_in_nobody_who_is_wrong(registered: Registered) -> None:
    fleet, wrong, mute = registered.fleet, registered.failing["wrong"], registered.failing["mute"]
    assert f"{wrong}: only signing requests that fail the checks have arrived" in registered.run.text
    assert f"{mute}: its agent has not contacted the ITS" in registered.run.text
    (request,) = fleet.csrs(wrong)
    assert not request.get("status")
    assert fleet.managed_cluster(mute) is None
    assert fleet.csrs(mute) == []


def test_a_second_run_writes_nothing(registered: Registered) -> None:
    fleet = registered.fleet
    mark = fleet.mark()
    run = fleet.register(registered.healthy, "-f", str(COUNT))
    assert run.code == 0, run.output
    assert {one.changed for one in run.recap.values()} == {0}
    assert fleet.writes(mark) == []
    # The ITS says that all is as wanted: no WEC is asked unless somebody wants it.
    assert {one["cluster"] for one in fleet.requests(mark)} == {"its1"}
    run = fleet.register(registered.healthy, "-f", str(COUNT), "-e", "wec_ask_all=true")
    assert run.code == 0, run.output
    assert {one.changed for one in run.recap.values()} == {0}
    assert fleet.writes(mark) == []
    assert {one["cluster"] for one in fleet.requests(mark)} >= {"its1", *registered.healthy}


def test_waves_stop_at_the_limit_and_what_remains_is_a_file_for_limit(
    registered: Registered, tmp_path: pathlib.Path
) -> None:
    fleet, later = registered.fleet, registered.later
    dead = next(name for name in later if name in simulated(fleet)["faults"]["dead"])
    file = tmp_path / "remaining.txt"
    shared = {"wec_connect_timeout": 2, "wec_remaining_file": str(file)}
    begun = later[: later.index(dead)]
    stopped = fleet.register(later, "-f", "5", wec_waves="1,1", **shared)
    assert stopped.code != 0
    assert file.read_text().split() == later[later.index(dead) :]
    for name in later:
        assert (fleet.managed_cluster(name) is not None) == (name in begun), name
    # In one wave, with enough failures allowed, the rest is done and the dead one remains.
    rest = fleet.register([f"@{file}"], "-f", "5", wec_waves=["100%"], wec_max_fail_percentage=60, **shared)
    assert rest.code != 0
    assert {name for name, one in rest.recap.items() if one.failed} == {dead}
    assert file.read_text().split() == [dead]
    for name in later:
        assert name == dead or fleet.is_available(name)


def test_where_some_cannot_be_worked_on_the_others_are(registered: Registered, tmp_path: pathlib.Path) -> None:
    fleet = registered.fleet
    sound, without_its, dead = registered.healthy[3], registered.healthy[4], registered.failing["dead"]
    away = fleet.kubeconfig(f"{ITS}-onboarder")
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "away.kubeconfig").write_text(json.dumps(away))
    hosts = {
        sound: {"wec_labels": {"tier": "gold"}},
        without_its: {"its_kubeconfig": str(tmp_path / "away.kubeconfig")},
    }
    own = tmp_path / "own.yml"
    own.write_text(yaml.safe_dump({"wecs": {"hosts": hosts}}))
    shared = {"wec_connect_timeout": 2}
    # The dead one is the only one to be registered, the next the only one of its ITS: each is all that a play has.
    command = fleet.playbook_command("register", [sound, without_its, dead], "-i", str(own), **shared)
    run = fleet.command(command, ANSIBLE_SHOW_CUSTOM_STATS="1")
    assert run.code != 0
    assert {name for name, one in run.recap.items() if one.failed} == {without_its, dead}, run.output
    assert fleet.managed_cluster(sound)["metadata"]["labels"]["tier"] == "gold", run.output
    assert '"finished": true' in run.text
    failed = ", ".join(f'"{name}"' for name in sorted([without_its, dead]))
    assert f'"failed_hosts": [ {failed} ]' in run.text, run.output


def test_they_show_as_joined_and_in_touch(registered: Registered) -> None:
    fleet, name = registered.fleet, registered.healthy[0]
    (found,) = fleet.module("wec_status", name)["wecs"]
    assert found["state"] == "joined"
    assert found["problems"] == []
    joined = [
        one["metadata"]["name"]
        for one in fleet.its.items(MANAGED_CLUSTERS)
        if fleet.is_available(one["metadata"]["name"])
    ]
    assert set(registered.healthy) <= set(joined)
    assert simulated(fleet)["registered"] == len(joined)


def test_a_work_is_brought_and_taken_away(registered: Registered) -> None:
    fleet, name = registered.fleet, registered.healthy[1]
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sent", "namespace": "default"}}
    fleet.send_work(name, "work", {**content, "data": {"key": "value"}})
    wait_until(lambda: fleet.wec(name).get(f"{CONFIG_MAPS}/sent"), 10, "the work is there")
    path = f"{works_of(name)}/work"

    def conditions() -> dict[str, str]:
        work = fleet.its.get(path) or {}
        return {one["type"]: one["status"] for one in work.get("status", {}).get("conditions", [])}

    wait_until(lambda: conditions() == {"Applied": "True", "Available": "True"}, 10, "its conditions")
    fleet.its.request("DELETE", path)
    wait_until(lambda: fleet.its.get(path) is None, 10, "the work is gone")
    assert fleet.wec(name).get(f"{CONFIG_MAPS}/sent") is None


def test_two_leave_and_one_comes_back(registered: Registered) -> None:
    fleet, leaving = registered.fleet, registered.healthy[-2:]
    run = fleet.deregister(leaving, deregister_purge=True)
    assert run.code == 0, run.output
    for name in leaving:
        assert fleet.managed_cluster(name) is None
        assert fleet.csrs(name) == []
        namespaces = {one["metadata"]["name"] for one in fleet.wec(name).items("/api/v1/namespaces")}
        assert not any(one.startswith("open-cluster-management") for one in namespaces), namespaces
    result = fleet.join(leaving[0], verify="probe")
    assert not result.get("failed"), result
    assert fleet.is_available(leaving[0])


def test_those_that_are_behind_are_upgraded_in_waves(registered: Registered) -> None:
    fleet, names = registered.fleet, registered.healthy[:6]
    behind = names[2:5]
    old = "quay.io/open-cluster-management/{}:v1.0.0"
    fields = {
        "imagePullSpec": "registration-operator",
        "registrationImagePullSpec": "registration",
        "workImagePullSpec": "work",
    }
    spec = {field: old.format(repository) for field, repository in fields.items()}
    containers = [{"name": "klusterlet", "image": old.format("registration-operator")}]
    for name in behind:
        wec = fleet.wec(name)
        wec.request("PATCH", "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet", {"spec": spec})
        operator = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
        wec.request("PATCH", operator, {"spec": {"template": {"spec": {"containers": containers}}}})
    run = fleet.playbook("upgrade", names, wec_waves="1,100%", wec_remaining_file=str(fleet.state / "left.txt"))
    assert run.code == 0, run.output
    assert {name for name, recap in run.recap.items() if recap.changed} == set(behind)
    for name in behind:
        assert f"{name} was upgraded from 1.0.0 to 1.2.1." in run.text
    mark = fleet.mark()
    again = fleet.playbook("upgrade", names)
    assert {recap.changed for recap in again.recap.values()} == {0}, again.output
    reads = [one for one in fleet.requests(mark) if one["cluster"] == names[0]]
    assert len(reads) <= 8, [one["requestURI"] for one in reads]
    assert not fleet.writes(mark)


def test_faults_come_and_go(registered: Registered) -> None:
    fleet, name = registered.fleet, registered.healthy[2]
    wec = fleet.wec(name)
    assert fleet.sandbox("simulate", fault="dead", wecs=name) == [name]
    with pytest.raises(urllib.error.URLError, match="refused"):
        wec.get("/version")
    assert name in simulated(fleet)["faults"]["dead"]
    fleet.sandbox("simulate", fault="slow", wecs=name)
    began = time.monotonic()
    assert wec.get("/version")
    assert time.monotonic() - began > 0.7
    fleet.sandbox("simulate", fault="none", wecs=name)
    wait_until(lambda: simulated(fleet)["registered"] > 0 and wec.get("/version"), 10, "it is healed")
    assert "slow" not in simulated(fleet)["faults"]


def test_what_cannot_be_simulated_is_refused(registered: Registered) -> None:
    for arguments in ({"fault": "lame", "wecs": "all"}, {"fault": "slow", "wecs": "edge-99"}):
        with pytest.raises(SandboxError, match=r"lame|edge-99"):
            registered.fleet.sandbox("simulate", **arguments)
    with pytest.raises(SandboxError, match="must begin with edge- and be new"):
        registered.fleet.sandbox("add", name="edge-3")


def test_people_see_them(registered: Registered) -> None:
    message = lifecycle.status(registered.fleet.layout)
    count = COUNT + LATER + 1
    assert f"{count} simulated WECs, edge-1 to edge-{count}:" in message
    assert f"wrong: {registered.failing['wrong']}" in message
    assert "simulated fleet" in message

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs that are reached over their hosts' own connections join and leave in the task that is for all hosts."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import SPEC, JoinOptions
from fake_fleet import Clusteradm, FakeFleet
from fake_leaving import KLUSTERLET, PARTS, Membership
from fake_ocm import FLAGS, MANAGED_CLUSTERS, FakeIts, fake_clusteradm
from playing import play

Json = dict[str, t.Any]
SECRET = "the-secret-token-of-the-wec-user"


@pytest.fixture
def fleet(its: FakeIts) -> t.Iterator[FakeFleet]:
    found = FakeFleet(its)
    yield found
    found.close()


def inventory(
    folder: pathlib.Path, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, *, announces: bool = True
) -> Json:
    """One is reached from here, two have their kubeconfig on their host, and one does its half of the join there."""
    fleet.add("here", "one", "two", "there", announces=announces)
    hosts: dict[str, Json] = {}
    for name, wec in fleet.wecs.items():
        (folder / f"{name}.kubeconfig").write_text(json.dumps(wec.kubeconfig(SECRET)))
        option = "wec_kubeconfig" if name == "here" else "wec_kubeconfig_from_host"
        hosts[name] = {option: str(folder / f"{name}.kubeconfig")}
    hosts["there"]["wec_run_on"] = "host"
    (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig(ca=its.authority.pem)))
    shared = {
        "its_kubeconfig": str(folder / "its.kubeconfig"),
        "register_clusteradm_binary": str(clusteradm[0]),
        "register_wait_timeout": 20,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    return {"wecs": {"vars": shared, "hosts": hosts}}


def test_all_are_joined_in_one_task(
    tmp_path: pathlib.Path, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    own = inventory(tmp_path, its, fleet, clusteradm)
    checked = play(tmp_path, "kubestellar.wec.register", own, "--check")
    assert checked.code == 0, checked.output
    assert checked.recap == dict.fromkeys(fleet.wecs, (1, 0)), checked.output
    assert its.writes == []
    run = play(tmp_path, "kubestellar.wec.register", own, "-vvv")
    assert run.code == 0, run.output
    assert run.recap == dict.fromkeys(fleet.wecs, (1, 0)), run.output
    for name, wec in fleet.wecs.items():
        annotations = its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"]["annotations"]
        assert annotations["wec.kubestellar.io/kube-system-uid"] == wec.uid
    assert SECRET not in run.output


WITH_RULES: Json = {
    "proxy_url": "http://proxy.example:3128",
    "feature_gates": {"ClusterClaim": True},
    "resource_requests": {"cpu": "15m"},
    "resource_limits": {"cpu": "1"},
}
"""Values of options that do not take just any."""


def test_what_the_inventory_says_of_an_agent_comes_to_clusteradm_on_each_machine(
    tmp_path: pathlib.Path, its: FakeIts, fleet: FakeFleet
) -> None:
    (tmp_path / "file").write_text("content")
    by_type = {"str": "given", "path": str(tmp_path / "file"), "dict": {"key": "given"}, "int": 7, "bool": True}
    flags = {one.name: one.metadata["flag"] for one in dataclasses.fields(JoinOptions) if one.metadata.get("flag")}
    clusteradm = fake_clusteradm(tmp_path, flags=" ".join([FLAGS, *flags.values()]))
    own = inventory(tmp_path, its, fleet, clusteradm)
    own["wecs"]["vars"] |= {
        f"register_{option}": WITH_RULES.get(option, SPEC[option].get("choices", [by_type[SPEC[option]["type"]]])[-1])
        for option in flags
    }
    run = play(tmp_path, "kubestellar.wec.register", own)
    assert run.code == 0, run.output
    calls = [json.loads(line) for line in clusteradm[1].read_text().splitlines()]
    joins = {call[call.index("--cluster-name") + 1]: call for call in calls if "--cluster-name" in call}
    assert joins.keys() == fleet.wecs.keys()
    for name, call in joins.items():
        dropped = [option for option, flag in flags.items() if flag not in call]
        assert not dropped, f"clusteradm was run for {name} without {dropped}: {call}"


def test_a_host_that_cannot_be_reached_fails_alone_and_each_is_reached_as_its_own_variables_say(
    tmp_path: pathlib.Path, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    own = inventory(tmp_path, its, fleet, clusteradm)
    own["wecs"]["hosts"]["one"] |= {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": 9,
        "ansible_password": "of-one-alone",
    }
    own["wecs"]["hosts"]["two"]["wec_kubeconfig_from_host"] = "/nonexistent/kubeconfig"
    run = play(tmp_path, "kubestellar.wec.register", own, "-vvv")
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {
        "here": 0,
        "one": 1,
        "two": 1,
        "there": 0,
    }, run.output
    assert "one: the host cannot be reached: " in run.text
    assert "the kubeconfig on the host is not there (/nonexistent/kubeconfig)" in run.text
    assert "of-one-alone" not in run.output


def left_on_its(its: FakeIts) -> list[str]:
    names = ("here", "one", "two", "there")
    return [path for path in its.objects if path.endswith(tuple(f"/{name}" for name in names))]


def test_all_leave_in_one_command(
    tmp_path: pathlib.Path, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    own = inventory(tmp_path, its, fleet, clusteradm, announces=False)
    for name, wec in fleet.wecs.items():
        Membership(its, wec, name)
    checked = play(tmp_path, "kubestellar.wec.deregister", own, "--check", "--diff")
    assert checked.code == 0, checked.output
    assert checked.recap == dict.fromkeys(fleet.wecs, (1, 0)), checked.output
    assert its.writes == []
    run = play(tmp_path, "kubestellar.wec.deregister", own, "-vvv")
    assert run.code == 0, run.output
    assert run.recap == dict.fromkeys(fleet.wecs, (1, 0)), run.output
    assert left_on_its(its) == []
    for wec in fleet.wecs.values():
        assert not {KLUSTERLET, *PARTS} & set(wec.objects)
    assert SECRET not in run.output
    again = play(tmp_path, "kubestellar.wec.deregister", own)
    assert again.recap == dict.fromkeys(fleet.wecs, (0, 0)), again.output


def test_one_whose_host_cannot_be_reached_stays_registered_and_the_others_leave(
    tmp_path: pathlib.Path, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    own = inventory(tmp_path, its, fleet, clusteradm, announces=False)
    for name, wec in fleet.wecs.items():
        Membership(its, wec, name)
    own["wecs"]["hosts"]["there"] |= {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    run = play(tmp_path, "kubestellar.wec.deregister", own)
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {
        "here": 0,
        "one": 0,
        "two": 0,
        "there": 1,
    }, run.output
    assert "there: the host cannot be reached: " in run.text
    assert "location-group" in its.objects[f"{MANAGED_CLUSTERS}/there"]["metadata"]["labels"]
    assert f"{MANAGED_CLUSTERS}/here" not in its.objects


@pytest.mark.parametrize(("host", "failed"), [("localhost", 0), ("far", 1)])
def test_delegate_to_means_what_it_means_in_ansible(
    tmp_path: pathlib.Path, its: FakeIts, host: str, failed: int
) -> None:
    """A task that is delegated to a machine is not done from here, and said to be done there."""
    its.join("edge-1", "uid")
    far = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    own: Json = {"all": {"hosts": {"edge-1": {}, "far": far}}}
    task = {
        "kubestellar.wec.wec_label": {
            "name": "edge-1",
            "labels": {"tier": "gold"},
            "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        },
        "delegate_to": host,
    }
    run = play(tmp_path, [{"hosts": "edge-1", "gather_facts": False, "tasks": [task]}], own)
    assert ("UNREACHABLE" in run.output) is bool(failed), run.output
    labels = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"].get("labels") or {}
    assert ("tier" in labels) is not bool(failed)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook upgrade, run by ansible-playbook itself: its plan, its waves, and what other playbooks tell of versions."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from fake_api import FakeApi
from fake_klusterlet import FakeKlusterlet
from fake_ocm import FakeIts
from playing import play

Json = dict[str, t.Any]
UPGRADE, REGISTER, STATUS = "kubestellar.wec.upgrade", "kubestellar.wec.register", "kubestellar.wec.status"
NAMES = ("edge-1", "edge-2", "edge-3")


class Fleet:
    """Three WECs: the first is up to date, the others are behind."""

    def __init__(self, folder: pathlib.Path, its: FakeIts, clusteradm: pathlib.Path) -> None:
        (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig(ca=its.authority.pem)))
        shared = {"its_kubeconfig": str(folder / "its.kubeconfig"), "register_clusteradm_binary": str(clusteradm)}
        self.inventory: Json = {"wecs": {"vars": shared, "hosts": {}}}
        self.agents: dict[str, FakeKlusterlet] = {}
        for name in NAMES:
            wec = FakeApi()
            self.agents[name] = FakeKlusterlet(wec, its, name, "v1.2.1" if name == "edge-1" else "v1.0.0")
            (folder / f"{name}.kubeconfig").write_text(yaml.safe_dump(wec.kubeconfig()))
            self.hosts[name] = {"wec_kubeconfig": str(folder / f"{name}.kubeconfig")}

    @property
    def hosts(self) -> dict[str, Json]:
        return t.cast("dict[str, Json]", self.inventory["wecs"]["hosts"])

    def writes(self, name: str) -> list[tuple[str, str]]:
        return self.agents[name].wec.writes

    def versions(self) -> list[str]:
        """The one version of each, or all of them."""
        found = [{image.rpartition(":")[2] for image in agent.images} for agent in self.agents.values()]
        return [",".join(sorted(one)) for one in found]

    def close(self) -> None:
        for agent in self.agents.values():
            agent.wec.close()


@pytest.fixture
def fleet(tmp_path: pathlib.Path, its: FakeIts, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> t.Iterator[Fleet]:
    found = Fleet(tmp_path, its, clusteradm[0])
    yield found
    found.close()


def test_those_that_are_behind_are_upgraded_and_the_others_are_not_touched(
    tmp_path: pathlib.Path, fleet: Fleet
) -> None:
    checked = play(tmp_path, UPGRADE, fleet.inventory, "--check", "--diff")
    assert checked.code == 0, checked.output
    assert checked.recap == {"edge-1": (0, 0), "edge-2": (1, 0), "edge-3": (1, 0)}
    assert "edge-2 1.0.0 1.2.1 edge-2 would be upgraded from 1.0.0 to 1.2.1." in checked.text
    assert "2 of 3 WECs to upgrade, 0 blocked." in checked.text
    assert '+ "workImagePullSpec": "quay.io/open-cluster-management/work:v1.2.1"' in checked.text
    assert all(fleet.writes(name) == [] for name in NAMES)

    run = play(tmp_path, UPGRADE, fleet.inventory)
    assert run.code == 0, run.output
    assert run.recap == {"edge-1": (0, 0), "edge-2": (1, 0), "edge-3": (1, 0)}
    assert fleet.versions() == ["v1.2.1"] * 3
    assert fleet.writes("edge-1") == []

    again = play(tmp_path, UPGRADE, fleet.inventory)
    assert again.code == 0, again.output
    assert set(again.recap.values()) == {(0, 0)}


def test_a_bad_image_stops_the_waves_and_the_rest_is_in_the_retry_list(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    fleet.agents["edge-2"].missing.add("v1.2.1")
    waves = ["-e", "wec_waves=1,1,1", "-e", f"wec_remaining_file={tmp_path}/left.txt"]
    report = {
        "ANSIBLE_CALLBACKS_ENABLED": "kubestellar.wec.report",
        "KUBESTELLAR_WEC_REPORT_DIR": str(tmp_path / "report"),
    }
    run = play(tmp_path, UPGRADE, fleet.inventory, *waves, "-e", "upgrade_rollback=true", **report)
    assert run.code == 2, run.output
    assert "[upgrade_image_missing]" in run.text
    assert "It was rolled back to 1.0.0, which runs." in run.text
    assert fleet.versions() == ["v1.2.1", "v1.0.0", "v1.0.0"]
    assert fleet.writes("edge-3") == []
    # One that is in sync is reported last.
    assert (tmp_path / "left.txt").read_text().split() == ["edge-2", "edge-3", "edge-1"]
    (found,) = (tmp_path / "report").rglob("*.json")
    outcomes = {one["name"]: one["outcome"] for one in json.loads(found.read_text())["wecs"]}
    assert outcomes == {"edge-1": "in_sync", "edge-2": "failed", "edge-3": "not_reached"}

    fleet.agents["edge-2"].missing.clear()
    again = play(tmp_path, UPGRADE, fleet.inventory, *waves, "--limit", f"@{tmp_path}/left.txt")
    assert again.code == 0, again.output
    assert fleet.versions() == ["v1.2.1"] * 3
    assert (tmp_path / "left.txt").read_text().split() == []


def test_a_host_may_have_a_version_of_its_own(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    fleet.hosts["edge-2"]["register_bundle_version"] = "1.0.0"
    fleet.hosts["edge-3"] |= {"register_bundle_version": "1.0.0", "upgrade_bundle_version": "1.1.0"}
    run = play(tmp_path, UPGRADE, fleet.inventory)
    assert run.code == 0, run.output
    assert fleet.versions() == ["v1.2.1", "v1.0.0", "v1.1.0"]


def test_a_version_newer_than_the_hub_is_refused_by_the_variables_name(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    run = play(tmp_path, UPGRADE, fleet.inventory, "-e", "upgrade_bundle_version=1.3.0")
    assert run.code == 2, run.output
    assert "upgrade_bundle_version: '1.3.0' is newer than the hub, which is 1.2.1" in run.text
    assert all(fleet.writes(name) == [] for name in NAMES)


def test_register_upgrades_to_a_newer_version_that_is_asked_for(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    asked = ("-e", "register_bundle_version=1.2.1", "-e", "register_wait_addon=never")
    checked = play(tmp_path, REGISTER, fleet.inventory, *asked, "--check", "--diff")
    assert checked.code == 0, checked.output
    assert {name: changed for name, (changed, _failed) in checked.recap.items()} == {
        "edge-1": 0,
        "edge-2": 1,
        "edge-3": 1,
    }
    assert all(fleet.writes(name) == [] for name in NAMES)

    run = play(tmp_path, REGISTER, fleet.inventory, *asked)
    assert run.code == 0, run.output
    assert run.recap == {"edge-1": (0, 0), "edge-2": (1, 0), "edge-3": (1, 0)}
    assert "edge-2 was upgraded from 1.0.0 to 1.2.1." in run.text
    assert fleet.versions() == ["v1.2.1"] * 3
    assert fleet.writes("edge-1") == []

    for name in NAMES:
        fleet.agents[name].wec.requests.clear()
    again = play(tmp_path, REGISTER, fleet.inventory, *asked)
    assert again.recap == dict.fromkeys(NAMES, (0, 0))
    assert all(fleet.writes(name) == [] for name in NAMES)


def test_register_makes_no_klusterlet_older(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    run = play(
        tmp_path, REGISTER, fleet.inventory, "-e", "register_bundle_version=1.0.0", "-e", "register_wait_addon=never"
    )
    assert run.code == 0, run.output
    assert "edge-1: its klusterlet stays as it is: it is 1.2.1, and register_bundle_version is 1.0.0." in run.text
    assert all(fleet.writes(name) == [] for name in NAMES)


def test_status_shows_versions_where_wecs_are_asked(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    run = play(tmp_path, STATUS, fleet.inventory, "-e", "wec_ask_all=true")
    assert run.code == 0, run.output
    assert "KUBERNETES KLUSTERLET CERTIFICATE WORKS" in run.text
    assert "edge-2 klusterlet_behind its klusterlet is 1.0.0, and the hub is 1.2.1" in run.text
    assert "2 drifts: 2 klusterlet_behind." in run.text
    fails = play(tmp_path, STATUS, fleet.inventory, "-e", "wec_ask_all=true", "-e", "status_fail_on=drift")
    assert {name: failed for name, (_changed, failed) in fails.recap.items()} == {"edge-1": 0, "edge-2": 1, "edge-3": 1}
    assert "Run kubestellar.wec.upgrade for edge-2." in fails.text
    assert "KLUSTERLET" not in play(tmp_path, STATUS, fleet.inventory).text

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Klusterlets 1.0.0 of a hub 1.2.1 are upgraded, with real operators, real agents and a workload that must stay."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from fleet import Fleet, wait_until
from watching import Going, Watch

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
OPERATOR = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
AGENTS = "/apis/apps/v1/namespaces/open-cluster-management-agent/deployments"
MARK = "wec.kubestellar.io/upgraded-from"
OLD, NEW, MISSING = "1.0.0", "1.2.1", "1.1.9"
"""What the sandbox's nodes have images of, and what not."""


def _register(fleet: Fleet, names: t.Sequence[str], **variables: t.Any) -> None:
    run = fleet.register(names, register_bundle_version=OLD, **variables)
    assert run.code == 0, run.output


def _deploy(fleet: Fleet, name: str) -> dict[str, str]:
    """A workload, and the uids of its objects on the WEC."""
    labels = {"app": "app"}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "a", "image": "registry.k8s.io/pause:3.10"}]},
    }
    fleet.send_work(
        name,
        "app",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "app"}, "data": {"a": "b"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "app", "namespace": "app"},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        },
    )
    wait_until(lambda: len(_workload(fleet, name)) == 3, 60, "the Deployment, the ConfigMap and the pod are there")
    return _workload(fleet, name)


def _workload(fleet: Fleet, name: str) -> dict[str, str]:
    wec = fleet.wec(name)
    found = {}
    for kind, path in {
        "Deployment": "/apis/apps/v1/namespaces/app/deployments",
        "ConfigMap": "/api/v1/namespaces/app/configmaps",
        "Pod": "/api/v1/namespaces/app/pods",
    }.items():
        for item in wec.items(path):
            if item["metadata"]["name"] != "kube-root-ca.crt":
                found[kind] = item["metadata"]["uid"]
    return found


def _images(fleet: Fleet, name: str) -> list[str]:
    """Everything that says which image runs: the Klusterlet's fields, the operator and the agents."""
    wec = fleet.wec(name)
    spec = t.cast(Json, wec.get(KLUSTERLET))["spec"]
    deployments = [t.cast(Json, wec.get(OPERATOR)), *wec.items(AGENTS)]
    return [
        *(spec[field] for field in ("imagePullSpec", "registrationImagePullSpec", "workImagePullSpec")),
        *(one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments),
    ]


def _assert_version(fleet: Fleet, name: str, version: str) -> None:
    images = _images(fleet, name)
    assert all(image.endswith(f":v{version}") for image in images), images
    klusterlet = t.cast(Json, fleet.wec(name).get(KLUSTERLET))
    assert klusterlet["spec"]["clusterName"] == name
    assert MARK not in (klusterlet["metadata"].get("annotations") or {})


def test_a_fleet_is_upgraded_in_waves_and_its_workload_stays(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    one, other = names = take(2)
    _register(fleet, [one])
    _register(fleet, [other], register_klusterlet_mode="default")
    before = {name: _deploy(fleet, name) for name in names}
    left = str(tmp_path / "left.txt")

    status = fleet.playbook("status", names, wec_ask_all=True)
    assert status.code == 0, status.output
    assert f"its klusterlet is {OLD}, and the hub is {NEW}" in status.text
    foreseen = fleet.playbook("register", [one], "--check", register_bundle_version=NEW)
    assert f"{one} would be upgraded from {OLD} to {NEW}." in foreseen.text, foreseen.output

    mark = fleet.mark()
    checked = fleet.playbook("upgrade", names, "--check", "--diff")
    assert checked.code == 0, checked.output
    for name in names:
        assert f"{name} would be upgraded from {OLD} to {NEW}." in checked.text
        assert checked.recap[name].changed == 1
    assert _changes(fleet, mark) == []

    run = fleet.playbook("upgrade", names, wec_waves="1,1", wec_remaining_file=left, timeout=500)
    assert run.code == 0, run.output
    for name in names:
        assert run.recap[name].changed == 1
        assert f"{name} was upgraded from {OLD} to {NEW}." in run.text
        _assert_version(fleet, name, NEW)
        assert _workload(fleet, name) == before[name]
        assert fleet.is_available(name)
    assert pathlib.Path(left).read_text().strip() == ""

    mark = fleet.mark()
    again = fleet.playbook("upgrade", names)
    assert again.code == 0, again.output
    assert {recap.changed for recap in again.recap.values()} == {0}
    assert _changes(fleet, mark) == []
    assert "klusterlet_behind" not in fleet.playbook("status", names, wec_ask_all=True).text


@pytest.mark.long
def test_register_upgrades_to_the_version_that_is_asked_for(fleet: Fleet, take: Take) -> None:
    (name,) = take(1)
    _register(fleet, [name])
    before = _deploy(fleet, name)
    run = fleet.register([name], register_bundle_version=NEW)
    assert run.code == 0, run.output
    assert f"{name} was upgraded from {OLD} to {NEW}." in run.text
    _assert_version(fleet, name, NEW)
    assert _workload(fleet, name) == before
    mark = fleet.mark()
    assert fleet.register([name], register_bundle_version=NEW).recap[name].changed == 0
    assert _changes(fleet, mark) == []


def test_a_bad_image_stops_the_waves_and_is_rolled_back(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    first, second = names = take(2)
    _register(fleet, names)
    before = _deploy(fleet, first)
    left = str(tmp_path / "left.txt")
    mark = fleet.mark()
    run = fleet.playbook(
        "upgrade",
        names,
        upgrade_bundle_version=MISSING,
        upgrade_rollback=True,
        wec_waves="1,1",
        wec_remaining_file=left,
    )
    assert run.code == 2, run.output
    assert "ImagePullBackOff" in run.text or "ErrImagePull" in run.text
    assert "[upgrade_image_missing]" in run.text
    assert f"It was rolled back to {OLD}, which runs." in run.text
    assert run.seconds < 90
    _assert_version(fleet, first, OLD)
    assert fleet.is_available(first)
    assert _workload(fleet, first) == before
    assert not [one for one in _changes(fleet, mark) if one.startswith(second)]
    assert pathlib.Path(left).read_text().split() == [first, second]

    stuck = fleet.playbook("upgrade", [first], upgrade_bundle_version=MISSING)
    assert stuck.code == 2, stuck.output
    assert MARK in t.cast(Json, fleet.wec(first).get(KLUSTERLET))["metadata"]["annotations"]
    assert _workload(fleet, first) == before
    healed = fleet.playbook("upgrade", [first], timeout=500)
    assert healed.code == 0, healed.output
    _assert_version(fleet, first, NEW)
    assert _workload(fleet, first) == before


@pytest.mark.long
def test_one_that_clusteradm_would_take_from_its_hub_keeps_its_name_and_its_mirror(fleet: Fleet, wec: str) -> None:
    _register(fleet, [wec], register_image_registry="mirror.example/ocm")
    tolerations = [{"key": "edge", "operator": "Exists"}]
    spec = {"resourceRequirement": None, "nodePlacement": {"tolerations": tolerations}}
    fleet.wec(wec).request("PATCH", KLUSTERLET, {"spec": spec})
    run = fleet.playbook("upgrade", [wec], timeout=500)
    assert run.code == 0, run.output
    _assert_version(fleet, wec, NEW)
    assert all(image.startswith("mirror.example/ocm/") for image in _images(fleet, wec))
    found = t.cast(Json, fleet.wec(wec).get(KLUSTERLET))["spec"]
    assert found["nodePlacement"]["tolerations"] == tolerations
    assert fleet.is_available(wec)


@pytest.mark.parametrize(
    "moment", [pytest.param(1, marks=pytest.mark.long), 3, pytest.param(4, marks=pytest.mark.long)]
)
def test_killed_after_some_write_it_is_simply_repeated(fleet: Fleet, wec: str, moment: int) -> None:
    """The writes are the note, clusteradm's definitions, the operator's image, the agents' images, and the end of the note."""
    _register(fleet, [wec])
    before = _deploy(fleet, wec)
    mark = fleet.mark()
    going = Going(fleet, [wec], playbook="upgrade")
    came = Watch(lambda: True if len(_changes(fleet, mark)) >= moment else None)
    while not came.held and not going.is_over:
        came.join(timeout=0.02)
    assert not going.is_over, "it was over before"
    going.kill()
    came.stop()
    last = _changes(fleet, mark)[moment - 1]
    again = fleet.playbook("upgrade", [wec], timeout=500)
    assert again.code == 0, f"killed after {last}\n{again.output}"
    assert again.recap[wec].changed == 1, again.output
    _assert_version(fleet, wec, NEW)
    assert _workload(fleet, wec) == before
    third = fleet.playbook("upgrade", [wec])
    assert third.recap[wec].changed == 0, third.output


def _changes(fleet: Fleet, mark: t.Mapping[str, int]) -> list[str]:
    """Without questions about rights, which are posted and store nothing."""
    return [one for one in fleet.writes(mark) if "selfsubjectrulesreviews" not in one]

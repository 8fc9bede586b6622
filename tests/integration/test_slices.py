# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that is registered in slices, as AWX cuts a job, ends as one that is registered in one run."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import pathlib
import typing as t

import pytest
import yaml
from fleet import Fleet, Run, start
from sandbox import lifecycle
from sandbox.layout import Layout

Json = dict[str, t.Any]
READS = ("get", "list", "watch")
COUNT = 24
SLICES = 4
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"


@dataclasses.dataclass(frozen=True)
class Sliced:
    """A fleet after four runs at once. ``mark`` is the place in the audit logs where these began."""

    fleet: Fleet
    inventory: Json
    runs: list[Run]
    mark: dict[str, int]

    @property
    def names(self) -> list[str]:
        return list(self.inventory["wecs"]["hosts"])


def in_slices(fleet: Fleet, inventory: Json, folder: pathlib.Path, playbook: str, *arguments: str) -> list[Run]:
    """Each run sees every fourth host only, and nothing of the others."""
    hosts = list(inventory["wecs"]["hosts"].items())
    commands = []
    for number in range(SLICES):
        file = folder / f"slice-{number + 1}.yml"
        part = {"wecs": {**inventory["wecs"], "hosts": dict(hosts[number::SLICES])}}
        file.write_text(yaml.safe_dump(part))
        commands.append(["ansible-playbook", "-i", str(file), f"kubestellar.wec.{playbook}", *arguments])
    with concurrent.futures.ThreadPoolExecutor(SLICES) as pool:
        return list(pool.map(fleet.command, commands))


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Sliced]:
    state = tmp_path_factory.mktemp("slices") / "sandbox"
    fleet = start(0, state, simulated=COUNT)
    try:
        inventory = yaml.safe_load(fleet.layout.inventory.read_text())
        mark = fleet.mark()
        runs = in_slices(fleet, inventory, tmp_path_factory.mktemp("inventories"), "register", "-f", "6")
        yield Sliced(fleet, inventory, runs, mark)
    finally:
        lifecycle.down(Layout(state))


def successful_writes(fleet: Fleet, since: dict[str, int]) -> collections.Counter[tuple[str, str, str]]:
    """How often each object of the hub was written to, by verb, kind and name."""
    found: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for event in fleet.requests(since, users=("-onboarder",)):
        if event["cluster"] == "its1" and event["verb"] not in READS and event["responseStatus"]["code"] < 300:
            target = event["objectRef"]
            kind = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            # A token is made of an account, which all of them have in common.
            if kind != "serviceaccounts/token":
                found[event["verb"], kind, target["name"]] += 1
    return found


def test_each_slice_registers_its_own_and_all_are_registered(sliced: Sliced) -> None:
    for number, run in enumerate(sliced.runs):
        assert run.code == 0, run.output
        own = sliced.names[number::SLICES]
        assert set(run.recap) == set(own)
        assert all(one.changed and not one.failed for one in run.recap.values()), run.output
    for name in sliced.names:
        assert sliced.fleet.is_available(name)


def test_what_each_wec_has_is_what_its_own_host_says(sliced: Sliced) -> None:
    maps = {one["metadata"]["name"]: one.get("data") for one in sliced.fleet.its.items(PROPERTIES)}
    for name, wanted in sliced.inventory["wecs"]["hosts"].items():
        labels = t.cast(Json, sliced.fleet.managed_cluster(name))["metadata"]["labels"]
        assert {key: labels.get(key) for key in wanted["wec_labels"]} == wanted["wec_labels"]
        assert maps[name] == wanted["wec_properties"]


def test_nothing_is_written_twice_and_nothing_is_left_out(sliced: Sliced) -> None:
    writes = successful_writes(sliced.fleet, sliced.mark)
    by_kind = collections.Counter((verb, kind) for verb, kind, _name in writes)
    # The namespace of properties is made by the first of them.
    assert by_kind.pop(("create", "namespaces"), 0) <= 1
    assert by_kind == {
        ("create", "secrets"): COUNT,
        ("patch", "managedclusters"): COUNT,
        ("update", "certificatesigningrequests/approval"): COUNT,
        ("delete", "secrets"): COUNT,
        ("patch", "configmaps"): COUNT,
    }
    more_than_once = {written: count for written, count in writes.items() if count > 1}
    # Each is let in, and labelled when it is there.
    assert more_than_once == {("patch", "managedclusters", name): 2 for name in sliced.names}
    assert sliced.fleet.bootstrap_secrets(*sliced.names) == []


def test_one_run_over_all_of_them_has_nothing_to_do(sliced: Sliced) -> None:
    mark = sliced.fleet.mark()
    run = sliced.fleet.register(["wecs"])
    assert run.code == 0, run.output
    assert {one.changed for one in run.recap.values()} == {0}
    assert sliced.fleet.writes(mark) == []


def test_slices_change_each_label_once(sliced: Sliced, tmp_path: pathlib.Path) -> None:
    for host in sliced.inventory["wecs"]["hosts"].values():
        host["wec_labels"]["tier"] = "gold"
    mark = sliced.fleet.mark()
    runs = in_slices(sliced.fleet, sliced.inventory, tmp_path, "configure")
    assert [run.code for run in runs] == [0] * SLICES, "\n".join(run.output for run in runs)
    writes = successful_writes(sliced.fleet, mark)
    assert writes == {("patch", "managedclusters", name): 1 for name in sliced.names}
    for name in sliced.names:
        assert t.cast(Json, sliced.fleet.managed_cluster(name))["metadata"]["labels"]["tier"] == "gold"

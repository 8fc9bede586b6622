# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of 25 WECs answers as no API server does: it is named, and the other 24 are registered and configured."""

from __future__ import annotations

import json
import pathlib
import random
import typing as t

import pytest
import yaml
from fake_api import FakeApi
from fleet import MANAGED_CLUSTERS, Fleet, Run, start
from odd_wecs import FORMS, PATHS
from sandbox import lifecycle
from sandbox.layout import Layout

Json = dict[str, t.Any]
COUNT = 24
FEW = ("a list for an object", "a token that expires in 1e300", "a kubeconfig of 60,000 brackets")
SEEDS = range(50)


class Twentyfive:
    """24 simulated WECs, and one that is played here. Each round gives all of them another label."""

    def __init__(self, fleet: Fleet, folder: pathlib.Path) -> None:
        self._fleet, self._folder, self._round = fleet, folder, 0

    def register(self, make: t.Callable[[FakeApi], None]) -> Run:
        self._round += 1
        odd = FakeApi()
        try:
            make(odd)
            return self._run(odd)
        finally:
            odd.close()

    def _run(self, odd: FakeApi) -> Run:
        kubeconfig = self._folder / "odd.kubeconfig"
        kubeconfig.write_text(json.dumps(odd.kubeconfig("secret-of-the-odd-one")))
        content = yaml.safe_load(self._fleet.layout.inventory.read_text())
        hosts = content["wecs"]["hosts"]
        hosts["odd"] = {"wec_kubeconfig": str(kubeconfig), "wec_context": "fake"}
        for variables in hosts.values():
            variables["wec_labels"] = {**(variables.get("wec_labels") or {}), "round": f"r{self._round}"}
        inventory = self._folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump(content))
        quick = {"register_wait_timeout": 60, "wec_connect_timeout": 2, "wec_read_timeout": 5}
        return self._fleet.command(
            ["ansible-playbook", "-i", str(inventory), "kubestellar.wec.register", "-e", json.dumps(quick)], timeout=600
        )

    def check(self, run: Run) -> None:
        clusters = {one["metadata"]["name"]: one for one in self._fleet.its.items(MANAGED_CLUSTERS)}
        others = [name for name in clusters if name != "odd"]
        assert len(others) == COUNT
        for name in others:
            assert self._fleet.is_available(name), run.output
            assert clusters[name]["metadata"]["labels"]["round"] == f"r{self._round}", (name, run.output)
        assert "dead state" not in run.text
        assert "secret-of-the-odd-one" not in run.output
        assert "odd" in run.text
        assert run.code != 0


@pytest.fixture(scope="module")
def twentyfive(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Twentyfive]:
    folder = tmp_path_factory.mktemp("odd")
    fleet = start(0, folder / "sandbox", simulated=COUNT)
    try:
        yield Twentyfive(fleet, folder)
    finally:
        lifecycle.down(Layout(folder / "sandbox"))


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=[] if form in FEW else [pytest.mark.long]) for form in FORMS]
)
def test_the_others_are_registered_and_configured(twentyfive: Twentyfive, form: str) -> None:
    twentyfive.check(twentyfive.register(FORMS[form]))


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_it_answers_the_others_are_registered_and_configured(twentyfive: Twentyfive, seed: int) -> None:
    chosen = random.Random(seed)
    path, body = chosen.choice(PATHS), _anything(chosen, 3)
    twentyfive.check(twentyfive.register(lambda odd: odd.odd.update({path: (200, json.dumps(body).encode())})))


def _anything(chosen: random.Random, depth: int) -> t.Any:
    kind = chosen.randrange(7 if depth else 4)
    if kind == 4 or kind == 5:
        fields = (
            "metadata",
            "items",
            "name",
            "uid",
            "spec",
            "status",
            "data",
            "clusterName",
            "kubeconfig",
            "conditions",
        )
        return {field: _anything(chosen, depth - 1) for field in chosen.sample(fields, chosen.randrange(4))}
    if kind == 6:
        return [_anything(chosen, depth - 1) for _item in range(chosen.randrange(3))]
    return chosen.choice([None, True, 7, 1e300, "", "abc", "{{ 1 }}", "\x1b[2J"])

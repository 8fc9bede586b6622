# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of figures, and the file that they are kept in."""

from __future__ import annotations

import pathlib
import typing as t

from bench import page, results, scenarios
from bench.contenders import BARE, COLLECTION, KUBERNETES_CORE, SHELL
from bench.figures import AGENTS, CLUSTERADM, OURS, Measurement, Spread
from bench.scenarios import Bench, Settings


def run(scenario: str, contender: str, wecs: int, wall: float, **more: t.Any) -> Measurement:
    return Measurement(scenario, contender, wecs, wall=wall, cpu=wall / 2, memory=100.0, **more)


def kept(*measurements: Measurement) -> results.Kept:
    machine = {"cores": 2, "memory_gib": 24, "system": "Linux x86_64", "python": "3.11.7", "day": "2026-01-01"}
    return results.Kept(machine, 16, list(measurements))


def test_a_row_tells_requests_for_each_wec() -> None:
    requests = {OURS: {"patch": 200, "get": 100, "delete": 1}, CLUSTERADM: {"get": 150}, AGENTS: {"create": 250}}
    spread = Spread(5.0, 6.0, 9.0)
    one = run(
        scenarios.REGISTRATION,
        COLLECTION,
        100,
        40.0,
        requests=requests,
        finished=spread,
        announced=spread,
        own_memory=40,
        stolen=12,
    )
    (row,) = page.table([one]).splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "registration",
        COLLECTION,
        "100",
        "40.0",
        "20.0",
        "12",
        "100 (40)",
        "3 (patch 2, get 1)",
        "1.5",
        "2.5",
        "5 / 6 / 9",
        "5 / 6 / 9",
    ]


def test_a_few_requests_for_all_are_told_as_such() -> None:
    one = run(scenarios.NOTHING, COLLECTION, 1000, 3.0, requests={OURS: {"list": 9, "get": 1}})
    assert "| 10 in all (list 9, get 1) |" in page.table([one])


def test_ratios_are_those_of_the_same_size_and_the_typical_run() -> None:
    figures = kept(
        run(scenarios.LABEL, BARE, 1000, 10.0),
        run(scenarios.LABEL, COLLECTION, 1000, 14.0),
        run(scenarios.LABEL, COLLECTION, 1000, 12.0),
        run(scenarios.LABEL, COLLECTION, 1000, 90.0),
        run(scenarios.LABEL, COLLECTION, 100, 2.0),
        run(scenarios.LABEL, KUBERNETES_CORE, 100, 60.0),
        run(scenarios.LABEL, SHELL, 1000, 140.0),
    )
    message = list(page.ratios(figures))
    assert "A changed label on 1000 WECs takes 1.40 times as long as with the bare client." in message
    script = "A changed label on 1000 WECs takes 14.0 s; with the shell script, 140 s: 10.0 times as long"
    assert f"{script}, where the bare client is 14.0 times as fast." in message
    assert (
        "A changed label on 100 WECs takes 2.0 s; with the kubernetes.core role, 60 s: 30.0 times as long." in message
    )
    assert "For each of 1000 WECs, the kubernetes.core role takes 43 times as long." in message


def test_leaving_is_told_with_its_requests() -> None:
    ours = run(scenarios.LEAVE, COLLECTION, 100, 24.0)
    ours.requests = {"own": {"delete": 600, "patch": 200, "list": 300}}
    message = list(page.ratios(kept(run(scenarios.LEAVE, BARE, 100, 20.0), ours)))
    assert message == [
        "Deregistering 100 WECs takes 1.20 times as long as with the bare client, with 11 requests for each."
    ]
    assert "| leave | kubestellar.wec | 100 | 24.0 |" in page.table([ours])


def test_the_others_of_a_fleet_with_dead_ones_are_compared_with_those_of_one_without() -> None:
    figures = kept(
        run(scenarios.DEAD, COLLECTION, 100, 1.0, note=scenarios.NONE_DEAD, finished=Spread(1.0, 2.0, 3.0)),
        run(scenarios.DEAD, COLLECTION, 300, 1.0, note=scenarios.NONE_DEAD, finished=Spread(50.0, 100.0, 110.0)),
        run(scenarios.DEAD, COLLECTION, 300, 1.0, note="15 dead", finished=Spread(50.0, 105.0, 110.0)),
    )
    message = "With 15 dead among 300 WECs, 95 % of the others are available after 1.05 times the time that the same take without."
    assert list(page.ratios(figures)) == [message]
    assert "| 300 | 15 dead | 1 | 50 / 105 / 110 |" in page.dead_table(figures.of(scenarios.DEAD))


def test_the_page_has_every_table_and_says_what_was_not_measured() -> None:
    template = (pathlib.Path(page.__file__).parent / "page.md").read_text()
    text = page.render(kept(run(scenarios.STATUS, COLLECTION, 10, 1.0)), template)
    assert not [line for line in text.splitlines() if line.startswith("@")]
    assert "| status | kubestellar.wec | 10 | 1.0 |" in text
    assert text.count("Not measured.") == 4
    assert "on 2 cores with 24 GiB" in text
    assert "Others used the machine" not in text


def test_a_machine_that_was_not_quiet_is_told() -> None:
    figures = kept()
    figures.machine["load"] = 20
    assert "Others used the machine as well (load 20)" in page.render(figures, "@machine")


def test_a_scenario_that_is_measured_again_replaces_what_there_was(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "results.json"
    first = results.Results(file, Settings())
    first.add(run(scenarios.STATUS, COLLECTION, 10, 1.0))
    first.add(run(scenarios.LABEL, COLLECTION, 10, 1.0))
    again = results.Results(file, Settings())
    again.add(run(scenarios.LABEL, COLLECTION, 10, 3.0))
    again.add(run(scenarios.LABEL, COLLECTION, 10, 4.0))
    found = results.read(file)
    assert [(one.scenario, one.wall) for one in found.measurements] == [("status", 1.0), ("label", 3.0), ("label", 4.0)]
    assert found.of(scenarios.LABEL, COLLECTION, 10) == found.of(scenarios.LABEL)


class Ground:
    """Measures nothing, and remembers what it was asked."""

    def __init__(self, count: int) -> None:
        self.count, self.used = count, []

    def names(self) -> list[str]:
        return [f"edge-{number}" for number in range(1, self.count + 1)]

    its = fleet = pathlib.Path("kubeconfig")

    def inventory(self, wecs: t.Sequence[str], **_labels: str) -> pathlib.Path:
        return pathlib.Path("inventory.yml")

    def simulate(self, fault: str, wecs: t.Sequence[str]) -> None: ...

    def availability(self, wecs: t.Sequence[str], began: t.Any) -> dict[str, t.Any]:
        return {}

    def measure(self, job: t.Any) -> Measurement:
        self.used += job.wecs
        return run(job.scenario, job.contender, len(job.wecs), 1.0)


def test_registration_takes_each_wec_once_and_as_many_as_were_made_for_it() -> None:
    for settings in (Settings(), Settings(wecs=100), Settings(wecs=10)):
        ground = Ground(Bench.fresh_wecs(settings, [scenarios.REGISTRATION]))
        runs = list(Bench(ground, settings).registration())
        assert sorted(ground.used) == sorted(ground.names())
        sizes = {(one.contender, one.wecs) for one in runs}
        assert {(COLLECTION, settings.at_most(100)), (BARE, settings.at_most(100))} <= sizes
        assert {size for who, size in sizes if who == COLLECTION} == {size for size in settings.sizes if size <= 300}

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would do is told for a whole fleet by a few requests, and a run does no more than that."""

from __future__ import annotations

import json
import pathlib
import typing as t

import yaml
from fleet import ITS, Fleet

Take = t.Callable[..., "list[str]"]


def test_a_fleet_that_is_in_sync_costs_a_few_requests_to_the_its_and_none_to_a_wec(fleet: Fleet, take: Take) -> None:
    names = take(4)
    first = fleet.register(names)
    assert first.code == 0, first.output
    mark = fleet.mark()
    again = fleet.register(names)
    assert again.code == 0, again.output
    assert {again.recap[name].changed for name in names} == {0}
    asked = [one["cluster"] for one in fleet.requests(mark)]
    assert set(asked) == {ITS}
    assert len(asked) <= 20
    # On request each is looked at.
    mark = fleet.mark()
    deep = fleet.register(names, wec_ask_all=True)
    assert deep.code == 0, deep.output
    assert {deep.recap[name].changed for name in names} == {0}
    assert {one["cluster"] for one in fleet.requests(mark)} == {ITS, *names}
    assert fleet.writes(mark) == []


def test_only_the_plan_that_was_agreed_to_is_carried_out(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    one, other = take(2)
    file = tmp_path / "plan.json"
    mark = fleet.mark()
    shown = fleet.playbook("plan", [one, other], wec_plan_file=str(file))
    assert shown.code == 0, shown.output
    assert "2 WECs: 2 to register" in shown.text
    plan = json.loads(file.read_text())
    assert {wec["name"]: wec["action"] for wec in plan["wecs"]} == {one: "register", other: "register"}
    assert fleet.writes(mark) == []
    only_one = fleet.register([one])
    assert only_one.code == 0, only_one.output
    mark = fleet.mark()
    refused = fleet.register([one, other], expected_plan=plan["digest"])
    assert refused.code != 0
    assert "[plan_changed]" in refused.text
    assert fleet.writes(mark) == []
    now = fleet.playbook("plan", [one, other], wec_plan_file=str(file))
    assert "2 WECs: 1 in sync, 1 to register" in now.text
    done = fleet.register([one, other], expected_plan=json.loads(file.read_text())["digest"])
    assert done.code == 0, done.output
    assert done.recap[one].changed == 0
    assert fleet.is_available(other)


def test_check_mode_shows_the_plan_and_what_registering_would_do(fleet: Fleet, take: Take) -> None:
    joined, new = take(2)
    assert fleet.register([joined]).code == 0
    labels = {"wec_labels": {"tier": "gold"}}
    mark = fleet.mark()
    run = fleet.register([joined, new], "--check", "--diff", **labels)
    assert run.code == 0, run.output
    assert "+tier=gold" in run.text
    assert "1 to register, 1 to configure" in run.text
    assert run.recap[joined].changed == 1
    assert run.recap[new].changed > 0
    assert fleet.writes(mark) == []


def test_all_are_configured_in_one_task_and_each_has_its_own_result(
    fleet: Fleet, take: Take, tmp_path: pathlib.Path
) -> None:
    one, other, third = take(3)
    run = fleet.register([one, other, third])
    assert run.code == 0, run.output
    assert {name: (got.changed, got.failed) for name, got in run.recap.items()} == dict.fromkeys(
        (one, other, third), (1, 0)
    )
    for name in (one, other, third):
        assert fleet.is_available(name)
        assert (fleet.managed_cluster(name) or {})["metadata"]["labels"]["name"] == name
    mark = fleet.mark()
    again = fleet.register([one, other, third])
    assert again.code == 0, again.output
    assert "no hosts matched" not in again.output
    assert len([line for line in again.output.splitlines() if line.strip()]) <= 20, again.output
    assert fleet.writes(mark) == []
    # One is not registered any more.
    own = tmp_path / "own.yml"
    own.write_text(
        yaml.safe_dump({"wecs": {"hosts": {name: {"wec_labels_tier": {"tier": "gold"}} for name in (one, other)}}})
    )
    assert not fleet.leave(third).get("failed")
    changed = fleet.playbook("configure", [one, other, third], "-i", str(own))
    assert changed.code != 0
    assert {name: (got.changed, got.failed) for name, got in changed.recap.items()} == {
        one: (1, 0),
        other: (1, 0),
        third: (0, 1),
    }
    assert f"{one} was changed: +tier=gold." in changed.text
    assert "[not_registered]" in changed.text
    for name in (one, other):
        assert (fleet.managed_cluster(name) or {})["metadata"]["labels"]["tier"] == "gold"

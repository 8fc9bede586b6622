# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels as people write them: of groups and of hosts, changed, taken out, and set by others."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import managed_fields
import pytest
import yaml
from fake_api import Fault, now
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from playing import Played, play

Json = dict[str, t.Any]
MAP = "/api/v1/namespaces/customization-properties/configmaps/edge-1"
TASK_MANAGER = "kubestellar.wec-task"


class Ground:
    """Two WECs that are registered, in the groups wecs and us_east."""

    def __init__(self, folder: pathlib.Path, its: FakeIts) -> None:
        self.folder, self.its = folder, its
        for name in ("edge-1", "edge-2"):
            its.join(name, f"uid-of-{name}")
        self.wecs: Json = {"its_kubeconfig": str(folder / "its.kubeconfig")}
        self.us_east: Json = {}
        self.hosts: dict[str, Json] = {"edge-1": {}, "edge-2": {}}
        (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))

    def run(self, playbook: str = "configure", *arguments: str) -> Played:
        region = {"us_east": {"vars": self.us_east, "hosts": self.hosts}}
        inventory = {"wecs": {"vars": self.wecs, "children": region}}
        return play(self.folder, f"kubestellar.wec.{playbook}", inventory, *arguments)

    def play(self, plays: list[Json]) -> Played:
        inventory = {"wecs": {"vars": self.wecs, "children": {"us_east": {"hosts": self.hosts}}}}
        return play(self.folder, plays, inventory)

    def owners(self, label: str) -> list[str]:
        """Of a label of edge-1."""
        fields = self.its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"]["managedFields"]
        own = [one for one in fields if f"f:{label}" in one["fieldsV1"].get("f:metadata", {}).get("f:labels", {})]
        return [one["manager"] for one in own]

    def has(self, name: str = "edge-1", part: str = "labels") -> Json:
        return dict(self.its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get(part) or {})

    def write(self, labels: Json, manager: str) -> None:
        """As another client does, or an older version did."""
        path = f"{MANAGED_CLUSTERS}/edge-1"
        before = copy.deepcopy(self.its.objects[path])
        self.its.change(path, {"metadata": {"labels": labels}})
        managed_fields.updated(before, self.its.objects[path], manager, now())


@pytest.fixture
def ground(tmp_path: pathlib.Path, its: FakeIts) -> Ground:
    return Ground(tmp_path, its)


# -- of groups ---------------------------------------------------------------------------------------------------


def test_labels_of_groups_and_hosts_come_together(ground: Ground) -> None:
    ground.wecs["wec_labels_all"] = {"location-group": "edge"}
    ground.us_east["wec_labels_us_east"] = {"region": "us-east"}
    ground.hosts["edge-1"]["wec_labels"] = {"zone": "us-east-1"}
    ground.wecs["wec_properties_all"] = {"a": "1"}
    ground.hosts["edge-1"]["wec_properties"] = {"b": "2"}
    ground.us_east["wec_annotations_x"] = {"note": "x"}
    played = ground.run()
    assert played.code == 0, played.output
    assert ground.has() == {"location-group": "edge", "region": "us-east", "zone": "us-east-1"}
    assert ground.has("edge-2") == {"location-group": "edge", "region": "us-east"}
    assert ground.has(part="annotations")["note"] == "x"
    assert ground.its.objects[MAP]["data"] == {"a": "1", "b": "2"}
    assert "[WARNING]" not in played.output
    assert ground.run().recap == {"edge-1": (0, 0), "edge-2": (0, 0)}


def test_the_hosts_own_labels_win_over_those_of_groups(ground: Ground) -> None:
    ground.wecs["wec_labels_all"] = {"tier": "gold", "region": "us"}
    ground.us_east["wec_labels_us_east"] = {"tier": "silver"}
    for host in ground.hosts.values():
        host["wec_labels"] = {"tier": "bronze"}
    assert ground.run().code == 0
    assert ground.has() == {"tier": "bronze", "region": "us"}


def test_one_key_with_two_values_names_both_variables_and_fails_that_host_alone(ground: Ground) -> None:
    ground.wecs["wec_labels_all"] = {"tier": "gold"}
    ground.hosts["edge-1"]["wec_labels_own"] = {"tier": "silver"}
    played = ground.run()
    assert played.code == 2
    assert "edge-1: wec_labels_own[tier] is 'silver', and wec_labels_all[tier] is 'gold'" in played.text
    assert played.recap["edge-1"][1] == 1
    assert ground.has("edge-2") == {"tier": "gold"}


def test_a_bad_value_is_named_by_its_host_and_variable(ground: Ground) -> None:
    ground.wecs["wec_labels_all"] = {"tier": "gold"}
    ground.hosts["edge-2"]["wec_labels_own"] = {"zone": "eu west 1"}
    played = ground.run()
    assert "edge-2: " in played.text
    assert "wec_labels_own[zone]: 'eu west 1' must be letters" in played.text
    assert ground.its.writes == []


def test_labels_of_a_group_that_a_host_hides_are_warned_of(ground: Ground) -> None:
    (ground.folder / "group_vars").mkdir()
    text = yaml.safe_dump({"wec_labels": {"region": "us-east"}})
    (ground.folder / "group_vars" / "us_east.yml").write_text(text)
    ground.wecs["wec_labels"] = {"location-group": "edge"}
    ground.hosts["edge-1"]["wec_labels"] = {"zone": "us-east-1", "region": "us-west"}
    played = ground.run("register")
    message = "wec_labels of the group {} ({}) does not count for {}: a more specific wec_labels hides it."
    assert message.format("wecs", "location-group", "edge-1, edge-2") in played.text
    assert "wec_labels of the group us_east" not in played.text, "a value that is another is meant"
    assert played.text.count("Call the group's variable wec_labels_wecs, and they are put together") == 1
    del ground.hosts["edge-1"]["wec_labels"]["region"]
    assert message.format("us_east", "region", "edge-1") in ground.run("plan").text


def test_a_dictionary_that_somebody_has_combined_is_not_warned_of(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"location-group": "edge"}
    ground.hosts["edge-1"]["wec_labels"] = "{{ {'location-group': 'edge'} | combine({'zone': 'us-east-1'}) }}"
    assert "[WARNING]" not in ground.run().output


# -- taken out, and set by others --------------------------------------------------------------------------------


def test_what_leaves_the_inventory_leaves_the_its_and_what_others_have_set_stays(ground: Ground) -> None:
    ground.wecs |= {"wec_labels": {"tier": "gold", "zone": "a"}, "wec_properties": {"p": "1", "q": "1"}}
    assert ground.run().code == 0
    ground.write({"foreign": "1"}, "kubectl-label")
    ground.wecs |= {"wec_labels": {"tier": "gold"}, "wec_properties": {"p": "1"}, "configure_allow_removal": True}
    planned = ground.run("plan")
    assert "-zone" in planned.text
    assert "foreign" not in planned.text
    assert ground.run().recap == {"edge-1": (1, 0), "edge-2": (1, 0)}
    assert ground.has() == {"tier": "gold", "foreign": "1"}
    assert ground.its.objects[MAP]["data"] == {"p": "1"}
    del ground.wecs["wec_labels"]
    assert ground.run().code == 0
    assert ground.has() == {"foreign": "1"}
    assert ground.run().recap == {"edge-1": (0, 0), "edge-2": (0, 0)}


def test_what_version_0_1_0_wrote_is_taken_over(ground: Ground) -> None:
    ground.write({"tier": "gold", "zone": "a"}, "kubestellar.wec")
    ground.wecs["wec_labels"] = {"tier": "silver"}
    assert ground.run().code == 0
    assert ground.has() == {"tier": "silver"}


def test_what_a_task_has_set_stays(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    ground.write({"wave": "3"}, TASK_MANAGER)
    assert ground.run().code == 0
    assert ground.has() == {"tier": "gold", "wave": "3"}


def test_another_value_of_somebody_else_is_a_conflict_that_names_who(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    ground.write({"tier": "silver"}, "kubectl-label")
    for playbook in ("plan", "configure"):
        played = ground.run(playbook)
        assert "labels[tier] is 'silver', set by kubectl-label (20" in played.text
        assert "configure_force_conflicts" in played.text
    assert played.code == 2
    assert played.recap == {"edge-1": (0, 1), "edge-2": (1, 0)}
    assert ground.has() == {"tier": "silver"}
    assert ground.run("configure", "-e", "configure_force_conflicts=true").code == 0
    assert ground.has() == {"tier": "gold"}
    ground.wecs["wec_labels"] = {}
    assert ground.run().code == 0
    assert ground.has() == {}, "it is ours now"


def task(**options: t.Any) -> list[Json]:
    """A play of somebody else's with one task for all hosts."""
    tasks = [{"kubestellar.wec.wec_label": options, "run_once": True, "register": "wec_labels_done"}]
    tasks.append({"kubestellar.wec.wec_configure": {}, "run_once": True, "when": "false"})
    return [{"hosts": "wecs", "gather_facts": False, "tasks": tasks}]


def test_labels_of_a_task_for_hosts_are_the_tasks_own_and_stay(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    assert ground.run().code == 0
    assert ground.play(task(labels={"wave": "3"})).code == 0
    assert ground.has() == {"tier": "gold", "wave": "3"}
    assert ground.owners("wave") == [TASK_MANAGER]
    assert ground.run().recap == {"edge-1": (0, 0), "edge-2": (0, 0)}


def test_a_task_that_names_annotations_leaves_labels_alone(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    assert ground.run().code == 0
    del ground.wecs["wec_labels"]
    assert ground.play(task(annotations={"note": "x"})).code == 0
    assert ground.has() == {"tier": "gold"}
    assert ground.has(part="annotations")["note"] == "x"


@pytest.mark.parametrize("state", ["present", "exact"])
def test_these_states_set_what_others_have_set(ground: Ground, state: str) -> None:
    ground.wecs |= {"configure_labels_state": state, "wec_labels": {"tier": "gold"}, "wec_annotations": {"a": "1"}}
    ground.write({"tier": "silver"}, "kubectl-label")
    played = ground.run()
    assert played.code == 0, played.output
    assert ground.has() == {"tier": "gold"}
    assert ground.run().recap == {"edge-1": (0, 0), "edge-2": (0, 0)}


def test_who_may_not_read_properties_can_give_labels(ground: Ground) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if "customization-properties" in path:
            raise Fault(403, "forbidden", "Forbidden")

    ground.its.before.append(refuse)
    ground.wecs["wec_labels"] = {"tier": "gold"}
    for playbook in ("plan", "configure"):
        played = ground.run(playbook)
        assert played.code == 0, played.output
    assert ground.has() == {"tier": "gold"}


def test_the_plan_names_a_conflict_of_a_wec_that_is_to_be_registered(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    ground.write({"tier": "silver"}, "kubectl-label")
    away = {"status": {"conditions": [{"type": "ManagedClusterConditionAvailable", "status": "Unknown"}]}}
    ground.its.change(f"{MANAGED_CLUSTERS}/edge-1", away)
    assert "labels[tier] is 'silver', set by kubectl-label" in ground.run("plan").text


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("wec_labels", None, "wec_labels is null: write {} if it has none, or leave it out"),
        (
            "wec_labels_state",
            "present",
            "wec_labels_state must be a dictionary, and is text. Did you mean configure_labels_state?",
        ),
    ],
)
def test_slips_do_not_remove_labels(ground: Ground, variable: str, value: t.Any, message: str) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    assert ground.run().code == 0
    ground.hosts["edge-1"][variable] = value
    played = ground.run()
    assert played.recap["edge-1"] == (0, 1)
    assert message in played.text
    assert ground.has() == {"tier": "gold"}


def test_only_what_nobody_owns_is_forced(ground: Ground) -> None:
    ground.wecs["wec_labels"] = {"tier": "gold"}
    assert ground.run().code == 0
    ground.its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"new": "0"}}})
    ground.wecs["wec_labels"] = {"tier": "gold", "new": "1"}
    raced: list[None] = []

    def race(method: str, path: str, _body: t.Any) -> None:
        if method == "PATCH" and path.endswith("/edge-1") and not raced:
            raced.append(None)
            ground.write({"tier": "bronze"}, "kubectl-label")

    ground.its.before.append(race)
    played = ground.run()
    assert "[field_conflict]" in played.text
    assert ground.has() == {"tier": "bronze", "new": "0"}


def test_an_inventory_that_only_adds_can_say_so(ground: Ground) -> None:
    ground.wecs |= {"configure_labels_state": "present", "wec_labels": {"a": "1"}}
    assert ground.run().code == 0
    ground.wecs["wec_labels"] = {"b": "1"}
    assert ground.run().code == 0
    assert ground.has() == {"a": "1", "b": "1"}


def test_a_groups_labels_that_the_inventory_plugin_hides_are_named(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its)
    ground.us_east = {"wec_labels_site": {"region": "us", "tier": "gold"}}
    found = {"wec_state": "joined", "wec_conditions": {}, "wec_labels": {"region": "eu", "tier": "gold"}}
    ground.hosts = {"edge-1": found, "edge-2": {}}
    run = ground.run("plan")
    assert run.code == 0, run.output
    assert (
        "wec_labels_site (region) does not count for edge-1: the inventory plugin kubestellar.wec.its says" in run.text
    )
    assert "Set desired_state to false" in run.text

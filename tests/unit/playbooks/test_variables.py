# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wherever a variable is set, and however many hosts there are, it counts for its host as in any task of Ansible."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from playing import Played, play

Json = dict[str, t.Any]
OWN = {"owner": "{{ inventory_hostname }}"}
"""Labels that are another for each host, so that no host may have another's."""
CONFIGURE = "kubestellar.wec.configure"
SIZES = (1, 3, 25)


def names(count: int) -> list[str]:
    return [f"edge-{number}" for number in range(1, count + 1)]


class Ground:
    """A fleet that is registered, and what a case sets where."""

    def __init__(self, folder: pathlib.Path, its: FakeIts, count: int) -> None:
        self.folder, self.its, self.names = folder, its, names(count)
        for name in self.names:
            its.join(name, f"uid-of-{name}")
        (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
        self.shared: Json = {"its_kubeconfig": str(folder / "its.kubeconfig")}
        self.hosts: dict[str, Json] = {name: {} for name in self.names}

    def run(self, playbook: str | list[Json], *arguments: str, **environment: str) -> Played:
        inventory = {"wecs": {"vars": self.shared, "hosts": self.hosts}}
        return play(self.folder, playbook, inventory, *arguments, **environment)

    def label(self, name: str, key: str = "owner") -> str | None:
        labels = self.its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get("labels") or {}
        return t.cast("str | None", labels.get(key))


@pytest.fixture(params=SIZES)
def ground(request: pytest.FixtureRequest, tmp_path: pathlib.Path, its: FakeIts) -> Ground:
    return Ground(tmp_path, its, request.param)


def role(*before: Json, **more: t.Any) -> list[Json]:
    """A play of somebody else's with the role configure."""
    imported = {"ansible.builtin.import_role": {"name": CONFIGURE}, **more.pop("of_role", {})}
    return [{"hosts": "wecs", "gather_facts": False, **more, "tasks": [*before, imported]}]


def in_inventory(ground: Ground) -> Played:
    ground.shared["wec_labels"] = OWN
    return ground.run(CONFIGURE)


def at_each_host(ground: Ground) -> Played:
    for name in ground.names:
        ground.hosts[name]["wec_labels"] = {"owner": name}
    return ground.run(CONFIGURE)


def in_group_vars(ground: Ground) -> Played:
    (ground.folder / "group_vars").mkdir()
    (ground.folder / "group_vars" / "wecs.yml").write_text(yaml.safe_dump({"wec_labels": OWN}))
    return ground.run(CONFIGURE)


def in_the_play(ground: Ground) -> Played:
    return ground.run(role(vars={"wec_labels": OWN}))


def in_import_playbook(ground: Ground) -> Played:
    return ground.run([{"import_playbook": CONFIGURE, "vars": {"wec_labels": OWN}}])


def connection_in_import_playbook(ground: Ground) -> Played:
    kubeconfig = ground.shared.pop("its_kubeconfig")
    ground.shared["wec_labels"] = OWN
    return ground.run([{"import_playbook": CONFIGURE, "vars": {"its_kubeconfig": kubeconfig}}])


def at_the_role(ground: Ground) -> Played:
    return ground.run(role(of_role={"vars": {"configure_labels": OWN}}))


def by_set_fact(ground: Ground) -> Played:
    return ground.run(role({"ansible.builtin.set_fact": {"wec_labels": OWN}}))


def as_extra_variable(ground: Ground) -> Played:
    (ground.folder / "extra.yml").write_text(yaml.safe_dump({"wec_labels": OWN}))
    return ground.run(CONFIGURE, "-e", "@extra.yml")


def with_another_variable(ground: Ground) -> Played:
    for name in ground.names:
        ground.hosts[name]["who"] = name
    ground.shared["wec_labels"] = {"owner": "{{ who }}"}
    return ground.run(CONFIGURE)


def in_a_vault(ground: Ground) -> Played:
    (ground.folder / "password").write_text("of-the-vault")
    vault = VaultLib([("default", VaultSecret(b"of-the-vault"))])
    (ground.folder / "group_vars").mkdir()
    secret = vault.encrypt(yaml.safe_dump({"wec_labels": OWN, "its_context": "fake"}))
    (ground.folder / "group_vars" / "wecs.yml").write_bytes(secret)
    return ground.run(CONFIGURE, "--vault-password-file", "password")


def beside_what_is_omitted(ground: Ground) -> Played:
    ground.shared |= {
        "wec_labels": OWN,
        "wec_cluster_set": "{{ not_there | default(omit) }}",
        "its_context": "{{ not_there | default(omit) }}",
        "wec_annotations": {"kept": "yes", "left-out": "{{ not_there | default(omit) }}"},
    }
    return ground.run(CONFIGURE)


PLACES: tuple[t.Callable[[Ground], Played], ...] = (
    in_inventory,
    at_each_host,
    in_group_vars,
    in_the_play,
    in_import_playbook,
    connection_in_import_playbook,
    at_the_role,
    by_set_fact,
    as_extra_variable,
    with_another_variable,
    in_a_vault,
    beside_what_is_omitted,
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_it_counts_for_its_host(ground: Ground, place: t.Callable[[Ground], Played]) -> None:
    run = place(ground)
    assert run.code == 0, run.output
    assert {name: ground.label(name) for name in ground.names} == {name: name for name in ground.names}
    assert run.recap == dict.fromkeys(ground.names, (1, 0)), run.output
    assert run.output.count("was changed: ") == len(ground.names)


BAD: list[tuple[str, t.Any, str]] = [
    ("wec_labels", "{{ not_there }}", "wec_labels cannot be evaluated: 'not_there' is undefined"),
    ("wec_labels", {"owner": "{{ not_there }}"}, "wec_labels cannot be evaluated: 'not_there' is undefined"),
    ("wec_labels", ["x"], "wec_labels must be a dictionary, and is a list"),
    ("configure_labels_state", "perhaps", "configure_labels_state: "),
    ("wec_name", 34, "wec_name: 34 must be a string"),
    ("its_kubeconfig", "{{ not_there }}", "its_kubeconfig cannot be evaluated: 'not_there' is undefined"),
    ("wec_read_timeout", "soon", "wec_read_timeout must be a number, and is text"),
]


def fails_alone(ground: Ground, playbook: str | list[Json], variable: str, value: t.Any) -> str:
    """What is told of the last host, where one of its variables cannot be used."""
    bad = ground.names[-1]
    ground.shared["wec_labels"] = OWN
    ground.hosts[bad][variable] = value
    run = ground.run(playbook)
    assert run.code != 0
    others = ground.names[:-1]
    assert {name: ground.label(name) for name in others} == {name: name for name in others}, run.output
    assert ground.label(bad) is None
    assert run.recap == {**dict.fromkeys(others, (1, 0)), bad: (0, 1)}, run.output
    return run.text


@pytest.mark.parametrize(("variable", "value", "message"), BAD)
def test_one_that_cannot_be_used_fails_its_host_alone(
    ground: Ground, variable: str, value: t.Any, message: str
) -> None:
    assert f"{ground.names[-1]}: {message}" in fails_alone(ground, CONFIGURE, variable, value)


@pytest.mark.parametrize(("variable", "value", "_told"), BAD)
def test_so_it_does_in_the_role(tmp_path: pathlib.Path, its: FakeIts, variable: str, value: t.Any, _told: str) -> None:
    """Ansible itself looks at some of them, with words of its own."""
    text = fails_alone(Ground(tmp_path, its, 3), role(), variable, value)
    assert variable in text or "not_there" in text


def test_the_same_playbook_again_works_on_the_hosts_that_it_is_for(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its, 4)
    north, south = ground.names[:2], ground.names[2:]
    inventory = {
        "north": {"hosts": dict.fromkeys(north)},
        "south": {"hosts": dict.fromkeys(south)},
        "wecs": {"children": {"north": None, "south": None}, "vars": {**ground.shared, "wec_labels": {"owner": "a"}}},
    }
    again = {
        "hosts": "north",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.set_fact": {"wec_labels": {"owner": "b"}}}],
    }
    plays: list[Json] = [{"import_playbook": CONFIGURE, "vars": {"wec_hosts": hosts}} for hosts in ("north", "south")]
    run = play(tmp_path, [*plays, again, plays[0]], inventory)
    assert run.code == 0, run.output
    assert {name: ground.label(name) for name in ground.names} == {
        **dict.fromkeys(north, "b"),
        **dict.fromkeys(south, "a"),
    }
    limited = play(tmp_path, CONFIGURE, inventory, "--limit", south[1], "-e", '{"wec_labels": {"owner": "c"}}')
    assert limited.recap == {south[1]: (1, 0)}, limited.output
    assert ground.label(south[0]) == "a"


def test_a_host_that_has_failed_gets_no_later_task(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its, 3)
    ground.shared["wec_labels"] = OWN
    ground.hosts["edge-2"]["wec_labels"] = "{{ not_there }}"
    plays = role()
    plays[0]["tasks"].append({"ansible.builtin.debug": {"msg": "later on {{ inventory_hostname }}"}})
    run = ground.run(plays)
    assert [name for name in ground.names if f"later on {name}" in run.output] == ["edge-1", "edge-3"]


def test_a_large_fleet_that_is_in_sync_has_one_line_in_the_recap(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its, 25)
    run = ground.run("kubestellar.wec.register")
    assert run.code == 0, run.output
    assert len(run.recap) == 1
    small = Ground(tmp_path, its, 3)
    run = small.run("kubestellar.wec.register")
    assert run.recap == dict.fromkeys(small.names, (0, 0))
    assert len(run.lines) <= 20, run.output
    assert "no hosts matched" not in run.output


def test_the_difference_of_each_host_is_its_own(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its, 3)
    ground.shared["wec_labels"] = OWN
    run = ground.run(CONFIGURE, "--check", "--diff")
    assert run.recap == dict.fromkeys(ground.names, (1, 0)), run.output
    for name in ground.names:
        assert f"{name} would be changed: +owner={name}." in run.output
        assert run.output.count(f'"ITS: ManagedCluster {name}"') == 1
    assert its.writes == []


@pytest.mark.parametrize("strategy", ["free", "host_pinned", "ansible.builtin.free"])
def test_where_hosts_run_freely_a_task_for_all_is_refused(tmp_path: pathlib.Path, its: FakeIts, strategy: str) -> None:
    ground = Ground(tmp_path, its, 3)
    ground.shared["wec_labels"] = OWN
    run = ground.run(role(strategy=strategy))
    assert run.recap == dict.fromkeys(ground.names, (0, 1)), run.output
    message = f"strategy: '{strategy}' runs a task that is for all hosts once for each of them. Set strategy: linear in the play."
    assert message in run.text
    assert its.writes == []


def test_a_strategy_that_the_environment_sets_does_not_change_the_playbooks(
    tmp_path: pathlib.Path, its: FakeIts
) -> None:
    ground = Ground(tmp_path, its, 3)
    ground.shared["wec_labels"] = OWN
    run = ground.run(CONFIGURE, ANSIBLE_STRATEGY="free")
    assert run.recap == dict.fromkeys(ground.names, (1, 0)), run.output


def test_clusters_that_somebody_else_has_joined_are_accepted_and_configured(
    tmp_path: pathlib.Path, its: FakeIts
) -> None:
    ground = Ground(tmp_path, its, 0)
    for name in ("edge-1", "edge-2"):
        its.announce(name)
        ground.hosts[name] = {"wec_labels": OWN}
    ground.hosts["absent"] = {"register_remove_foreign_csrs": "perhaps"}
    run = ground.run("kubestellar.wec.accept", "-e", "register_wait_timeout=2")
    assert run.recap == {"edge-1": (1, 0), "edge-2": (1, 0), "absent": (0, 1)}, run.output
    assert [ground.label(name) for name in ("edge-1", "edge-2")] == ["edge-1", "edge-2"]
    assert "register_remove_foreign_csrs must be true or false, and is text" in run.text


def test_of_25_that_have_changed_each_is_told_once(tmp_path: pathlib.Path, its: FakeIts) -> None:
    ground = Ground(tmp_path, its, 25)
    ground.shared["wec_labels"] = OWN
    run = ground.run("kubestellar.wec.register")
    assert run.recap == dict.fromkeys(ground.names, (1, 0))
    assert len(run.lines) <= 100, run.output
    assert "25 WECs: 25 changed, 0 failed." in run.output

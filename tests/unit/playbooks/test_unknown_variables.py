# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typing errors in names of variables, as a newcomer made them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from fake_ocm import FakeIts
from playing import Played, play

Json = dict[str, t.Any]
TYPOS = {
    "wec_lables": "wec_labels",
    "wec_propertys": "wec_properties",
    "wec_clusterset": "wec_cluster_set",
    "wec_contxt": "wec_context",
    "its_kubeconf": "its_kubeconfig",
    "wds_contect": "wds_context",
    "register_wait_timout": "register_wait_timeout",
    "configure_label_state": "configure_labels_state",
    "deregister_purg": "deregister_purge",
}


@pytest.fixture
def run(tmp_path: pathlib.Path, its: FakeIts) -> t.Callable[..., Played]:
    for name in ("edge-1", "edge-2"):
        its.join(name, f"uid-of-{name}")
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))

    def of(
        hosts: Json, playbook: str | list[Json] = "kubestellar.wec.configure", *arguments: str, **shared: t.Any
    ) -> Played:
        shared["its_kubeconfig"] = str(tmp_path / "its.kubeconfig")
        inventory = {"wecs": {"vars": shared, "hosts": {"edge-1": {}, "edge-2": {}, **hosts}}}
        return play(tmp_path, playbook, inventory, *arguments)

    return of


def test_each_is_warned_of_with_the_name_that_was_meant(run: t.Callable[..., Played]) -> None:
    played = run({"edge-1": dict.fromkeys(TYPOS, "x")})
    assert played.code == 0
    for typo, meant in TYPOS.items():
        message = f"{typo} (edge-1) is not a variable of this collection. Did you mean {meant}?"
        assert played.text.count(message) == 1, (typo, played.output)


@pytest.mark.parametrize("playbook", ["register", "plan", "status", "accept", "deregister"])
def test_all_playbooks_notice(run: t.Callable[..., Played], playbook: str) -> None:
    played = run({}, f"kubestellar.wec.{playbook}", "--check", wec_lables={"a": "b"})
    assert played.text.count("wec_lables (edge-1, edge-2) is not a variable of this collection") == 1, played.output


def test_so_do_the_command_line_and_a_role_of_ones_own_play(run: t.Callable[..., Played]) -> None:
    assert (
        "Did you mean configure_wait_timeout?"
        in run({}, "kubestellar.wec.configure", "-e", "configure_wait_timout=5").text
    )
    own = {"ansible.builtin.import_role": {"name": "kubestellar.wec.configure"}, "vars": {"wec_lables": {"a": "b"}}}
    assert "Did you mean wec_labels?" in run({}, [{"hosts": "wecs", "gather_facts": False, "tasks": [own]}]).text


def test_it_can_fail_the_host_before_anything_is_changed_for_it(run: t.Callable[..., Played], its: FakeIts) -> None:
    hosts = {"edge-1": {"wec_lables": {"a": "b"}}}
    played = run(hosts, wec_unknown_variables="fail", wec_labels={"c": "d"})
    assert (
        "edge-1: wec_lables is not a variable of this collection. Did you mean wec_labels? Correct its name"
        in played.text
    )
    assert played.recap == {"edge-1": (0, 1), "edge-2": (1, 0)}
    assert all("edge-1" not in path for _method, path in its.writes)


def test_ones_own_variables_can_have_these_prefixes(run: t.Callable[..., Played]) -> None:
    hosts = {"edge-1": {"wec_site": "x"}}
    message = run(hosts).text
    assert "wec_site (edge-1) is not a variable of this collection. If it is yours, give it another prefix" in message
    assert "[WARNING]" not in run(hosts, wec_unknown_variables="ignore").output


def test_what_a_task_has_registered_or_set_is_nobodys_mistake(run: t.Callable[..., Played]) -> None:
    tasks = [
        {"ansible.builtin.set_fact": {"wec_site": "x"}},
        {
            "kubestellar.wec.wec_status": {"its_kubeconfig": "{{ its_kubeconfig }}", "name": "edge-1"},
            "register": "wec_seen",
        },
        {"ansible.builtin.import_role": {"name": "kubestellar.wec.configure"}},
    ]
    assert "[WARNING]" not in run({}, [{"hosts": "wecs", "gather_facts": False, "tasks": tasks}]).output


def test_an_answer_that_is_none_is_refused(run: t.Callable[..., Played]) -> None:
    message = run({"edge-1": {"wec_lables": {}}}, wec_unknown_variables="yes").text
    assert "edge-1: wec_unknown_variables must be warn, fail or ignore, and is 'yes'" in message


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("wec_waves", "ten", "wec_waves: 'ten' must be numbers of hosts or percentages. Write them like 1,10%,50%."),
        ("wec_max_fail_percentage", "10%", "wec_max_fail_percentage: '10%' must be a number from 0 to 100."),
    ],
)
def test_sizes_of_waves_that_ansible_cannot_use_are_refused_in_a_sentence(
    run: t.Callable[..., Played], its: FakeIts, name: str, value: str, sentence: str
) -> None:
    message = run({}, **{name: value}).text
    assert sentence in message
    assert "Traceback" not in message
    assert its.writes == []

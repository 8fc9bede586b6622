# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's variable cannot be used: that host fails, named with the variable, and the others go on."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import jinja2
import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from front_ends import AsAction
from records import by_host, in_order

Json = dict[str, t.Any]
BAD = "edge-3"
NAMES = [f"edge-{number}" for number in range(1, 6)]
OTHERS = [name for name in NAMES if name != BAD]


class Raising(dict[str, t.Any]):
    """A host's variables, one of which cannot be evaluated."""

    def __init__(self, variable: str, error: BaseException, others: Json) -> None:
        super().__init__(others)
        self._variable, self._error = variable, error

    def get(self, key: str, default: t.Any = None) -> t.Any:
        if key == self._variable:
            raise self._error
        return super().get(key, default)


def of_play(its: FakeIts, **of_bad: t.Any) -> AsAction:
    """Five hosts that want a label; ``of_bad`` are more variables of one of them: values, or what evaluating them raises."""
    shared: Json = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}}
    hosts: Json = {name: dict(shared) for name in NAMES}
    for variable, value in of_bad.items():
        if isinstance(value, Exception):
            hosts[BAD] = Raising(variable, value, hosts[BAD])
        else:
            hosts[BAD][variable] = value
    return AsAction(
        ansible_play_batch=NAMES, hostvars=hosts, inventory_hostname=NAMES[0], groups={"all": NAMES, "wecs": NAMES}
    )


def fleet(its: FakeIts) -> None:
    for name in NAMES:
        its.join(name, f"uid-of-{name}")


ERRORS = [
    AnsibleUndefinedVariable("'not_defined' is undefined"),
    AnsibleError("a filter failed"),
    jinja2.UndefinedError("'x' has no attribute 'y'"),
    RecursionError("too deep"),
    TypeError("unhashable"),
    KeyError("x"),
    ZeroDivisionError("division by zero"),
]
VARIABLES: list[tuple[str, t.Any, str]] = [
    ("wec_labels", [{"region": "us-east"}], "wec_labels must be a dictionary, and is a list"),
    ("wec_labels", 7, "wec_labels must be a dictionary, and is a whole number"),
    ("wec_annotations", "{{", "wec_annotations must be a dictionary, and is text"),
    ("configure_properties", ["x"], "configure_properties must be a dictionary, and is a list"),
    ("configure_labels_state", "perhaps", "configure_labels_state: "),
    ("configure_schema", ["x"], "configure_schema must be a dictionary, and is a list"),
    ("configure_schema", {"labels": {"region": {"pattern": "("}}}, "region"),
    ("configure_schema", {"labels": 7}, "schema.labels: must map keys"),
    (
        "wec_cluster_set",
        34,
        "wec_cluster_set: 34 must be a string, and is a number in YAML: write it in quotes, as you mean it",
    ),
    *(("wec_labels", error, "wec_labels cannot be evaluated: ") for error in ERRORS),
    ("wec_cluster_set", ERRORS[0], "wec_cluster_set cannot be evaluated: 'not_defined' is undefined"),
]
NAMED: list[tuple[str, t.Any, str]] = [
    ("wec_name", 34, "wec_name: 34 must be a string, and is a number in YAML: write it in quotes, as you mean it"),
    ("wec_name", 0, "wec_name: 0 must be a string"),
    ("wec_name", True, "wec_name: True must be a string"),
    ("wec_name", ["x"], "wec_name must be a string"),
    ("register_name", 1.5, "register_name: 1.5 must be a string"),
    *(("wec_name", error, "wec_name cannot be evaluated: ") for error in ERRORS),
]
CONNECTIONS: list[tuple[str, t.Any, str]] = [
    *(("its_context", error, "its_context cannot be evaluated: ") for error in ERRORS),
    ("its_kubeconfig", {1: "a", "b": 2}, "its_kubeconfig cannot be used"),
    ("its_kubeconfig", {"x": b"bytes"}, "its_kubeconfig cannot be used"),
]


def of(cases: list[tuple[str, t.Any, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("variable", "value", "message"), cases)


@of([*VARIABLES, *NAMED, *CONNECTIONS])
def test_the_others_are_planned(its: FakeIts, variable: str, value: t.Any, message: str) -> None:
    fleet(its)
    play = of_play(its, **{variable: value})
    result = play("wec_plan", show_table=True)
    assert not result.get("failed"), result
    found = {one["host"]: one for one in result["wecs"]}
    assert {found[name]["action"] for name in OTHERS} == {"configure"}
    seen = found[BAD]["reason"] if BAD in found else next(one["msg"] for one in result["unseen"] if BAD in one["hosts"])
    assert message in seen
    assert message in "\n".join(play.lines)


@of([*VARIABLES, *NAMED, *CONNECTIONS])
def test_the_others_are_configured_and_it_fails(its: FakeIts, variable: str, value: t.Any, message: str) -> None:
    fleet(its)
    play = of_play(its, **{variable: value})
    result = play("wec_configure", stop_on_violation=False)
    assert in_order(result, failed=True) == [BAD]
    assert message in result["msg"]
    for name in NAMES:
        labels = its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get("labels") or {}
        assert (labels.get("region") == "us") is (name != BAD)


@of([*VARIABLES, *NAMED, *CONNECTIONS])
def test_a_plan_that_was_made_before_does_not_hold(its: FakeIts, variable: str, value: t.Any, message: str) -> None:
    fleet(its)
    digest = of_play(its)("wec_plan")["digest"]
    refused = of_play(its, **{variable: value})("wec_plan", expected_plan=digest)
    assert refused["problem"]["code"] == "plan_changed", message


@of([*VARIABLES, *NAMED, *CONNECTIONS])
def test_the_others_are_shown(its: FakeIts, variable: str, value: t.Any, message: str) -> None:
    fleet(its)
    play = of_play(its, **{variable: value})
    result = play("wec_status", show_table=True)
    shown = "\n".join(play.lines)
    assert {one["name"] for one in result["wecs"]} >= set(OTHERS)
    assert all(any(line.startswith(f"{name} ") and "joined" in line for line in play.lines) for name in OTHERS)
    assert message in shown
    assert BAD in shown
    if (variable, value, message) in VARIABLES:
        assert not result.get("failed")
        assert {one["kind"] for one in result["drift"] if one["name"] == BAD} == {"invalid_desired_state"}
    else:
        assert result["failed"]
        assert in_order(result, failed=True) == [BAD]
        assert message in result["msg"]


@of(
    [
        *NAMED,
        *CONNECTIONS,
        (
            "wec_context",
            34,
            "wec_context: 34 must be a string, and is a number in YAML: write it in quotes, as you mean it",
        ),
        ("wec_connect_timeout", ["x"], "wec_connect_timeout must be a number, and is a list"),
        ("wec_kubeconfig", ERRORS[3], "wec_kubeconfig cannot be evaluated: RecursionError"),
    ]
)
def test_the_others_are_registered(its: FakeIts, variable: str, value: t.Any, message: str) -> None:
    fleet(its)
    play = of_play(its, **{variable: value})
    result = play("wec_join", check_mode=True)
    found = by_host(result)
    assert set(found) == set(NAMES)
    assert message in found[BAD]["msg"]
    # The others lack a way to their WECs, and each says so for itself.
    assert all(message not in found[name]["msg"] for name in OTHERS)


def test_a_host_outside_the_play_whose_name_cannot_be_read_is_warned_of(its: FakeIts) -> None:
    fleet(its)
    play = of_play(its)
    play._variables["hostvars"]["elsewhere"] = Raising("wec_name", ERRORS[0], {})
    play._variables["groups"]["all"] = [*NAMES, "elsewhere"]
    result = play("wec_status")
    assert not result.get("failed"), result
    assert [text for text in play.warnings if "elsewhere: wec_name cannot be evaluated" in text]


def test_a_name_that_cannot_be_read_is_no_other_hosts_name(its: FakeIts) -> None:
    """The host's own name stands in for it, which another host may rightly have given to its WEC."""
    fleet(its)
    play = of_play(its, wec_name=34)
    play._variables["hostvars"]["edge-4"]["wec_name"] = BAD
    found = {one["host"]: one["action"] for one in play("wec_plan")["wecs"]}
    assert (found[BAD], found["edge-4"]) == ("blocked", "configure")


@pytest.mark.parametrize("playbook", ["status", "plan", "configure"])
def test_a_playbook_names_host_and_variable_and_goes_on(tmp_path: pathlib.Path, its: FakeIts, playbook: str) -> None:
    fleet(its)
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    hosts: Json = {name: {} for name in NAMES}
    hosts[BAD] = {"wec_labels": "{{ not_defined }}"}
    hosts["edge-4"] = {"wec_labels": [{"region": "us"}]}
    shared = {"its_kubeconfig": str(tmp_path / "its.kubeconfig"), "wec_labels": {"region": "us"}}
    (tmp_path / "fleet.yml").write_text(yaml.safe_dump({"wecs": {"vars": shared, "hosts": hosts}}))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "NO_COLOR": "1",
    }
    program = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
    command = [program, "-i", str(tmp_path / "fleet.yml"), f"kubestellar.wec.{playbook}"]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    message = run.stdout + run.stderr
    assert "edge-3: wec_labels cannot be evaluated: 'not_defined' is undefined" in message, message
    assert "edge-4: wec_labels must be a dictionary, and is a list" in message
    for name in ("edge-1", "edge-2", "edge-5"):
        assert any(line.startswith(f"{name} ") for line in run.stdout.splitlines()), message
    if playbook == "configure":
        assert run.returncode
        labelled = [
            name
            for name in NAMES
            if its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get("labels", {}).get("region")
        ]
        assert labelled == ["edge-1", "edge-2", "edge-5"]

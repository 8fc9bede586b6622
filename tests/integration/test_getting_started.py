# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first steps of docs/getting-started.md with a fleet of your own, to the letter: its files, and its commands in their order."""

from __future__ import annotations

import pathlib
import re
import shlex
import typing as t

import yaml
from fleet import ITS, REPOSITORY, Fleet, Run

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FIRST, _SECOND = "edge-1", "edge-2"


class Section:
    """One section of the page, its WECs being those of a test."""

    def __init__(self, title: str, names: t.Sequence[str]) -> None:
        text = (REPOSITORY / "docs" / "getting-started.md").read_text()
        body = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        # In one go: a test's own WEC may have the other's name.
        own = dict(zip((_FIRST, _SECOND), names, strict=True))
        self._blocks = [
            (kind, re.sub(rf"\b({_FIRST}|{_SECOND})\b", lambda found: own[found[1]], block))
            for kind, block in _BLOCK.findall(body)
        ]

    def file(self, name: str) -> str:
        (found,) = [block for _kind, block in self._blocks if block.startswith(f"# {name}\n")]
        return found

    def commands(self, program: str) -> list[str]:
        lines = [line for kind, block in self._blocks if kind == "console" for line in block.splitlines()]
        return [line.removeprefix("$ ") for line in lines if line.startswith(f"$ {program} ")]


def test_a_fleet_of_ones_own(fleet: Fleet, take: t.Callable[..., list[str]], tmp_path: pathlib.Path) -> None:
    names = take(2)
    section = Section("Your own fleet", names)
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    for file, own in ((ITS, "its1"), ("fleet", "fleet")):
        (home / ".kube" / f"{own}.kubeconfig").write_bytes(fleet.layout.kubeconfig(file).read_bytes())
    (tmp_path / "fleet.yml").write_text(section.file("fleet.yml"))
    (tmp_path / "register.yml").write_text(section.file("register.yml"))
    commands = section.commands("ansible-playbook")
    assert [command.split("kubestellar.wec.")[1].split()[0] for command in commands] == [
        "register",
        "register",
        "status",
        "deregister",
    ]

    def run(command: str) -> Run:
        inside = ["sh", "-c", f"cd {shlex.quote(str(tmp_path))} && {command}"]
        done = fleet.command(inside, HOME=str(home))
        assert done.code == 0, f"{command}\n{done.output}"
        return done

    mark = fleet.mark()
    run(commands[0])
    assert fleet.writes(mark) == []
    run(commands[1])
    message = yaml.safe_load(section.file("fleet.yml"))["wecs"]
    wanted = {
        name: {**message["vars"]["wec_labels_all"], **group["vars"]["wec_labels_region"], **host["wec_labels"]}
        for group in message["children"].values()
        for name, host in group["hosts"].items()
    }
    assert set(wanted) == set(names)
    for name in names:
        assert fleet.is_available(name)
        labels = (fleet.managed_cluster(name) or {})["metadata"]["labels"]
        assert wanted[name].items() <= labels.items()
    table = run(commands[2]).output
    for name in names:
        assert any(line.split()[:2] == [name, "joined"] for line in table.splitlines()), table
    own = run("ansible-playbook -i fleet.yml register.yml")
    assert {recap.changed for recap in own.recap.values()} == {0}
    run(commands[3])
    assert fleet.managed_cluster(names[0]) is not None
    assert fleet.managed_cluster(names[1]) is None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook itself in a folder of its own, on a fake ITS."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import typing as t

import yaml

Json = dict[str, t.Any]
_RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)


class Played:
    """``recap`` gives changed and failed of each host."""

    def __init__(self, run: subprocess.CompletedProcess[str]) -> None:
        self.code, self.output = run.returncode, run.stdout + run.stderr
        self.text = " ".join(self.output.split())
        found = _RECAP.findall(run.stdout)
        self.recap = {host: (int(changed), int(failed)) for host, _ok, changed, _away, failed, _skipped in found}
        self.lines = [line for line in run.stdout.splitlines() if line.strip()]


def play(
    folder: pathlib.Path, playbook: str | list[Json], inventory: Json, *arguments: str, **environment: str
) -> Played:
    """``playbook`` is the name of one of the collection, or plays. ``inventory`` is one as in YAML."""
    (folder / "fleet.yml").write_text(yaml.safe_dump(inventory))
    if isinstance(playbook, list):
        (folder / "site.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
        playbook = "site.yml"
    program = str(pathlib.Path(sys.executable).parent / "ansible-playbook")
    command = [program, "-i", "fleet.yml", playbook, *arguments]
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "NO_COLOR": "1",
        **environment,
    }
    run = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False, timeout=300)
    return Played(run)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs awx_setup as docs/awx.md says, and what the version before had made."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import awx_data
from awx_kinds import Json
from fake_awx import FakeAwx

SECRET = "certificate-and-key-of-somebody"
PROJECT = "https://git.example.com/fleet.git"
SETUP = f"ansible-playbook kubestellar.wec.awx_setup -e awx_project_url={PROJECT}"
IMAGE = "registry.example.com/wec-ee:1"


def run(command: str, awx: FakeAwx | None, folder: pathlib.Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of the page, in a shell whose environment has nothing but what the page sets."""
    environment = {
        "PATH": f"{pathlib.Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_PIPELINING": "1",
        **(awx.environment if awx else {}),
        **more,
    }
    return subprocess.run(
        command, shell=True, env=environment, cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )


def recap(output: str) -> dict[str, int]:
    (line,) = re.findall(r"^localhost\s+: (.*)$", output, re.MULTILINE)
    return {key: int(value) for key, value in (part.split("=") for part in line.split())}


def from_the_page() -> dict[str, str]:
    """What the page says: to set up, and to remove."""
    lines = re.findall(
        r"^\$ (ansible-playbook kubestellar\.wec\.awx_setup.*)$", (awx_data.ROOT / "docs" / "awx.md").read_text(), re.M
    )
    removing = [line for line in lines if "awx_state=absent" in line]
    making = [line for line in lines if line not in removing]
    assert (len(making), len(removing)) == (1, 1)
    return {"make": making[0], "remove": removing[0]}


def write_kubeconfigs(home: pathlib.Path) -> None:
    """The files that the page names."""
    folder = home / ".kube"
    folder.mkdir()
    for name in ("its1.kubeconfig", "fleet.kubeconfig"):
        (folder / name).write_text(f"apiVersion: v1\nkind: Config\nusers: [{{name: {SECRET}}}]\n")


def previous_version() -> Json:
    return dict(json.loads((awx_data.ROOT / "tests" / "awx" / "previous_version.json").read_text()))


def sentences(output: str) -> str:
    """Without line breaks."""
    return " ".join(output.split())

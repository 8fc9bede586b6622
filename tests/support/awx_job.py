# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as AWX starts it: ansible-runner, with the files and variables of its credentials, on a part of the hosts."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import awx_data
import yaml
from sandbox.layout import REPOSITORY

if t.TYPE_CHECKING:
    from fleet import Fleet

Json = dict[str, t.Any]
_TIMEOUT = 600
RUNNERS = ("2.4.0", "2.4.3")
"""The one of a node of AWX 24.6.1, and the newest."""


@functools.cache
def _runner(version: str) -> str:
    """The program. It need not be in the environment that ansible-core is in."""
    if version == RUNNERS[1]:
        return str(pathlib.Path(sys.executable).parent / "ansible-runner")
    command = [str(REPOSITORY / "tests" / "venv"), "runner"]
    folder = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT).stdout.strip()
    return f"{folder}/bin/ansible-runner"


@dataclasses.dataclass(frozen=True)
class Launch:
    """What is chosen when a job is launched. ``hosts`` are those of the inventory, or of a slice of it."""

    hosts: t.Sequence[str]
    limit: str = ""
    check: bool = False
    diff: bool = False
    runner: str = RUNNERS[0]


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

    @property
    def text(self) -> str:
        """Without line breaks."""
        return " ".join(self.stdout.split())

    def left_behind(self) -> str:
        """All that a controller stores of it: its output, its events and its facts."""
        files = [path for path in (self.folder / "artifacts").rglob("*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)


class Controller:
    """Runs jobs for one fleet, or for none: those end before they ask a cluster. ``folder`` is empty."""

    def __init__(self, fleet: Fleet | None, folder: pathlib.Path) -> None:
        self._fleet, self._folder = fleet, folder
        self._lists = awx_data.lists()
        self._inventory: Json = {}
        self._inputs: dict[str, Json] = {name: {"kubeconfig": "{}"} for name in ("KubeStellar ITS", "KubeStellar WECs")}
        if fleet is not None:
            self._inventory = yaml.safe_load(fleet.layout.inventory.read_text())["wecs"]["hosts"]
            for name, file in (("KubeStellar ITS", "its1-onboarder"), ("KubeStellar WECs", "fleet")):
                self._inputs[name] = {"kubeconfig": fleet.layout.kubeconfig(file).read_text()}
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

    def set_variables(self, host: str, **variables: t.Any) -> None:
        """The inventory is another one from now on."""
        self._inventory[host] = {**self._inventory.get(host, {}), **variables}

    def job(self, template: str, hosts: t.Sequence[str] | Launch, **variables: t.Any) -> Job:
        (job,) = self.slices(template, [hosts], **variables)
        return job

    def slices(self, template: str, parts: t.Sequence[t.Sequence[str] | Launch], **variables: t.Any) -> list[Job]:
        """One job for each part of the hosts, all at once. Raises subprocess.TimeoutExpired for one that does not end."""
        found = awx_data.named(template, self._lists["controller_templates"])
        launches = [part if isinstance(part, Launch) else Launch(part) for part in parts]
        prepared = [(self._prepare(found, one, variables), one) for one in launches]
        with concurrent.futures.ThreadPoolExecutor(len(prepared)) as pool:
            return list(pool.map(lambda one: self._run(found, *one), prepared))

    def _run(self, template: Json, folder: pathlib.Path, launch: Launch) -> Job:
        command = [_runner(launch.runner), "run", str(folder), "-p", template["playbook"], "-i", "one", "-q"]
        subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT)
        artifacts = folder / "artifacts" / "one"
        # An event that another process was writing may have left a part of it.
        whole = [path for path in (artifacts / "job_events").glob("*.json") if not path.stem.endswith("-partial")]
        files = sorted(whole, key=lambda path: int(path.name.partition("-")[0]))
        events = [json.loads(path.read_text()) for path in files]
        status = (artifacts / "status").read_text()
        return Job(status, (artifacts / "stdout").read_text(), events, folder)

    def _prepare(self, template: Json, launch: Launch, variables: Json) -> pathlib.Path:
        self._count += 1
        folder = self._folder / f"awx_{self._count}"
        shutil.copytree(awx_data.PROJECT, folder / "project")
        self._write_inventory(folder, launch.hosts)
        survey = {one["variable"]: one["default"] for one in template["survey_spec"]["spec"]}
        settings: dict[str, t.Any] = {
            "envvars": self._environment(template, folder),
            "extravars": {"awx_job_id": self._count, **survey, **variables},
            "settings": {"fact_cache": "fact_cache", "fact_cache_type": "jsonfile"},
        }
        for name, content in settings.items():
            path = folder / "env" / name
            path.touch(mode=0o600)
            path.write_text(json.dumps(content))
        arguments = [f"--forks={template.get('forks', 5)}", *(["--check"] if launch.check else [])]
        arguments += [*(["--diff"] if launch.diff else []), *(["-l", launch.limit] if launch.limit else [])]
        (folder / "env" / "cmdline").write_text(" ".join(arguments))
        return folder

    def _environment(self, template: Json, folder: pathlib.Path) -> dict[str, str]:
        home = folder / "home"
        home.mkdir()
        programs = [str(pathlib.Path(sys.executable).parent)]
        if self._fleet is not None:
            programs.append(str(self._fleet.clusteradm.parent))
        environment = {
            "PATH": ":".join([*programs, os.environ["PATH"]]),
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        }
        for name in template["credentials"]:
            credential = awx_data.named(name, self._lists["controller_credentials"])
            kind = awx_data.named(credential["credential_type"], self._lists["controller_credential_types"])
            environment.update(awx_data.inject(kind, self._inputs[name], folder / "env"))
        return environment

    def _write_inventory(self, folder: pathlib.Path, hosts: t.Sequence[str]) -> None:
        """A program that prints the hosts of this slice in all their groups, as a controller makes one."""
        (inventory,) = [one for one in self._lists["controller_inventories"] if one["name"] == "KubeStellar WECs"]
        group = {"wecs": {"hosts": list(hosts)}} if hosts else {}
        content = {
            "all": {"hosts": [], "children": list(group), "vars": inventory["variables"]},
            **group,
            "_meta": {"hostvars": {host: self._inventory.get(host, {}) for host in hosts}},
        }
        path = folder / "inventory" / "hosts"
        path.parent.mkdir()
        path.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(content))})\n")
        path.chmod(0o700)

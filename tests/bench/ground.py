# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox that is measured on: its hub, its fleet, and what its audit log says."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import os
import pathlib
import re
import ssl
import sys
import tempfile
import time
import typing as t
import urllib.request

import yaml
from sandbox import lifecycle, outputs
from sandbox.binaries import SETS, Binaries
from sandbox.control import ask
from sandbox.layout import ITS, Layout

from .figures import Availability, Measurement, Requests, Spread, account
from .measuring import Cost, measure

Json = dict[str, t.Any]
OCM = "1.2.1"
_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
_OF_CONTROLLERS = b'"userAgent":"registration/'
_AT_REST = 2
"""Up to so many looks a second are those of a hub where nothing changes."""
_RIGHTS = re.compile(r'^apiserver_request_total\{.*resource="selfsubjectrulesreviews".*\} ([0-9.e+]+)$', re.MULTILINE)


class BenchError(Exception):
    """A contender did not do what it is measured at; the text names its log."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a contender is to be measured at. ``arguments`` is its command."""

    scenario: str
    contender: str
    wecs: t.Sequence[str]
    arguments: t.Sequence[str | os.PathLike[str]]
    timeout: float = 3600
    registers: bool = False
    may_fail: bool = False


class Ground:
    """One sandbox, with everything that contenders need to work on it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        binaries = Binaries()
        binaries.build([SETS["kubectl"]])
        path = [binaries.path(name, name).parent for name in ("clusteradm", "kubectl")]
        self._path = [*path, pathlib.Path(sys.executable).parent]
        self.logs = layout.state / "bench"
        self.logs.mkdir(exist_ok=True)
        self._number = 0

    @classmethod
    def up(cls, layout: Layout, real: int, simulated: int) -> Ground:
        """A fresh sandbox. Raises SandboxError, BuildError."""
        lifecycle.up(layout, real, OCM, simulated=simulated)
        return cls(layout)

    def down(self) -> None:
        lifecycle.down(self.layout)

    @property
    def its(self) -> pathlib.Path:
        """The hub, as its administrator: what all contenders but the collection use."""
        return self.layout.kubeconfig(ITS)

    @property
    def fleet(self) -> pathlib.Path:
        return self.layout.kubeconfig("fleet")

    def simulate(self, fault: str, wecs: t.Sequence[str]) -> None:
        ask(self.layout, "simulate", fault=fault, wecs=",".join(wecs))

    def names(self) -> list[str]:
        inventory = yaml.load(self.layout.inventory.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        return list(inventory["wecs"]["hosts"])

    def inventory(self, wecs: t.Sequence[str], **labels: str) -> pathlib.Path:
        """An inventory of these WECs only, each with these labels beside its own. In JSON, which Ansible reads faster than YAML."""
        content = yaml.load(self.layout.inventory.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        wanted = set(wecs)
        hosts = {name: one for name, one in content["wecs"]["hosts"].items() if name in wanted}
        for one in hosts.values():
            one["wec_labels"].update(labels)
        content["wecs"]["hosts"] = hosts
        self._number += 1
        file = self.logs / f"inventory-{self._number}.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    def measure(self, job: Job) -> Measurement:
        """Run a contender. Raises BenchError, TimeoutError."""
        self._number += 1
        log = self.logs / f"{self._number:03}-{job.scenario}-{job.contender.replace(' ', '-')}-{len(job.wecs)}.log"
        before, rights = self._audit_log.stat().st_size, self._asked_for_rights()
        began = datetime.datetime.now(datetime.timezone.utc)
        cost = measure(job.arguments, self._environment(), job.timeout, log)
        if cost.code and not job.may_fail:
            raise BenchError(f"{job.contender} failed at {job.scenario} (code {cost.code}): see {log}")
        found = self._measured(job, cost, self._requests_since(before))
        asked = self._asked_for_rights() - rights
        if asked:
            # The sandbox's audit log leaves these out.
            own = found.requests.setdefault("own", {})
            own["ask for rights"] = asked
        if job.registers:
            self._add_availability(found, job.wecs, began)
        (self.logs / "figures.jsonl").open("a", encoding="utf-8").write(json.dumps(found.as_data()) + "\n")
        print(
            f"  {job.contender:<18} {len(job.wecs):>5} WECs {cost.wall:8.1f} s wall {cost.cpu:8.1f} s CPU"
            f" {cost.stolen:3.0f} % stolen",
            flush=True,
        )
        return found

    def require_gone(self, wecs: t.Sequence[str]) -> None:
        """Raises BenchError for WECs that the hub still has, or their mailboxes."""
        for path in (_CLUSTERS, "/api/v1/namespaces"):
            there = {one["metadata"]["name"] for one in self._get(f"{path}?limit=5000")["items"]}
            if there & set(wecs):
                raise BenchError(f"the hub still has {', '.join(sorted(there & set(wecs))[:5])} ({path})")

    def await_rest(self) -> None:
        """Wait until the hub's controllers have seen to what was changed before: it is not this contender's.

        Raises TimeoutError.
        """
        for _second in range(180):
            before = self._audit_log.stat().st_size
            time.sleep(1)
            with self._audit_log.open("rb") as log:
                log.seek(before)
                # They keep their leases, and watch, at rest too.
                busy = sum(_OF_CONTROLLERS in line and b'"verb":"get"' in line for line in log)
            if busy <= _AT_REST:
                return
        raise TimeoutError("the hub's controllers do not come to rest")

    def _measured(self, job: Job, cost: Cost, requests: Requests) -> Measurement:
        return Measurement(
            job.scenario,
            job.contender,
            len(job.wecs),
            wall=round(cost.wall, 2),
            cpu=round(cost.cpu, 2),
            memory=round(cost.memory, 1),
            own_memory=round(cost.own_memory, 1),
            stolen=round(cost.stolen),
            requests=requests,
        )

    def availability(self, wecs: t.Sequence[str], began: datetime.datetime) -> dict[str, Availability]:
        """Of those that are available."""
        clusters = {one["metadata"]["name"]: one for one in self._get(f"{_CLUSTERS}?limit=5000")["items"]}
        found = {name: Availability.of(clusters[name], began) for name in wecs if name in clusters}
        return {name: one for name, one in found.items() if one is not None}

    def _add_availability(self, found: Measurement, wecs: t.Sequence[str], began: datetime.datetime) -> None:
        times = list(self.availability(wecs, began).values())
        found.available = len(times)
        if times:
            found.announced = Spread.of([one.available - one.announced for one in times])
            found.finished = Spread.of([round(one.available, 1) for one in times])

    @property
    def _audit_log(self) -> pathlib.Path:
        return self.layout.cluster(ITS) / "audit.log"

    def _requests_since(self, offset: int) -> Requests:
        with self._audit_log.open("rb") as log:
            log.seek(offset)
            return account(line for line in log if line.endswith(b"\n"))

    def _asked_for_rights(self) -> int:
        return sum(int(float(count)) for count in _RIGHTS.findall(self._text("/metrics")))

    def _get(self, path: str) -> Json:
        return t.cast(Json, json.loads(self._text(path)))

    def _text(self, path: str) -> str:
        config = yaml.safe_load(self.its.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pem.flush()
            tls.load_cert_chain(pem.name)
        for _attempt in range(10):
            try:
                with urllib.request.urlopen(cluster["server"] + path, context=tls, timeout=60) as answer:
                    return t.cast(bytes, answer.read()).decode()
            except OSError:
                time.sleep(1)
        raise BenchError(f"the hub does not answer: {path}")

    def _environment(self) -> dict[str, str]:
        """That of a shell in which nobody has set anything up but the tools."""
        home = self.logs / "home"
        home.mkdir(exist_ok=True)
        config = self.logs / "ansible.cfg"
        config.touch()
        return {
            "PATH": ":".join([*map(str, self._path), os.environ["PATH"]]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_COLLECTIONS_PATH": str(outputs.collections_folder()),
        }

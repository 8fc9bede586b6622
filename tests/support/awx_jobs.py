# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the simulated controller: those that a test starts, and updates of projects, which end after some looks at them."""

from __future__ import annotations

import dataclasses

from awx_kinds import Json

ACTIVE = ("new", "pending", "waiting", "running")
_LOOKS = 3
"""So often an update is seen before it has ended."""


@dataclasses.dataclass
class Repository:
    """What updates of projects find. ``fault`` is why they fail."""

    playbooks: list[str]
    fault: str = ""


class Jobs:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.every: dict[int, Json] = {}
        self._looks: dict[int, int] = {}

    def add(self, identity: int, kind: str, template: Json, **more: int | None) -> Json:
        job: Json = {"id": identity, "type": kind, "name": template["name"], "status": "running"}
        job |= {"unified_job_template": template["id"], "failed": False, "finished": None, "job_explanation": ""}
        self.every[identity] = {**job, "url": f"/api/v2/{kind}s/{identity}/", "events": [], "scm_revision": "", **more}
        return self.every[identity]

    def end(self, job: Json, status: str = "successful") -> None:
        job.update(status=status, failed=status != "successful", finished="2026-11-01T00:00:00Z")

    def update(self, identity: int, project: Json) -> Json:
        self._looks[identity] = _LOOKS
        job = self.add(identity, "project_update", project)
        job["status"] = "pending"
        return job

    def of(self, template: int) -> list[Json]:
        return [job for job in self.every.values() if job["unified_job_template"] == template]

    def look(self, project: Json) -> None:
        """Somebody looks at a project or its update, and time goes on."""
        for job in self.of(project["id"]):
            if job["id"] in self._looks:
                job["status"] = "running"
                self._looks[job["id"]] -= 1
                if self._looks[job["id"]] == 0:
                    self.finish(job["id"], project)

    def finish(self, identity: int, project: Json) -> None:
        del self._looks[identity]
        job, fault = self.every[identity], self.repository.fault
        self.end(job, "failed" if fault else "successful")
        if fault:
            job["events"] = [{"event": "runner_on_failed", "event_data": {"res": {"msg": fault}}}]
        else:
            project["playbook_files"] = list(self.repository.playbooks)
            project["scm_revision"] = job["scm_revision"] = f"{identity:040d}"

    def shown(self, project: Json) -> Json:
        """What a project shows of its updates. One that runs counts more than one that has ended."""
        updates = self.of(project["id"])
        current = [job for job in updates if job["status"] in ACTIVE]
        ended = [job for job in updates if job["status"] not in ACTIVE]
        summary = {}
        if current:
            summary["current_update"] = {key: current[-1][key] for key in ("id", "name", "status", "failed")}
        if ended:
            summary["last_update"] = {key: ended[-1][key] for key in ("id", "name", "status", "failed")}
        status = (current or ended or [{"status": "never updated"}])[-1]["status"]
        return {"status": status, "scm_revision": project.get("scm_revision", ""), "summary_fields": summary}

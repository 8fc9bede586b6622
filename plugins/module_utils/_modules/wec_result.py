# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_result."""

from __future__ import annotations

import typing as t

from .._errors import WecError
from .._rules.fleet import wec_results
from . import options, statistics, written_file
from .task import Task

Json = dict[str, t.Any]
SHOWN = 50
"""So many hosts that failed are named in an outcome."""
_OF_STATUS = ("conditions", "evidence", "labels", "problem", "problems", "reason", "timeline")
"""What the message of a status says already, or nobody looks for in a result on the screen."""
SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "registered": {"type": "list", "elements": "str", "required": True},
        "outcome_of": {"type": "str"},
        "retry_file": {"type": "path"},
        **options.pattern(),
    },
    "supports_check_mode": True,
}


def run(_task: Task) -> Json:
    raise WecError("wec_result works as an action only: the results of other tasks are on the controller.")


def conclude(task: Task, host: str, record: Json | None, of_no_host: t.Sequence[Json] = ()) -> Json:
    """The result of one host. ``record`` is what the tasks that were for all hosts have found of it.

    ``of_no_host``: failures that no host can be blamed for; the run has to fail of them all the same, and does so here.
    """
    if of_no_host:
        message = " ".join(str(one["msg"]) for one in of_no_host)
        return {
            "changed": False,
            "failed": True,
            "msg": f"This is not about {host}: {message}",
            "wecs": list(of_no_host),
        }
    if record is None:
        return {"changed": False, "msg": f"Nothing was to be done for {host}."}
    if record["outcome"] == wec_results.PLANNED and not task.check_mode:
        # A task before was in check mode by itself.
        record = {**record, "changed": False}
    if record["changed"] and not wec_results.has_failed(record):
        # Ansible itself shows the message of a failure only.
        task.progress(record["msg"])
    diff = record.pop("diff") or []
    hidden = {"msg", *(_OF_STATUS if "conditions" in record else ())}
    shown = {key: value for key, value in record.items() if value not in (None, [], {}) and key not in hidden}
    result: Json = {"changed": record["changed"], "msg": record["msg"], "wecs": [shown]}
    if diff:
        result["diff"] = diff
    if wec_results.has_failed(record):
        result["failed"] = True
    return result


def summarize(
    task: Task, records: t.Mapping[str, Json | None], failed_before: t.Sequence[str], later: t.Sequence[str], count: int
) -> Json:
    """The result of all hosts of a batch. ``records`` are theirs; other hosts of the play have failed before, or come later.

    ``count``: how many hosts the play is for. Raises InvalidOption.
    """
    if not task.params["registered"]:
        # Before anything is done.
        later = [*records, *later]
    failed = sorted(
        {*failed_before, *(host for host, record in records.items() if record and wec_results.has_failed(record))}
    )
    changed = sum(bool(record and record["changed"]) for record in records.values())
    if task.params["retry_file"] is not None and not task.check_mode:
        written_file.write_hosts(task.params["retry_file"], [*failed, *later])
    verb = "would be changed" if task.check_mode else "changed"
    message = f"{count} WEC{'' if count == 1 else 's'}: {changed} {verb}, {len(failed)} failed."
    if changed or failed or count > len(records):
        # Otherwise it is plain from the results of the hosts.
        task.progress(message)
    result: Json = {"changed": False, "msg": message}
    playbook = task.params["outcome_of"]
    if playbook is not None:
        result |= statistics.of(
            {
                "playbook": playbook,
                "finished": not later,
                "check_mode": task.check_mode,
                "wecs": count,
                "failed": len(failed),
                "failed_hosts": failed[:SHOWN],
            }
        )
    return result

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What wec_upgrade and wec_rotate share: they change the agents of WECs that have joined, in waves, and are their own plan."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .._rules.fleet import wec_results
from .._rules.outside import screen
from .._rules.registration import join_options
from . import options, statistics, written_file
from .task import Task

Json = dict[str, t.Any]


def of_one(of_join: t.Iterable[str]) -> Json:
    """The options of each of several WECs; ``of_join`` are those that wec_join has as well."""
    return options.of_one(options.for_each({option: join_options.SPEC[option] for option in of_join}))


def spec(of_join: t.Sequence[str], own: Json) -> Json:
    """Of a module, with its ``own`` options."""
    return {
        "argument_spec": {
            **own,
            "name": {"type": "str"},
            "wecs": {"type": "list", "elements": "dict", "options": of_one(of_join)},
            "hosts": {"type": "list", "elements": "str"},
            "plan_only": {"type": "bool", "default": False},
            "at_once": {"type": "int"},
            "progress_interval": {"type": "float", "default": 5.0},
            "wait_timeout": {"type": "int", "default": 300},
            "show_table": {"type": "bool", "default": False},
            "outcome_of": {"type": "str"},
            "retry_file": {"type": "path"},
            **{option: join_options.SPEC[option] for option in of_join},
            **options.pattern(),
            **options.its(),
            **options.wec(),
            **options.common(),
        },
        "mutually_exclusive": options.NAMED_ONE_WAY,
        "supports_check_mode": True,
    }


def entries(task: Task) -> list[Json]:
    """The option wecs, or the one WEC of the option name."""
    found = task.params["wecs"]
    return [{"name": task.params["name"], "inventory_hostname": None}] if found is None else found


def planned(
    task: Task, records: list[Json], due: list[str], unseen: list[Json], columns: t.Mapping[str, str], verb: str
) -> Json:
    """The plan of a run, for the tasks that follow: the same keys as wec_plan has.

    ``due`` are the hosts that something is to be done for; ``unseen`` are those whose ITS could not be asked, and why.
    """
    failed = [str(one["host"]) for one in records if wec_results.has_failed(one)]
    others = [str(one["host"]) for one in records if not wec_results.has_failed(one) and one["host"] not in due]
    lost = [host for one in unseen for host in one["hosts"]]
    count = len(records) + len(lost)
    sentence = f"{len(due)} of {count} WEC{'' if count == 1 else 's'} to {verb}, {len(failed) + len(lost)} blocked."
    digest = hashlib.sha256(json.dumps([[one["host"], one["steps"]] for one in records]).encode()).hexdigest()[:16]
    if task.params["show_table"]:
        show_table(task, records, columns)
        task.progress(sentence)
    if task.params["retry_file"] is not None and not task.check_mode:
        written_file.write_hosts(task.params["retry_file"], [*due, *failed, *lost])
    result: Json = {
        "changed": False,
        "digest": digest,
        "msg": sentence,
        "wecs": records,
        f"to_{verb}": due,
        "to_report": [*due, *failed, *lost, *wec_results.reported_in_sync(others, len(records))],
        "unseen": unseen,
    }
    if task.params["outcome_of"] is not None:
        outcome = statistics.planned(task.params["outcome_of"], count, sentence, check_mode=task.check_mode)
        result |= statistics.of(outcome)
    return result


def show_table(task: Task, records: t.Sequence[Json], columns: t.Mapping[str, str]) -> None:
    """A line for each WEC that is not in sync. ``columns``: heading, and key of a record."""
    rows = [tuple(columns)]
    rows += [
        tuple(str(one[key] or "-") for key in columns.values())
        for one in records
        if one["outcome"] != wec_results.IN_SYNC
    ]
    for line in screen.table(rows) if len(rows) > 1 else ():
        task.progress(line)

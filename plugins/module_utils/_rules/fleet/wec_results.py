# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of one WEC in a task that is for many, and that of one host from the tasks that were for all of them."""

from __future__ import annotations

import typing as t

from ..outside import screen
from .plan import changed_fields

Json = dict[str, t.Any]

IN_SYNC, CHANGED, PLANNED, BLOCKED, FAILED, UNREACHABLE = (
    "in_sync",
    "changed",
    "planned",
    "blocked",
    "failed",
    "unreachable",
)
DRIFT, PROBLEM, OBSERVED = "drift", "problem", "observed"
"""Of a look that changes nothing: it differs from the inventory; something is wrong with it; it was compared with nothing."""
_FAILURES = (BLOCKED, FAILED, UNREACHABLE)


def outcome(*, changed: bool, failed: bool, check_mode: bool, unreachable: bool = False) -> str:
    """What became of a WEC, in one word."""
    if unreachable:
        return UNREACHABLE
    if failed:
        return FAILED
    if changed:
        return PLANNED if check_mode else CHANGED
    return IN_SYNC


def has_failed(record: Json) -> bool:
    return record["outcome"] in _FAILURES


_NAMED = 10
"""So many hosts are named in a line."""
SMALL = 20
"""In a fleet of so many WECs, each is reported, whatever is to be done for it."""


def reported_in_sync(hosts: t.Sequence[str], count: int) -> t.Sequence[str]:
    """Which of the hosts with nothing to tell are reported, in a fleet of so many: Ansible ends a run when all hosts of a play have
    failed, however many others there are."""
    return hosts if count <= SMALL else hosts[:1]


def without_its(host: str, failure: Json) -> Json:
    """The record of a host about which its ITS could not be asked; ``failure`` has msg, and perhaps problem."""
    return {
        "name": None,
        "host": host,
        "its": None,
        "outcome": UNREACHABLE if "kind" in failure else FAILED,
        "state": None,
        "changed": False,
        "failed": True,
        "msg": str(failure["msg"]),
        "problem": failure.get("problem"),
        "steps": [],
        "diff": None,
    }


def of_task(records: list[Json], unseen: t.Iterable[Json], verb: str) -> Json:
    """The result of a task that was for many WECs. ``unseen`` are hosts whose ITS could not be asked, with the reason.

    ``verb`` says in the past tense what was done to those that have changed.
    """
    found = [*records, *(without_its(host, one) for one in unseen for host in one["hosts"])]
    failed = [str(record["msg"]) for record in found if has_failed(record)]
    count = sum(record["changed"] for record in found)
    result: Json = {
        "changed": count > 0,
        "wecs": found,
        "msg": f"{count} of {len(found)} WEC{'' if len(found) == 1 else 's'} {verb}.",
    }
    if failed:
        # A sentence that is the same for many is said once.
        result.update(failed=True, msg=" ".join(map(screen.sentence, dict.fromkeys(failed))))
    return result


def of_hosts(results: t.Iterable[t.Any], hosts: t.Sequence[str]) -> dict[str, Json | None]:
    """What tasks that were for all hosts have found of each of these, in one record: the last word counts, and every change.

    ``results`` are theirs, in their order. A plan counts where nothing was done after it. None: no task has a record of the
    host.
    """
    planned: dict[str, list[Json]] = {host: [] for host in hosts}
    done: dict[str, list[Json]] = {host: [] for host in hosts}
    for result in results:
        if isinstance(result, t.Mapping) and not result.get("skipped"):
            _sort(result, planned if "digest" in result else done)
    return {host: _united([*done[host], *_foreseen(done[host], planned[host])] or planned[host]) for host in hosts}


def _foreseen(done: t.Sequence[Json], planned: t.Iterable[Json]) -> t.Iterator[Json]:
    """In check mode, what a WEC gets that is yet to be joined: the ITS has nothing of it that could be configured."""
    if not done or done[-1]["outcome"] != PLANNED:
        return
    for plan in planned:
        changes = "; ".join(filter(None, (changed_fields(step["before"], step["after"]) for step in plan["steps"])))
        if plan.get("action") == "register" and changes:
            yield {**done[-1], "msg": f"Then it would be changed: {changes}.", "diff": plan["diff"]}


def of_no_host(results: t.Iterable[t.Any]) -> list[Json]:
    """Records that have failed and are of no host, such as those of WECs that no inventory has. Where a host has failed anyway,
    nobody has to fail for these."""
    found: list[Json] = []
    for result in results:
        for record in result.get("wecs") or () if isinstance(result, t.Mapping) else ():
            if has_failed(record):
                if record["host"] is not None:
                    return []
                found.append(record)
    return found


def _sort(result: t.Mapping[str, t.Any], into: dict[str, list[Json]]) -> None:
    if "wecs" not in result:
        # The task as a whole has failed, and nothing was done for anybody.
        for host, records in into.items():
            records.append(without_its(host, {"msg": result.get("msg", ""), "problem": result.get("problem")}))
        return
    for record in result["wecs"]:
        if record["host"] in into:
            into[record["host"]].append(record)
    for one in result.get("unseen") or ():
        for host in one["hosts"]:
            if host in into:
                into[host].append(without_its(host, one))


def _united(records: list[Json]) -> Json | None:
    if not records:
        return None
    failure = next((record for record in records if has_failed(record)), None)
    changed = [record for record in records if record["changed"]]
    message = failure["msg"] if failure else " ".join(dict.fromkeys(str(one["msg"]) for one in changed or records[-1:]))
    return {
        **(failure or records[-1]),
        "changed": bool(changed),
        "msg": str(message),
        "diff": [record["diff"] for record in records if record.get("diff")],
    }


def not_looked_at(unseen: Json) -> str:
    """A line for hosts whose ITS could not be asked, or whose variables cannot be used."""
    hosts = unseen["hosts"]
    why = str(unseen["msg"]).removeprefix(f"{hosts[0]}: ") if len(hosts) == 1 else unseen["msg"]
    return f"Not looked at: {screen.listed(hosts, _NAMED)}: {why}"

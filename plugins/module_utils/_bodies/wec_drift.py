# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of wec_drift."""

from __future__ import annotations

import collections
import typing as t

from .._errors import InvalidOption, InvalidOptions
from .._operations import comparing, status
from .._operations.comparing import Comparison
from .._rules import drift
from .._rules.drift import Limits
from . import options
from .task import Task, check_names, its_of
from .wec_plan import OWN as OF_PLAN
from .wec_plan import VIOLATIONS, member, repeated

Json = dict[str, t.Any]
__all__ = ["OWN", "SPEC", "VIOLATIONS", "compare", "conclude", "run"]
DRIFT, PROBLEMS = "drift", "problems"
OWN = {key: one for key, one in OF_PLAN.items() if key not in ("wait_addon", "ask_wec")}
_MOST_DAYS = 36500
"""What is more is no limit, and more than a moment can be moved."""

SPEC: Json = {
    "argument_spec": {
        "wecs": {
            "type": "list",
            "elements": "dict",
            "options": OWN,
        },
        "inventory": {"type": "list", "elements": "str"},
        "certificate_days": {"type": "float", "default": 30.0},
        "version_skew": {"type": "int", "default": 2},
        "fail_on": {"type": "list", "elements": "str", "choices": [DRIFT, PROBLEMS], "default": []},
        "status": {"type": "bool", "default": False},
        "show_table": {"type": "bool", "default": False},
        **options.its(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    if task.params["wecs"] is None:
        raise InvalidOption("wecs", None, "must be given with run_on=host", "List the WECs")
    return conclude(task, [compare(task)], [])


def compare(task: Task) -> tuple[str, Comparison]:
    """The WECs of one ITS; with the address of that. Raises WecError."""
    given = task.params
    faults = [
        InvalidOption(option, given[option], "must not be negative")
        for option in ("certificate_days", "version_skew")
        if given[option] < 0
    ]
    if not given["certificate_days"] <= _MOST_DAYS:
        faults.append(
            InvalidOption("certificate_days", given["certificate_days"], f"must not be more than {_MOST_DAYS}")
        )
    InvalidOptions.raise_for(faults)
    # A name that cannot be is drift, and no error.
    check_names(task, {})
    twice = repeated(given["wecs"])
    members = [member(one, twice) for one in given["wecs"]]
    limits = Limits(given["certificate_days"], given["version_skew"])
    with its_of(task) as its:
        its.require_hub()
        return its.kube.connection.server, comparing.compare(its, members, given["inventory"] or (), limits)


def conclude(task: Task, found: t.Sequence[tuple[str, Comparison]], unseen: list[Json]) -> Json:
    """The result of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why."""
    # Several connections may lead to one ITS, and each shows all that it has.
    drifts = {(server, one.kind, one.name, one.host): one for server, all_of in found for one in all_of.drifts}
    problems = [
        {"name": one.view.name, "host": host, "its": server, "state": one.state.name, "msg": one.message}
        for server, all_of in found
        for host, one in all_of.statuses
        if one.problems
    ]
    with_status = task.params["status"]
    if task.params["show_table"]:
        fleet = _fleet(found) if with_status else ()
        # That they agree is known only if all were seen.
        for line in (*fleet, *(drift.table(list(drifts.values())) if drifts or not unseen else ())):
            task.progress(line)
        for one in unseen:
            task.progress(f"Not looked at: {', '.join(one['hosts'][:10])}: {one['msg']}")
    texts = []
    if drifts or not unseen:
        texts.append(f"{drift.summary(list(drifts.values()))}.")
    if problems:
        texts.append(f"{len(problems)} WEC{' has' if len(problems) == 1 else 's have'} problems.")
    fail_on = task.params["fail_on"]
    result: Json = {
        "changed": False,
        "drift": [{**one.as_data(), "its": key[0]} for key, one in drifts.items()],
        "problems": problems,
        "unseen": unseen,
        "msg": " ".join([*texts, *(str(one["msg"]) for one in unseen)]),
    }
    if with_status:
        result["wecs"] = [
            {**one.as_data(), "host": host, "its": server} for server, all_of in found for host, one in all_of.statuses
        ]
        result["states"] = dict(sorted(collections.Counter(one["state"] for one in result["wecs"]).items()))
    if unseen or (drifts and DRIFT in fail_on) or (problems and PROBLEMS in fail_on):
        result["failed"] = True
    return result


def _fleet(found: t.Sequence[tuple[str, Comparison]]) -> t.Iterator[str]:
    """A table for each ITS, with its address where there are several."""
    for server, all_of in found:
        if len(found) > 1:
            yield f"{server}:"
        yield from status.table(one for _host, one in all_of.statuses)

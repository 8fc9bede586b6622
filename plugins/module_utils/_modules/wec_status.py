# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_status."""

from __future__ import annotations

import collections
import dataclasses
import functools
import time
import typing as t

from .._apis.its import Its
from .._errors import InvalidOption, InvalidOptions, WecError
from .._operations import fleet_status, status
from .._operations.fleet_status import FleetStatus, Seen, Target
from .._rules.fleet import wec_results
from .._rules.observed.binding_policies_view import Policy
from .._rules.status import drift, states
from .._rules.status.drift import Drift, Limits
from . import join_batch, options, statistics
from .task import (
    Task,
    check_names,
    has_wds_connection,
    has_wec_connection,
    its_of,
    require_named,
    wds_of,
    wec_of,
)
from .wec_plan import OWN as OF_PLAN
from .wec_plan import member, repeated

Json = dict[str, t.Any]
DRIFT, PROBLEMS = "drift", "problems"
_MOST_DAYS = 36500
"""What is more is no limit, and more than a moment can be moved."""
_SHOWN = 50
"""So many WECs with problems are named in an outcome."""
_TICK = 1.5
_WANTED = {key: one for key, one in OF_PLAN.items() if key not in ("wait_addon", "ask_wec")}
_ASKED: Json = {
    "hub_apiserver": {"type": "str"},
    "bundle_version": {"type": "str"},
    "wec_run_on": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
    **options.wec(),
}
OF_ONE = options.of_one(_ASKED)
"""How a host's WEC is asked."""
SPEC: Json = {
    "argument_spec": {
        "name": {"type": "str"},
        "wecs": {"type": "list", "elements": "dict", "options": _WANTED},
        "hosts": {"type": "list", "elements": "str"},
        "all": {"type": "bool", "default": False},
        "compare": {"type": "bool", "default": True},
        "inventory": {"type": "list", "elements": "str"},
        "certificate_days": {"type": "float", "default": 30.0},
        "version_skew": {"type": "int", "default": 2},
        "ask_wecs": {"type": "bool", "default": False},
        "at_once": {"type": "int"},
        "fail_on": {"type": "list", "elements": "str", "choices": [DRIFT, PROBLEMS], "default": []},
        "wait_for": {"type": "str", "choices": list(states.ALL)},
        "wait_timeout": {"type": "int", "default": 300},
        "show_table": {"type": "bool", "default": False},
        "outcome_of": {"type": "str"},
        **options.pattern(),
        **_ASKED,
        **options.its(),
        **options.wds(),
        **options.common(),
    },
    "mutually_exclusive": options.NAMED_ONE_WAY,
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    require_effect(task)
    if given["all"]:
        beside = [option for option in ("name", "wecs", "hosts", "inventory") if given[option] is not None]
        if beside:
            raise InvalidOption("all", True, f"cannot be given with {beside[0]}", "Leave one of them out")
        return conclude(task, [look(task, None, [])], [])
    require_named(task)
    if given["name"] is not None:
        check_names(task, {"name": given["name"]})
        found = look(task, [{"name": given["name"], "host": None}], [dict(given)])
        for one in found.seen:
            if one.error is not None:
                raise one.error
        return conclude(task, [_with_absence(task, found)], [])
    return conclude(task, [look(task, given["wecs"], [])], [])


def require_effect(task: Task) -> None:
    """What somebody asks for must be looked at: otherwise a run that looks at nothing is a success. Raises InvalidOption(s)."""
    given = task.params
    # Without any of them, the hosts of a play are meant.
    of_hosts = given["name"] is None and given["wecs"] is None and not given["all"]
    leave_out = "Leave it out"
    faults = []
    if given["ask_wecs"] and not of_hosts:
        faults.append(InvalidOption("ask_wecs", True, "counts only with the hosts of a play", leave_out))
    if given["inventory"] is not None and given["name"] is not None:
        faults.append(InvalidOption("inventory", None, "counts only with wecs or the hosts of a play", leave_out))
    elif given["inventory"] is not None and not given["compare"]:
        faults.append(
            InvalidOption("inventory", None, "counts only with compare", "Set compare: true, or leave it out")
        )
    if DRIFT in given["fail_on"] and given["all"]:
        why = "counts only with name, wecs or the hosts of a play: with all, nothing is compared"
        faults.append(InvalidOption("fail_on", DRIFT, why, leave_out))
    elif DRIFT in given["fail_on"] and not given["compare"]:
        faults.append(InvalidOption("fail_on", DRIFT, "counts only with compare", "Set compare: true, or leave it out"))
    if given["wecs"] == [] and given["inventory"] is None:
        faults.append(InvalidOption("wecs", [], "counts only with inventory", "List a WEC, or set all: true"))
    InvalidOptions.raise_for(faults)


def _with_absence(task: Task, found: FleetStatus) -> FleetStatus:
    """A WEC that is named is wanted, unless its end is waited for."""
    if DRIFT not in task.params["fail_on"] or task.params["wait_for"] == states.ABSENT:
        return found
    return dataclasses.replace(
        found,
        seen=[
            one
            if one.status.view.exists
            else dataclasses.replace(one, drifts=(drift.missing(one.target.name, one.target.host),))
            for one in found.seen
        ],
    )


def look(task: Task, entries: t.Sequence[Json] | None, asked: t.Sequence[Json]) -> FleetStatus:
    """The WECs of one ITS (None: all that it has). ``asked``: how those of them are reached whose own API is asked too.

    Raises WecError.
    """
    limits = _limits(task)
    parts = {one.get("inventory_hostname") or one["name"]: join_batch.part_of(task, one) for one in asked}
    targets = None if entries is None else _targets(task, entries, parts)
    with its_of(task) as its:
        its.require_hub()
        policies = _policies(task)
        deadline = time.monotonic() + task.params["wait_timeout"]
        while True:
            found = _look(task, its, targets, limits, policies)
            if not any(_is_late(task, one) for one in found.seen) or time.monotonic() >= deadline:
                return found
            time.sleep(min(_TICK, max(0.0, deadline - time.monotonic())))


def _look(
    task: Task, its: Its, targets: list[Target] | None, limits: Limits, policies: t.Sequence[Policy] | None
) -> FleetStatus:
    if targets is None:
        return fleet_status.look_at_all(its, limits, policies)
    inventory = task.params["inventory"] if task.params["compare"] else None
    return fleet_status.look(its, targets, inventory, limits, join_batch.at_once(task), policies)


def _policies(task: Task) -> list[Policy] | None:
    """Those of the WDS, if one is named. One that cannot be asked costs what it would tell, and nothing of the status."""
    if not has_wds_connection(task):
        return None
    try:
        with wds_of(task) as wds:
            wds.require_wds()
            return wds.policies()
    except WecError as error:
        task.warn(f"BindingPolicies are not shown: {error.message}")
        return None


def _limits(task: Task) -> Limits:
    """Raises InvalidOption, InvalidOptions."""
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
    return Limits(given["certificate_days"], given["version_skew"])


def _targets(task: Task, entries: t.Sequence[Json], parts: t.Mapping[str, Task]) -> list[Target]:
    twice = repeated(entries)
    targets = []
    for one in entries:
        part = parts.get(one["host"] or one["name"])
        compared = task.params["compare"] and "labels" in one
        is_asked = part is not None and has_wec_connection(part) and part.params["wec_run_on"] != "host"
        targets.append(
            Target(
                one["name"],
                one["host"] or one["name"],
                member(one, twice) if compared else None,
                functools.partial(wec_of, part) if part is not None and is_asked else None,
                part.params["hub_apiserver"] if part is not None else None,
                part.params["bundle_version"] if part is not None else None,
            )
        )
    return targets


def _is_late(task: Task, one: Seen) -> bool:
    return task.params["wait_for"] is not None and one.status.state.name != task.params["wait_for"]


def conclude(task: Task, found: t.Sequence[FleetStatus], unseen: list[Json]) -> Json:
    """The result of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why."""
    seen = [(one, all_of.server) for all_of in found for one in all_of.seen]
    records = [_record(task, one, server) for one, server in seen]
    strangers = _strangers(task, found)
    drifts = [{**one.as_data(), "its": server} for one, server in _drifts(found)]
    lost = [wec_results.without_its(host, one) for one in unseen for host in one["hosts"]]
    if task.params["show_table"]:
        for line in _lines(task, found, unseen):
            task.progress(line)
    counts = dict(sorted(collections.Counter(record["state"] for record in records).items()))
    in_trouble = [one.status.view.name for one, _server in seen if one.status.problems]
    everything = [*records, *lost, *strangers]
    result: Json = {
        "changed": False,
        "wecs": everything,
        "drift": drifts,
        "states": counts,
        "to_report": _to_report([*records, *lost], strangers),
        "msg": _message(task, found, everything, len(in_trouble), unseen),
    }
    if any(map(wec_results.has_failed, everything)):
        result["failed"] = True
    if task.params["outcome_of"] is not None:
        outcome = {
            "playbook": task.params["outcome_of"],
            # An ITS that could not be asked is no end of it.
            "finished": not lost,
            "wecs": len(records),
            "states": counts,
            "with_problems": in_trouble[:_SHOWN],
        }
        result.update(statistics.of(outcome))
    return result


def _drifts(found: t.Sequence[FleetStatus]) -> list[tuple[Drift, str]]:
    """Each with its ITS. Several connections may lead to one ITS, and each shows all that it has."""
    drifts = {
        (all_of.server, one.kind, one.name, one.host): one
        for all_of in found
        for one in drift.in_order([*(own for seen in all_of.seen for own in seen.drifts), *all_of.strangers])
    }
    return [(one, key[0]) for key, one in drifts.items()]


def _record(task: Task, one: Seen, server: str) -> Json:
    fail_on = task.params["fail_on"]
    late = _is_late(task, one)
    failed = (
        late
        or one.error is not None
        or bool(one.drifts and DRIFT in fail_on)
        or bool(one.status.problems and PROBLEMS in fail_on)
    )
    data = status.reading(lambda own: own.as_data(), one.status)
    wording = one.message
    if late:
        wording = f"Not {task.params['wait_for']} after {task.params['wait_timeout']} s: {wording}"
    problem = one.error.problem.as_data() if one.error and one.error.problem else None
    return {
        **data,
        "host": one.target.host,
        "its": server,
        "outcome": _outcome(one, failed),
        "changed": False,
        "failed": failed,
        "msg": wording,
        "problem": problem or next(iter(data["problems"]), None),
        "drift": [own.as_data() for own in one.drifts],
        "steps": [],
        "diff": None,
    }


def _outcome(one: Seen, failed: bool) -> str:
    if failed:
        return wec_results.FAILED
    if one.drifts:
        return wec_results.DRIFT
    if one.status.problems:
        return wec_results.PROBLEM
    return wec_results.OBSERVED if one.target.member is None else wec_results.IN_SYNC


def _strangers(task: Task, found: t.Sequence[FleetStatus]) -> list[Json]:
    """The records of what is on the ITS, and of no host of the inventory."""
    of_name: dict[tuple[str, str], dict[str, Drift]] = {}
    for all_of in found:
        for one in all_of.strangers:
            of_name.setdefault((all_of.server, one.name), {})[one.kind] = one
    failed = DRIFT in task.params["fail_on"]
    return [
        {
            "name": name,
            "host": None,
            "its": server,
            "outcome": wec_results.FAILED if failed else wec_results.DRIFT,
            "state": None,
            "problems": [],
            "changed": False,
            "failed": failed,
            "msg": drift.sentence(name, list(drifts.values())),
            "problem": None,
            "drift": [one.as_data() for one in drifts.values()],
            "steps": [],
            "diff": None,
        }
        for (server, name), drifts in of_name.items()
    ]


def _to_report(records: t.Sequence[Json], strangers: t.Sequence[Json]) -> list[str]:
    """Hosts that fail, and in a small fleet all of them. One that does not fail is always there."""
    failed = [str(record["host"]) for record in records if wec_results.has_failed(record)]
    others = [str(record["host"]) for record in records if not wec_results.has_failed(record)]
    return [*failed, *wec_results.reported_in_sync(others, len(records))]


def _lines(task: Task, found: t.Sequence[FleetStatus], unseen: t.Sequence[Json]) -> t.Iterator[str]:
    """A table for each ITS, with its address where there are several, and one of all that differs."""
    for all_of in found:
        if not all_of.seen:
            continue
        if len(found) > 1:
            yield f"{all_of.server}:"
        yield from status.table((one.status for one in all_of.seen), task.params["certificate_days"])
    compared = any(one.target.member for all_of in found for one in all_of.seen) or task.params["inventory"] is not None
    drifts = [one for one, _server in _drifts(found)]
    # That they agree is known only if all were seen.
    if drifts or (compared and not unseen):
        yield from drift.table(drifts)
    if PROBLEMS not in task.params["fail_on"]:
        # Otherwise the host fails with it.
        for one in (one for all_of in found for one in all_of.seen):
            if one.is_asked and one.status.problems:
                yield one.message
    for lost in unseen:
        yield wec_results.not_looked_at(lost)


def _message(
    task: Task, found: t.Sequence[FleetStatus], records: t.Sequence[Json], in_trouble: int, unseen: t.Sequence[Json]
) -> str:
    if len(records) == 1:
        return str(records[0]["msg"])
    seen = [one for all_of in found for one in all_of.seen]
    drifts = [one for one, _server in _drifts(found)]
    texts = [str(record["msg"]) for record in records if record["failed"] and str(record["msg"]).startswith("Not ")]
    if drifts or (any(one.target.member for one in seen) and not unseen):
        texts.append(f"{drift.summary(drifts)}.")
    if in_trouble:
        texts.append(f"{in_trouble} WEC{' has' if in_trouble == 1 else 's have'} problems.")
    if not texts and not unseen:
        texts.append(f"{len(seen)} WECs, none with problems.")
    return " ".join([*texts, *(str(one["msg"]) for one in unseen)])

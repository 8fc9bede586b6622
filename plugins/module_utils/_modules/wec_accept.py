# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_accept."""

from __future__ import annotations

import copy
import typing as t

from .._apis.its import Its
from .._errors import InvalidOption, InvalidOptions, WecError
from .._operations import acceptance, detaching, verification
from .._operations.acceptance import Verdict, WaitOptions
from .._operations.detaching import Verdict as Detached
from .._operations.verification import AskAddon
from .._rules.deregistration import leaving
from .._rules.fleet import names, wec_results
from .._rules.fleet.plan import Plan
from .._rules.outside.untrusted import Value, WrongShape
from .._rules.registration import join_options
from .._rules.registration.acceptance import Member
from .._rules.status import addon, problems
from . import join_batch, options
from .task import Task, check_names, failure, its_of, repeated_names, require_named, wec_of

Json = dict[str, t.Any]

_ALLOWED = ("replace_lost_cluster", "remove_foreign_csrs")
"""What is allowed for all, or for one."""

OF_ONE: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "inventory_hostname": {"type": "str"},
    **{option: {"type": "bool"} for option in _ALLOWED},
}
"""What the variables of a host say."""
TO_ASK = options.of_one({**OF_ONE, **options.for_each({"wec_run_on": join_options.SPEC["wec_run_on"]})})
"""The same, and how its WEC is reached."""
SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str"},
        "wecs": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "uid": {"type": "str"},
                "token_id": {"type": "str", "no_log": False},
                "holds_certificate": {"type": "bool", "default": False},
                "awaits_request": {"type": "bool", "default": False},
                **{option: {"type": "bool"} for option in _ALLOWED},
            },
        },
        "hosts": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "drain": {"type": "str", "choices": [leaving.REFUSE, leaving.WAIT, leaving.IGNORE], "default": leaving.REFUSE},
        "replace_lost_cluster": {"type": "bool", "default": False},
        "remove_foreign_csrs": {"type": "bool", "default": False},
        "progress_interval": {"type": "float", "default": 5.0},
        "ask_wecs": {"type": "bool", "default": False},
        **options.pattern(),
        **options.its(),
        **options.common(),
        **options.wait(300),
        **options.proofs(),
    },
    "mutually_exclusive": options.NAMED_ONE_WAY,
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    require_named(task)
    return _accept(task)


def _accept(task: Task, ask_addon: AskAddon | None = None) -> Json:
    given = task.params
    members, odd = _told_apart(task)
    if given["state"] == "absent":
        return _detach(task, [member.name for member in members])
    if given["drain"] != leaving.REFUSE:
        fault = InvalidOption("drain", given["drain"], "has a meaning only with state=absent", "Leave it out")
        InvalidOptions.raise_for([fault])
    with its_of(task) as its:
        its.require_hub()
        if task.check_mode:
            verdicts = {**acceptance.preview(its, members), **odd}
        else:
            timeout = given["wait_timeout"] if given["wait"] else 0
            wait_options = WaitOptions(timeout, between_lines=given["progress_interval"])
            verdicts = acceptance.accept_all(its, members, wait_options, task.progress)
            if given["wait"]:
                wanted = options.wanted_proofs(given, given["progress_interval"])
                verification.verify(its, verdicts, wanted, task.progress, ask_addon)
                for warning in verification.warnings(verdicts):
                    task.warn(warning)
            verdicts.update(odd)
        failed = [one for name, one in verdicts.items() if one.failed and (given["wait"] or name in odd)]
        return _result(its, verdicts, failed)


def _result(its: Its, verdicts: t.Mapping[str, Verdict | Detached], failed: t.Sequence[Verdict | Detached]) -> Json:
    whole = Plan([step for verdict in verdicts.values() for step in verdict.plan.steps])
    result: Json = {
        "changed": whole.changes,
        "diff": whole.diff(),
        "verdicts": {name: verdict.as_data() for name, verdict in verdicts.items()},
        "its": its.kube.connection.as_data(),
    }
    if failed:
        result["failed"] = True
        result["msg"] = " ".join(verdict.message() for verdict in failed)
    return result


def records(task: Task, entries: t.Sequence[Json], others: list[Json]) -> list[Json]:
    """Those of the WECs of one ITS, and the ``others``. Raises WecError for what concerns the whole ITS."""
    if not entries:
        return others
    hosts = {one["name"]: one["inventory_hostname"] for one in entries}
    part = copy.copy(task)
    wecs = [{key: one[key] for key in ("name", *_ALLOWED)} for one in entries]
    blank = {"uid": None, "token_id": None, "holds_certificate": False, "awaits_request": False}
    part.params = {**task.params, "wecs": [{**blank, **one} for one in wecs]}
    by_name = {one["name"]: one for one in entries}

    def ask_addon(name: str) -> addon.Runtime:
        own = join_batch.part_of(task, by_name[name])
        if own.params["wec_run_on"] == "host":
            # The ITS tells.
            return addon.Runtime(False)
        with wec_of(own) as wec, wec.kube.within(2 * own.params["read_timeout"]):
            return wec.addon_runtime()

    result = _accept(part, ask_addon if task.params["ask_wecs"] else None)
    server = result["its"]["server"]
    found = []
    for name, verdict in result["verdicts"].items():
        outcome = wec_results.outcome(changed=verdict["changed"], failed=verdict["failed"], check_mode=task.check_mode)
        found.append({**verdict, "name": name, "host": hosts[name], "its": server, "outcome": outcome, "diff": None})
    return [*found, *others]


def failed(host: str, name: str, error: WecError) -> Json:
    """The record of one whose variables cannot be used."""
    return {**wec_results.without_its(host, failure(error)), "name": name}


def _detach(task: Task, wanted: list[str]) -> Json:
    given = task.params
    timeout = given["wait_timeout"] if given["wait"] else 0
    wait_options = None if task.check_mode else WaitOptions(timeout, between_lines=given["progress_interval"])
    with its_of(task) as its:
        its.require_hub()
        verdicts = detaching.detach_all(its, wanted, given["drain"], wait_options, task.progress)
        for verdict in verdicts.values():
            warning = verdict.warning()
            if warning is not None:
                task.warn(warning)
        return _result(its, verdicts, [verdict for verdict in verdicts.values() if verdict.failed])


def _told_apart(task: Task) -> tuple[list[Member], dict[str, Verdict]]:
    """The members, and the verdicts on those that cannot be any: a batch is not refused for one of them.

    What is told of a member comes from its own cluster, or from its host. Raises InvalidOption, InvalidOptions.
    """
    given = task.params
    for again in repeated_names([member.name for member in _members(given)]):
        raise again
    if given["wecs"] is None or given["state"] == "absent":
        members = _members(given)
        check_names(
            task, {f"wecs[{index}].name" if given["wecs"] else "name": one.name for index, one in enumerate(members)}
        )
        return members, {}
    check_names(task, {})
    sound, odd = [], {}
    for index, member in enumerate(_members(given)):
        fault = _fault(member, f"wecs[{index}]")
        if fault is None:
            sound.append(member)
        else:
            problem = problems.of("unexpected_answer", fault.message)
            odd[member.name] = Verdict(member.name, failed=True, problem=problem)
    if not sound and odd:
        raise InvalidOptions([InvalidOption("wecs", None, str(one.problem)) for one in odd.values()])
    return sound, odd


def _fault(member: Member, option: str) -> InvalidOption | None:
    fault = names.fault(member.name)
    if fault:
        return InvalidOption(f"{option}.name", member.name, fault)
    for field in ("uid", "token_id"):
        value = getattr(member, field)
        try:
            if value:
                Value(value).name()
        except WrongShape:
            return InvalidOption(f"{option}.{field}", None, "is not an identifier")
    return None


def _members(given: t.Mapping[str, t.Any]) -> list[Member]:
    of_all = {option: given[option] for option in _ALLOWED}
    if given["wecs"] is None:
        return [Member(given["name"], **of_all)]
    return [Member(**{**one, **_allowed(one, of_all)}) for one in given["wecs"]]


def _allowed(one: Json, of_all: t.Mapping[str, bool]) -> dict[str, bool]:
    return {option: default if one[option] is None else one[option] for option, default in of_all.items()}

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many WECs of one or several ITSs in one task of wec_join: registering them."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import typing as t

from .. import _wording
from .._apis.connection import ReadFile
from .._errors import InvalidOption, Refused, Unreachable
from .._operations import concurrency, verification
from .._operations.acceptance import WaitOptions
from .._operations.concurrency import Slots
from .._operations.registering import BatchOptions, Candidate, Registering, Registration
from .._operations.surveying import ask_clusteradm
from .._rules.fleet import wec_results
from .._rules.outside import limits
from .._rules.outside.unexpected import as_wec_error
from .._rules.registration import join_options
from . import options
from .task import Task, check_names, its_of, read_join_options, reading_once, wec_to_join

Json = dict[str, t.Any]
AT_ONCE = 5
OF_ONE = options.of_one({**options.for_each(join_options.SPEC), "deletion_timeout": {"type": "int"}})
"""The options of each of several WECs."""
OF_BATCH: dict[str, t.Any] = {
    "at_once": {"type": "int"},
    "stop_on_violation": {"type": "bool", "default": False},
    "progress_interval": {"type": "float", "default": 5.0},
    "preflight_only": {"type": "bool", "default": False},
}
HOST = "_host"
"""In an entry of wecs that was made of a host's variables: the machine over whose connection the WEC is reached."""


def run(task: Task) -> Json:
    """The WECs of the option wecs, on one ITS."""
    with contextlib.ExitStack() as stack:
        return finish(task, [look(stack, task, task.params["wecs"], slots(task))], [])


def slots(task: Task) -> Slots:
    """For as many WECs as are worked on at once, of whatever ITS. Raises InvalidOption."""
    return Slots(at_once(task))


def at_once(task: Task) -> int:
    """How many WECs are worked on at the same time. Raises InvalidOption."""
    given = task.params["at_once"]
    count = AT_ONCE if given is None else int(given)
    if count < 1:
        raise InvalidOption("at_once", count, "must be at least 1")
    return count


def look(
    stack: contextlib.ExitStack,
    task: Task,
    wecs: t.Sequence[Json],
    shared: Slots,
    lost: t.Sequence[Registration] = (),
    *,
    is_one_of_several: bool = False,
) -> Registering:
    """The WECs of one ITS, told apart; its connection is open until the end of ``stack``. Raises WecError.

    ``shared`` are the places of all ITSs. ``lost`` are those whose options cannot be read.
    """
    given = task.params
    check_names(task, {})
    read_file = reading_once(task.read_file)
    known = functools.cache(ask_clusteradm)
    candidates, invalid = candidates_of(wecs, lambda one: _candidate(task, one, known, read_file))
    batch_options = BatchOptions(
        at_once(task),
        max([limits.JOIN_READS * given["read_timeout"], *(one.options.clusteradm_timeout for one in candidates)]),
        WaitOptions(given["wait_timeout"], between_lines=given["progress_interval"]),
        options.wanted_proofs(given, given["progress_interval"]),
        shared,
        only_looks=task.check_mode or given["preflight_only"],
    )
    its = stack.enter_context(its_of(task))

    def progress(line: str) -> None:
        task.progress(f"{its.kube.connection.server}: {line}" if is_one_of_several else line)

    registering = Registering(its, candidates, batch_options, progress, [*lost, *invalid])
    stack.callback(registering.close)
    registering.look()
    return registering


def candidates_of(
    entries: t.Sequence[Json], make: t.Callable[[Json], Candidate]
) -> tuple[list[Candidate], list[Registration]]:
    """What ``make`` gives for each entry of wecs, and those whose options cannot be used, with the reason."""
    found, invalid = [], []
    for one in entries:
        try:
            found.append(make(one))
        except Exception as error:
            invalid.append(Registration(host_of(one), one["name"], error=as_wec_error(error, one["name"])))
    return found, invalid


def host_of(one: Json) -> str:
    return str(one["inventory_hostname"] or one["name"])


def _candidate(task: Task, one: Json, clusteradm: t.Callable[[str], dict[str, str]], read_file: ReadFile) -> Candidate:
    """Raises WecError."""
    part = part_of(task, one)
    how = read_join_options(part)
    known = clusteradm(how.clusteradm_binary)
    return Candidate(
        host_of(one),
        dataclasses.replace(how, clusteradm_known=known),
        functools.partial(wec_to_join, part, with_rights=True, read_file=read_file),
        part.params["deletion_timeout"],
    )


def part_of(task: Task, one: Json) -> Task:
    """The same task for one WEC alone. Raises InvalidOption."""
    part = copy.copy(task)
    own = {option: value for option, value in one.items() if value is not None or option not in task.params}
    part.params = {**task.params, **own}
    part.host = own.get(HOST) or task.host
    check_names(part, {_wording.of_wec("name"): one["name"]})
    return part


def finish(task: Task, parts: t.Sequence[Registering], unseen: list[Json]) -> Json:
    """Register those of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why.

    Raises Refused, with nothing changed, where one violation is everybody's.
    """
    stops, only_checks = task.params["stop_on_violation"], task.params["preflight_only"]
    if task.check_mode or stops or only_checks:
        for part in parts:
            part.check()
    violations = [one.message for part in parts for one in part.violations]
    if stops and (violations or unseen):
        messages = [*violations, *(str(one["msg"]) for one in unseen)]
        raise Refused(f"Nothing was changed. {' '.join(messages)}", messages)

    def register(part: Registering) -> None:
        try:
            if task.check_mode:
                part.foresee()
            else:
                part.run()
        except Exception as error:
            # It concerns this ITS only.
            failure = as_wec_error(error, part.server)
            for one in part.registrations:
                one.error = one.error or failure

    if not only_checks:
        # Each ITS takes in its WECs at its own pace.
        concurrency.each(register, parts, concurrency.MAX_CONCURRENT_HUBS)
    found = [(part.server, one) for part in parts for one in part.registrations]
    for _server, one in found:
        for warning in one.outcome.warnings if one.outcome else ():
            task.warn(warning)
        for warning in verification.warnings({one.name: one.verdict} if one.verdict else {}):
            task.warn(warning)
    return wec_results.of_task(
        [_record(one, server, task.check_mode) for server, one in found], unseen, _verb(task.check_mode, only_checks)
    )


def _record(one: Registration, server: str, check_mode: bool) -> Json:
    data = one.as_data()
    outcome = wec_results.outcome(
        changed=data["changed"],
        failed=data["failed"],
        check_mode=check_mode,
        unreachable=isinstance(one.error, Unreachable) or bool(one.error and one.error.details.get("unreachable")),
    )
    checks = [check.as_data() for check in one.report.checks] if one.report else []
    return {**data, "its": server, "outcome": outcome, "checks": checks}


def _verb(check_mode: bool, only_checks: bool) -> str:
    if only_checks:
        return "changed"
    return "would be registered" if check_mode else "registered"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_register."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import threading
import typing as t

from .._apis.connection import FROM_HOST, ReadFile
from .._errors import InvalidOption, Refused
from .._operations import side_by_side
from .._operations.acceptance import Patience
from .._operations.registering import Candidate, Manner, Registering, Registration
from .._operations.surveying import ask_clusteradm
from .._rules import limits
from .._rules.plan import Plan
from .._rules.unexpected import as_wec_error
from . import join_options, options
from .task import Task, check_names, its_of, reading_once, wec_of

Json = dict[str, t.Any]
_NOT_OF_ONE = ("survey", "wec_run_on")
AT_ONCE = 5
OWN: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "inventory_hostname": {"type": "str"},
    **{option: spec for option, spec in join_options.SPEC.items() if option not in _NOT_OF_ONE},
    **{option: spec for option, spec in options.wec().items() if option != FROM_HOST},
    "connect_timeout": {"type": "float"},
    "read_timeout": {"type": "float"},
}
"""What can be said of each WEC: the options of wec_join."""

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "wecs": {"type": "list", "elements": "dict", "options": OWN},
        "at_once": {"type": "int"},
        "stop_on_violation": {"type": "bool", "default": False},
        "progress_interval": {"type": "float", "default": 5.0},
        "wait_timeout": {"type": "int", "default": 300},
        **options.its(),
        **options.common(),
        **options.proofs(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    if task.params["wecs"] is None:
        raise InvalidOption("wecs", None, "must be given with run_on=host", "List the WECs")
    with contextlib.ExitStack() as stack:
        return finish(task, [look(stack, task, task.params["wecs"], places(task))], [])


def places(task: Task) -> threading.Semaphore:
    """For as many WECs as are worked on at once, of whatever ITS. Raises InvalidOption."""
    return threading.Semaphore(_at_once(task))


def _at_once(task: Task) -> int:
    given = task.params["at_once"]
    at_once = AT_ONCE if given is None else given
    if at_once < 1:
        raise InvalidOption("at_once", at_once, "must be at least 1")
    return t.cast(int, at_once)


def look(
    stack: contextlib.ExitStack,
    task: Task,
    wecs: t.Sequence[Json],
    shared: threading.Semaphore,
    lost: t.Sequence[Registration] = (),
    *,
    is_one_of_several: bool = False,
) -> Registering:
    """The WECs of one ITS, told apart; its connection is open until the end of ``stack``. Raises WecError.

    ``shared`` are the places of all ITSs. ``lost`` are those whose options cannot be read.
    """
    given = task.params
    check_names(task, {})
    flawed = list(lost)
    candidates = []
    read_file = reading_once(task.read_file)
    known = functools.cache(ask_clusteradm)
    for one in wecs:
        try:
            candidates.append(_candidate(task, one, known, read_file))
        except Exception as error:
            failure = as_wec_error(error, one["name"])
            flawed.append(Registration(one["inventory_hostname"] or one["name"], one["name"], error=failure))
    manner = Manner(
        _at_once(task),
        max([limits.JOIN_READS * given["read_timeout"], *(one.wishes.clusteradm_timeout for one in candidates)]),
        Patience(given["wait_timeout"], between_lines=given["progress_interval"]),
        options.wanted_proofs(given, given["progress_interval"]),
        shared,
    )
    its = stack.enter_context(its_of(task))

    def progress(line: str) -> None:
        task.progress(f"{its.kube.connection.server}: {line}" if is_one_of_several else line)

    registering = Registering(its, candidates, manner, progress, flawed)
    stack.callback(registering.close)
    registering.look()
    return registering


def _candidate(task: Task, one: Json, clusteradm: t.Callable[[str], dict[str, str]], read_file: ReadFile) -> Candidate:
    """Raises WecError."""
    part = copy.copy(task)
    own = {option: value for option, value in one.items() if value is not None or option not in task.params}
    part.params = {**task.params, **own, **dict.fromkeys(_NOT_OF_ONE), FROM_HOST: None}
    check_names(part, {"name (wec_name in an inventory)": one["name"]})
    wishes = join_options.wishes(part)
    known = clusteradm(wishes.clusteradm_binary)
    return Candidate(
        one["inventory_hostname"] or one["name"],
        dataclasses.replace(wishes, clusteradm_known=known),
        join_options.permissions(part),
        functools.partial(wec_of, part, read_file),
    )


def finish(task: Task, parts: t.Sequence[Registering], unseen: list[Json]) -> Json:
    """Register those of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why.

    Raises Refused, with nothing changed, where one violation is everybody's.
    """
    stops = task.params["stop_on_violation"]
    if task.check_mode or stops:
        for part in parts:
            part.check()
    violations = [one.message for part in parts for one in part.violations]
    if stops and (violations or unseen):
        told = [*violations, *(str(one["msg"]) for one in unseen)]
        raise Refused(f"Nothing was changed. {' '.join(told)}", told)

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

    # Each ITS takes in its WECs at its own pace.
    side_by_side.each(register, parts, side_by_side.ITSS)
    found = [(part.server, one) for part in parts for one in part.registrations]
    for _server, one in found:
        for warning in one.outcome.warnings if one.outcome else ():
            task.warn(warning)
    if task.check_mode:
        for _server, one in found:
            task.progress(one.message)
    failed = [one.message for _server, one in found if one.failed]
    verdicts = {one.host: {**one.as_data(), "its": server} for server, one in found}
    whole = Plan([step for _server, one in found if one.is_sound for step in one.plan.steps])
    result: Json = {
        "changed": any(one["changed"] for one in verdicts.values()),
        "diff": whole.diff(),
        "verdicts": verdicts,
        "registered": [host for host, one in verdicts.items() if not one["failed"]],
        "not_registered": [
            *(host for host, one in verdicts.items() if one["failed"]),
            *(host for one in unseen for host in one["hosts"]),
        ],
        "unseen": unseen,
        "msg": _summary(verdicts, task.check_mode),
    }
    if failed or unseen:
        result["failed"] = True
        result["msg"] = " ".join([*failed, *(str(one["msg"]) for one in unseen)])
    return result


def _summary(verdicts: t.Mapping[str, Json], check_mode: bool) -> str:
    changed = sum(one["changed"] for one in verdicts.values())
    count = len(verdicts)
    verb = "would be registered" if check_mode else "registered"
    return f"{changed} of {count} WEC{'' if count == 1 else 's'} {verb}."

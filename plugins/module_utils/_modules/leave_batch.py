# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking WECs off one or several ITSs: one of them, or many side by side, by the same code.

Many are looked at together. One that only waits leaves its slot to another, so that all of them wait at the same time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

from .._apis.connection import ReadFile
from .._apis.shared import SharedIts, SharedWds, Waiting
from .._errors import ApiError, InvalidOptions, Unreachable, WecError
from .._operations import cluster_ids, concurrency
from .._operations.concurrency import Slots
from .._operations.leaving import Leaving
from .._operations.waiting import Waiter
from .._rules.deregistration import leaving
from .._rules.fleet import wec_results
from .._rules.outside.unexpected import as_wec_error
from . import join_batch, leaving_options
from .task import Task, failure, has_wds_connection, its_of, reading_once, wds_of, wec_to_join

Json = dict[str, t.Any]
_UNDER_WAY = 100
"""WECs that have begun to leave and are not over. With more of them, files that may be open run out."""


@dataclasses.dataclass
class Leaver:
    """One WEC that shall leave. ``task`` is this one for it alone; ``error``: why it cannot."""

    host: str
    name: str
    task: Task | None = None
    error: WecError | None = None


@dataclasses.dataclass(frozen=True)
class Part:
    """Those of one ITS, and their connections to it, which are open. None: each of them calls it lost, or there is none."""

    server: str | None
    its: SharedIts | None
    wds: SharedWds | None
    leavers: list[Leaver]


def run(task: Task) -> Json:
    """The WECs of the option wecs, of one ITS."""
    with contextlib.ExitStack() as stack:
        shared = join_batch.slots(task)
        return finish(task, [look(stack, task, task.params["wecs"], shared)], [], shared)


def look(
    stack: contextlib.ExitStack,
    task: Task,
    wecs: t.Sequence[Json],
    shared: Slots,
    invalid: t.Sequence[Leaver] = (),
) -> Part:
    """The WECs of one ITS, which is asked whether it is one; its connection is open until the end of ``stack``.

    ``invalid`` are those whose options cannot be read. Raises WecError for what concerns the whole ITS.
    """
    leavers = [*invalid]
    for one in wecs:
        leaver = Leaver(one["inventory_hostname"] or one["name"], one["name"])
        leavers.append(leaver)
        try:
            leaver.task = join_batch.part_of(task, one)
            InvalidOptions.raise_for(list(leaving_options.faults(leaver.task.params)))
        except Exception as error:
            leaver.error = as_wec_error(error, leaver.name)
    cluster_ids.refuse_repeated(leavers)
    tasks = [leaver.task for leaver in leavers if leaver.task is not None and leaver.error is None]
    its = wds = None
    if any(one.params["its_access"] != "lost" for one in tasks):
        its = SharedIts(stack.enter_context(its_of(task)).kube, len(tasks), shared.left)
        # What many threads would ask at the same time.
        its.require_hub()
        its.identity()
        if has_wds_connection(task):
            wds = SharedWds(stack.enter_context(wds_of(task)).kube, shared.left)
            wds.require_wds()
    return Part(its.kube.connection.server if its else None, its, wds, leavers)


def finish(task: Task, parts: t.Sequence[Part], unseen: list[Json], shared: Slots) -> Json:
    """Take those of one or several ITSs off. ``unseen`` are hosts whose ITS could not be asked, and why."""
    _refuse_repeated(parts)
    everybody = [(part, leaver) for part in parts for leaver in part.leavers]
    progress = Progress(task, len(everybody))
    read_file = reading_once(task.read_file)

    def leave(pair: tuple[Part, Leaver]) -> Json:
        part, leaver = pair
        try:
            if leaver.error is not None or leaver.task is None:
                raise leaver.error or WecError(f"{leaver.name}: it cannot be read")
            with shared:
                found = _leave(leaver.task, part, progress.log, read_file, shared.left)
        except Exception as error:
            return _failed(leaver, part.server, as_wec_error(error, leaver.name))
        finally:
            progress.note()
        outcome = wec_results.outcome(
            changed=found["changed"], failed=bool(found.get("failed")), check_mode=task.check_mode
        )
        return {
            **found,
            "host": leaver.host,
            "its": part.server,
            "outcome": outcome,
            "failed": bool(found.get("failed")),
            "problem": found.get("problem"),
        }

    records = concurrency.each(leave, everybody, max(_UNDER_WAY, join_batch.at_once(task)))
    return wec_results.of_task(records, unseen, "would be deregistered" if task.check_mode else "deregistered")


def _refuse_repeated(parts: t.Sequence[Part]) -> None:
    """Names that several hosts have on one ITS, whichever connections lead to it."""
    leavers: dict[str, list[Leaver]] = {}
    for part in parts if len(parts) > 1 else ():
        for sign in _signs(part.its) if part.its is not None else ():
            leavers.setdefault(sign, []).extend(part.leavers)
    for those in leavers.values():
        cluster_ids.refuse_repeated(those)


def _signs(its: SharedIts) -> set[str]:
    """What two connections to one ITS have in common. Who may not read its UID goes by the address alone."""
    found = {its.kube.connection.server}
    with contextlib.suppress(ApiError, Unreachable):
        found.add(its.uid)
    return found


def _failed(leaver: Leaver, server: str | None, error: WecError) -> Json:
    steps = error.details.get("steps") or []
    return {
        "name": leaver.name,
        "host": leaver.host,
        "its": server,
        "state": None,
        "changed": bool(steps),
        "problem": None,
        "diff": None,
        **failure(error),
        "msg": error.message if error.message.startswith(leaver.name) else f"{leaver.name}: {error.message}",
        "steps": steps,
        "failed": True,
        "outcome": wec_results.UNREACHABLE if isinstance(error, Unreachable) else wec_results.FAILED,
    }


def one(task: Task) -> Json:
    """The WEC of the option name. Raises WecError."""
    given = task.params
    InvalidOptions.raise_for(list(leaving_options.faults(given)))
    with contextlib.ExitStack() as stack:
        its = wds = None
        if given["its_access"] != "lost":
            its = SharedIts(stack.enter_context(its_of(task)).kube, 1)
        if its is not None and has_wds_connection(task):
            wds = SharedWds(stack.enter_context(wds_of(task)).kube)
            wds.require_wds()
        part = Part(None, its, wds, [])
        result = _leave(task, part, task.progress, task.read_file)
        if its is not None:
            result["its"] = {**its.kube.connection.as_data(), "uid": its.uid}
        if wds is not None:
            result["wds"] = wds.kube.connection.as_data()
        return result


def _leave(
    task: Task,
    part: Part,
    progress: t.Callable[[str], None],
    read_file: ReadFile,
    waiting: Waiting = contextlib.nullcontext,
) -> Json:
    """Take one WEC off; gives what was found and done. Raises WecError."""
    given = task.params
    is_moved = given["wec_access"] == leaving.MOVED
    choices = leaving.LeaveOptions(
        given["drain"], given["purge"], given["workload"], given["wec_access"] != "given", wec_is_moved=is_moved
    )
    with contextlib.ExitStack() as stack:
        its = part.its if given["its_access"] != "lost" else None
        reached = None
        if given["wec_access"] != leaving.LOST:
            reached = stack.enter_context(wec_to_join(task, read_file=read_file))
        wec = None if is_moved else reached
        wds = part.wds if its is not None else None
        leaving_one = Leaving(
            given["name"], its, wec, wds, choices, given["hub_apiserver"], reached if is_moved else None
        )
        departure = leaving_one.observe()
        if not task.check_mode:
            leaving_one.run(departure, Waiter(given["name"], given["wait_timeout"], progress, waiting))
        for warning in departure.warnings:
            task.warn(warning)
        result: Json = {"changed": departure.plan.changes, "diff": departure.plan.diff(), **departure.as_data()}
        if wec is not None:
            result["wec"] = wec.connection_data()
        return result


class Progress:
    """One line for all of them, every few seconds: how many are over, and what is waited for."""

    def __init__(self, task: Task, count: int) -> None:
        self._task, self._count, self._over = task, count, 0
        self._lock = threading.Lock()
        self._every: float = task.params["progress_interval"]
        self._next_at = 0.0

    def log(self, line: str) -> None:
        """What is waited for of one of them, with its name."""
        with self._lock:
            if time.monotonic() < self._next_at:
                return
            self._next_at = time.monotonic() + self._every
            over = self._over
        self._task.progress(line if self._count == 1 else f"{over} of {self._count} are over. {line}")

    def note(self) -> None:
        """One is over."""
        with self._lock:
            self._over += 1

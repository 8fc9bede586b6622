# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_rotate: registering again, for another certificate."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import typing as t

from .. import _wording
from .._apis.connection import ReadFile
from .._errors import InvalidOption, Unreachable
from .._operations.acceptance import WaitOptions
from .._operations.agent import RENEWING_TAKES
from .._operations.concurrency import MAX_CONCURRENT_HUBS, Slots, each
from .._operations.registering import BatchOptions, Candidate, Registering, Registration
from .._operations.verification import VerifyOptions
from .._rules.fleet import wec_results
from .._rules.outside import limits
from .._rules.outside.unexpected import as_wec_error
from .._rules.registration.join_options import JoinOptions
from .._rules.status import addon, times
from . import join_batch, rolling_batch
from .task import Task, check_names, content_of, its_of, reading_once, require_named, wec_to_join

Json = dict[str, t.Any]
_OF_JOIN = (
    "bundle_version",
    "clusteradm_binary",
    "hub_apiserver",
    "hub_ca_cert",
    "internal_endpoint_lookup",
    "proxy_url",
    "remove_foreign_csrs",
    "wec_run_on",
)
_RESTARTING_TAKES = 60.0
"""Seconds: pods have 30 to end by themselves."""
OF_ONE = rolling_batch.of_one(_OF_JOIN)
"""The options of each of several WECs."""
SPEC = rolling_batch.spec(_OF_JOIN, {"before": {"type": "str"}})
_COLUMNS = {"WEC": "name", "STATE": "state", "CERTIFICATE UNTIL": "certificate_expires", "WHAT": "msg"}


class Part:
    """The WECs of one ITS."""

    def __init__(self, task: Task, registering: Registering) -> None:
        self._registering = registering
        self._only_looks = task.check_mode or task.params["plan_only"]

    def run(self) -> None:
        """Rotate those whose certificate is due, or foresee that. What one fails of is noted."""
        try:
            if self._only_looks:
                self._registering.check()
                self._registering.foresee()
            else:
                self._registering.run()
        except Exception as error:
            # It concerns this ITS only.
            failure = as_wec_error(error, self._registering.server)
            for one in self._registering.registrations:
                one.error = one.error or failure

    @property
    def warnings(self) -> list[str]:
        return [warning for one in self._registering.registrations if one.outcome for warning in one.outcome.warnings]

    def records(self) -> list[Json]:
        """How it is, or ended, for each of them."""
        return [self._record(one) for one in self._registering.registrations]

    def _record(self, one: Registration) -> Json:
        data, outcome = one.as_data(), one.outcome
        if one.error is None:
            steps = [*one.plan.steps]
            data["steps"] = [{**step.as_data(), "before": step.before, "after": step.after} for step in steps]
        now, before = (outcome.certificate, outcome.certificate_before) if outcome else (None, None)
        return {
            **data,
            "its": self._registering.server,
            "outcome": wec_results.outcome(
                changed=data["changed"],
                failed=data["failed"],
                check_mode=self._only_looks,
                unreachable=isinstance(one.error, Unreachable)
                or bool(one.error and one.error.details.get("unreachable")),
            ),
            "certificate": now.as_data() if now else None,
            "certificate_before": before.as_data() if before else None,
            "certificate_expires": times.show(now.not_after) if now else None,
            "msg": self._message(one, data),
        }

    def _message(self, one: Registration, data: Json) -> str:
        outcome = one.outcome
        if data["failed"] or outcome is None:
            return str(data["msg"])
        found = outcome.certificate
        facts = f", valid until {times.show(found.not_after)}" if found else ""
        if data["changed"] and self._only_looks:
            return f"The certificate of the agent of {one.name} would be rotated: {one.plan}."
        if data["changed"]:
            return f"The agent of {one.name} has another certificate{facts}."
        return f"{one.name} is in sync: the certificate of its agent is new enough{facts}."


def run(task: Task) -> Json:
    require_named(task)
    require_moment(task)
    with contextlib.ExitStack() as stack:
        return finish(task, [look(stack, task, rolling_batch.entries(task), join_batch.slots(task))], [])


def look(
    stack: contextlib.ExitStack,
    task: Task,
    entries: t.Sequence[Json],
    shared: Slots,
    lost: t.Sequence[Registration] = (),
) -> Part:
    """The WECs of one ITS, told apart; its connection is open until the end of ``stack``.

    ``lost`` are those whose options cannot be read. Raises WecError for what concerns the whole ITS.
    """
    given = task.params
    check_names(task, {})
    its = stack.enter_context(its_of(task))
    its.require_hub()
    moment = _moment(task, its.now())
    read_file = reading_once(task.read_file)
    candidates, invalid = join_batch.candidates_of(entries, lambda one: _candidate(task, one, moment, read_file))
    batch = BatchOptions(
        join_batch.at_once(task),
        limits.JOIN_READS * given["read_timeout"] + 2 * _RESTARTING_TAKES + RENEWING_TAKES,
        WaitOptions(given["wait_timeout"], between_lines=given["progress_interval"]),
        # Add-ons have certificates of their own.
        VerifyOptions(addon=addon.NEVER),
        shared,
        only_looks=task.check_mode or given["plan_only"],
    )
    registering = Registering(its, candidates, batch, task.progress, [*lost, *invalid])
    stack.callback(registering.close)
    registering.look()
    return Part(task, registering)


def require_moment(task: Task) -> datetime.datetime:
    """The option before. Raises InvalidOption."""
    text = task.params["before"]
    here = times.show(datetime.datetime.now(datetime.timezone.utc))
    remedy = f"Set it to the moment after which nobody could copy a certificate any more, for example {here}"
    if not text:
        why = "is needed: certificates that are not newer are rotated, and the same moment makes a repeated run go on"
        raise InvalidOption("before", None, why, remedy)
    moment = times.parse(text)
    if moment is None or not text.rstrip().endswith(("Z", "+00:00")):
        raise InvalidOption("before", text, f"is not a time in UTC like {here}", remedy)
    return moment


def _moment(task: Task, now: datetime.datetime) -> datetime.datetime:
    """The same, which is in the past of the ITS. Raises InvalidOption."""
    moment = require_moment(task)
    if moment > now:
        why = "lies in the future: each run would rotate again"
        raise InvalidOption("before", task.params["before"], why, f"On the ITS, it is now {times.show(now)}")
    return moment


def _candidate(task: Task, one: Json, moment: datetime.datetime, read_file: ReadFile) -> Candidate:
    """Raises WecError."""
    part = join_batch.part_of(task, one)
    given = part.params
    check_names(part, {_wording.of_wec("name"): given["name"]})
    own = {option: value for option, value in given.items() if option in _OF_JOIN}

    def content(option: str) -> bytes | None:
        path = own.get(option)
        return content_of(read_file, option, path) if path else None

    read = JoinOptions.read(own, content, name=given["name"], owner=task.owner)
    wanted = dataclasses.replace(read, rotate_before=moment)
    return Candidate(
        join_batch.host_of(one), wanted, functools.partial(wec_to_join, part, with_rights=True, read_file=read_file)
    )


def finish(task: Task, parts: t.Sequence[Part], unseen: list[Json]) -> Json:
    """Rotate those of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why."""
    # Each ITS at its own pace.
    each(lambda part: part.run(), parts, MAX_CONCURRENT_HUBS)
    for warning in [warning for part in parts for warning in part.warnings]:
        task.warn(warning)
    records = [record for part in parts for record in part.records()]
    if task.params["plan_only"]:
        due = [str(one["host"]) for one in records if one["outcome"] == wec_results.PLANNED]
        return rolling_batch.planned(task, records, due, unseen, _COLUMNS, "rotate")
    if task.params["show_table"]:
        rolling_batch.show_table(task, records, _COLUMNS)
    return wec_results.of_task(records, unseen, "would be rotated" if task.check_mode else "rotated")

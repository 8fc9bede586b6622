# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_upgrade."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from .. import _wording
from .._apis.clusteradm import Clusteradm
from .._apis.connection import ReadFile
from .._apis.wec import Wec
from .._errors import InvalidOption, Unreachable, WecError
from .._operations.acceptance import WaitOptions
from .._operations.concurrency import MAX_CONCURRENT_HUBS, Slots, each
from .._operations.installing import klusterlet_version
from .._operations.registering import BatchOptions, Candidate, Registering, Registration
from .._operations.upgrading import LEASE_WITHIN, Upgrade, Upgrading
from .._operations.verification import VerifyOptions
from .._operations.waiting import Waiter
from .._rules.fleet import wec_results
from .._rules.outside import limits
from .._rules.registration.join_options import JoinOptions
from .._rules.upgrade.upgrade_plan import Target
from . import join_batch, rolling_batch
from .leave_batch import Progress
from .task import Task, check_names, its_of, reading_once, require_named, wec_of

Json = dict[str, t.Any]
_OF_JOIN = (
    "bundle_version",
    "clusteradm_binary",
    "clusteradm_timeout",
    "hub_apiserver",
    "image_registry",
    "wec_run_on",
)
_UNDER_WAY = 100
"""WECs whose upgrade has begun. With more of them, files that may be open run out."""
_WAITS = 3
"""Each for wait_timeout: the operator, the agents, and after a roll-back both."""
OF_ONE = rolling_batch.of_one(_OF_JOIN)
"""The options of each of several WECs."""
SPEC = rolling_batch.spec(_OF_JOIN, {"rollback": {"type": "bool", "default": False}})
_COLUMNS = {"WEC": "name", "KLUSTERLET": "klusterlet_version", "TO": "target_version", "WHAT": "msg"}


class Part:
    """The WECs of one ITS."""

    def __init__(self, task: Task, registering: Registering, slots: Slots) -> None:
        self._task, self._registering, self._slots = task, registering, slots
        self._upgrades: dict[str, Upgrade] = {}
        self._programs: dict[str, Clusteradm] = {}

    def plan(self) -> None:
        """Look at each of them. What it fails of is noted."""
        self._registering.each(self._observe)

    def run(self, progress: Progress) -> None:
        """Upgrade those that are behind."""

        def upgrade(one: Registration, wec: t.Any) -> None:
            try:
                self._upgrade(one, wec, progress.log)
            finally:
                progress.note()

        wanted = set(self.to_upgrade)
        some = [one for one in self._registering.registrations if one.host in wanted]
        self._registering.each(upgrade, some, under_way=_UNDER_WAY)

    def _observe(self, one: Registration, wec: t.Any) -> None:
        upgrading = self._upgrading(one, wec)
        its, wanted = self._registering.its_of(one), one.wanted.options
        version = klusterlet_version(its, wanted.bundle_version)
        target = Target(version, its.hub.version, wanted.image_registry, wanted.bundle_version is not None)
        found = self._upgrades[one.host] = upgrading.observe(target)
        if found.plan.changes:
            upgrading.check(found, self._clusteradm(wanted))

    def _upgrade(self, one: Registration, wec: t.Any, log: t.Callable[[str], None]) -> None:
        found = self._upgrades[one.host]
        given, wanted = self._task.params, one.wanted.options
        waiter = Waiter(one.name, given["wait_timeout"], log, self._slots.left)
        self._upgrading(one, wec).run(
            found, self._clusteradm(wanted), wanted.clusteradm_timeout, waiter, rollback=given["rollback"]
        )

    def _upgrading(self, one: Registration, wec: Wec) -> Upgrading:
        return Upgrading(self._registering.its_of(one), wec, one.name, one.wanted.options.hub_apiserver)

    def _clusteradm(self, wanted: JoinOptions) -> Clusteradm:
        """Raises ClusteradmError."""
        name = wanted.clusteradm_binary
        if name not in self._programs:
            self._programs[name] = Clusteradm(name, known=wanted.clusteradm_known)
        return self._programs[name]

    @property
    def to_upgrade(self) -> list[str]:
        """The hosts that something is to be done for, or waited for."""
        found = {host for host, one in self._upgrades.items() if one.plan.changes or one.unproved}
        return [one.host for one in self._registering.registrations if one.is_sound and one.host in found]

    def records(self) -> list[Json]:
        """How it is, or ended, for each of them."""
        return [self._record(one) for one in self._registering.registrations]

    def _record(self, one: Registration) -> Json:
        found, error = self._upgrades.get(one.host), one.error
        foreseen = self._task.check_mode or self._task.params["plan_only"]
        steps = (
            [{**one.as_data(), "before": one.before, "after": one.after} for one in found.plan.steps] if found else []
        )
        changed = bool(found and found.plan.changes and (found.is_done or foreseen))
        if error is not None:
            steps = error.details.get("steps") or []
            changed = bool(steps)
        sentence = one.message if error is not None or found is None else found.message
        return {
            "host": one.host,
            "name": one.name,
            "its": self._registering.server,
            "outcome": wec_results.outcome(
                changed=changed,
                failed=error is not None,
                check_mode=foreseen,
                unreachable=isinstance(error, Unreachable) or bool(error and error.details.get("unreachable")),
            ),
            "state": found.state.name if found else None,
            "uid": found.uid if found else None,
            "kubernetes_version": found.kubernetes_version if found else None,
            "klusterlet_version": _version(found, error),
            "klusterlet_version_before": found.current if found else None,
            "target_version": found.target.shown if found else None,
            "rolled_back": error.details.get("rolled_back") if error else None,
            "changed": changed,
            "failed": error is not None,
            "msg": sentence,
            "problem": error.problem.as_data() if error and error.problem else None,
            "steps": steps,
            "diff": found.plan.diff() if found and changed and error is None else None,
        }


def _version(found: Upgrade | None, error: WecError | None) -> str | None:
    """What there is now, as far as it is known."""
    if found is None:
        return None
    return found.target.shown if found.is_done and error is None else found.current


def run(task: Task) -> Json:
    require_named(task)
    with contextlib.ExitStack() as stack:
        return finish(task, [look(stack, task, rolling_batch.entries(task), join_batch.slots(task))], [])


def look(
    stack: contextlib.ExitStack,
    task: Task,
    entries: t.Sequence[Json],
    shared: Slots,
    lost: t.Sequence[Registration] = (),
) -> Part:
    """The WECs of one ITS, and what is to be done for each; its connection is open until the end of ``stack``.

    ``lost`` are those whose options cannot be read. Raises WecError for what concerns the whole ITS.
    """
    given = task.params
    check_names(task, {})
    read_file = reading_once(task.read_file)
    candidates, invalid = join_batch.candidates_of(entries, lambda one: _candidate(task, one, read_file))
    seconds = _WAITS * given["wait_timeout"] + LEASE_WITHIN + limits.JOIN_READS * given["read_timeout"]
    seconds += max((one.options.clusteradm_timeout for one in candidates), default=0)
    wait = WaitOptions(given["wait_timeout"], between_lines=given["progress_interval"])
    batch = BatchOptions(join_batch.at_once(task), seconds, wait, VerifyOptions(), shared, only_looks=True)
    registering = Registering(stack.enter_context(its_of(task)), candidates, batch, task.progress, [*lost, *invalid])
    stack.callback(registering.close)
    registering.look()
    part = Part(task, registering, shared)
    part.plan()
    return part


def _candidate(task: Task, one: Json, read_file: ReadFile) -> Candidate:
    """Raises WecError."""
    part = join_batch.part_of(task, one)
    given = part.params
    check_names(part, {_wording.of_wec("name"): given["name"]})
    if given["wec_run_on"] == "host":
        why = "has no upgrade: clusteradm has to reach the WEC's API from here"
        raise InvalidOption(
            "wec_run_on", "host", why, "Run clusteradm upgrade klusterlet on that machine (docs/upgrade.md)"
        )
    wanted = JoinOptions(**{option: given[option] for option in ("name", *_OF_JOIN) if given[option] is not None})
    return Candidate(join_batch.host_of(one), wanted, functools.partial(wec_of, part, read_file))


def finish(task: Task, parts: t.Sequence[Part], unseen: list[Json]) -> Json:
    """Upgrade those of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why."""
    if task.params["plan_only"]:
        records = [record for part in parts for record in part.records()]
        behind = [host for part in parts for host in part.to_upgrade]
        return rolling_batch.planned(task, records, behind, unseen, _COLUMNS, "upgrade")
    if not task.check_mode:
        progress = Progress(task, sum(len(part.to_upgrade) for part in parts))
        each(lambda part: part.run(progress), parts, MAX_CONCURRENT_HUBS)
    found = [record for part in parts for record in part.records()]
    if task.params["show_table"]:
        rolling_batch.show_table(task, found, _COLUMNS)
    return wec_results.of_task(found, unseen, "would be upgraded" if task.check_mode else "upgraded")

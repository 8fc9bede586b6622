# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the result of a task says of WECs. Only what is named here is taken, so that no argument of a task gets in.

A task may be one for many hosts: what its result says of each WEC becomes a finding of its own.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ..desired import properties
from ..fleet import fleet_plan
from ..observed import readable
from ..status import problems, timeline, times
from . import report_shape as shape

Json = dict[str, t.Any]

PLAN, REGISTER, CONFIGURE, UPGRADE, ROTATE, DEREGISTER, STATUS, LEFTOVERS, CHECK, OTHER = (
    "plan",
    "register",
    "configure",
    "upgrade",
    "rotate",
    "deregister",
    "status",
    "leftovers",
    "check",
    "other",
)
COLLECTION = "kubestellar.wec."
FACTS = (
    "state",
    "state_before",
    "reason",
    "since",
    "uid",
    "cluster_set",
    "kubernetes_version",
    "klusterlet_version",
    "distribution",
    "certificate_expires",
    "addon",
    "probe",
    "works",
    "binding_policies",
    "labels",
    "properties",
)
_OF_STATUS = ("works", "binding_policies")
"""Facts that other results have under these names are others."""
_OF_LEFTOVER = ("kind", "name", "side", "wec", "code", "reason", "remedy")
_CODE = re.compile(r"\[([a-z_]+)\]")
_PARTS = {"labels": "label", "annotations": "annotation"}


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """One task's result on one host. ``action`` is the module's full name, ``role`` that of the role it belongs to.

    ``failed`` is what Ansible makes of it, so false where a failure is ignored; ``state`` is the task's own argument.
    ``for_all``: the task runs once, so that its failure is no single host's.
    """

    action: str
    task: str
    host: str
    data: Json
    started: datetime.datetime
    ended: datetime.datetime
    failed: bool = False
    unreachable: bool = False
    check_mode: bool = False
    state: str | None = None
    for_all: bool = False

    @property
    def module(self) -> str:
        """The collection's own module, or an empty text."""
        return self.action[len(COLLECTION) :] if self.action.startswith(COLLECTION) else ""


@dataclasses.dataclass
class Finding:
    """What one result says of one WEC. Without a name or a host, it concerns the run.

    ``acts``: it tells of something done, or to be done in check mode, and not only of a look. ``wanted``: something is to be done.
    """

    source: str
    activity: str
    name: str | None = None
    host: str | None = None
    its: str | None = None
    msg: str | None = None
    failed: bool = False
    changed: bool = False
    acts: bool = False
    wanted: bool = False
    facts: Json = dataclasses.field(default_factory=dict)
    problems: list[Json] = dataclasses.field(default_factory=list)
    steps: list[Json] = dataclasses.field(default_factory=list)
    differences: list[Json] = dataclasses.field(default_factory=list)
    timeline: list[Json] = dataclasses.field(default_factory=list)
    drift: list[Json] = dataclasses.field(default_factory=list)
    is_unshown: bool = False
    """Whether it stands in place of what cannot be read."""


def read(result: TaskResult) -> list[Finding]:
    """Everything that a result says, in the shape that a report has.

    A row that cannot be read is a finding that says so, with its name, and leaves the others as they are. Never raises.
    """
    reader = _READERS.get(result.module)
    found = []
    try:
        for one in reader(result) if reader else ():
            found.append(_checked(one))
    except Exception as error:
        # What it is about is not known, nor what it says of others.
        found.append(_unshown(result, OTHER, {"host": None if result.for_all else result.host}, error))
    is_reported = result.module == "wec_result" and "wecs" in result.data
    if (result.failed or result.unreachable) and not is_reported and not any(one.failed for one in found):
        try:
            found.append(_checked(_failure(result, result.host)))
        except Exception as error:
            found.append(_unshown(result, OTHER, {"host": None if result.for_all else result.host}, error))
    return found


def _checked(one: Finding) -> Finding:
    """The same with everything in its one form. Raises Odd."""
    return dataclasses.replace(
        one,
        name=shape.text_or_none(one.name, "the name"),
        host=shape.text_or_none(one.host, "the host"),
        its=shape.text_or_none(one.its, "the address of the ITS"),
        msg=shape.text_or_none(one.msg, "the message"),
        facts=shape.facts(one.facts),
        problems=[shape.problem(value) for value in one.problems],
        steps=[shape.step(value) for value in one.steps],
        differences=[shape.difference(value) for value in one.differences],
        timeline=[shape.reached(value) for value in one.timeline],
        drift=[shape.drift(value) for value in one.drift],
    )


def _each(
    result: TaskResult, activity: str, rows: t.Iterable[tuple[Json, t.Any]], read_row: t.Callable[[t.Any], Finding]
) -> t.Iterator[Finding]:
    """What each row says. ``rows`` come with what is known of whom they are about: name, host, its."""
    for known, row in rows:
        try:
            yield _checked(read_row(row))
        except Exception as error:
            own = {key: row.get(key) for key in ("name", "host", "its")} if isinstance(row, dict) else {}
            yield _unshown(result, activity, {**own, **known}, error)


def _unshown(result: TaskResult, activity: str, known: Json, error: Exception) -> Finding:
    """In place of what cannot be read. It counts as failed: nobody knows that it has not."""
    whose = {key: value for key, value in known.items() if isinstance(value, str)}
    why = str(error) if isinstance(error, shape.Odd) else readable.why(error)
    fact = f"what the task '{result.task}' says cannot be shown: {why}"
    return Finding(
        result.module or result.action,
        activity,
        name=whose.get("name"),
        host=whose.get("host"),
        its=whose.get("its"),
        msg=fact,
        failed=True,
        problems=[problems.of("unexpected_answer", fact).as_data()],
        is_unshown=True,
    )


# -- modules that tell of many WECs ------------------------------------------------------------------------------


def _plan(result: TaskResult) -> t.Iterator[Finding]:
    data = result.data
    if "wecs" not in data:
        yield from _failure_of_all(result)
        return

    def row(one: Json) -> Finding:
        finding = _of_verdict(result, one, PLAN, one.get("its"))
        finding.host, finding.msg = one["host"], one["reason"] or None
        finding.wanted = one["action"] in (fleet_plan.REGISTER, fleet_plan.CONFIGURE)
        finding.steps = [{**step, "done": False} for step in finding.steps]
        finding.problems += [dict(warning) for warning in one.get("warnings") or ()]
        return finding

    yield from _each(result, PLAN, _rows(data, "wecs"), row)
    yield from _unseen(result, PLAN)


def _failure_of_all(result: TaskResult) -> t.Iterator[Finding]:
    """Nothing was changed for anybody, and no host of its own is to blame."""
    if result.failed or result.data.get("msg"):
        yield _failure(result, None)


def _many(result: TaskResult, activity: str) -> t.Iterator[Finding]:
    """The records of a task that has worked on many WECs."""

    def row(record: Json) -> Finding:
        if record["name"] is None:
            return _without_its(result, activity, record)
        finding = _of_verdict(result, record, activity, record.get("its"))
        finding.host, finding.acts, finding.failed = record["host"], True, bool(record["failed"])
        if activity != CONFIGURE:
            finding.differences = _differences_of(record.get("diff"), record["name"], done=not result.check_mode)
        _tell_wish_from_change(finding, result)
        if activity == DEREGISTER and result.check_mode:
            # The module names the state that it leads to.
            finding.facts["state"] = record["state_before"]
        if finding.failed:
            finding.timeline += _failed_steps(result, activity, finding.timeline)
            if not finding.problems:
                finding.problems.append(_problem(None, str(record["msg"])))
        return finding

    yield from _each(result, activity, _rows(result.data, "wecs"), row)


def _without_its(result: TaskResult, activity: str, record: Json) -> Finding:
    """A host whose ITS could not be asked."""
    sentence = str(record["msg"])
    problem = _problem(record["problem"], sentence)
    return Finding(result.module, activity, host=record["host"], msg=sentence, failed=True, problems=[problem])


def _failed_steps(result: TaskResult, activity: str, reached: t.Sequence[Json]) -> list[Json]:
    if activity in (UPGRADE, ROTATE):
        return []
    if activity == CONFIGURE:
        return [] if reached else [_attempt(result, timeline.CONFIGURE)]
    if activity == DEREGISTER:
        return [_attempt(result, timeline.LEAVE)]
    has_agent = result.module == "wec_accept" or any(one["step"] == timeline.JOIN for one in reached)
    return [_missed(result, reached) if has_agent else _attempt(result, timeline.JOIN)]


def _result(_result_of_one: TaskResult) -> t.Iterator[Finding]:
    """The task that was for all hosts has told it."""
    return iter(())


def _upgrade(result: TaskResult) -> t.Iterator[Finding]:
    """Of those modules that are their own plan."""
    data, activity = result.data, _ACTIVITIES[result.module]
    if "wecs" not in data:
        yield from _failure_of_all(result) if result.for_all else [_failure(result, result.host)]
        return
    for finding in _many(result, activity):
        if "digest" in data:
            finding.wanted, finding.changed, finding.acts = finding.wanted or finding.changed, False, False
            finding.steps = [{**step, "done": False} for step in finding.steps]
        yield finding
    yield from _unseen(result, activity)


def _verdicts(result: TaskResult) -> t.Iterator[Finding]:
    data = result.data
    if "wecs" in data:
        of_module = CONFIGURE if result.module != "wec_accept" else DEREGISTER if result.state == "absent" else REGISTER
        yield from _many(result, of_module)
        return
    if "verdicts" not in data:
        if result.failed or data.get("msg"):
            yield _failure(result, result.host)
        return
    leaves = result.state == "absent"
    accepts = result.module == "wec_accept"
    activity = (DEREGISTER if leaves else REGISTER) if accepts else CONFIGURE

    def row(verdict: Json) -> Finding:
        name = verdict["name"]
        finding = _of_verdict(result, verdict, activity, _server(data))
        finding.acts = True
        finding.failed = bool(verdict["failed"])
        _tell_wish_from_change(finding, result)
        finding.differences = _differences_of(data.get("diff"), name, done=finding.changed)
        if accepts and not leaves and finding.failed:
            finding.timeline.append(_missed(result, finding.timeline))
        elif finding.failed and not finding.timeline and not accepts:
            finding.timeline.append(_attempt(result, timeline.CONFIGURE))
        if finding.failed and not finding.problems:
            finding.problems.append(_problem(None, str(verdict["msg"])))
        return finding

    verdicts = shape.mapping(data["verdicts"], "verdicts").items()
    named = [({"name": name}, {"name": name, **one} if isinstance(one, dict) else one) for name, one in verdicts]
    yield from _each(result, activity, named, row)


def _unseen(result: TaskResult, activity: str) -> t.Iterator[Finding]:
    """Hosts whose ITS could not be asked."""

    def row(pair: tuple[str, Json]) -> Finding:
        host, one = pair
        return Finding(
            result.module,
            activity,
            host=host,
            msg=str(one["msg"]),
            failed=True,
            problems=[_problem(one.get("problem"), str(one["msg"]))],
        )

    for part in shape.listed(result.data.get("unseen"), "unseen"):
        one = shape.mapping(part, "unseen")
        hosts = shape.listed(one.get("hosts"), "the hosts of unseen")
        yield from _each(result, activity, [({"host": host}, (host, one)) for host in hosts], row)


def _status(result: TaskResult) -> t.Iterator[Finding]:
    data = result.data
    # The ITS is that of the task, or each WEC has its own.
    of_all = _server(data)
    drift: dict[tuple[str, str | None], list[Json]] = {}
    for known, part in _rows(data, "drift"):
        try:
            one = shape.drift(part)
            key = (shape.text(one["name"], "the name of a drift"), _server(part) or of_all)
        except shape.Odd as error:
            own = {"name": part.get("name"), "host": part.get("host")} if isinstance(part, dict) else known
            yield _unshown(result, STATUS, own, error)
        else:
            drift.setdefault(key, []).append(one)

    def row(one: Json) -> Finding:
        if one["name"] is None:
            return _without_its(result, STATUS, one)
        finding = _of_verdict(result, one, STATUS, _server(one) or of_all)
        finding.host = one.get("host")
        finding.problems = list(one["problems"])
        finding.facts.update({key: one[key] for key in _OF_STATUS if one.get(key) is not None})
        finding.drift = drift.pop((one["name"], finding.its), [])
        # Only the task's own failure is one: a look that finds something has done what it shall.
        return finding

    yield from _each(result, STATUS, _rows(data, "wecs"), row)
    for (name, its), those in drift.items():
        host = next((one["host"] for one in those if one["host"]), None)
        yield Finding(result.module, STATUS, name=name, host=host, its=its, drift=those)
    if "wecs" not in data and (result.failed or data.get("msg")):
        finding = _failure(result, result.host)
        finding.activity = STATUS
        yield finding


def _leftovers(result: TaskResult) -> t.Iterator[Finding]:
    by_wec: dict[str | None, list[Json]] = {}
    for _known, part in _rows(result.data, "leftovers"):
        try:
            given = shape.mapping(part, "a leftover")
            one = {key: shape.text(given.get(key), key) for key in _OF_LEFTOVER if key != "wec"}
            wec = shape.text_or_none(given.get("wec"), "wec")
        except shape.Odd as error:
            yield _unshown(result, LEFTOVERS, {"name": part.get("wec")} if isinstance(part, dict) else {}, error)
            continue
        fact = f"{one['kind']} {one['name']} on the {one['side']}"
        by_wec.setdefault(wec, []).append(
            {"code": one["code"], "summary": one["reason"], "evidence": [fact], "remedy": one["remedy"]}
        )
    for name, found in by_wec.items():
        yield Finding(result.module, LEFTOVERS, name=name, its=_server(result.data), problems=found)


def _rows(data: Json, key: str) -> list[tuple[Json, t.Any]]:
    """Raises Odd."""
    return [({}, one) for one in shape.listed(data.get(key), key)]


# -- modules that tell of one WEC --------------------------------------------------------------------------------


def _join(result: TaskResult) -> t.Iterator[Finding]:
    data = result.data
    leaves = result.state == "absent" or "released_finalizers" in data
    activity, step = (DEREGISTER, timeline.LEAVE) if leaves else (REGISTER, timeline.JOIN)
    if "wecs" in data:
        yield from _many(result, activity)
        return
    if result.for_all and "name" not in data:
        yield from _failure_of_all(result)
        return
    if "name" not in data:
        finding = _failure(result, result.host)
        finding.activity, finding.acts = activity, True
        finding.steps = [{**_step(one), "done": True} for one in data.get("steps") or []]
        finding.changed = bool(finding.steps)
        finding.timeline = [_attempt(result, step)]
        yield finding
        return
    finding = _of_verdict(result, data, activity, _server(data))
    finding.host, finding.acts, finding.failed = result.host, True, result.failed
    finding.differences = _differences_of(data.get("diff"), data["name"], done=not result.check_mode)
    _tell_wish_from_change(finding, result)
    if leaves and result.check_mode:
        # The module names the state that it leads to.
        finding.facts["state"] = data["state_before"]
    for check in data.get("checks") or ():
        if check["passed"] is False:
            finding.problems.append(_problem(check["problem"], str(check["fact"]), str(check["name"])))
    if finding.failed and not finding.problems:
        finding.problems.append(_problem(None, str(data.get("msg"))))
    yield finding


# -- parts ---------------------------------------------------------------------------------------------------------


def _of_verdict(result: TaskResult, data: Json, activity: str, its: str | None) -> Finding:
    changed = bool(data.get("changed"))
    return Finding(
        result.module,
        activity,
        name=shape.text(data["name"], "the name"),
        its=its,
        msg=data.get("msg"),
        changed=changed,
        facts={key: data[key] for key in FACTS if data.get(key) is not None and key not in _OF_STATUS},
        problems=[dict(data["problem"])] if data.get("problem") else [],
        steps=[{**_step(one), "done": changed and not result.check_mode} for one in data.get("steps") or []],
        differences=[
            difference
            for step in data.get("steps") or []
            for difference in _differences(
                step["object"], step.get("before"), step.get("after"), changed and not result.check_mode
            )
        ],
        timeline=[shape.reached(one) for one in data.get("timeline") or []],
    )


def _tell_wish_from_change(finding: Finding, result: TaskResult) -> None:
    """Check mode only tells what would be changed."""
    if result.check_mode:
        finding.wanted, finding.changed = finding.changed, False


def _server(data: Json) -> str | None:
    its = data.get("its")
    return shape.text_or_none(its.get("server") if isinstance(its, dict) else its, "the address of the ITS")


def _step(step: Json) -> Json:
    return {key: shape.text(step[key], f"the {key} of a step") for key in ("side", "verb", "object", "reason")}


def _failure(result: TaskResult, host: str | None) -> Finding:
    """A task that failed, whatever it is."""
    message = str(result.data.get("msg") or result.data.get("censored") or "it gave no reason")
    # Any module may have something of that name.
    own = result.data.get("problem") if isinstance(result.data.get("problem"), dict) else None
    try:
        own = shape.problem(own) if own else None
    except shape.Odd:
        own = None
    if result.unreachable:
        message = f"The host cannot be reached: {message}"
    elif not own and result.data.get("evidence") and isinstance(result.data["evidence"], list):
        own = {"code": None, "summary": message, "evidence": list(map(str, result.data["evidence"])), "remedy": None}
    name = result.data.get("name") if result.module and not result.for_all else None
    activity = _ACTIVITIES.get(result.module, OTHER)
    return Finding(
        result.module or result.action,
        activity,
        name=name if isinstance(name, str) else None,
        host=None if result.for_all else host,
        msg=message,
        failed=True,
        problems=[_problem(own, message, result.task if not result.module else "")],
    )


def _problem(known: Json | None, message: str, what: str = "") -> Json:
    """A problem as it is known, or made of a message, which may have the code of a known one in it."""
    if known:
        return {key: known.get(key) for key in ("code", "summary", "evidence", "remedy")}
    code = next((found for found in _CODE.findall(message) if found in problems.BY_CODE), None)
    if code:
        kind = problems.BY_CODE[code]
        return {"code": code, "summary": kind.summary, "evidence": [message], "remedy": kind.remedy}
    return {"code": None, "summary": what or message, "evidence": [message] if what else [], "remedy": None}


def _differences(what: str, before: t.Any, after: t.Any, done: bool) -> list[Json]:
    """Keys of labels, annotations and properties with what they were and are; another object's change gives none."""
    old, new = (side if isinstance(side, dict) else {} for side in (before, after))
    if what.startswith("ManagedCluster "):
        parts = {word: (old.get(part), new.get(part)) for part, word in _PARTS.items()}
    elif what.startswith(f"ConfigMap {properties.NAMESPACE}/"):
        parts = {"property": (old, new)}
    else:
        return []
    found = []
    for part, sides in parts.items():
        was, is_now = (side if isinstance(side, dict) else {} for side in sides)
        found += [
            {"part": part, "key": key, "before": was.get(key), "after": is_now.get(key), "done": done}
            for key in dict.fromkeys([*was, *is_now])
            # Where a whole object goes, only the names of its keys are told.
            if was.get(key) != is_now.get(key) and not isinstance(was.get(key), list)
        ]
    return found


def _differences_of(diff: t.Any, name: str, done: bool) -> list[Json]:
    """Those of one WEC, of a diff that may be that of many."""
    if not isinstance(diff, dict):
        return []
    before, after = diff.get("before") or {}, diff.get("after") or {}
    own = (f"ManagedCluster {name}", f"ConfigMap {properties.NAMESPACE}/{name}")
    return [
        one for what in own for one in _differences(what, before.get(f"ITS: {what}"), after.get(f"ITS: {what}"), done)
    ]


def _attempt(result: TaskResult, step: str) -> Json:
    """A step that failed: only the controller has seen when."""
    return {
        "step": step,
        "started": times.show(result.started),
        "ended": times.show(result.ended),
        "clock": timeline.CONTROLLER_CLOCK,
        "failed": True,
    }


def _missed(result: TaskResult, reached: t.Sequence[Json]) -> Json:
    """The first step that a WEC was waited for in vain."""
    known = {one["step"] for one in reached}
    awaited = (timeline.ANNOUNCED, timeline.ACCEPTED, timeline.APPROVED, timeline.JOINED, timeline.AVAILABLE)
    return _attempt(result, next((step for step in awaited if step not in known), timeline.ADDON))


_ACTIVITIES = {
    "wec_plan": PLAN,
    "wec_join": REGISTER,
    "wec_accept": REGISTER,
    "wec_configure": CONFIGURE,
    "wec_label": CONFIGURE,
    "wec_properties": CONFIGURE,
    "wec_status": STATUS,
    "wec_leftovers": LEFTOVERS,
    "wec_upgrade": UPGRADE,
    "wec_rotate": ROTATE,
}
_READERS: dict[str, t.Callable[[TaskResult], t.Iterator[Finding]]] = {
    "wec_plan": _plan,
    "wec_accept": _verdicts,
    "wec_configure": _verdicts,
    "wec_label": _verdicts,
    "wec_properties": _verdicts,
    "wec_status": _status,
    "wec_leftovers": _leftovers,
    "wec_join": _join,
    "wec_upgrade": _upgrade,
    "wec_rotate": _upgrade,
    "wec_result": _result,
}

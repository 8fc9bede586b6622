# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: what happened to each WEC, put together from what the results of the tasks say."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from ..observed import readable
from ..status import problems, states, timeline, times
from .report_reading import CONFIGURE, DEREGISTER, FACTS, OTHER, REGISTER, ROTATE, UPGRADE, Finding, TaskResult, read

Json = dict[str, t.Any]

SCHEMA_VERSION = "2.0"
"""Of docs/report.schema.json: what is added raises the second number, any other change the first."""
FAILED, IN_TROUBLE, DRIFTED, CHANGED, TO_CHANGE, NOT_REACHED, IN_SYNC = (
    "failed",
    "in_trouble",
    "drifted",
    "changed",
    "to_change",
    "not_reached",
    "in_sync",
)
OUTCOMES = (FAILED, IN_TROUBLE, DRIFTED, NOT_REACHED, CHANGED, TO_CHANGE, IN_SYNC)
"""The worst first."""
TROUBLES = (FAILED, IN_TROUBLE, DRIFTED, NOT_REACHED)
"""Somebody has to look."""
_ACTING = (REGISTER, CONFIGURE, UPGRADE, ROTATE, DEREGISTER)
_FOLLOWS = frozenset({"bootstrap_token_expired"})
"""What a run that fails brings about itself: never the first cause."""
_CLOCKS_DIFFER = datetime.timedelta(seconds=2)
"""Times are told to the second."""
_IN_RUN = datetime.timedelta(days=30)
"""What is farther away from the beginning of the run is no part of it, whatever clock says so."""


@dataclasses.dataclass(eq=False)
class Wec:
    """One WEC, or a host of which nothing shows which WEC it is."""

    name: str
    host: str | None = None
    its: str | None = None
    facts: Json = dataclasses.field(default_factory=dict)
    msg: str | None = None
    changed: bool = False
    acted: bool = False
    planned: bool = False
    would_change: bool = False
    failures: dict[str, list[Json]] = dataclasses.field(default_factory=dict)
    """By what failed: it counts until the same succeeds."""
    seen: list[Json] = dataclasses.field(default_factory=list)
    """Problems that the last look at it has shown."""
    foreseen: tuple[list[Json], list[Json]] = ([], [])
    """Steps and differences that were only planned."""
    steps: list[Json] = dataclasses.field(default_factory=list)
    differences: dict[tuple[str, str], Json] = dataclasses.field(default_factory=dict)
    reached: dict[str, Json] = dataclasses.field(default_factory=dict)
    drift: list[Json] = dataclasses.field(default_factory=list)
    messages: set[str] = dataclasses.field(default_factory=set)

    def note(self, one: Finding) -> None:
        facts = dict(one.facts)
        self.facts.setdefault("state_before", facts.pop("state_before", None) or facts.get("state"))
        self.facts.update(facts)
        self.host, self.its = self.host or one.host, self.its or one.its
        if one.failed:
            is_reported = one.activity == OTHER and one.msg is not None and self._has_reported(one.msg)
            self.failures[one.source] = [] if is_reported else one.problems
        else:
            self.failures.pop(one.source, None)
            # What has failed may have a cause that a later look shows; and what one look shows, the next may not.
            self.seen = one.problems
        if one.msg and (one.failed or not self.failures):
            self.msg = one.msg
        if one.msg and one.activity != OTHER:
            self.messages.add(one.msg)
        self.changed |= one.changed
        self.planned |= one.wanted and not one.acts
        self.would_change |= one.wanted and one.acts
        self.drift = one.drift or self.drift
        for step in one.timeline:
            self.reached[step["step"]] = step
        if one.acts:
            self.acted = True
            self.steps += one.steps
            self._note_differences(one.differences)
        elif one.steps or one.differences:
            self.foreseen = (one.steps, one.differences)

    def _has_reported(self, message: str) -> bool:
        """Whether a task of the playbook only passes on what a result before it has said."""
        return any(known in message or message in known for known in self.messages)

    def _note_differences(self, found: t.Iterable[Json]) -> None:
        for one in found:
            key = (one["part"], one["key"])
            self.differences[key] = {**one, "before": self.differences.get(key, one)["before"]}

    @property
    def problems(self) -> list[Json]:
        """Each once, with all of its facts; the cause before what follows from it."""
        by_code: dict[str, Json] = {}
        for one in [*self.seen, *(problem for found in self.failures.values() for problem in found)]:
            key = one["code"] or one["summary"]
            known = by_code.setdefault(key, {**one, "evidence": []})
            known["evidence"] += [fact for fact in one["evidence"] or [] if fact not in known["evidence"]]
        coded = {fact for one in by_code.values() if one["code"] for fact in _texts(one)}
        found = [one for one in by_code.values() if one["code"] or not _is_reported(one, coded)]
        return sorted(found, key=lambda one: one["code"] in _FOLLOWS)

    def outcome(self, stopped: bool) -> str:
        """``stopped``: the run was to act, so that what was planned and not done was not reached."""
        if self.failures:
            return FAILED
        if self.seen:
            return IN_TROUBLE
        if self.drift:
            return DRIFTED
        if self.planned and not self.acted:
            return NOT_REACHED if stopped else TO_CHANGE
        if self.would_change:
            return TO_CHANGE
        return CHANGED if self.changed else IN_SYNC

    def as_data(self, stopped: bool, run_started: datetime.datetime) -> Json:
        steps, differences = self.steps, list(self.differences.values())
        if not self.acted:
            steps, differences = self.foreseen
        facts = {key: self.facts.get(key) for key in FACTS}
        return {
            "name": self.name,
            "host": self.host,
            "its": self.its,
            "outcome": self.outcome(stopped),
            "changed": self.changed,
            "msg": self.msg,
            **facts,
            "problems": self.problems,
            "timeline": _laid_out(list(self.reached.values()), run_started),
            "steps": steps,
            "differences": [one for one in differences if one["before"] != one["after"]],
            "drift": self.drift,
        }


def _texts(problem: Json) -> list[str]:
    return [str(problem["summary"]), *(str(fact) for fact in problem["evidence"])]


def _is_reported(problem: Json, facts: t.Collection[str]) -> bool:
    """Whether what a task of the playbook only passed on is known with its code already."""
    text = " ".join(_texts(problem))
    return any(fact and fact in text for fact in facts)


def _laid_out(reached: list[Json], run_started: datetime.datetime) -> list[Json]:
    """In the order of time; what belongs to this run with how long it took since what was before it."""
    found = sorted(reached, key=lambda one: (one["ended"], timeline.STEPS.index(one["step"])))
    # By the clock of the times that it is compared with, where that is known.
    begun = [times.parse(one["started"]) for one in found if one["started"] and one["clock"] == timeline.ITS_CLOCK]
    began = min((one for one in begun if one is not None and abs(one - run_started) <= _IN_RUN), default=run_started)
    laid: list[Json] = []
    before: datetime.datetime | None = None
    for one in found:
        started, ended = times.parse(one["started"]), t.cast(datetime.datetime, times.parse(one["ended"]))
        in_run = ended - began >= -_CLOCKS_DIFFER and abs(ended - run_started) <= _IN_RUN
        if started is not None and abs(started - run_started) > _IN_RUN:
            started = None
        if one.get("failed") and started and before and before > started:
            # It was waited for since before it was its turn.
            started = before
        since = started or before
        seconds = round(max(0.0, (ended - since).total_seconds()), 1) if in_run and since else None
        laid.append(
            {
                "step": one["step"],
                "started": times.show(started),
                "ended": one["ended"],
                "clock": one["clock"],
                "seconds": seconds,
                "in_run": in_run,
                "failed": bool(one.get("failed")),
            }
        )
        if in_run:
            before = ended
    return laid


def _row(one: Wec, stopped: bool, run_started: datetime.datetime) -> Json:
    try:
        return one.as_data(stopped, run_started)
    except Exception as error:
        return _unshown_row(one.name, one.host, one.its, error)


def _unshown_row(name: str, host: str | None, its: str | None, error: Exception) -> Json:
    """In place of a row that cannot be shown."""
    fact = f"what the results say of it cannot be shown: {readable.why(error)}"
    stub = Wec(name, host, its, msg=fact, failures={"report": [problems.of("unexpected_answer", fact).as_data()]})
    return stub.as_data(False, datetime.datetime.now(datetime.timezone.utc))


def written(data: Json, writer: t.Callable[[Json], str]) -> str:
    """What ``writer`` makes of a report. Rows that it cannot write are told as such, and the others are written.

    Raises what ``writer`` raises for a report without any row.
    """
    try:
        return writer(data)
    except Exception:
        writer({**data, "wecs": []})
        return writer({**data, "wecs": [_writable(data, one, writer) for one in data["wecs"]]})


def _writable(data: Json, row: Json, writer: t.Callable[[Json], str]) -> Json:
    try:
        writer({**data, "wecs": [row]})
    except Exception as error:
        return _unshown_row(str(row["name"]), row["host"], row["its"], error)
    return row


class Report:
    """Takes results in as they come, and keeps only what it tells."""

    def __init__(self, started: datetime.datetime, check_mode: bool = False) -> None:
        self._started, self._check_mode = started, check_mode
        self._wecs: list[Wec] = []
        self._by_host: dict[str, list[Wec]] = {}
        self._by_name: dict[str, list[Wec]] = {}
        self._playbooks: dict[str, None] = {}
        self._activities: dict[str, None] = {}
        self._problems: list[Json] = []
        self._is_of_wecs = False

    @property
    def is_of_wecs(self) -> bool:
        """Whether any result was one of the collection's own."""
        return self._is_of_wecs

    def note_playbook(self, name: str) -> None:
        self._playbooks[name] = None

    def note(self, result: TaskResult) -> list[str]:
        """Gives what of it cannot be shown; the report says so, too. Never raises."""
        self._is_of_wecs |= bool(result.module)
        unshown = []
        for one in read(result):
            if one.is_unshown and one.msg:
                unshown.append(f"{one.name or one.host}: {one.msg}" if one.name or one.host else one.msg)
            if one.activity != OTHER:
                self._activities[one.activity] = None
            if one.name is None and one.host is None:
                self._problems += [problem for problem in one.problems if problem not in self._problems]
                continue
            for wec in self._those(one):
                wec.note(one)
        return unshown

    def _those(self, one: Finding) -> list[Wec]:
        """The WECs that a finding is about: of a host alone, all that it has."""
        name = one.name if one.name is not None else one.host or ""
        of_host = self._by_host.get(one.host, []) if one.host is not None else []
        if one.name is None and of_host:
            return of_host
        named = [wec for wec in of_host if wec.name == name]
        if not named:
            same = [wec for wec in self._by_name.get(name, []) if one.host is None or wec.host is None]
            # The addresses of one ITS may differ, but two ITSs may have WECs of one name.
            named = [wec for wec in same if None in (one.its, wec.its) or wec.its == one.its]
            if not named and one.host is None and len(same) == 1:
                named = same
        if not named and of_host and all(wec.its is None for wec in of_host):
            # Until now only the host's own name was known.
            named = of_host[:1]
            self._by_name[named[0].name].remove(named[0])
            named[0].name = name
            self._by_name.setdefault(name, []).append(named[0])
        wec = named[0] if named else self._new(one, name)
        if one.host is not None and wec not in of_host:
            self._by_host.setdefault(one.host, []).append(wec)
        return [wec]

    def _new(self, one: Finding, name: str) -> Wec:
        wec = Wec(name, one.host, one.its)
        self._wecs.append(wec)
        self._by_name.setdefault(name, []).append(wec)
        return wec

    def as_data(self, ended: datetime.datetime, version: str, title: str) -> Json:
        """What docs/report.schema.json describes."""
        stopped = not self._check_mode and any(activity in self._activities for activity in _ACTING)
        ordered = sorted(self._wecs, key=lambda one: (one.name, one.its or ""))
        wecs = [_row(one, stopped, self._started) for one in ordered]
        outcomes = collections.Counter(one["outcome"] for one in wecs)
        found = collections.Counter(one["state"] or states.UNKNOWN for one in wecs)
        return {
            "schema_version": SCHEMA_VERSION,
            "generator": {"collection": "kubestellar.wec", "version": version},
            "title": title,
            "run": {
                "playbooks": list(self._playbooks),
                "activities": list(self._activities),
                "check_mode": self._check_mode,
                "started": times.show(self._started),
                "ended": times.show(ended),
                "seconds": round((ended - self._started).total_seconds(), 1),
                "its": sorted({one["its"] for one in wecs if one["its"]}),
                "problems": self._problems,
            },
            "summary": {
                "wecs": len(wecs),
                "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES if outcomes[outcome]},
                "states": dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))),
                "problems": dict(
                    collections.Counter(
                        problem["code"] or "other" for one in wecs for problem in one["problems"]
                    ).most_common()
                ),
            },
            "wecs": wecs,
        }


def summary(report: Json) -> str:
    """The report in one line."""
    count = report["summary"]["wecs"]
    outcomes = ", ".join(f"{number} {WORDS[outcome]}" for outcome, number in report["summary"]["outcomes"].items())
    text = f"{count} WEC{'' if count == 1 else 's'}: {outcomes or 'none'}"
    return f"{text}; the run itself: {report['run']['problems'][0]['summary']}" if report["run"]["problems"] else text


WORDS = {
    FAILED: "failed",
    IN_TROUBLE: "in trouble",
    DRIFTED: "drifted",
    NOT_REACHED: "not reached",
    CHANGED: "changed",
    TO_CHANGE: "to be changed",
    IN_SYNC: "in sync",
}

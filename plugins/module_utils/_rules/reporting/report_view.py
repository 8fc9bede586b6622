# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page of a report shows: words, groups and lengths, made of the report's data."""

from __future__ import annotations

import datetime
import re
import statistics
import typing as t

from ..outside import screen
from ..status import statuses, timeline, times
from . import report

Json = dict[str, t.Any]

STEP_WORDS = {
    timeline.JOIN: "Agent installed",
    timeline.ANNOUNCED: "Announced",
    timeline.ACCEPTED: "Accepted",
    timeline.APPROVED: "Approved",
    timeline.JOINED: "Joined",
    timeline.AVAILABLE: "Available",
    timeline.ADDON: "Add-on available",
    timeline.PROBE: "Probe seen",
    timeline.CONFIGURE: "Configured",
    timeline.LEAVE: "Left",
}
ACTIVITY_WORDS = {
    "plan": "plan",
    "register": "registration",
    "configure": "configuration",
    "deregister": "deregistration",
    "status": "status",
    "leftovers": "leftovers",
}
_LONGEST = 600
_MOST = 12
_NAMES = 30
_FACTS = (
    ("Host", "host"),
    ("ITS", "its"),
    ("Kubernetes", "kubernetes_version"),
    ("Distribution", "distribution"),
    ("Klusterlet", "klusterlet_version"),
    ("Cluster set", "cluster_set"),
    ("In this state since", "since"),
    ("Certificate expires", "certificate_expires"),
    ("Status add-on", "addon"),
    ("Probe", "probe"),
)
_NUMBER = re.compile("([0-9]+)")
_DIGITS = 20


def shown(value: t.Any) -> str:
    """A text as the page shows it: not endless, without what is not text or turns its direction."""
    text = screen.shown(str(value))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def of(data: Json) -> Json:
    """Everything that the template needs."""
    wecs = data["wecs"]
    began, ended = _axis(wecs)
    several = len(data["run"]["its"]) > 1
    rows = [
        _row({**one, "its": one["its"] if several else None}, number, began, ended) for number, one in enumerate(wecs)
    ]
    return {
        **data,
        "duration": _length(data["run"]["seconds"]),
        "activities": [ACTIVITY_WORDS[one] for one in data["run"]["activities"]],
        "outcomes": _shares(data["summary"]["outcomes"], len(wecs), report.WORDS),
        "states": _shares(data["summary"]["states"], len(wecs), {}),
        "troubled": sum(data["summary"]["outcomes"].get(one, 0) for one in report.TROUBLES),
        "groups": _groups(rows),
        "drifts": [{**one, "row": row["id"], "wec": row["name"]} for row in rows for one in row["drift"]],
        "paces": _paces(wecs),
        "has_bars": any(row["bars"] for row in rows),
        "ticks": _ticks(began, ended),
        "rows": sorted(rows, key=lambda row: (report.OUTCOMES.index(row["outcome"]), _natural(row["name"]))),
        "words": report.WORDS,
        "steps_shown": [
            (_key(step), STEP_WORDS[step])
            for step in timeline.STEPS
            if any(step in row["steps_in_run"] for row in rows)
        ],
    }


def _shares(counts: Json, total: int, words: t.Mapping[str, str]) -> list[Json]:
    return [
        {
            "key": key,
            "word": words.get(key, key.replace("_", " ")),
            "count": count,
            "share": round(100 * count / total, 3),
        }
        for key, count in counts.items()
    ]


def _row(wec: Json, number: int, began: datetime.datetime | None, ended: datetime.datetime | None) -> Json:
    steps = [
        {**one, "key": _key(one["step"]), "word": STEP_WORDS[one["step"]], "length": _seconds(one["seconds"])}
        for one in wec["timeline"]
    ]
    in_run = [one for one in steps if one["in_run"]]
    total = sum(one["seconds"] or 0 for one in in_run)
    return {
        **wec,
        "id": f"w{number}",
        "state": wec["state"] or "unknown",
        "steps_in_time": steps,
        "steps_in_run": {one["step"] for one in in_run},
        "bars": _bars(in_run, began, ended),
        "took": _length(total) if in_run else "",
        "facts": [
            *((word, wec[key]) for word, key in _FACTS if wec[key] and not (key == "host" and wec[key] == wec["name"])),
            *_workload(wec),
        ],
        "problems": [{**one, "evidence": one["evidence"][:_MOST]} for one in wec["problems"]],
        # What was done shows in the timeline and the differences.
        "plain_steps": [one for one in wec["steps"] if not one["done"] or not steps][:_MOST],
    }


def _workload(wec: Json) -> t.Iterator[tuple[str, str]]:
    """What it runs, and for which BindingPolicies."""
    works = wec["works"]
    if works and works["count"]:
        yield "ManifestWorks", f"{works['available']} of {works['count']} available"
    if wec["binding_policies"]:
        policies = [statuses.PolicyState(**one).shown for one in wec["binding_policies"]]
        yield "BindingPolicies", screen.listed(policies, _MOST)


def _natural(name: str) -> list[tuple[int, str]]:
    """edge-9 before edge-10."""
    # Python refuses to read numbers of thousands of digits.
    return [
        (int(part), "") if part.isdecimal() and len(part) <= _DIGITS else (-1, part) for part in _NUMBER.split(name)
    ]


def _key(step: str) -> str:
    """Short, because it is there ten thousand times: the style sheet has colours for t1 to t10."""
    return f"t{timeline.STEPS.index(step) + 1}"


# -- time --------------------------------------------------------------------------------------------------------


def _span(step: Json, before: datetime.datetime | None) -> tuple[datetime.datetime, datetime.datetime]:
    ended = t.cast(datetime.datetime, times.parse(step["ended"]))
    return times.parse(step["started"]) or before or ended, ended


def _axis(wecs: t.Sequence[Json]) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """From the first to the last moment of the run that any WEC tells of."""
    spans = [_span(step, None) for wec in wecs for step in wec["timeline"] if step["in_run"]]
    if not spans:
        return None, None
    return min(began for began, _end in spans), max(ended for _began, ended in spans)


def _bars(steps: t.Sequence[Json], began: datetime.datetime | None, ended: datetime.datetime | None) -> list[Json]:
    """Where each step begins and how long it is, in per cent of the run. What takes no second is there all the same."""
    if began is None or ended is None or ended <= began:
        return []
    length, before = (ended - began).total_seconds(), None
    bars = []
    for step in steps:
        start, end = _span(step, before)
        before = end
        left = 100 * (start - began).total_seconds() / length
        width = 100 * (end - start).total_seconds() / length
        bars.append(
            {
                "key": _key(step["step"]),
                "left": f"{min(left, 99.3):.3g}",
                "width": f"{max(width, 0.7):.3g}",
                "failed": step["failed"],
            }
        )
    return bars


def _ticks(began: datetime.datetime | None, ended: datetime.datetime | None) -> list[str]:
    if began is None or ended is None or ended <= began:
        return []
    length = (ended - began).total_seconds()
    return [_length(length * part / 4) for part in range(5)]


def _paces(wecs: t.Sequence[Json]) -> list[Json]:
    """How long each step took over the fleet."""
    found: dict[str, list[tuple[float, str]]] = {}
    for wec in wecs:
        for step in wec["timeline"]:
            if step["in_run"] and step["seconds"] is not None and not step["failed"]:
                found.setdefault(step["step"], []).append((step["seconds"], wec["name"]))
    slowest = max((max(those)[0] for those in found.values()), default=0) or 1
    paces = []
    for name in timeline.STEPS:
        if name in found:
            seconds = sorted(one for one, _wec in found[name])
            late = seconds[max(0, -(-9 * len(seconds) // 10) - 1)]
            most, slowest_wec = max(found[name])
            median = statistics.median(seconds)
            paces.append(
                {
                    "key": _key(name),
                    "word": STEP_WORDS[name],
                    "count": len(seconds),
                    "median": _seconds(median),
                    "late": _seconds(late),
                    "most": _seconds(most),
                    "wec": slowest_wec,
                    "width": round(100 * median / slowest, 2),
                    "late_width": round(100 * late / slowest, 2),
                }
            )
    return paces


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return "< 1 s" if seconds < 1 else _length(seconds)


def _length(seconds: float) -> str:
    """Such as 42 s, 3 min 5 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")


# -- problems ----------------------------------------------------------------------------------------------------


def _groups(rows: t.Sequence[Json]) -> list[Json]:
    """Each problem once, with the WECs that have it, the most frequent first."""
    groups: dict[str, Json] = {}
    for row in rows:
        for problem in row["problems"]:
            key = problem["code"] or problem["summary"]
            group = groups.setdefault(key, {**problem, "evidence": [], "wecs": [], "more": 0})
            if len(group["wecs"]) < _NAMES:
                group["wecs"].append((row["id"], row["name"]))
            else:
                group["more"] += 1
            if len(group["evidence"]) < 5:
                group["evidence"] += [(row["name"], fact) for fact in problem["evidence"][:1]]
    return sorted(groups.values(), key=lambda group: (-len(group["wecs"]) - group["more"], group["summary"]))

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of what goes into a report, checked as it comes in: results may be those of a host that lies.

Each function gives what it was given, brought to the one form that docs/report.schema.json describes, or raises Odd.
"""

from __future__ import annotations

import datetime
import typing as t

from ..status import timeline, times

Json = dict[str, t.Any]
_CLOCKS = (timeline.ITS_CLOCK, timeline.WEC_CLOCK, timeline.CONTROLLER_CLOCK)
_MAPS = ("labels", "properties")


class Odd(Exception):
    """A value is none that a report can show; the text says which, and quotes nothing."""


def mapping(value: t.Any, what: str) -> Json:
    if not isinstance(value, dict):
        raise Odd(f"{what} is not a mapping")
    return value


def listed(value: t.Any, what: str) -> list[t.Any]:
    """Nothing at all is an empty list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Odd(f"{what} is not a list")
    return value


def text(value: t.Any, what: str) -> str:
    if not isinstance(value, str):
        raise Odd(f"{what} is not text")
    return value


def text_or_none(value: t.Any, what: str) -> str | None:
    return None if value is None else text(value, what)


def facts(found: Json) -> Json:
    return {
        key: _SHAPES.get(key, mapping if key in _MAPS else text)(value, key)
        for key, value in found.items()
        if value is not None
    }


def number(value: t.Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Odd(f"{what} is not a number")
    return value


def works(value: t.Any, what: str) -> Json:
    found = mapping(value, what)
    return {key: number(found.get(key), f"{what}.{key}") for key in ("count", "applied", "available")}


def policies(value: t.Any, what: str) -> list[Json]:
    return [_policy(mapping(one, what), what) for one in listed(value, what)]


def _policy(found: Json, what: str) -> Json:
    texts = {key: text(found.get(key), f"{what}.{key}") for key in ("name", "statuses")}
    return {**texts, **{key: number(found.get(key), f"{what}.{key}") for key in ("works", "available")}}


_SHAPES: dict[str, t.Callable[[t.Any, str], t.Any]] = {"works": works, "binding_policies": policies}


def problem(value: t.Any) -> Json:
    found = mapping(value, "a problem")
    return {
        "code": text_or_none(found.get("code"), "the code of a problem"),
        "summary": text(found.get("summary"), "the summary of a problem"),
        "evidence": [text(one, "the evidence of a problem") for one in listed(found.get("evidence"), "evidence")],
        "remedy": text_or_none(found.get("remedy"), "the remedy of a problem"),
    }


def step(value: t.Any) -> Json:
    found = mapping(value, "a step")
    texts = {key: text(found.get(key), f"the {key} of a step") for key in ("side", "verb", "object", "reason")}
    return {**texts, "done": bool(found.get("done"))}


def difference(value: t.Any) -> Json:
    found = mapping(value, "a difference")
    sides = {key: text_or_none(found.get(key), "the value of a label or property") for key in ("before", "after")}
    return {
        "part": text(found.get("part"), "the part of a difference"),
        "key": text(found.get("key"), "the key of a difference"),
        **sides,
        "done": bool(found.get("done")),
    }


def reached(value: t.Any) -> Json:
    found = mapping(value, "a step in time")
    if found.get("step") not in timeline.STEPS:
        raise Odd("a step in time is not a known one")
    if found.get("clock") not in _CLOCKS:
        raise Odd("a step in time is by no clock that is known")
    started = found.get("started")
    one: Json = {
        "step": found["step"],
        "started": None if started is None else times.show(_moment(started)),
        "ended": times.show(_moment(found.get("ended"))),
        "clock": found["clock"],
    }
    return {**one, "failed": True} if found.get("failed") else one


def drift(value: t.Any) -> Json:
    found = mapping(value, "a drift")
    return {
        "kind": text(found.get("kind"), "the kind of a drift"),
        "name": text_or_none(found.get("name"), "the name of a drift"),
        "host": text_or_none(found.get("host"), "the host of a drift"),
        "msg": text(found.get("msg"), "the message of a drift"),
        "before": found.get("before"),
        "after": found.get("after"),
    }


def _moment(value: t.Any) -> datetime.datetime:
    found = times.parse(value)
    if found is None:
        raise Odd("a step in time has an invalid time")
    return found

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of wec_status."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import InvalidOption, TimedOut
from .._operations import status
from .._operations.status import Status
from .._rules import states
from . import options
from .task import Task, check_names, has_wec_connection, its_of, wec_of

Json = dict[str, t.Any]
_TICK = 1.5

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "names": {"type": "list", "elements": "str", "aliases": ["name"]},
        "hub_apiserver": {"type": "str"},
        "wait_for": {"type": "str", "choices": list(states.ALL)},
        "wait_timeout": {"type": "int", "default": 300},
        "show_table": {"type": "bool", "default": False},
        "wec_run_on": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
        **options.its(),
        **options.wec(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    names = None if given["names"] is None else list(dict.fromkeys(given["names"]))
    check_names(task, {f"names[{index}]": name for index, name in enumerate(names or [])})
    both_sides = has_wec_connection(task) and given["wec_run_on"] != "host"
    if both_sides and (names is None or len(names) != 1):
        raise InvalidOption(
            "names", names, "must be one name where the WEC's own API is asked too", "Leave out the WEC's connection"
        )
    with its_of(task) as its, _wec(task, both_sides) as wec:
        its.require_hub()
        deadline = time.monotonic() + given["wait_timeout"]
        while True:
            found = _look(task, its, names, wec)
            late = [one for one in found if given["wait_for"] and one.state.name != given["wait_for"]]
            if not late:
                break
            if time.monotonic() >= deadline:
                raise TimedOut(_late_text(late, given["wait_for"], given["wait_timeout"]), wecs=_data(found))
            time.sleep(min(_TICK, max(0.0, deadline - time.monotonic())))
        if given["show_table"]:
            for line in status.table(found):
                task.progress(line)
        return {"changed": False, "wecs": _data(found), "its": its.kube.connection.as_data()}


def _wec(task: Task, both_sides: bool) -> t.ContextManager[Wec | None]:
    """Its credential plugin runs once, however often the WEC is looked at."""
    return wec_of(task) if both_sides else contextlib.nullcontext()


def _look(task: Task, its: Its, names: list[str] | None, wec: Wec | None) -> list[Status]:
    if wec is None or names is None:
        return status.of_fleet(its, names)
    return [status.of_one(its, wec, names[0], task.params["hub_apiserver"])]


def _data(found: t.Iterable[Status]) -> list[Json]:
    return [one.as_data() for one in found]


def _late_text(late: t.Sequence[Status], wanted: str, timeout: int) -> str:
    return f"Not {wanted} after {timeout} s: " + " ".join(one.message for one in late)

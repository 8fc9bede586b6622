# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_leftovers."""

from __future__ import annotations

import typing as t

from .._apis import connection
from .._apis.its import Its
from .._errors import InvalidOption
from .._rules import leaving, leftovers, states
from .._rules.leftovers import Leftover
from . import options
from .task import Task, check_names, has_wec_connection, its_of, wec_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "names": {"type": "list", "elements": "str"},
        "name": {"type": "str"},
        "hub_apiserver": {"type": "str"},
        "show_table": {"type": "bool", "default": False},
        **options.its(),
        **options.wec(),
        **options.common(),
    },
    "mutually_exclusive": [("name", "names")],
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    wanted = {f"names[{index}]": name for index, name in enumerate(given["names"] or [])}
    check_names(task, {**wanted, **({"name": given["name"]} if given["name"] is not None else {})})
    # Environment variables may be there for other tasks of the run: only an option says that this one is to ask a WEC.
    if given["name"] is None and connection.is_given(connection.WEC, given, {}):
        raise InvalidOption(
            "name", None, "is needed where a WEC's own API is asked", "Set it, or leave out the WEC's connection"
        )
    with its_of(task) as its:
        its.require_hub()
        found = _of_one(task, its, given["name"]) if given["name"] is not None else _of_its(its, given["names"])
        if given["show_table"]:
            for line in _lines(found):
                task.progress(line)
            if not found and given["name"] is None:
                task.progress(f"{its.kube.connection.server}: {_summary(found)}")
        return {
            "changed": False,
            "leftovers": [one.as_data() for one in found],
            "msg": _summary(found),
            "its": its.kube.connection.as_data(),
        }


def _of_its(its: Its, inventory: list[str] | None) -> list[Leftover]:
    return leftovers.on_its(its.holdings(), None if inventory is None else set(inventory), its.now())


def _of_one(task: Task, its: Its, name: str) -> list[Leftover]:
    """What is left over of one WEC, on both sides if both may be asked."""
    found = [one for one in leftovers.on_its(its.holdings(), None, its.now()) if one.wec == name]
    if not has_wec_connection(task):
        return found
    with wec_of(task) as wec:
        its_side, wec_side = its.departing(name), wec.departing(name, its)
        hub = its.identity(task.params["hub_apiserver"])
        state = leaving.membership(name, wec_side.view, its_side.view, hub, its.now())
        if state.name in (states.OTHER_HUB, states.OTHER_NAME):
            return found
        return found + leftovers.on_wec(name, its_side, wec_side)


def _lines(found: t.Iterable[Leftover]) -> list[str]:
    """One for all objects of a WEC that the same is to be done about."""
    objects: dict[tuple[str, str], list[str]] = {}
    for one in found:
        objects.setdefault((one.wec, one.remedy), []).append(str(one))
    return [f"{wec}: {'; '.join(those)}. {remedy}." for (wec, remedy), those in objects.items()]


def _summary(found: list[Leftover]) -> str:
    if not found:
        return "Nothing is left over."
    names = [f"{one.kind} {one.name} on the {one.side} ({one.reason.why})" for one in found[:10]]
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return f"{len(found)} left over: {'; '.join(names)}{more}."

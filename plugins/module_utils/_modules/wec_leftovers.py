# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_leftovers."""

from __future__ import annotations

import typing as t

from .._apis import connection
from .._apis.its import Its
from .._errors import InvalidOption, WecError
from .._operations import credentials
from .._rules.deregistration import leaving, leftovers
from .._rules.deregistration.leftovers import Leftover
from .._rules.fleet.plan import Plan, Step
from .._rules.status import states
from . import options
from .task import Task, check_names, has_wec_connection, its_of, wec_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "names": {"type": "list", "elements": "str"},
        "name": {"type": "str"},
        "hub_apiserver": {"type": "str"},
        "remove": {"type": "list", "elements": "str", "choices": sorted(leftovers.REMOVABLE), "default": []},
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
    if given["name"] is not None and given["remove"]:
        raise InvalidOption(
            "remove", ", ".join(given["remove"]), "is for a whole ITS", "Leave out name and the WEC's connection"
        )
    with its_of(task) as its:
        its.require_hub()
        unseen: list[str] = []
        if given["name"] is not None:
            found = _of_one(task, its, given["name"])
        else:
            found, unseen = _of_its(its, given["names"])
        if leftovers.LASTING_TOKENS in given["remove"] and unseen:
            raise WecError(f"{its.kube.connection.option}: nothing was removed: {'; '.join(unseen)}. Grant this right.")
        codes = {code for one in given["remove"] for code in leftovers.REMOVABLE[one]}
        going = [one for one in found if one.reason.code in codes]
        steps = [_step(one) for one in going]
        if not task.check_mode:
            for one in going:
                namespace, _slash, name = one.name.partition("/")
                its.delete_secret(namespace, name, one.uid)
        left = [one for one in found if one not in going]
        summary = _summary(left)
        if going:
            verb = "would be" if task.check_mode else "was" if len(going) == 1 else "were"
            summary = f"{', '.join(f'{one.kind} {one.name}' for one in going)} {verb} deleted. {summary}"
        if given["show_table"]:
            lines = [*_lines(left), *(f"Not looked at: {one}." for one in unseen)]
            for line in lines:
                task.progress(line)
            if given["name"] is None and (going or not lines):
                task.progress(f"{its.kube.connection.server}: {summary}")
        return {
            "changed": bool(going),
            "leftovers": [one.as_data() for one in left],
            "removed": [one.as_data() for one in going],
            "unseen": unseen,
            "steps": [step.as_data() for step in steps],
            "diff": Plan(steps).diff(),
            "msg": summary,
            "its": its.kube.connection.as_data(),
        }


def _step(one: Leftover) -> Step:
    return Step("ITS", "delete", f"{one.kind} {one.name}", one.reason.why, {"there": True}, None)


def _of_its(its: Its, inventory: list[str] | None) -> tuple[list[Leftover], list[str]]:
    names = None if inventory is None else set(inventory)
    found = leftovers.on_its(its.holdings(), names, its.now(), credentials.unused(its))
    lasting, unseen = its.lasting_tokens()
    return [*found, *leftovers.of_lasting_tokens(lasting)], unseen


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
        objects.setdefault((one.wec or "The ITS", one.remedy), []).append(str(one))
    return [f"{wec}: {'; '.join(those)}. {remedy}." for (wec, remedy), those in objects.items()]


def _summary(found: list[Leftover]) -> str:
    if not found:
        return "Nothing is left over."
    names = [f"{one.kind} {one.name} on the {one.side} ({one.reason.why})" for one in found[:10]]
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return f"{len(found)} left over: {'; '.join(names)}{more}."

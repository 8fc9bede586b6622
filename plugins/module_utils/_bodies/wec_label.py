# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_label."""

from __future__ import annotations

import typing as t

from .._errors import InvalidOption, InvalidOptions
from .._operations import labelling
from .._operations.labelling import Wish
from .._rules import labels as rules
from .._rules.plan import Plan
from . import options
from .task import Task, check_names, its_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str"},
        "labels": {"type": "dict"},
        "wecs": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "labels": {"type": "dict", "required": True},
            },
        },
        "state": {"type": "str", "choices": [rules.PRESENT, rules.ABSENT, rules.EXACT], "default": rules.PRESENT},
        "protected": {"type": "list", "elements": "str", "default": []},
        **options.its(),
        **options.common(),
    },
    "mutually_exclusive": [("name", "wecs"), ("labels", "wecs")],
    "required_one_of": [("name", "wecs")],
    "required_together": [("name", "labels")],
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    wishes = _wishes(given)
    places = [f"wecs[{index}]." if given["wecs"] is not None else "" for index in range(len(wishes))]
    check_names(task, {f"{place}name": wish.name for place, wish in zip(places, wishes, strict=True)})
    InvalidOptions.raise_for(
        [fault for place, wish in zip(places, wishes, strict=True) for fault in _faults(place, wish)]
    )
    with its_of(task) as its:
        its.require_hub()
        verdicts = labelling.plan(its, wishes)
        whole = Plan([step for verdict in verdicts for step in verdict.plan.steps])
        if not task.check_mode:
            labelling.apply(its, verdicts)
        data = {verdict.name: verdict.as_data() for verdict in verdicts}
        result: Json = {
            "changed": any(one["changed"] for one in data.values()),
            "diff": whole.diff(),
            "verdicts": data,
            "its": its.kube.connection.as_data(),
        }
        failed = [one["msg"] for one in data.values() if one["failed"]]
        if failed:
            result.update(failed=True, msg=" ".join(failed))
        return result


def _wishes(given: t.Mapping[str, t.Any]) -> list[Wish]:
    entries = given["wecs"] if given["wecs"] is not None else [{"name": given["name"], "labels": given["labels"]}]
    protected = tuple(given["protected"])
    unique = {one["name"]: one["labels"] for one in entries}
    return [Wish(name, labels, given["state"], protected) for name, labels in unique.items()]


def _faults(place: str, wish: Wish) -> t.Iterator[InvalidOption]:
    for key, value in wish.labels.items():
        option = f"{place}labels[{key}]"
        fault = rules.key_fault(str(key))
        if fault:
            yield InvalidOption(option, None, f"the key {fault}")
        if rules.is_protected(str(key), wish.protected):
            yield InvalidOption(option, None, "the key is protected: it belongs to the system, or matches 'protected'")
        if wish.state != rules.ABSENT:
            fault = rules.value_fault(value)
            if fault:
                yield InvalidOption(option, value, fault)

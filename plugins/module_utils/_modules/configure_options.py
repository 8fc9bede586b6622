# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What wec_label, wec_properties and wec_configure have in common: they differ in what they let a user say."""

from __future__ import annotations

import contextlib
import types
import typing as t

from .. import _wording
from .._errors import InvalidOption, InvalidOptions
from .._operations.configuring import Configuring, Overrides, Verdict
from .._operations.delivering import Settling
from .._rules.desired import field_ownership, merging, schema
from .._rules.desired import labels as label_rules
from .._rules.desired import properties as property_rules
from .._rules.desired.configuration import DesiredState, Part
from .._rules.fleet import names
from .._rules.fleet.plan import Plan
from .._rules.outside import as_written, screen
from . import options
from .task import Task, check_names, has_wds_connection, its_of, repeated_names, require_named, wds_of

Json = dict[str, t.Any]
STATE: Json = {"type": "str", "choices": list(merging.STATES)}
PARTS = ("labels", "annotations", "properties")


def spec(own: t.Mapping[str, Json], states: t.Iterable[str]) -> Json:
    """The argument spec of a module that has these options of its own, for one WEC or for each of several."""
    several = {"name": {"type": "str", "required": True}, **own}
    return {
        "argument_spec": {
            "name": {"type": "str"},
            **own,
            "wecs": {"type": "list", "elements": "dict", "options": several},
            "hosts": {"type": "list", "elements": "str"},
            "stop_on_violation": {"type": "bool", "default": True},
            **dict.fromkeys(states, STATE),
            "protected": {"type": "list", "elements": "str", "default": []},
            "allow_withdrawal": {"type": "bool", "default": False},
            "allow_removal": {"type": "bool", "default": False},
            "allow_unaccepted": {"type": "bool", "default": False},
            "force_conflicts": {"type": "bool", "default": False},
            "deliver": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 60},
            **options.its(),
            **options.wds(),
            **options.common(),
        },
        "mutually_exclusive": [*options.NAMED_ONE_WAY, *((key, "wecs") for key in own)],
        "supports_check_mode": True,
    }


def run(task: Task, states: t.Mapping[str, str]) -> Json:
    """``states`` maps each part (labels, annotations, properties) to the option with its state."""
    given = task.params
    several = given["wecs"] is not None
    require_named(task)
    entries: list[Json] = given["wecs"] if several else [given]
    places = [f"wecs[{index}]." if several else "" for index in range(len(entries))]
    check_names(task, {f"{place}name": one["name"] for place, one in zip(places, entries, strict=True)})
    own_states = {part: given[option] or merging.PRESENT for part, option in states.items()}
    found = [
        fault
        for place, one in zip(places, entries, strict=True)
        for fault in faults_of(place, one, own_states, tuple(given["protected"]))
    ]
    InvalidOptions.raise_for([*found, *repeated_names([one["name"] for one in entries])])
    desired_states = [_desired_state(one, own_states, tuple(given["protected"])) for one in entries]
    with contextlib.ExitStack() as stack:
        its = stack.enter_context(its_of(task))
        wds = stack.enter_context(wds_of(task)) if has_wds_connection(task) else None
        its.require_hub()
        if wds is not None:
            wds.require_wds()
        allowed = Overrides(
            given["allow_withdrawal"],
            given["allow_removal"],
            given["allow_unaccepted"],
            given["deliver"],
            given["force_conflicts"],
        )
        configuring = Configuring(its, wds, allowed)
        verdicts = configuring.plan(desired_states)
        if not task.check_mode:
            configuring.apply(verdicts, Settling(its, wds, given["wait_timeout"], task.progress))
        for warning in configuring.warnings:
            task.warn(warning)
        connections = {"its": its.kube.connection.as_data()}
        if wds is not None:
            connections["wds"] = wds.kube.connection.as_data()
        return {**_result(verdicts, task.check_mode), **connections}


def _result(verdicts: t.Sequence[Verdict], foreseen: bool) -> Json:
    data = {verdict.name: verdict.as_data(foreseen) for verdict in verdicts}
    whole = Plan([step for verdict in verdicts for step in verdict.steps(foreseen)])
    result: Json = {
        "changed": any(one["changed"] for one in data.values()),
        "diff": whole.diff(),
        "verdicts": data,
    }
    failed = [one["msg"] for one in data.values() if one["failed"]]
    if failed:
        result.update(failed=True, msg=" ".join(map(screen.sentence, failed)))
    return result


def _desired_state(one: Json, states: t.Mapping[str, str], protected: tuple[str, ...]) -> DesiredState:
    def part(name: str) -> Part | None:
        return Part(one[name], states[name]) if one.get(name) is not None else None

    return DesiredState(
        one["name"],
        part("labels"),
        part("annotations"),
        part("properties"),
        one.get("cluster_set"),
        protected,
        field_ownership.TASK,
    )


def faults_of(
    place: str,
    one: Json,
    states: t.Mapping[str, str],
    protected: tuple[str, ...],
    variables: t.Mapping[str, t.Mapping[str, str]] = types.MappingProxyType({}),
) -> t.Iterator[InvalidOption]:
    """What cannot be asked for one WEC, whatever it has. ``place`` comes before the options' names; ``variables`` has, by
    options, the variables that their keys are from."""
    if all(one.get(field) is None for field in (*PARTS, "cluster_set")):
        fields = [field for field in (*PARTS, "cluster_set") if field in one]
        yield InvalidOption(f"{place}{fields[0]}", None, f"{' or '.join(fields)} must be given")
    for part, state in states.items():
        wanted = one.get(part) or {}
        for key, value in wanted.items():
            option = f"{place}{variables.get(part, {}).get(key, part)}[{key}]"
            if not isinstance(key, str):
                # YAML has such keys, and actions get them as they are.
                yield InvalidOption(option, None, f"the key {as_written.text_fault(key)}")
                continue
            if part != "properties" or state != merging.ABSENT:
                # What must not be set can be there all the same, and then be removed.
                yield from _key_faults(part, option, key, protected)
            if state != merging.ABSENT and value is None:
                where = "take it out of the inventory" if part in variables else "list it with the state absent"
                yield InvalidOption(option, None, "must be a string, and is null", f"To remove the key, {where}")
            elif state != merging.ABSENT:
                fault = _VALUE_FAULTS[part](value)
                if fault:
                    yield InvalidOption(option, value, fault)
        if part == "properties" and state != merging.ABSENT:
            texts = {str(key): value for key, value in wanted.items() if isinstance(value, str)}
            fault = property_rules.size_fault(texts)
            if fault:
                yield InvalidOption(f"{place}{part}", None, fault, "Make them smaller")
    cluster_set = one.get("cluster_set")
    if cluster_set is not None:
        fault = label_rules.value_fault(cluster_set) or ("must not be empty" if not cluster_set else None)
        if fault:
            yield InvalidOption(f"{place}cluster_set", cluster_set, fault)


def violations(
    one: Json, states: t.Mapping[str, str], variables: t.Mapping[str, t.Mapping[str, str]]
) -> t.Iterator[str]:
    """Everything that is wrong with what one WEC shall have, by the rules and by the fleet's own schema. Asks nobody.

    ``one`` has name, labels, annotations, properties, cluster_set, protected, schema and groups.
    """
    fault = names.fault(one["name"])
    if fault:
        yield f"{_wording.of_wec('name')}: {one['name']!r} {fault}"
    entry = {**{part: one[part] or {} for part in PARTS}, "cluster_set": one["cluster_set"]}
    for found in faults_of("", entry, states, tuple(one["protected"]), variables):
        yield found.message
    rules = one["schema"] or {}
    broken = schema.own_faults(rules)
    yield from broken
    if not broken:
        wanted = {part: entry[part] for part in PARTS if states[part] != merging.ABSENT}
        yield from schema.faults({part: rules[part] for part in rules if part in wanted}, wanted, one["groups"])


def _key_faults(part: str, option: str, key: str, protected: tuple[str, ...]) -> t.Iterator[InvalidOption]:
    if part == "properties":
        fault = property_rules.key_fault(key)
        if fault:
            yield InvalidOption(option, None, f"the key {fault}")
        return
    fault = label_rules.key_fault(key)
    if fault:
        yield InvalidOption(option, None, f"the key {fault}")
    if key == label_rules.CLUSTER_SET:
        yield InvalidOption(option, None, "the key is that of the cluster set", f"Use {_wording.option('cluster_set')}")
    elif label_rules.is_protected(key, protected):
        yield InvalidOption(
            option, None, f"the key is protected: it belongs to the system, or matches {_wording.option('protected')}"
        )


_VALUE_FAULTS: dict[str, t.Callable[[t.Any], str | None]] = {
    "labels": label_rules.value_fault,
    "annotations": as_written.text_fault,
    "properties": property_rules.value_fault,
}

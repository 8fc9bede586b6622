# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_plan."""

from __future__ import annotations

import contextlib
import typing as t

from .._errors import InvalidOption, MissingLibrary, Refused
from .._operations import planning
from .._operations.configuring import Allowed
from .._operations.delivering import Settling
from .._operations.planning import FleetPlan, Member
from .._rules import addon, fleet_plan, merging, problems, readable
from .._rules.configuration import Part, Wish
from .._rules.fleet_plan import BLOCKED, CONFIGURE, NOTHING, REGISTER, Forecast
from . import configure_options, options
from .configure_options import PARTS, STATE
from .task import Task, each_its, has_wds_connection, its_of, wds_of

Json = dict[str, t.Any]
VIOLATIONS = "violations"
"""In an entry of wecs that was made of a host's variables: what is wrong with these."""
IS_NAMED = "is_named"
"""In such an entry: whether its name is the WEC's, and not only the host's because nobody can read the other."""
_NAMED = 10
"""So many hosts are named in a sentence."""
OWN = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    **{part: {"type": "dict"} for part in PARTS},
    "cluster_set": {"type": "str"},
    **{f"{part}_state": STATE for part in PARTS},
    "protected": {"type": "list", "elements": "str", "default": []},
    "schema": {"type": "dict"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "wait_addon": {"type": "str", "choices": [addon.AUTO, addon.ALWAYS, addon.NEVER], "default": addon.AUTO},
    "ask_wec": {"type": "bool", "default": False},
}
SPEC: Json = {
    "argument_spec": {
        "wecs": {"type": "list", "elements": "dict", "options": OWN},
        "hosts": {"type": "list", "elements": "str"},
        "expected_plan": {"type": "raw"},
        "allow_withdrawal": {"type": "bool", "default": False},
        "allow_removal": {"type": "bool", "default": False},
        "configure": {"type": "bool", "default": False},
        "leave_unregistered": {"type": "bool", "default": False},
        "stop_on_violation": {"type": "bool", "default": True},
        "deliver": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 60},
        "show_table": {"type": "bool", "default": False},
        **options.its(),
        **options.wds(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    wecs = task.params["wecs"]
    if wecs is None:
        raise InvalidOption("wecs", None, "must be given with run_on=host", "List the WECs")
    if task.params["hosts"] is not None:
        raise InvalidOption("hosts", None, "cannot be given with wecs", "List those that shall be looked at in wecs")
    with contextlib.ExitStack() as stack:
        return conclude(task, [look(stack, task)], [])


def look(stack: contextlib.ExitStack, task: Task) -> FleetPlan:
    """The WECs of one ITS, whose connection is open until the end of ``stack``. Raises WecError."""
    given = task.params
    twice = repeated(given["wecs"])
    members = [member(one, twice) for one in given["wecs"]]
    its = stack.enter_context(its_of(task))
    wds = stack.enter_context(wds_of(task)) if has_wds_connection(task) else None
    its.require_hub()
    if wds is not None:
        wds.require_wds()
    allowed = Allowed(given["allow_withdrawal"], given["allow_removal"], deliver=given["deliver"])
    settling = Settling(its, wds, given["wait_timeout"], task.progress)
    to_configure_only = given["configure"] and not given["leave_unregistered"]
    return planning.plan(its, wds, members, allowed, settling, to_configure_only=to_configure_only)


def conclude(task: Task, plans: t.Sequence[FleetPlan], unseen: list[Json]) -> Json:
    """Show the plans of one or several ITSs and, with the option configure, carry them out; gives the result.

    ``unseen`` are hosts whose ITS could not be asked, and why. Raises Refused, with nothing changed, for another plan than was
    expected, and for what cannot be wanted.
    """
    planned = [forecast for plan in plans for forecast in plan.forecasts]
    expected, digest = _expected(task.params["expected_plan"]), fleet_plan.digest(planned)
    if task.params["show_table"]:
        for line in fleet_plan.table(planned):
            task.progress(line)
        for one in unseen:
            task.progress(f"Not looked at: {', '.join(one['hosts'][:10])}: {one['msg']}")
    changed = _changed(expected, digest, planned, unseen)
    if changed:
        problem = problems.of("plan_changed", changed, fleet_plan.summary(planned))
        raise Refused(str(problem), problem.evidence, problem)
    found, lost = _configured(task, plans, planned, unseen) if task.params["configure"] else (planned, [])
    unseen = [*unseen, *lost]
    silent = [host for one in unseen if "kind" in one for host in one["hosts"]]
    hidden = [host for one in unseen if "kind" not in one for host in one["hosts"]]
    to_register = [*(one.host for one in found if one.action == REGISTER), *hidden]
    return {
        "digest": digest,
        "digests": fleet_plan.digests(planned),
        "msg": f"{fleet_plan.summary(found)}.",
        "wecs": [one.as_data() for one in found],
        "to_register": to_register,
        "at_once": to_register,
        "to_configure": [one.host for one in found if one.action in (CONFIGURE, BLOCKED)],
        "to_look_at": [*(one.host for one in found if one.action != NOTHING), *hidden],
        "as_wanted": [one.host for one in found if one.action == NOTHING],
        "unseen": unseen,
        "by_host": [],
        "without_its": silent,
        **_outcome(task, found, unseen),
    }


def _configured(
    task: Task, plans: t.Sequence[FleetPlan], planned: list[Forecast], unseen: t.Sequence[Json]
) -> tuple[list[Forecast], list[Json]]:
    """How it ended for each WEC, or is ``planned`` in check mode; and the hosts whose ITS did not go on answering.

    Raises Refused, with nothing changed, for what cannot be wanted.
    """
    wrong = [one for one in planned if one.problem and one.problem.code == "cannot_be_wanted"]
    violations = [one.told if f"{one.host}: " in one.told else f"{one.host}: {one.told}" for one in wrong]
    # So does a host whose connection cannot be read; one whose ITS does not answer stops nobody.
    violations += [str(one["msg"]) for one in unseen if "variable" in one]
    if violations and task.params["stop_on_violation"]:
        raise Refused(f"Nothing was changed. {' '.join(violations)}", violations)
    for warning in (warning for plan in plans for warning in plan.warnings):
        task.warn(warning)
    if task.check_mode:
        return planned, []
    # Each ITS takes in changes at its own pace.
    found, lost = each_its(FleetPlan.configure, plans, lambda plan: [one.host for one in plan.forecasts])
    return [forecast for one in found for forecast in one], lost


def _expected(given: t.Any) -> str | dict[str, str] | None:
    """Raises InvalidOption."""
    if given is None:
        return None
    if isinstance(given, dict):
        return {str(host): str(digest) for host, digest in given.items()}
    if isinstance(given, (str, int)) and not isinstance(given, bool) and str(given):
        return str(given)
    raise InvalidOption(
        "expected_plan",
        given,
        "is no digest of a plan",
        "Give the digest of the whole plan, or digests as a dictionary",
    )


def _changed(
    expected: str | dict[str, str] | None, digest: str, found: t.Sequence[Forecast], unseen: t.Sequence[Json]
) -> str:
    """In what the plan is not the expected one; an empty text if it is, or any is welcome."""
    if expected is None:
        return ""
    if isinstance(expected, str):
        return f"it is {digest}, and {expected} was expected" if expected != digest or unseen else ""
    hosts = [*fleet_plan.differing(found, expected), *(host for one in unseen for host in one["hosts"])]
    more = f" and {len(hosts) - _NAMED} more" if len(hosts) > _NAMED else ""
    return f"it is another for {', '.join(hosts[:_NAMED])}{more}" if hosts else ""


def _outcome(task: Task, found: t.Sequence[Forecast], unseen: list[Json]) -> Json:
    """A plan alone changes nothing, and fails of nothing."""
    if not task.params["configure"]:
        return {"changed": False}
    failed = [one for one in found if one.is_in_trouble]
    texts = [*(f"{one.name}: {one.problem}" for one in failed), *(str(one["msg"]) for one in unseen)]
    outcome: Json = {
        "changed": any(one.action == CONFIGURE if task.check_mode else one.is_done for one in found),
        "not_configured": [*(one.host for one in failed), *(host for one in unseen for host in one["hosts"])],
    }
    return {**outcome, "failed": True, "msg": " ".join(texts)} if texts else outcome


def member(one: Json, twice: t.Mapping[str, list[str]]) -> Member:
    """What an entry of the option wecs asks for. ``twice``: names that several of them have."""
    states = {part: one[f"{part}_state"] for part in PARTS}
    violations = list(one.get(VIOLATIONS) or _violations(one, states))
    if one["name"] in twice and one.get(IS_NAMED, True):
        violations.append(
            f"the name {one['name']} is that of {', '.join(twice[one['name']])}: give each its own wec_name"
        )

    def part(name: str) -> Part | None:
        return Part(one[name], states[name]) if one[name] else None

    # An empty map with the state exact removes everything.
    parts = {
        name: Part({}, states[name]) if states[name] == merging.EXACT and not one[name] else part(name)
        for name in PARTS
    }
    wish = Wish(
        one["name"],
        parts["labels"],
        parts["annotations"],
        parts["properties"],
        one["cluster_set"] or None,
        tuple(one["protected"]),
    )
    return Member(
        one["host"] or one["name"],
        wish,
        one.get("wait_addon", addon.AUTO),
        one.get("ask_wec", False),
        tuple(violations),
    )


def _violations(one: Json, states: t.Mapping[str, str]) -> list[str]:
    """What is so odd that the rules cannot even look at it is one, too."""
    try:
        return list(configure_options.violations(one, states))
    except MissingLibrary:
        raise
    except Exception as error:
        return [f"{one['host'] or one['name']}: what it shall have cannot be read: {readable.why(error)}"]


def repeated(wecs: t.Sequence[Json]) -> dict[str, list[str]]:
    """Names that several hosts have, with these."""
    hosts: dict[str, list[str]] = {}
    for one in wecs:
        if one.get(IS_NAMED, True):
            hosts.setdefault(one["name"], []).append(one["host"] or one["name"])
    return {name: those for name, those in hosts.items() if len(those) > 1}

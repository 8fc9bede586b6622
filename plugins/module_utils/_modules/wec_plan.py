# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_plan."""

from __future__ import annotations

import contextlib
import typing as t

from .._errors import InvalidOption, MissingLibrary, Refused
from .._operations import planning
from .._operations.configuring import Overrides
from .._operations.delivering import Settling
from .._operations.planning import FleetPlan, Member
from .._rules.desired import field_ownership, merging
from .._rules.desired.configuration import DesiredState, Part
from .._rules.fleet import fleet_plan, wec_results
from .._rules.fleet.fleet_plan import BLOCKED, CONFIGURE, NOTHING, REGISTER, Forecast
from .._rules.observed import readable
from .._rules.outside import screen
from .._rules.status import addon, problems
from . import configure_options, options, statistics, written_file
from .configure_options import PARTS, STATE
from .task import Task, has_wds_connection, its_of, wds_of

Json = dict[str, t.Any]
VIOLATIONS = "violations"
"""In an entry of wecs that was made of a host's variables: what is wrong with these."""
IS_INVALID = "is_invalid"
"""In such an entry: whether the variables themselves cannot be used, which concerns this host alone."""
VARIABLES = "variables"
"""In such an entry: by labels, annotations and properties, the variable that each key is from."""
OF_TASK = "of_task"
"""In such an entry: whether the task itself gives labels, annotations or properties, and not the host's variables."""
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
        "force_conflicts": {"type": "bool", "default": False},
        "to_register": {"type": "bool", "default": True},
        "ask_wecs": {"type": "bool", "default": False},
        "show_table": {"type": "bool", "default": False},
        "outcome_of": {"type": "str"},
        "retry_file": {"type": "path"},
        "plan_file": {"type": "path"},
        **options.pattern(),
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
        raise InvalidOption("hosts", None, "cannot be given with wecs", "List the WECs in wecs")
    with contextlib.ExitStack() as stack:
        return conclude(task, [look(stack, task, wecs)], [])


def look(stack: contextlib.ExitStack, task: Task, wecs: t.Sequence[Json]) -> FleetPlan:
    """The WECs of one ITS, whose connection is open until the end of ``stack``. Raises WecError."""
    given = task.params
    twice = repeated(wecs)
    members = [member({**one, "ask_wec": True} if given.get("ask_wecs") else one, twice) for one in wecs]
    its = stack.enter_context(its_of(task))
    wds = stack.enter_context(wds_of(task)) if has_wds_connection(task) else None
    its.require_hub()
    if wds is not None:
        wds.require_wds()
    allowed = Overrides(
        given["allow_withdrawal"],
        given["allow_removal"],
        deliver=given.get("deliver", True),
        force_conflicts=given["force_conflicts"],
    )
    # A plan alone waits for nothing.
    settling = Settling(its, wds, given.get("wait_timeout", 0), task.progress)
    return planning.plan(its, wds, members, allowed, settling, to_configure_only=not given.get("to_register"))


def conclude(task: Task, plans: t.Sequence[FleetPlan], unseen: list[Json]) -> Json:
    """Show the plans of one or several ITSs; ``unseen`` are hosts whose ITS could not be asked, and why.

    Raises Refused for another plan than was expected.
    """
    found = [forecast for plan in plans for forecast in plan.forecasts]
    digest = fleet_plan.digest(found)
    if task.params["show_table"]:
        for line in fleet_plan.table(found) if found else ():
            task.progress(line)
        for one in unseen:
            task.progress(wec_results.not_looked_at(one))
    for warning in fleet_plan.warnings(found):
        task.warn(warning)
    require_expected(task.params["expected_plan"], found, unseen)
    in_sync = [one.host for one in found if one.action == NOTHING]
    to_report: list[str] = [
        *(one.host for one in found if one.action != NOTHING),
        *(host for one in unseen for host in one["hosts"]),
        *wec_results.reported_in_sync(in_sync, len(found)),
    ]
    digests, message = fleet_plan.digests(found), f"{fleet_plan.summary(found)}."
    if unseen:
        message = " ".join([*dict.fromkeys(one["msg"] for one in unseen), *([message] if found else [])])
    if task.params["retry_file"] is not None and not task.check_mode:
        written_file.write_hosts(task.params["retry_file"], to_report)
    wecs = [one.as_data() for one in found]
    if task.params["plan_file"] is not None:
        written_file.write_plan(task.params["plan_file"], digest, wecs)
    return {
        "changed": False,
        "digest": digest,
        "digests": digests,
        "msg": message,
        "wecs": wecs,
        "to_register": [one.host for one in found if one.action == REGISTER],
        "to_configure": [one.host for one in found if one.action in (CONFIGURE, BLOCKED)],
        "to_report": to_report,
        "in_sync": in_sync,
        "unseen": unseen,
        **_statistics(task, len(found) + sum(len(one["hosts"]) for one in unseen), message, digest, digests),
    }


def _statistics(task: Task, count: int, message: str, digest: str, digests: dict[str, str]) -> Json:
    """What becomes of a job's artifacts, for the jobs that follow."""
    playbook = task.params["outcome_of"]
    if playbook is None:
        return {}
    if playbook == "plan":
        outcome = {"playbook": "plan", "finished": True, "wecs": count, "planned": message, "digest": digest}
        return statistics.of(outcome, expected_plan=digests)
    return statistics.of(statistics.planned(playbook, count, message, check_mode=task.check_mode))


def require_expected(given: t.Any, found: t.Sequence[Forecast], unseen: t.Sequence[Json]) -> None:
    """Raises Refused for another plan than was expected, InvalidOption for what is no digest."""
    changed = _changed(_expected(given), fleet_plan.digest(found), found, unseen)
    if changed:
        problem = problems.of("plan_changed", changed, fleet_plan.summary(found))
        raise Refused(str(problem), problem.evidence, problem)


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
        "is not the digest of a plan",
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
    return f"it is another for {screen.listed(hosts, _NAMED)}" if hosts else ""


def member(one: Json, twice: t.Mapping[str, list[str]]) -> Member:
    """What an entry of the option wecs asks for. ``twice``: names that several of them have."""
    states = {part: one[f"{part}_state"] or merging.PRESENT for part in PARTS}
    violations = list(one.get(VIOLATIONS) or _violations(one, states))
    hosts = twice.get(one["name"], []) if one.get(IS_NAMED, True) else []
    others = [host for host in hosts if host != (one["host"] or one["name"])]
    if others:
        violations.append(f"the name is also that of {', '.join(others)}: give each its own wec_name")

    def part(name: str) -> Part | None:
        # Without keys, these states remove what there is.
        removes = states[name] in (merging.APPLIED, merging.EXACT)
        return Part(one[name] or {}, states[name]) if one[name] or removes else None

    desired = DesiredState(
        one["name"],
        part("labels"),
        part("annotations"),
        part("properties"),
        one["cluster_set"] or None,
        tuple(one["protected"]),
        field_ownership.TASK if one.get(OF_TASK, True) else field_ownership.INVENTORY,
    )
    return Member(
        one["host"] or one["name"],
        desired,
        one.get("wait_addon", addon.AUTO),
        one.get("ask_wec", False),
        tuple(violations),
        bool(one.get(IS_INVALID)),
        tuple(others),
    )


def _violations(one: Json, states: t.Mapping[str, str]) -> list[str]:
    """What is so odd that the rules cannot even look at it is one, too."""
    try:
        return list(configure_options.violations(one, states, one.get(VARIABLES) or {}))
    except MissingLibrary:
        raise
    except Exception as error:
        return [f"{one['host'] or one['name']}: its desired state cannot be read: {readable.why(error)}"]


def repeated(wecs: t.Sequence[Json]) -> dict[str, list[str]]:
    """Names that several hosts have, with these."""
    hosts: dict[str, list[str]] = {}
    for one in wecs:
        if one.get(IS_NAMED, True):
            hosts.setdefault(one["name"], []).append(one["host"] or one["name"])
    return {name: those for name, those in hosts.items() if len(those) > 1}

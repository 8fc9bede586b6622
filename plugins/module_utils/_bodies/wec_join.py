# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""The body of wec_join."""

from __future__ import annotations

import contextlib
import typing as t

from .._apis.wec import Wec
from .._errors import InvalidOption, InvalidOptions, Refused
from .._operations import verification
from .._operations.acceptance import Patience
from .._operations.joining import Joining, Outcome
from .._operations.leaving import Leaving
from .._operations.wec_on_host import WecOnHost
from .._rules import leaving, limits, states
from . import join_options, options
from .task import Task, check_names, has_wds_connection, its_of, wds_of, wec_of, wec_to_join

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "drain": {"type": "str", "choices": [leaving.REFUSE, leaving.WAIT, leaving.IGNORE], "default": leaving.REFUSE},
        "wec_access": {"type": "str", "choices": ["given", "lost"], "default": "given"},
        "its_access": {"type": "str", "choices": ["given", "lost"], "default": "given"},
        "workload": {"type": "str", "choices": [leaving.KEEP, leaving.REMOVE]},
        "purge": {"type": "bool", "default": False},
        "deletion_timeout": {"type": "int", "default": 60},
        **join_options.SPEC,
        **options.its(),
        **options.wec(),
        **options.wds(),
        **options.common(),
        **options.wait(300),
        **options.proofs(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    check_names(task, {"name (wec_name in an inventory)": given["name"]})
    if given["state"] == "absent":
        return _leave(task)
    InvalidOptions.raise_for(list(_leaving_only(given)))
    wishes = join_options.wishes(task)
    with its_of(task) as its, wec_to_join(task) as wec, _within(task, wec):
        joining = Joining(its, wec, wishes, join_options.permissions(task))
        outcome = _observe(task, joining)
        if not task.check_mode:
            patience = Patience(given["wait_timeout"]) if given["wait"] else None
            outcome = joining.run(outcome, patience, task.progress)
            if outcome.verdict is not None:
                verdicts = {outcome.name: outcome.verdict}
                verification.verify(its, verdicts, options.wanted_proofs(given), task.progress)
        for warning in outcome.warnings:
            task.warn(warning)
        return {
            "changed": outcome.plan.changes,
            "diff": outcome.plan.diff(),
            **_failure(outcome),
            **outcome.as_data(),
            "its": {**its.kube.connection.as_data(), "uid": its.uid},
            "wec": wec.connection_data(),
        }


def _within(task: Task, wec: Wec | WecOnHost) -> t.ContextManager[None]:
    """Everything that the WEC is asked has an end, however slowly it answers."""
    if not isinstance(wec, Wec):
        return contextlib.nullcontext()
    given = task.params
    seconds = max(limits.JOIN_READS * given["read_timeout"], given["clusteradm_timeout"])
    return wec.kube.within(seconds + given["deletion_timeout"])


def _observe(task: Task, joining: Joining) -> Outcome:
    """Look; and where an earlier registration is still being taken apart, give it time and look again."""
    try:
        return joining.observe(with_acceptance=task.params["wait"])
    except Refused as refused:
        if refused.problem is None or refused.problem.code != states.DELETING or task.check_mode:
            raise
    joining.wait_until_deleted(task.params["deletion_timeout"])
    return joining.observe(with_acceptance=task.params["wait"])


def _failure(outcome: Outcome) -> Json:
    verdict = outcome.verdict
    if verdict is None or not verdict.failed:
        return {}
    return {"failed": True, "msg": verdict.message()}


def _leaving_only(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    defaults = {"drain": leaving.REFUSE, "wec_access": "given", "its_access": "given", "workload": None, "purge": False}
    for option, default in defaults.items():
        if given[option] != default:
            yield InvalidOption(option, given[option], "has a meaning only with state=absent", "Leave it out")


def _leaving_faults(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    if given["wec_run_on"] == "host" and given["wec_access"] != "lost":
        yield InvalidOption(
            "wec_run_on",
            "host",
            "cannot be done with state=absent, where both sides are needed at once",
            "First take its labels away and wait until its works are gone (wec_configure), then run this with run_on=host "
            "and its_access=lost, without any option of the ITS, and when its lease has run out without this and with "
            "wec_access=lost",
        )
    if given["wec_access"] == "lost":
        if given["its_access"] == "lost":
            yield InvalidOption(
                "its_access", "lost", "leaves nothing to do, because the WEC is lost too", "Leave it out"
            )
        if given["drain"] == leaving.WAIT:
            yield InvalidOption(
                "drain",
                leaving.WAIT,
                "cannot be done on a lost WEC: nothing takes works off it",
                "Use refuse or ignore",
            )
        for option in ("purge", "workload"):
            if given[option]:
                yield InvalidOption(option, given[option], "cannot be done on a WEC that is lost", "Leave it out")


def _leave(task: Task) -> Json:
    given = task.params
    InvalidOptions.raise_for(list(_leaving_faults(given)))
    choices = leaving.Choices(given["drain"], given["purge"], given["workload"], given["wec_access"] == "lost")
    with contextlib.ExitStack() as stack:
        with_its, with_wec = given["its_access"] != "lost", given["wec_access"] != "lost"
        its = stack.enter_context(its_of(task)) if with_its else None
        wec = stack.enter_context(wec_of(task)) if with_wec else None
        wds = stack.enter_context(wds_of(task)) if with_its and has_wds_connection(task) else None
        if wds is not None:
            wds.require_wds()
        one = Leaving(given["name"], its, wec, wds, choices, given["hub_apiserver"])
        departure = one.observe()
        if not task.check_mode:
            one.run(departure, given["wait_timeout"], task.progress)
        for warning in departure.warnings:
            task.warn(warning)
        result: Json = {"changed": departure.plan.changes, "diff": departure.plan.diff(), **departure.as_data()}
        if its is not None:
            result["its"] = {**its.kube.connection.as_data(), "uid": its.uid}
        for side, other in (("wec", wec), ("wds", wds)):
            if other is not None:
                result[side] = other.kube.connection.as_data()
        return result

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""The body of wec_join."""

from __future__ import annotations

import typing as t

from .._errors import Refused
from .._operations import verification
from .._operations.acceptance import Patience
from .._operations.joining import Joining, Outcome
from .._rules import states
from . import join_options, options
from .task import Task, check_names, its_of, wec_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present"], "default": "present"},
        "deletion_timeout": {"type": "int", "default": 60},
        **join_options.SPEC,
        **options.its(),
        **options.wec(),
        **options.common(),
        **options.wait(300),
        **options.proofs(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    check_names(task, {"name (wec_name in an inventory)": given["name"]})
    wishes = join_options.wishes(task)
    with its_of(task) as its, wec_of(task) as wec:
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
            "wec": wec.kube.connection.as_data(),
        }


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

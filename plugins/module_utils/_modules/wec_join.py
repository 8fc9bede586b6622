# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_join."""

from __future__ import annotations

import contextlib
import typing as t

from .. import _wording
from .._apis.wec import Wec
from .._errors import InvalidOptions, Refused
from .._operations import verification
from .._operations.acceptance import WaitOptions
from .._operations.joining import UPGRADE_TAKES, Joining, Outcome
from .._operations.preflight import Preflight
from .._operations.wec_on_host import WecOnHost
from .._rules.outside import limits
from .._rules.registration import join_options
from .._rules.status import states
from . import join_batch, leave_batch, leaving_options, options
from .task import Task, check_names, its_of, read_join_options, require_named, wec_to_join

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str"},
        "wecs": {"type": "list", "elements": "dict", "options": {**join_batch.OF_ONE, **leaving_options.OF_ONE}},
        "hosts": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **leaving_options.SPEC,
        "deletion_timeout": {"type": "int", "default": 60},
        **join_batch.OF_BATCH,
        **join_options.SPEC,
        **options.its(),
        **options.wec(),
        **options.wds(),
        **options.common(),
        **options.wait(300),
        **options.proofs(),
    },
    "mutually_exclusive": options.NAMED_ONE_WAY,
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    require_named(task)
    if given["wecs"] is not None:
        return leave_batch.run(task) if given["state"] == "absent" else join_batch.run(task)
    check_names(task, {_wording.of_wec("name"): given["name"]})
    if given["state"] == "absent":
        return leave_batch.one(task)
    InvalidOptions.raise_for(list(leaving_options.unused(given)))
    if given["preflight_only"]:
        return _preflight(task)
    how = read_join_options(task)
    with its_of(task) as its, wec_to_join(task) as wec, _within(task, wec):
        joining = Joining(its, wec, how)
        outcome = _observe(task, joining)
        if not task.check_mode:
            wait_options = WaitOptions(given["wait_timeout"]) if given["wait"] else None
            outcome = joining.run(outcome, wait_options, task.progress)
            if outcome.verdict is not None:
                verdicts = {outcome.name: outcome.verdict}
                ask_addon = (lambda _name: wec.addon_runtime()) if isinstance(wec, Wec) else None
                verification.verify(its, verdicts, options.wanted_proofs(given), task.progress, ask_addon)
                outcome.warnings += verification.warnings(verdicts)
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


def _preflight(task: Task) -> Json:
    """What could make it fail, all of it, with nothing changed."""
    how = read_join_options(task)
    with its_of(task) as its, wec_to_join(task, with_rights=True) as wec:
        report = Preflight(its, wec, how).run()
        result: Json = {
            "changed": False,
            "name": how.name,
            "state": report.state.name if report.state else None,
            "uid": report.uid,
            "kubernetes_version": report.version,
            "distribution": report.distribution.name,
            "checks": [check.as_data() for check in report.checks],
            "its": its.kube.connection.as_data(),
            # A host that could not tell anything of the WEC cannot tell where it is, either.
            "wec": wec.connection_data() if report.uid is not None or isinstance(wec, Wec) else None,
        }
        if report.violations:
            result.update(failed=True, msg=report.message(how.name))
        return result


def _within(task: Task, wec: Wec | WecOnHost) -> t.ContextManager[None]:
    """Everything that the WEC is asked has an end, however slowly it answers."""
    if not isinstance(wec, Wec):
        return contextlib.nullcontext()
    given = task.params
    seconds = max(limits.JOIN_READS * given["read_timeout"], given["clusteradm_timeout"])
    upgrade = UPGRADE_TAKES if given["bundle_version"] else 0
    return wec.kube.within(seconds + given["deletion_timeout"] + upgrade)


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

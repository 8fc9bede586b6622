# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_join."""

from __future__ import annotations

import typing as t

from .._errors import InvalidOption
from .._operations.acceptance import Patience
from .._operations.joining import Joining, Outcome, Wishes
from .._rules import endpoints
from . import options
from .task import Task, check_names, its_of, wec_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present"], "default": "present"},
        "hub_apiserver": {"type": "str"},
        "bundle_version": {"type": "str"},
        "klusterlet_mode": {"type": "str", "choices": ["singleton", "default"], "default": "singleton"},
        "clusteradm_binary": {"type": "str", "default": "clusteradm"},
        **options.its(),
        **options.wec(),
        **options.common(),
        **options.wait(300),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    check_names(task, {"name (wec_name in an inventory)": given["name"]})
    _check_endpoint(given["hub_apiserver"])
    wishes = Wishes(
        name=given["name"],
        hub_apiserver=given["hub_apiserver"],
        bundle_version=given["bundle_version"],
        singleton=given["klusterlet_mode"] == "singleton",
        clusteradm_binary=given["clusteradm_binary"],
    )
    with its_of(task) as its, wec_of(task) as wec:
        joining = Joining(its, wec, wishes)
        outcome = joining.observe(with_acceptance=given["wait"])
        planned = outcome.plan.diff()
        if not task.check_mode:
            patience = Patience(given["wait_timeout"]) if given["wait"] else None
            joining.apply(outcome, patience, task.progress)
            planned = outcome.plan.diff()
        return {
            "changed": outcome.plan.changes,
            "diff": planned,
            **_failure(outcome),
            **outcome.as_data(),
            "its": {**its.kube.connection.as_data(), "uid": its.uid},
            "wec": wec.kube.connection.as_data(),
        }


def _check_endpoint(url: str | None) -> None:
    fault = endpoints.fault(url) if url else None
    if fault:
        raise InvalidOption("hub_apiserver", url, fault)


def _failure(outcome: Outcome) -> Json:
    verdict = outcome.verdict
    if verdict is None or not verdict.failed:
        return {}
    return {"failed": True, "msg": verdict.message()}

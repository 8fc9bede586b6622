# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""The body of wec_preflight."""

from __future__ import annotations

import typing as t

from .._apis.wec import Wec
from .._operations.preflight import Preflight, Report
from .._operations.wec_on_host import WecOnHost
from . import join_options, options
from .task import Task, check_names, its_of, wec_to_join

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        **join_options.SPEC,
        **options.its(),
        **options.wec(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    check_names(task, {"name (wec_name in an inventory)": task.params["name"]})
    wishes = join_options.wishes(task)
    with its_of(task) as its, wec_to_join(task, with_rights=True) as wec:
        report = Preflight(its, wec, wishes, join_options.permissions(task)).run()
        result: Json = {
            "changed": False,
            "name": wishes.name,
            "state": report.state.name if report.state else None,
            "uid": report.uid,
            "kubernetes_version": report.version,
            "distribution": report.distribution.name,
            "checks": [check.as_data() for check in report.checks],
            "its": its.kube.connection.as_data(),
            "wec": _wec_data(report, wec),
        }
        if report.violations:
            result.update(failed=True, msg=report.message(wishes.name))
        return result


def _wec_data(report: Report, wec: Wec | WecOnHost) -> Json | None:
    """Where the WEC is; a host that could not tell anything of it cannot tell that either."""
    return wec.connection_data() if report.uid is not None or isinstance(wec, Wec) else None

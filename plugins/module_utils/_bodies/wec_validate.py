# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""The body of wec_validate."""

from __future__ import annotations

import typing as t

from .._apis import connection
from .._errors import WecError
from . import configure_options, options
from .configure_options import PARTS, STATE
from .task import Task

Json = dict[str, t.Any]
SPEC: Json = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        **{part: {"type": "dict"} for part in PARTS},
        "cluster_set": {"type": "str"},
        **{f"{part}_state": STATE for part in PARTS},
        "protected": {"type": "list", "elements": "str", "default": []},
        "schema": {"type": "dict"},
        "groups": {"type": "list", "elements": "str", "default": []},
        **options.its(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    wec = {key: given[key] for key in ("name", *PARTS, "cluster_set") if given[key] is not None}
    result: Json = {"changed": False, "name": given["name"], "wec": wec, "violations": list(_violations(task))}
    try:
        found = connection.resolve(connection.ITS, given, task.environment, task.read_file)
    except WecError as error:
        result["violations"].append(error.message)
    else:
        task.keep_secret(found.secrets)
        result["its"] = found.as_data()
    if result["violations"]:
        told = [text.rstrip(".") for text in result["violations"]]
        result.update(failed=True, msg=f"{given['name']} cannot be configured: {'. '.join(told)}.")
    return result


def _violations(task: Task) -> t.Iterator[str]:
    given = task.params
    states = {part: given[f"{part}_state"] for part in PARTS}
    return configure_options.violations(given, states)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_survey."""

from __future__ import annotations

import typing as t

from .._errors import InvalidOption
from .._operations import surveying
from . import options
from .task import Task, check_names, its_of

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "names": {"type": "list", "elements": "str"},
        "clusteradm_binary": {"type": "str", "default": "clusteradm"},
        **options.its(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    names = task.params["names"]
    if names is None:
        raise InvalidOption("names", None, "must be given with run_on=host", "List the WECs")
    check_names(task, {f"names[{index}]": name for index, name in enumerate(names)})
    hub, views = look(task)
    wecs = {name: {"hub": 0, "view": view} for name, view in views.items()}
    return {"changed": False, "hubs": [hub], "wecs": wecs, "unseen": []}


def look(task: Task) -> tuple[Json, dict[str, Json]]:
    """What was found of the hub, and of each WEC of the option names. Raises WecError."""
    with its_of(task) as its:
        hub, views = surveying.survey(its, task.params["names"])
    return {**hub, "clusteradm": surveying.ask_clusteradm(task.params["clusteradm_binary"])}, views

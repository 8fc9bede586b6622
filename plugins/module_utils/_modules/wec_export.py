# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_export."""

from __future__ import annotations

import typing as t

from .._rules.fleet import host_names, inventory_file, names
from .._rules.outside import screen
from .._rules.status import states
from . import inventory, options
from .task import Task

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "group": {"type": "str", "default": host_names.WECS},
        "host_prefix": {"type": "str", "default": ""},
        "label_selector": {"type": "str"},
        "field_selector": {"type": "str"},
        "states": {
            "type": "list",
            "elements": "str",
            "choices": list(states.ALL),
            "default": [states.JOINED, states.JOINED_UNAVAILABLE],
        },
        "protected": {"type": "list", "elements": "str", "default": []},
        **options.its(),
        **options.common(),
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    group, prefix = task.params["group"], task.params["host_prefix"]
    wecs = {}
    for one in inventory.known(task):
        reason = _why_not(one.name, group, prefix)
        if reason:
            task.warn(reason)
        else:
            wecs[one.name] = one.adopted
    exported = inventory_file.compose(group, inventory.its_variables(task), wecs, prefix)
    return {
        "changed": False,
        "names": sorted(wecs),
        "inventory": exported,
        "content": inventory_file.text(exported),
        "msg": f"{len(wecs)} WEC{'' if len(wecs) == 1 else 's'}.",
    }


def _why_not(name: str, group: str, prefix: str) -> str | None:
    fault = names.fault(name)
    if fault:
        return f"{screen.cell(name)} is left out: it {fault}."
    return host_names.why_not(name, prefix + name, {group})

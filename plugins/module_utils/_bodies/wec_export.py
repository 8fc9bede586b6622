# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The body of wec_export."""

from __future__ import annotations

import typing as t

from .._rules import inventory_file, names, states
from . import inventory, options
from .task import Task

Json = dict[str, t.Any]

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "group": {"type": "str", "default": "wecs"},
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
    found = {one.name: one.adopted for one in inventory.known(task)}
    faults = {name: fault for name in found if (fault := names.fault(name))}
    for name, fault in faults.items():
        task.warn(f"{name} is left out: it {fault}.")
    wecs = {name: adopted for name, adopted in found.items() if name not in faults}
    exported = inventory_file.compose(task.params["group"], inventory.its_variables(task), wecs)
    return {
        "changed": False,
        "names": sorted(wecs),
        "inventory": exported,
        "content": inventory_file.text(exported),
        "msg": f"{len(wecs)} WEC{'' if len(wecs) == 1 else 's'}.",
    }

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option wecs of wec_join. Its suboptions are options of the module, so that their documentation is made of the argument spec."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_join

_OWN = {
    "name": "Name of the WEC.",
    "inventory_hostname": "Its host in the inventory, if that is not O(wecs[].name).",
}


def _documented(option: str, spec: dict[str, object]) -> dict[str, object]:
    shown = {key: value for key, value in spec.items() if key not in ("no_log", "options")}
    return {"description": _OWN.get(option, f"As O({option}), for this WEC."), **shown}


def wecs(spec: dict[str, t.Any]) -> dict[str, object]:
    """The documentation of an option wecs with this argument spec."""
    return {
        "description": "Several WECs of one ITS. What is not said of one is said of all.",
        "type": spec["type"],
        "elements": spec["elements"],
        "suboptions": {option: _documented(option, one) for option, one in spec["options"].items()},
    }


class ModuleDocFragment:
    # JSON is YAML.
    DOCUMENTATION: str = json.dumps({"options": {"wecs": wecs(wec_join.SPEC["argument_spec"]["wecs"])}})

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of wec_agent that say how a cluster is joined: those of wec_join, whose documentation is in _join.py."""

from __future__ import annotations

import json

from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import (
    SPEC,
    SPEC_ON_HOST,
    name_on_host,
)


def _documented(option: str) -> dict[str, object]:
    of_join = f"O(kubestellar.wec.wec_join#module:{option})"
    name = name_on_host(option)
    shown = {key: value for key, value in SPEC_ON_HOST[name].items() if key != "no_log"}
    return {"description": f"As {of_join}." if name == option else f"The content of the file {of_join}.", **shown}


class ModuleDocFragment:
    # JSON is YAML.
    DOCUMENTATION: str = json.dumps(
        {
            "options": {
                name_on_host(option): _documented(option) for option in SPEC if name_on_host(option) in SPEC_ON_HOST
            }
        }
    )

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option wecs of wec_rotate, made as that of wec_join is."""

from __future__ import annotations

import json

from ansible_collections.kubestellar.wec.plugins.doc_fragments._join_wecs import wecs
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_rotate


class ModuleDocFragment:
    # JSON is YAML.
    DOCUMENTATION: str = json.dumps({"options": {"wecs": wecs(wec_rotate.SPEC["argument_spec"]["wecs"])}})

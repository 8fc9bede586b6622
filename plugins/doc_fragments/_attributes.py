# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the changed status that it foresees, without changing anything.
  diff_mode:
    description: Returns what has changed, or would change, when in diff mode.
  idempotent:
    description: Running it again with the same options changes nothing, unless somebody else has changed something.
  action:
    description: Has an action plugin of the same name, which does the work on the controller by default.
    support: full
  async:
    description: Supports being run with the C(async) keyword.
    support: none
"""

    ACTIONGROUP_WEC = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kubestellar.wec.wec) in C(module_defaults) to set options of all modules of this collection.
    support: full
    membership:
      - kubestellar.wec.wec
"""

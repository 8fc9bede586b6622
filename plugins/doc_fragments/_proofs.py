# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait_addon:
    description:
      - Whether KubeStellar's status add-on (C(addon-status)) must be available on the WEC too.
      - With V(auto), it is waited for if the ITS has it (a ClusterManagementAddOn of this name). A WEC whose add-on is in trouble is registered
        all the same, with a warning and the problem in its result, because workload goes there without it. With V(always), it must be there.
      - The ITS knows it about a minute after the WEC is available. Where the WEC is asked itself, it takes seconds.
    type: str
    choices: [auto, always, never]
    default: auto
  addon_timeout:
    description: Seconds that the add-on has to become available, after the WEC is.
    type: int
    default: 180
  verify:
    description:
      - What proves that the WEC is ready, where that is waited for.
      - With V(available), that its agent says so, and what O(wait_addon) asks for.
      - With V(addon), that the status add-on is available as well, as with O(wait_addon=always).
      - With V(probe), that a small work (a ConfigMap in the namespace C(default)) is applied on the WEC, is seen there by the
        agent, and is gone again. This writes to the ITS each time, and does not count as a change.
    type: str
    choices: [available, addon, probe]
    default: available
"""

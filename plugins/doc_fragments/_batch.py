# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of actions that work on one WEC, on several, or on the hosts of a play."""

    DOCUMENTATION = r"""
options:
  hosts:
    description: The hosts of the batch to work on, if not all of them. Only with the keyword C(run_once).
    type: list
    elements: str
"""
    NAME = r"""
options:
  name:
    description:
      - Name of one WEC.
      - Without it and without O(wecs), the hosts of the play are meant, which needs O(run_on=controller). With the keyword C(run_once),
        one task is for all hosts of the batch, and M(kubestellar.wec.wec_result) then gives each host its own result. Without it, each
        host's task is for this host alone.
    type: str
"""

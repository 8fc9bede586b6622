# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hosts_pattern:
    description:
      - The pattern that the play has chosen its hosts by. If no host of the inventory matches it, the task fails.
      - Ansible itself skips such a play, and the run is a success that did nothing.
    type: raw
"""

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubestellar.wec.plugins.doc_fragments import _connection


class ModuleDocFragment:
    DOCUMENTATION: str = (
        _connection.options("ITS", "its_", "KUBESTELLAR_ITS", other="WEC")
        + r"""
  its_outage_timeout:
    description:
      - Seconds that the ITS is given to come back when it does not answer.
      - If it is not set, an ITS that has answered this task before is given a minute, and one that has not is given
        none, since its address may be wrong. Set it where an earlier task has shown that the address is right.
    type: float
"""
    )

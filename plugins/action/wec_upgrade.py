# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils._modules import wec_upgrade
from ..plugin_utils._rolling_action import RollingAction


class ActionModule(RollingAction):
    BODY = wec_upgrade
    ROLE = "upgrade"

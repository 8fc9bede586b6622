# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""KubeStellar's status add-on: whether it works for a WEC, as far as the ITS shows it."""

from __future__ import annotations

import dataclasses
import typing as t

from . import problems
from .conditions import find
from .problems import Problem

Json = dict[str, t.Any]

NAME = "addon-status"
NAMESPACE = "open-cluster-management-agent-addon"
AUTO, ALWAYS, NEVER = "auto", "always", "never"


@dataclasses.dataclass(frozen=True)
class AddonState:
    """``problem`` is what to blame while it is not available."""

    available: bool
    waiting_for: str = ""
    problem: Problem | None = None


def examine(addon: Json | None, is_offered: bool) -> AddonState:
    """``addon`` is the ManagedClusterAddOn in the mailbox; ``is_offered``: whether the ITS has a ClusterManagementAddOn.

    Its condition Progressing says nothing about its health, and Available stays False for about a minute at first.
    """
    if addon is None:
        offered = "is" if is_offered else "is not"
        problem = problems.of("addon_absent", f"ClusterManagementAddOn {NAME} {offered} on the ITS")
        return AddonState(False, "its status add-on has not been made", problem)
    if (addon.get("metadata") or {}).get("deletionTimestamp"):
        problem = problems.of("addon_absent", "its ManagedClusterAddOn is being deleted")
        return AddonState(False, "its status add-on is being removed", problem)
    available = find(addon, "Available")
    if available.is_true:
        return AddonState(True)
    registered = find(addon, "RegistrationApplied")
    if not registered.is_true:
        problem = problems.of("addon_registering", str(registered))
        return AddonState(False, "its status add-on has not registered", problem)
    return AddonState(False, "its status add-on is not available", problems.of("addon_unavailable", str(available)))

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KubeStellar's status add-on: whether it works for a WEC, as the ITS shows it, and as the WEC does."""

from __future__ import annotations

import dataclasses
import typing as t

from ..observed.conditions import find
from . import problems
from .problems import Problem

Json = dict[str, t.Any]

NAME = "addon-status"
PLACEMENT = "global"
NAMESPACE = "open-cluster-management-agent-addon"
DEPLOYMENT = "status-agent"
WORK = f"addon-{NAME}-deploy-0"
ABSENT, REGISTERING, UNAVAILABLE = "addon_absent", "addon_registering", "addon_unavailable"
CODES = frozenset({ABSENT, REGISTERING, UNAVAILABLE})
AUTO, ALWAYS, NEVER = "auto", "always", "never"


@dataclasses.dataclass(frozen=True)
class AddonState:
    """``problem`` is what to blame while it is not available."""

    available: bool
    waiting_for: str = ""
    problem: Problem | None = None

    @property
    def waits_for_its_poll(self) -> bool:
        """Whether it has registered, so that nothing but the state of its Deployment is missing."""
        return self.problem is not None and self.problem.code == UNAVAILABLE


@dataclasses.dataclass(frozen=True)
class Runtime:
    """The add-on's agent on a WEC, as its own API shows it. ``trouble`` is why its pods do not run, in the kubelet's words."""

    is_running: bool
    trouble: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Machinery:
    """What of the hub makes ManagedClusterAddOns. ``chosen`` are the WECs that the Placement has decided for, and
    ``webhook_answers`` is whether the pod that converts add-ons is ready; None where that may not be looked at."""

    chosen: frozenset[str] | None = None
    webhook_answers: bool | None = None

    def facts(self, name: str) -> tuple[str, ...]:
        """Why a WEC may have no add-on."""
        found = []
        if self.chosen is not None:
            found.append(f"Placement {PLACEMENT} has {'' if name in self.chosen else 'not '}chosen it")
        if self.webhook_answers is False:
            found.append(
                "the hub's webhook for add-ons (Deployment cluster-manager-addon-webhook) is not ready, and without it none is made"
            )
        return tuple(found)


def examine(addon: Json | None, is_offered: bool, why_absent: t.Sequence[str] = ()) -> AddonState:
    """``addon`` is the ManagedClusterAddOn in the mailbox; ``is_offered``: whether the ITS has a ClusterManagementAddOn;
    ``why_absent`` are facts for one that is not there.

    Its condition Progressing says nothing about its health, and Available stays False for about a minute at first.
    """
    if addon is None:
        offered = "is" if is_offered else "is not"
        problem = problems.of(ABSENT, f"ClusterManagementAddOn {NAME} {offered} on the ITS", *why_absent)
        return AddonState(False, "its status add-on has not been made", problem)
    if (addon.get("metadata") or {}).get("deletionTimestamp"):
        problem = problems.of(ABSENT, "its ManagedClusterAddOn is being deleted")
        return AddonState(False, "its status add-on is being removed", problem)
    available = find(addon, "Available")
    if available.is_true:
        return AddonState(True)
    registered = find(addon, "RegistrationApplied")
    if not registered.is_true:
        problem = problems.of(REGISTERING, str(registered))
        return AddonState(False, "its status add-on has not registered", problem)
    return AddonState(False, "its status add-on is not available", problems.of(UNAVAILABLE, str(available)))


def is_running(deployment: Json | None) -> bool:
    """Whether every pod of the WEC's own Deployment of the add-on's agent is ready, and of the version that is wanted there.

    While one version replaces another, the pod that is ready may be the old one, and the new one may never be.

    It is ready only with the certificate that its ITS has issued, whose Secret it mounts. The ITS knows the same from the agent that
    applies works, up to a minute later (OCM: pkg/work/spoke/controllers/statuscontroller).
    """
    if deployment is None or (deployment.get("metadata") or {}).get("deletionTimestamp"):
        return False
    status = deployment.get("status") or {}
    seen: t.Any = status.get("observedGeneration")
    wanted: t.Any = deployment["metadata"].get("generation")
    ready: t.Any
    ready, *others = (status.get(count) for count in ("readyReplicas", "updatedReplicas", "replicas"))
    # A WEC may give anything here. What is not a number says nothing.
    counts = (seen, wanted, ready, *others)
    if not all(isinstance(count, int) and not isinstance(count, bool) for count in counts):
        return False
    return bool(seen >= wanted and ready >= 1 and all(count == ready for count in others))

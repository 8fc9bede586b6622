# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Workload Description Space: what is read of it. Nothing is ever written."""

from __future__ import annotations

import typing as t

from .._errors import WecError
from .._rules.desired import templates
from .._rules.desired.impact import Delivery, Traits, concerns
from .._rules.observed import binding_policies_view
from .._rules.observed.binding_policies_view import Binding, ObjectReference, Policy
from . import paths
from .kube import Kube

Change = tuple[Traits, Traits]


class Wds:
    """One WDS."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self._needs: dict[ObjectReference, set[str]] = {}

    def require_wds(self) -> None:
        """Raises WecError for a cluster that is no WDS."""
        if self.kube.find(paths.CONTROL_GROUP) is None:
            connection = self.kube.connection
            raise WecError(
                f"{connection.option}: the cluster at {connection.server} (context {connection.context}) is not a WDS: it does "
                "not serve BindingPolicies (control.kubestellar.io/v1alpha1). "
                f"Check that {connection.option} leads to the WDS."
            )

    def bindings(self) -> dict[str, Binding]:
        return {one.name: one for one in map(binding_policies_view.binding, self.kube.items(paths.BINDINGS))}

    def policies(self) -> list[Policy]:
        return list(map(binding_policies_view.policy, self.kube.items(paths.BINDING_POLICIES)))

    def deliveries(self, changes: t.Mapping[str, Change]) -> list[Delivery]:
        """The policies that concern any of the changed WECs, with what their workloads need. Raises ApiError."""
        bindings = self.bindings()
        found = []
        for policy in self.policies():
            binding = bindings.get(policy.name)
            if any(concerns(policy, before, after) for before, after in changes.values()) or (
                binding is not None and not binding.destinations.isdisjoint(changes)
            ):
                found.append(Delivery(policy, binding, self._needs_of(binding)))
        return found

    def _needs_of(self, binding: Binding | None) -> dict[str, list[str]]:
        needs: dict[str, list[str]] = {}
        for reference in binding.objects if binding else ():
            if reference not in self._needs:
                item = self.kube.find(paths.of_reference(reference))
                self._needs[reference] = templates.needed(item) if item else set()
            for key in self._needs[reference]:
                needs.setdefault(key, []).append(str(reference))
        return needs

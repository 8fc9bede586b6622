# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of a WEC's labels, annotations or properties does to the workload that KubeStellar delivers."""

from __future__ import annotations

import dataclasses
import typing as t

from ..observed.binding_policies_view import Binding, Policy
from ..status import problems
from ..status.problems import Problem
from . import properties, selection
from .merging import Texts

Json = dict[str, t.Any]
STARTS, STOPS, LACKS = "starts", "stops", "lacks"


@dataclasses.dataclass(frozen=True)
class Traits:
    """What KubeStellar sees of a WEC. ``data`` are the properties of its ConfigMap, binary ones included."""

    labels: Texts = dataclasses.field(default_factory=dict)
    annotations: Texts = dataclasses.field(default_factory=dict)
    data: Texts = dataclasses.field(default_factory=dict)

    @property
    def properties(self) -> dict[str, str]:
        return properties.effective(self.labels, self.annotations, self.data)


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A BindingPolicy, its Binding if there is one, and the objects that need a property, by the property's key."""

    policy: Policy
    binding: Binding | None
    needs: t.Mapping[str, t.Sequence[str]]

    @property
    def destinations(self) -> frozenset[str]:
        return self.binding.destinations if self.binding else frozenset()


@dataclasses.dataclass(frozen=True)
class Impact:
    """``effect``: starts or stops to select the WEC, or lacks a property that it needs. ``others``: WECs hit as well."""

    effect: str
    policy: str
    wec: str
    keys: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.effect == STARTS:
            return f"BindingPolicy {self.policy} starts to select {self.wec}: its workload goes there"
        if self.effect == STOPS:
            return f"BindingPolicy {self.policy} stops to select {self.wec}: its workload is withdrawn from there"
        needing = f"{', '.join(self.objects[:5])} of BindingPolicy {self.policy}"
        hit = (
            f", also from {', '.join(self.others[:5])}{' and more' if len(self.others) > 5 else ''}"
            if self.others
            else ""
        )
        return (
            f"{needing} need{'s' if len(self.objects) == 1 else ''} {', '.join(self.keys)}, which {self.wec} would not have: "
            f"KubeStellar would withdraw the policy's whole workload{hit}"
        )

    def as_data(self) -> Json:
        return {
            "effect": self.effect,
            "policy": self.policy,
            "properties": list(self.keys),
            "objects": list(self.objects),
            "other_wecs": list(self.others),
            "msg": f"{self}.",
        }


def concerns(policy: Policy, before: Traits, after: Traits) -> bool:
    """Whether a policy selects the WEC now, or would."""
    return selection.selects_any(policy.selectors, before.labels) or selection.selects_any(
        policy.selectors, after.labels
    )


def of_change(wec: str, before: Traits, after: Traits, deliveries: t.Iterable[Delivery]) -> list[Impact]:
    """What the change would do. A property that was missing already is nobody's fault of now."""
    found = []
    had, has = before.properties, after.properties
    for delivery in deliveries:
        policy = delivery.policy
        was = selection.selects_any(policy.selectors, before.labels)
        will = selection.selects_any(policy.selectors, after.labels)
        if was and not will:
            found.append(Impact(STOPS, policy.name, wec))
        if will and not was:
            found.append(Impact(STARTS, policy.name, wec))
        if not will:
            continue
        missing = sorted(key for key in delivery.needs if key not in has and (key in had or not was))
        if missing:
            objects = tuple(sorted({one for key in missing for one in delivery.needs[key]}))
            others = tuple(sorted(delivery.destinations - {wec}))
            found.append(Impact(LACKS, policy.name, wec, tuple(missing), objects, others))
    return found


def still_delivered(wec: str, after: Traits, deliveries: t.Iterable[Delivery]) -> set[str]:
    """Bindings that have the WEC as a destination, though its labels will not select it: those that an earlier change has
    ended, and KubeStellar has not followed yet, are among them."""
    return {
        one.policy.name
        for one in deliveries
        if wec in one.destinations and not selection.selects_any(one.policy.selectors, after.labels)
    }


def refusal(impacts: t.Sequence[Impact], allow_withdrawal: bool, allow_removal: bool) -> Problem | None:
    """Why a change with these effects is not made, if it was not allowed."""
    lacking = [str(one) for one in impacts if one.effect == LACKS]
    if lacking and not allow_removal:
        return problems.of("property_required", *lacking)
    stopping = [str(one) for one in impacts if one.effect == STOPS]
    if stopping and not allow_withdrawal:
        return problems.of("workload_withdrawal", *stopping)
    return None


def vanishing(before: Traits, after: Traits) -> list[str]:
    """Properties that templates could use before and not after."""
    return sorted(set(before.properties) - set(after.properties))


def differing(before: Traits, after: Traits) -> list[str]:
    """Properties that have another value after than before: KubeStellar does not deliver that by itself."""
    had, has = before.properties, after.properties
    return sorted(key for key in had if key in has and had[key] != has[key])

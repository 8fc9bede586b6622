# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an inventory and an ITS do not agree, and what on the ITS will not stay well by itself."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from ..deregistration.leftovers import NOT_IN_INVENTORY, ORPHAN_MAILBOX, ORPHAN_PROPERTIES, Leftover, in_words
from ..desired.configuration import DesiredState, Observed, decide
from ..desired.field_ownership import Owner
from ..desired.labels import CLUSTER_SET
from ..fleet.plan import changed_fields
from ..outside import screen
from . import times, versions
from .agent_certificate import Validity

Json = dict[str, t.Any]

INVALID_DESIRED_STATE = "invalid_desired_state"
MISSING_ON_ITS, MISSING_IN_INVENTORY = "missing_on_its", "missing_in_inventory"
LABELS, ANNOTATIONS, PROPERTIES, CLUSTER_SET_KIND = "labels", "annotations", "properties", "cluster_set"
VERSION_SKEW, CERTIFICATE_EXPIRING = "version_skew", "certificate_expiring"
KLUSTERLET_BEHIND = "klusterlet_behind"
_OF_KEYS = (LABELS, ANNOTATIONS, PROPERTIES)

_CONFIGURE = "Configure {name}, or correct the inventory"
_OF_CONFLICTS = "Take the keys out of the inventory, or take them over with {force_conflicts}"
REMEDIES = {
    MISSING_ON_ITS: "Register {name}, or take its host out of the inventory",
    MISSING_IN_INVENTORY: NOT_IN_INVENTORY.remedy.replace("{wec}", "{name}"),
    LABELS: _CONFIGURE,
    ANNOTATIONS: _CONFIGURE,
    PROPERTIES: _CONFIGURE,
    CLUSTER_SET_KIND: _CONFIGURE,
    INVALID_DESIRED_STATE: "Correct the inventory",
    VERSION_SKEW: "Upgrade the cluster {name}",
    KLUSTERLET_BEHIND: "Run kubestellar.wec.upgrade for {name}",
    CERTIFICATE_EXPIRING: "Look at the agent on {name}, which should have renewed it",
    ORPHAN_MAILBOX.code: ORPHAN_MAILBOX.remedy.replace("{wec}", "{name}"),
    ORPHAN_PROPERTIES.code: ORPHAN_PROPERTIES.remedy.replace("{wec}", "{name}"),
}
"""Every kind of drift, and what to do about it."""
_OF_LEFTOVERS = {
    NOT_IN_INVENTORY.code: MISSING_IN_INVENTORY,
    ORPHAN_MAILBOX.code: ORPHAN_MAILBOX.code,
    ORPHAN_PROPERTIES.code: ORPHAN_PROPERTIES.code,
}


@dataclasses.dataclass(frozen=True)
class Drift:
    """One disagreement. ``host`` is None where the inventory has none; ``before`` is what there is, ``after`` what should be."""

    kind: str
    name: str
    host: str | None
    msg: str
    before: t.Any = None
    after: t.Any = None
    is_conflict: bool = False
    """Whether somebody else has set all that differs."""

    @property
    def remedy(self) -> str:
        return in_words(_OF_CONFLICTS if self.is_conflict else REMEDIES[self.kind], name=self.name)

    def as_data(self) -> Json:
        return {
            "kind": self.kind,
            "name": self.name,
            "host": self.host,
            "msg": self.msg,
            "before": self.before,
            "after": self.after,
            "remedy": self.remedy,
        }


@dataclasses.dataclass(frozen=True)
class Limits:
    """From when on something is drift. ``certificate_days``: how long a certificate has to be valid; ``minor_versions``: how far
    a cluster may be behind the newest of its ITS."""

    certificate_days: float
    minor_versions: int


def missing(name: str, host: str) -> Drift:
    return Drift(MISSING_ON_ITS, name, host, "the ITS has no ManagedCluster of this name")


def of_desired(host: str, desired: DesiredState, observed: Observed) -> list[Drift]:
    """Where a WEC is not as its host in the inventory wants it."""
    if not observed.view.exists:
        return [missing(desired.name, host)]
    found = decide(desired, observed)
    labels = {key: value for key, value in found.labels.items() if key != CLUSTER_SET}
    drifts = []
    for kind, changes, before in (
        (LABELS, labels, found.before.labels),
        (ANNOTATIONS, found.annotations, found.before.annotations),
        (PROPERTIES, found.properties, found.before.data),
    ):
        if changes:
            old = {key: before.get(key) for key in changes}
            others = {one.key: one.owners for one in found.conflicts if one.part == kind}
            message, is_conflict = _differences(old, changes, others), all(key in others for key in changes)
            drifts.append(Drift(kind, desired.name, host, message, old, dict(changes), is_conflict))
    if found.parts and not found.annotations:
        message = f"left by a run that was interrupted: {', '.join(sorted(found.parts))}"
        drifts.append(Drift(ANNOTATIONS, desired.name, host, message))
    if CLUSTER_SET in found.labels:
        old_set, new_set = found.before.labels.get(CLUSTER_SET), found.labels[CLUSTER_SET]
        message = f"it is in {old_set or 'none'}, and should be in {new_set}"
        drifts.append(Drift(CLUSTER_SET_KIND, desired.name, host, message, old_set, new_set))
    return drifts


def _differences(
    old: t.Mapping[str, str | None], new: t.Mapping[str, str | None], others: t.Mapping[str, t.Sequence[Owner]]
) -> str:
    """Missing, different, and not wanted any more; with who has set what differs, if that was not the inventory."""
    message = []
    missing = {key: value for key, value in new.items() if old[key] is None}
    if missing:
        message.append(f"missing: {changed_fields({}, missing)}")
    different = {key: value for key, value in new.items() if value is not None and key not in missing}
    if different:
        names = ", ".join(f"{key} by {' and '.join(map(str, others[key]))}" for key in different if key in others)
        message.append(f"different: {changed_fields(old, different)}" + (f" (set: {names})" if names else ""))
    gone = sorted(key for key, value in new.items() if value is None)
    if gone:
        message.append(f"no longer wanted: {', '.join(gone)}")
    return ". ".join(message)


def of_certificate(
    host: str, name: str, validity: Validity | None, now: datetime.datetime, limits: Limits
) -> list[Drift]:
    """Whether the agent of a WEC should have renewed its certificate. ``validity`` is None where nothing tells it."""
    if validity is None or not validity.is_late(now, limits.certificate_days):
        return []
    verb = "has expired" if validity.ends <= now else "expires"
    message = f"the certificate of its agent {verb} at {times.show(validity.ends)}"
    return [Drift(CERTIFICATE_EXPIRING, name, host, message, times.show(validity.ends))]


def of_klusterlet(
    host: str,
    name: str,
    version: str | None,
    hub: versions.Version | None,
    given: str | None,
    *,
    is_unfinished: bool = False,
) -> list[Drift]:
    """Whether a klusterlet is behind: its hub, or what the inventory gives. Of one that was not asked, nothing is known.

    ``is_unfinished``: whether an upgrade was begun and is not proved.
    """
    own, wanted = versions.parse(version), versions.parse(given) or hub
    if is_unfinished:
        message = f"the upgrade of its klusterlet, which is {version or 'of an unknown version'}, was not finished"
        return [Drift(KLUSTERLET_BEHIND, name, host, message, version, versions.show(wanted) if wanted else None)]
    if own is None or wanted is None or own >= wanted:
        return []
    what = "the inventory wants" if versions.parse(given) else "the hub is"
    shown = versions.show(wanted)
    return [Drift(KLUSTERLET_BEHIND, name, host, f"its klusterlet is {version}, and {what} {shown}", version, shown)]


def of_versions(hosts: t.Mapping[str, str], running: t.Mapping[str, str | None], limits: Limits) -> list[Drift]:
    """Which of these WECs (by name, with their hosts) are too far behind the newest. ``running``: all Kubernetes versions."""
    known = {name: version for name, text in running.items() if (version := versions.parse(text))}
    if not known:
        return []
    newest = max(known, key=lambda name: known[name])
    drifts = []
    for name in hosts:
        own, best = known.get(name), known[newest]
        if own and (own[0], own[1] + limits.minor_versions) < (best[0], best[1]):
            message = f"it runs Kubernetes {running[name]}, and the newest WEC {running[newest]}"
            drifts.append(Drift(VERSION_SKEW, name, hosts[name], message, running[name], running[newest]))
    return drifts


def of_leftovers(found: t.Iterable[Leftover]) -> list[Drift]:
    """What of that is drift."""
    return [
        Drift(_OF_LEFTOVERS[one.reason.code], one.wec or "", None, f"{one.kind} {one.name}: {one.reason.why}")
        for one in found
        if one.reason.code in _OF_LEFTOVERS
    ]


def in_order(found: t.Iterable[Drift]) -> list[Drift]:
    """By the WECs' names, and for each in the order of the kinds."""
    order = {kind: index for index, kind in enumerate(REMEDIES)}
    return sorted(found, key=lambda one: (one.name, order[one.kind]))


def sentence(name: str, found: t.Sequence[Drift]) -> str:
    """Where a WEC differs, and what to do about it; a remedy that several have is given once."""
    message = "; ".join(f"{one.kind} {one.msg}" if one.kind in _OF_KEYS else one.msg.rstrip(".") for one in found)
    remedies = " ".join(f"{remedy}." for remedy in dict.fromkeys(one.remedy for one in found))
    return f"{name} differs from the inventory: {message}. {remedies}"


def summary(found: t.Sequence[Drift]) -> str:
    if not found:
        return "The inventory and the ITS agree"
    counts = collections.Counter(one.kind for one in found)
    message = ", ".join(f"{counts[kind]} {kind}" for kind in REMEDIES if counts[kind])
    return f"{len(found)} {'drift' if len(found) == 1 else 'drifts'}: {message}"


def table(found: t.Sequence[Drift]) -> list[str]:
    """A line for each, and one for all."""
    rows = [("WEC", "DRIFT", "WHAT"), *((one.name, one.kind, one.msg) for one in found)]
    return [*(screen.table(rows) if found else []), f"{summary(found)}."]

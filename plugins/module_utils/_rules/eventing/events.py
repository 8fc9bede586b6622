# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is worth telling when the ITS shows something else of a WEC than before."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..desired.merging import Texts
from ..observed.conditions import Condition, find
from ..observed.observed_managed_cluster import ObservedManagedCluster, is_pending
from ..registration import csr as csr_rules
from ..status import agent_certificate, times

Json = dict[str, t.Any]

CSR_PENDING = "csr_pending"
CSR_NAME_IN_USE = "csr_name_in_use"
UNKNOWN_CLUSTER = "unknown_cluster"
JOINED = "joined"
BECAME_UNAVAILABLE = "became_unavailable"
RECOVERED = "recovered"
LABEL_DRIFT = "label_drift"
CERTIFICATE_EXPIRING = "certificate_expiring"
LEFT = "left"
ITS_REACHABLE = "its_reachable"
ITS_UNREACHABLE = "its_unreachable"
ALL = (
    CSR_PENDING,
    CSR_NAME_IN_USE,
    UNKNOWN_CLUSTER,
    JOINED,
    BECAME_UNAVAILABLE,
    RECOVERED,
    LABEL_DRIFT,
    CERTIFICATE_EXPIRING,
    LEFT,
    ITS_REACHABLE,
    ITS_UNREACHABLE,
)

_ABSENT, _REGISTERING, _AVAILABLE, _UNAVAILABLE, _LEAVING = (
    "absent",
    "registering",
    "available",
    "unavailable",
    "leaving",
)


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the inventory says of a WEC: the host that it is, and its labels."""

    host: str
    labels: Texts = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What there shall be, and what is worth telling. ``wecs`` is None where nobody has said which WECs there shall be."""

    wecs: t.Mapping[str, Expected] | None = None
    drift_delay: datetime.timedelta = datetime.timedelta(seconds=60)
    """So long labels may differ: a WEC that has just joined is configured a moment later."""
    expiring: datetime.timedelta = datetime.timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Known:
    """One WEC as it was at one moment. What only time brings about is ``due`` then."""

    view: ObservedManagedCluster
    moment: datetime.datetime
    expected: bool | None = None
    host: str | None = None
    expires: datetime.datetime | None = None
    drift: Json = dataclasses.field(default_factory=dict)
    drifts_since: datetime.datetime | None = None
    reported_from: datetime.datetime | None = None
    """When the drift is told, and..."""
    expiring_from: datetime.datetime | None = None

    @property
    def uid(self) -> str | None:
        return t.cast("str | None", ((self.view.managed_cluster or {}).get("metadata") or {}).get("uid"))

    @property
    def has_name_in_use(self) -> bool:
        """Whether a cluster has the name already, so that a request that waits may be somebody else's."""
        return self.view.joined.is_true or self.view.identity is not None

    @property
    def tells_drift(self) -> bool:
        return self.reported_from is not None and self.reported_from <= self.moment

    @property
    def is_expiring(self) -> bool:
        return self.expiring_from is not None and self.expiring_from <= self.moment

    @property
    def due(self) -> datetime.datetime | None:
        coming = [one for one in (self.reported_from, self.expiring_from) if one is not None and one > self.moment]
        return min(coming, default=None)


@dataclasses.dataclass(frozen=True)
class Event:
    """``name`` is that of the WEC, ``message`` a sentence, and ``facts`` are what shows it, JSON types only."""

    kind: str
    name: str | None
    message: str
    facts: Json = dataclasses.field(default_factory=dict)
    known: Known | None = None

    def as_data(self, its: Json, moment: datetime.datetime, initial: bool) -> Json:
        return {
            "type": self.kind,
            "name": self.name,
            "host": self.known.host if self.known else None,
            "expected": self.known.expected if self.known else None,
            "initial": initial,
            "time": times.show(moment),
            "its": its,
            "msg": self.message,
            **self.facts,
        }


def known(
    before: Known | None,
    view: ObservedManagedCluster,
    wanted: Wanted,
    moment: datetime.datetime,
    is_settled: bool = False,
) -> Known | None:
    """What is known of a WEC with what the ITS shows now; None if that is nothing.

    ``is_settled``: what is wrong now has been so for long.
    """
    if not view.exists and not view.csrs:
        return None
    expected = wanted.wecs.get(view.name) if wanted.wecs is not None else None
    found = Known(
        view,
        moment,
        expected=None if wanted.wecs is None else expected is not None,
        host=expected.host if expected else None,
    )
    before = before if before is not None and _is_same(before, found) else None
    drift = _drift(view, expected.labels) if expected and _phase(view) in (_AVAILABLE, _UNAVAILABLE) else {}
    since = None
    if drift:
        since = before.drifts_since if before is not None and before.drift == drift else moment
        since = moment - wanted.drift_delay if is_settled else since
    validity = agent_certificate.of_view(view)
    expires = max(filter(None, (validity.ends if validity else None, before.expires if before else None)), default=None)
    return dataclasses.replace(
        found,
        expires=expires,
        drift=drift,
        drifts_since=since,
        reported_from=since + wanted.drift_delay if since else None,
        expiring_from=_before(expires, wanted.expiring) if expires and view.exists and not view.is_deleting else None,
    )


def events(before: Known | None, after: Known | None, is_initial: bool = False) -> list[Event]:
    """What follows from the change of one WEC. ``is_initial``: it is seen for the first time, and may be old."""
    found: list[Event] = []
    if before is not None and before.view.exists and not (after and after.view.exists and _is_same(before, after)):
        found.append(
            Event(LEFT, before.view.name, f"{before.view.name} is not a WEC of this ITS any more.", {}, before)
        )
    if after is None:
        return found
    if before is not None and not _is_same(before, after):
        before = None
    found += _unknown(before, after)
    found += _pending(before, after)
    found += _availability(before, after, is_initial)
    found += _slow(before, after)
    return found


def _is_same(before: Known, after: Known) -> bool:
    """Whether this is the WEC of before, and not another registration under its name."""
    return before.uid is None or after.uid is None or before.uid == after.uid


def _phase(view: ObservedManagedCluster) -> str:
    if not view.exists:
        return _ABSENT
    if view.is_deleting:
        return _LEAVING
    if view.joined.is_true and view.available.is_true:
        return _AVAILABLE
    if view.joined.is_true and view.available.status:
        return _UNAVAILABLE
    return _REGISTERING


def _unknown(before: Known | None, after: Known) -> list[Event]:
    if after.expected is not False or (before is not None and before.expected is False):
        return []
    text = f"{after.view.name} wants to be a WEC of this ITS, and is not in the inventory."
    if after.view.hub_accepts_client:
        text = f"{after.view.name} is a WEC of this ITS, and is not in the inventory."
    facts = {"accepted": after.view.hub_accepts_client, "labels": after.view.labels}
    return [Event(UNKNOWN_CLUSTER, after.view.name, text, facts, after)]


def _pending(before: Known | None, after: Known) -> list[Event]:
    identities = set()
    # One that nobody would have approved is told again when somebody may.
    is_freed = before is not None and before.has_name_in_use and not after.has_name_in_use
    if before is not None and before.expected == after.expected and not is_freed:
        identities = {_identity(csr) for csr in before.view.csrs if _asks_to_join(csr, after.view.name)}
    return [
        _pending_event(csr, after)
        for csr in reversed(after.view.csrs)
        if _asks_to_join(csr, after.view.name) and _identity(csr) not in identities
    ]


def _pending_event(csr: Json, after: Known) -> Event:
    name, view = csr["metadata"]["name"], after.view
    examined = csr_rules.examine(csr, view.name)
    sentence = "it is as an agent makes it" if examined.is_legitimate else "; ".join(examined.faults)
    facts = {
        "csr": name,
        "requester": (csr.get("spec") or {}).get("username"),
        "legitimate": examined.is_legitimate,
        "faults": list(examined.faults),
        "accepted": view.hub_accepts_client,
    }
    if after.has_name_in_use:
        text = f"The signing request {name} waits for approval under the name of {view.name}, which is registered already: {sentence}."
        return Event(CSR_NAME_IN_USE, view.name, text, facts, after)
    text = f"The signing request {name} of {view.name} waits for approval: {sentence}."
    return Event(CSR_PENDING, view.name, text, facts, after)


def _asks_to_join(csr: Json, name: str) -> bool:
    """Whether a request waits for somebody's approval. Renewals and those of add-ons are approved by the hub itself."""
    user = str((csr.get("spec") or {}).get("username") or "")
    renews = user.startswith(f"system:open-cluster-management:{name}:")
    return is_pending(csr) and not csr_rules.is_of_addon(csr) and not renews


def _identity(item: Json) -> str:
    return str(item["metadata"].get("uid") or item["metadata"]["name"])


def _availability(before: Known | None, after: Known, is_initial: bool) -> list[Event]:
    was, now = _phase(before.view) if before else _ABSENT, _phase(after.view)
    name, available = after.view.name, after.view.available
    facts = {"condition": available.as_data()}
    lost = Event(BECAME_UNAVAILABLE, name, f"{name} is not available: {available}.", facts, after)
    if now == _UNAVAILABLE:
        return [lost] if was != _UNAVAILABLE else []
    if now != _AVAILABLE:
        return []
    if was == _UNAVAILABLE and before is not None:
        return [_recovered(after, before.view.available)]
    if was == _AVAILABLE and before is not None:
        # It was away while nobody looked: Available has become True anew.
        if available.since is not None and available.since != before.view.available.since:
            text = f"{name} was not available for a while."
            return [Event(BECAME_UNAVAILABLE, name, text, facts, after), _recovered(after, None)]
        return []
    if is_initial:
        return []
    joined = {"labels": after.view.labels, "kubernetes_version": after.view.kubernetes_version}
    return [Event(JOINED, name, f"{name} is joined and available.", {**facts, **joined}, after)]


def _recovered(after: Known, away: Condition | None) -> Event:
    available = after.view.available
    since = away.since if away else None
    seconds = (available.since - since).total_seconds() if available.since and since else None
    lasted = f" after {times.show_seconds(seconds)}" if seconds is not None else ""
    facts = {"condition": available.as_data(), "unavailable_since": times.show(since), "seconds": seconds}
    return Event(RECOVERED, after.view.name, f"{after.view.name} is available again{lasted}.", facts, after)


def _slow(before: Known | None, after: Known) -> list[Event]:
    """What time brings about."""
    found, name = [], after.view.name
    if after.tells_drift and not (before is not None and before.tells_drift and before.drift == after.drift):
        keys = ", ".join(sorted(after.drift))
        facts = {"drift": after.drift, "since": times.show(after.drifts_since)}
        found.append(Event(LABEL_DRIFT, name, f"{name} has other labels than it should have: {keys}.", facts, after))
    was_expiring = before is not None and before.is_expiring and before.expires == after.expires
    if after.is_expiring and not was_expiring and after.expires is not None:
        left = (after.expires - after.moment).total_seconds()
        rotated = find(after.view.managed_cluster, "ClusterCertificateRotated")
        until = f"expires in {times.show_seconds(left)}" if left > 0 else "has expired"
        expiry: Json = {
            "expires": times.show(after.expires),
            "days": round(left / 86400, 2),
            "condition": rotated.as_data(),
        }
        found.append(Event(CERTIFICATE_EXPIRING, name, f"The certificate of {name} {until}.", expiry, after))
    return found


def _drift(view: ObservedManagedCluster, wanted: Texts) -> Json:
    """By key, what a label shall be and what it is."""
    own = view.labels
    return {
        key: {"expected": value, "actual": own.get(key)}
        for key, value in sorted(wanted.items())
        if own.get(key) != value
    }


def _before(moment: datetime.datetime, length: datetime.timedelta) -> datetime.datetime:
    """Agents write the moment themselves: it may be at the beginning of time."""
    try:
        return moment - length
    except OverflowError:
        return moment

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of many WECs of one ITS: a few LISTs, whatever their number. A WEC's own API is asked only where that is wanted."""

from __future__ import annotations

import dataclasses
import typing as t

from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import WecError
from .._rules.deregistration import leftovers
from .._rules.deregistration.leftovers import Holdings
from .._rules.desired.configuration import Observed
from .._rules.observed import readable
from .._rules.observed.binding_policies_view import Policy
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.observed.surveys import Survey
from .._rules.outside.unexpected import as_wec_error
from .._rules.status import drift, heartbeat, problems
from .._rules.status.drift import Drift, Limits
from . import concurrency, status
from .configuring import property_maps
from .planning import Member
from .status import Status

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Target:
    """A WEC to look at. ``member``: what the inventory wants of it; without that, nothing is compared. ``reach`` opens a client of
    its own API; without that, it is seen as the ITS shows it."""

    name: str
    host: str
    member: Member | None = None
    reach: t.Callable[[], t.ContextManager[Wec]] | None = None
    hub_apiserver: str | None = None
    bundle_version: str | None = None
    """The version that its klusterlet shall have; None: that of the hub."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """``error``: why the WEC's own API could not even be asked, which only the user can mend."""

    target: Target
    status: Status
    drifts: tuple[Drift, ...] = ()
    error: WecError | None = None

    @property
    def is_asked(self) -> bool:
        return self.target.reach is not None

    @property
    def message(self) -> str:
        """How it is, in sentences."""
        name, found = self.target.name, self.status
        if self.error is not None:
            wording = self.error.message
            return wording if wording.startswith(name) else f"{name}: {wording}"
        texts = []
        if found.problems or self.target.member is None:
            texts.append(found.diagnosis if self.is_asked else found.message)
        if self.drifts:
            texts.append(drift.sentence(name, self.drifts))
        if not texts:
            beat = heartbeat.of_view(found.view, found.now)
            asked = " Its API answers." if found.wec is not None else ""
            texts.append(f"{', '.join([f'{name} is in sync', *([beat.words] if beat else [])])}.{asked}")
        return " ".join(texts)


@dataclasses.dataclass(frozen=True)
class FleetStatus:
    """``strangers``: what is on the ITS, and of no host of the inventory."""

    server: str
    seen: list[Seen]
    strangers: list[Drift]


def look(
    its: Its,
    targets: t.Sequence[Target],
    inventory: t.Collection[str] | None,
    limits: Limits,
    at_once: int,
    policies: t.Sequence[Policy] | None = None,
) -> FleetStatus:
    """``inventory``: every name that the inventory has; None where nothing is held against the whole of it. ``policies``: the
    BindingPolicies of its WDS; None where there is none to be looked at. Raises WecError."""
    names = list(dict.fromkeys(one.name for one in targets))
    held = None if inventory is None else its.holdings()
    views = its.views(names) if held is None else its.held_views(held, names)
    desired_states = [one.member.desired for one in targets if one.member is not None]
    compared = [desired for desired in desired_states if desired.properties is not None]
    maps = property_maps(its, compared) if held is None else held.property_maps
    statuses = {one.view.name: one for one in status.of_views(its, views, with_works=True, policies=policies)}

    def look_at(one: Target) -> Seen:
        seen, error = _ask(its, one, statuses[one.name])
        return _with_late_certificate(_compare(its, Seen(one, seen, error=error), maps, limits), limits)

    found = concurrency.each(look_at, targets, at_once if any(one.reach for one in targets) else 1)
    found = _with_versions(found, held, views, limits)
    strangers: list[Drift] = []
    if held is not None and inventory is not None:
        strangers = drift.of_leftovers(leftovers.on_its(held, {*inventory, *names}, its.now()))
    return FleetStatus(its.kube.connection.server, found, drift.in_order(strangers))


def look_at_all(its: Its, limits: Limits, policies: t.Sequence[Policy] | None = None) -> FleetStatus:
    """Every WEC that the ITS has, whatever an inventory says. Raises WecError."""
    of_all = status.of_fleet(its, None, with_works=True, policies=policies)
    found = [_with_late_certificate(Seen(Target(one.view.name, one.view.name), one), limits) for one in of_all]
    return FleetStatus(its.kube.connection.server, found, [])


def _with_late_certificate(seen: Seen, limits: Limits) -> Seen:
    """Where nothing is compared, that its agent should have renewed its certificate is a problem. One that has ended is one anyway."""
    if seen.target.member is not None:
        return seen

    def of_status(one: Status) -> Seen:
        validity = None if one.view.unreadable else one.certificate
        known = any(problem.code == "certificate_expired" for problem in one.problems)
        if validity is None or known or not validity.is_late(one.now, limits.certificate_days):
            return dataclasses.replace(seen, status=one)
        late = problems.of("certificate_expiring", f"it {validity.fact(one.now)}")
        return dataclasses.replace(seen, status=dataclasses.replace(one, problems=(*one.problems, late)))

    return status.reading(of_status, seen.status)


def _ask(its: Its, one: Target, shown: Status) -> tuple[Status, WecError | None]:
    """From both sides, where that is wanted. A WEC whose connection cannot be used is nobody else's failure."""
    if one.reach is None:
        return shown, None
    # What concerns the hub as a whole is not asked for each of them.
    its_of_one = Its(its.kube, Survey(its.known, its.kube.clock_offset, shown.view))
    try:
        with one.reach() as wec:
            return status.with_works_of(status.of_one(its_of_one, wec, shown.view, one.hub_apiserver), shown), None
    except Exception as error:
        return shown, as_wec_error(error, one.name)


def _compare(its: Its, seen: Seen, maps: t.Mapping[str, Json], limits: Limits) -> Seen:
    member = seen.target.member
    if member is None:
        return seen
    problem = member.problem
    if problem is not None:
        odd = Drift(drift.INVALID_DESIRED_STATE, seen.target.name, seen.target.host, "; ".join(problem.evidence))
        return dataclasses.replace(seen, drifts=(odd,))

    # Where nobody was asked, no version is known.
    hub = its.hub.version if seen.status.wec is not None else None

    def of_status(one: Status) -> Seen:
        """Of what cannot be read, nobody knows whether it drifts: that is the problem of its status."""
        if one.view.unreadable:
            return dataclasses.replace(seen, status=one)
        observed = Observed(one.view, maps.get(seen.target.name))
        drifts = (
            *drift.of_desired(member.host, member.desired, observed),
            *drift.of_certificate(member.host, member.desired.name, one.certificate, its.now(), limits),
            *drift.of_klusterlet(
                member.host,
                member.desired.name,
                one.klusterlet_version,
                hub,
                seen.target.bundle_version,
                is_unfinished=one.is_being_upgraded,
            ),
        )
        return dataclasses.replace(seen, status=one, drifts=drifts)

    return status.reading(of_status, seen.status)


def _with_versions(
    found: t.Sequence[Seen], held: Holdings | None, views: t.Mapping[str, ObservedManagedCluster], limits: Limits
) -> list[Seen]:
    clusters = {name: view.managed_cluster for name, view in views.items()} if held is None else held.clusters
    running = {name: _version(name, cluster) for name, cluster in clusters.items()}
    compared = {
        one.target.name: one.target.host for one in found if one.target.member and one.target.member.problem is None
    }
    late = {one.name: one for one in drift.of_versions(compared, running, limits)}
    return [
        dataclasses.replace(one, drifts=(*one.drifts, late[one.target.name])) if one.target.name in late else one
        for one in found
    ]


def _version(name: str, cluster: Json | None) -> str | None:
    return readable.reading(lambda view: view.kubernetes_version, ObservedManagedCluster(name, cluster))

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far an inventory and an ITS have come apart: a few LISTs, whatever the number of WECs, and no WEC is asked."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._apis.its import Its
from .._rules import drift, leftovers, readable
from .._rules.configuration import Observed
from .._rules.drift import Drift, Limits
from .._rules.its_view import ItsView
from . import status
from .planning import Member
from .status import Status

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """``statuses`` are those of the WECs in the order of their hosts, each with its host."""

    drifts: list[Drift]
    statuses: list[tuple[str, Status]]


def compare(its: Its, members: t.Sequence[Member], inventory: t.Collection[str], limits: Limits) -> Comparison:
    """``members`` are looked at; ``inventory`` are all names that the inventory has. Raises WecError."""
    held = its.holdings()
    hosts = {one.wish.name: one.host for one in members}
    statuses = {one.view.name: one for one in status.of_views(its, its.held_views(held, list(hosts)))}
    found: list[Drift] = []
    now = its.now()

    def of_member(one: Member, seen: Status) -> tuple[Status, list[Drift]]:
        """Of what cannot be read, nobody knows whether it drifts: that is the problem of its status."""
        if seen.view.unreadable:
            return seen, []
        observed = Observed(seen.view, held.property_maps.get(one.wish.name))
        return seen, [
            *drift.of_wish(one.host, one.wish, observed),
            *drift.of_view(one.host, seen.view, now, limits),
        ]

    for one in members:
        name = one.wish.name
        if one.violations:
            found.append(Drift(drift.CANNOT_BE_WANTED, name, one.host, " ".join(one.violations)))
            continue
        statuses[name], own = status.reading(functools.partial(of_member, one), statuses[name])
        found += own
    running = {name: _version(name, cluster) for name, cluster in held.clusters.items()}
    found += drift.of_versions(hosts, running, limits)
    found += drift.of_leftovers(leftovers.on_its(held, {*inventory, *hosts}, its.now()))
    order = {kind: index for index, kind in enumerate(drift.REMEDIES)}
    found.sort(key=lambda one: (one.name, order[one.kind]))
    return Comparison(found, [(hosts[name], one) for name, one in statuses.items()])


def _version(name: str, cluster: Json) -> str | None:
    return readable.reading(lambda view: view.kubernetes_version, ItsView(name, cluster))

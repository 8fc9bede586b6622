# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""How far an inventory and an ITS have come apart: a few LISTs, whatever the number of WECs, and no WEC is asked."""

from __future__ import annotations

import dataclasses
import typing as t

from .._apis.its import Its
from .._rules import drift, leftovers
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
    statuses = status.of_views(its, its.held_views(held, list(hosts)))
    views = {one.view.name: one.view for one in statuses}
    found: list[Drift] = []
    for one in members:
        name = one.wish.name
        if one.violations:
            found.append(Drift(drift.CANNOT_BE_WANTED, name, one.host, " ".join(one.violations)))
            continue
        found += drift.of_wish(one.host, one.wish, Observed(views[name], held.property_maps.get(name)))
        found += drift.of_view(one.host, views[name], its.now(), limits)
    running = {name: ItsView(name, cluster).kubernetes_version for name, cluster in held.clusters.items()}
    found += drift.of_versions(hosts, running, limits)
    found += drift.of_leftovers(leftovers.on_its(held, {*inventory, *hosts}, its.now()))
    order = {kind: index for index, kind in enumerate(drift.REMEDIES)}
    found.sort(key=lambda one: (one.name, order[one.kind]))
    return Comparison(found, [(hosts[one.view.name], one) for one in statuses])

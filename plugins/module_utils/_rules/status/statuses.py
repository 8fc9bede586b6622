# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the statuses of what KubeStellar delivers to a WEC come back, as WorkStatuses in its mailbox.

Seen with KubeStellar 0.30.0 and its status add-on: no field of a WorkStatus or a CombinedStatus tells how old it is, and the
add-on stays available without its agent's RoleBinding.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..desired import selection
from ..desired.merging import Texts
from ..observed import works
from ..observed.binding_policies_view import Policy
from ..observed.conditions import find
from ..outside import screen
from . import problems, times
from .problems import Problem

Json = dict[str, t.Any]
ROLE_BINDING = "open-cluster-management:addon-status:agent"
"""In each mailbox: with it, the add-on's agent may write there."""
ROLE_BINDINGS = (ROLE_BINDING, "open-cluster-management:addon-status:clusterrole:agent")
"""The second one is what OCM's own add-on manager makes for an AddOnTemplate."""
_TAKES = 60.0
"""Seconds until the first status of a work should be back; it takes one or two."""
_NEVER_REPORTED = frozenset(
    {"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
)
"""Kinds of which the add-on's agent reports nothing."""
_NAMED = 5
FRESH, OLD, UNKNOWN = "fresh", "old", "unknown"


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the ITS shows of statuses; None where that may not be looked at.

    ``reported``: uids of the ManifestWorks that have a WorkStatus. ``writable``: the mailboxes that the add-on's agent may write to.
    """

    reported: frozenset[str] | None = None
    writable: frozenset[str] | None = None

    def lacking(self, due: t.Iterable[Json]) -> list[Json]:
        """The works that have no status, of those that should."""
        return [] if self.reported is None else [one for one in due if one["metadata"].get("uid") not in self.reported]


@dataclasses.dataclass(frozen=True)
class PolicyState:
    """A BindingPolicy that selects a WEC: how many works it has there, and whether their statuses are fresh, old or unknown."""

    name: str
    works: int
    available: int
    statuses: str

    @property
    def shown(self) -> str:
        return f"{self.name} (statuses old)" if self.statuses == OLD else self.name

    def as_data(self) -> Json:
        return dataclasses.asdict(self)


def due(items: t.Iterable[Json], now: datetime.datetime) -> list[Json]:
    """The works of a mailbox of which a status should have come back. Raises whatever odd shapes of a stranger raise."""
    return [item for item in items if works.is_delivered(item) and _has_had_time(item, now) and _is_reported(item)]


def owners(work_statuses: t.Iterable[Json]) -> frozenset[str]:
    """The uids of the ManifestWorks that these WorkStatuses are of."""
    return frozenset(
        str(owner["uid"])
        for item in work_statuses
        for owner in item["metadata"].get("ownerReferences") or []
        if isinstance(owner, dict) and "uid" in owner
    )


def problem(name: str, expected: t.Sequence[Json], evidence: Evidence) -> Problem | None:
    """Why statuses may be old; ``expected`` are the works of which there should be one."""
    facts = []
    if expected and evidence.writable is not None and name not in evidence.writable:
        facts.append(f"RoleBinding {ROLE_BINDING} is not in its mailbox, so that the add-on's agent cannot write there")
    lacking = sorted(str(one["metadata"]["name"]) for one in evidence.lacking(expected))
    if lacking:
        named = f"ManifestWork{'' if len(lacking) == 1 else 's'} {screen.listed(lacking, _NAMED)}"
        facts.append(f"no WorkStatus of {named} after more than a minute")
    return problems.of("statuses_stale", *facts) if facts else None


def of_unavailable(items: t.Iterable[Json]) -> Problem | None:
    """Of a WEC that is not available, and has these works."""
    count = sum(works.is_delivered(item) for item in items)
    if not count:
        return None
    many = "its ManifestWork" if count == 1 else f"its {count} ManifestWorks"
    return problems.of("statuses_stale", f"the WDS keeps the last status of {many}")


def of_policies(
    policies: t.Iterable[Policy],
    labels: Texts,
    items: t.Sequence[Json],
    expected: t.Sequence[Json],
    is_silent: bool,
    evidence: Evidence,
) -> tuple[PolicyState, ...]:
    """Those that select a WEC with these labels, or have works in its mailbox still, by their names.

    ``expected`` are the works of which there should be a status. ``is_silent``: whether no status of anything comes from there.
    """
    late = {id(item) for item in evidence.lacking(expected)}
    of_binding: dict[str, list[Json]] = {}
    for item in items:
        if works.is_delivered(item):
            of_binding.setdefault(works.binding_of(item), []).append(item)
    selecting = {one.name for one in policies if not one.is_deleting and selection.selects_any(one.selectors, labels)}
    found = []
    for name in sorted({*selecting, *of_binding}):
        own = of_binding.get(name, [])
        freshness = {OLD} if is_silent and own else {_freshness(item, id(item) in late, evidence) for item in own}
        worst = next((one for one in (OLD, FRESH) if one in freshness), UNKNOWN)
        found.append(PolicyState(name, len(own), sum(map(works.is_available, own)), worst))
    return tuple(found)


def _freshness(item: Json, is_late: bool, evidence: Evidence) -> str:
    if evidence.reported is not None and item["metadata"].get("uid") in evidence.reported:
        return FRESH
    return OLD if is_late else UNKNOWN


def _has_had_time(item: Json, now: datetime.datetime) -> bool:
    return works.is_applied(item) and (times.age(find(item, "Applied").since, now) or 0.0) > _TAKES


def _is_reported(item: Json) -> bool:
    manifests = ((item.get("status") or {}).get("resourceStatus") or {}).get("manifests") or []
    kinds = {(manifest.get("resourceMeta") or {}).get("kind") for manifest in manifests}
    return bool(kinds - _NEVER_REPORTED - {None})

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of one run, and what is computed of them. Nothing here looks at anything."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import statistics
import typing as t

Json = dict[str, t.Any]
OURS, CLUSTERADM, AGENTS, HUB = "own", "clusteradm", "agents", "hub"
"""Whose requests they are: the contender's own, those of the clusteradm that it runs, the WECs' agents', the hub's own."""
_BOOTSTRAP = "system:serviceaccount:open-cluster-management:"
_AGENT = "system:open-cluster-management:"
_PEOPLE = ("-admin", "-onboarder")


def percentile(values: t.Sequence[float], share: float) -> float:
    """The smallest value that this share (0 to 1) of all values does not exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("no values, no percentile")
    if not 0 <= share <= 1:
        raise ValueError(f"{share} is no share of all values")
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


@dataclasses.dataclass(frozen=True)
class Spread:
    """How long it took for many, in seconds."""

    p50: float
    p95: float
    longest: float

    @classmethod
    def of(cls, values: t.Sequence[float]) -> Spread:
        """Raises ValueError for no values."""
        return cls(percentile(values, 0.5), percentile(values, 0.95), max(values))


def whose(event: t.Mapping[str, t.Any]) -> str:
    """Who made a request to the hub, by an event of its audit log."""
    user, agent = str(event["user"]["username"]), str(event.get("userAgent") or "")
    if agent.startswith("clusteradm"):
        return CLUSTERADM
    if user.endswith(_PEOPLE):
        return OURS
    # Agents introduce themselves as a ServiceAccount, and go on as themselves.
    if user.startswith((_AGENT, _BOOTSTRAP)):
        return AGENTS
    return HUB


Requests = dict[str, dict[str, int]]
"""Numbers of requests, by whose they are and by verb."""


def account(lines: t.Iterable[bytes]) -> Requests:
    """Count the requests of an audit log's lines. Raises ValueError for a line that is no event."""
    counts: Requests = {}
    for line in lines:
        event = json.loads(line)
        by_verb = counts.setdefault(whose(event), {})
        by_verb[event["verb"]] = by_verb.get(event["verb"], 0) + 1
    return counts


@dataclasses.dataclass(frozen=True)
class Availability:
    """When a WEC announced itself and when the hub first called it available, as seconds since the run began."""

    announced: float
    available: float

    @classmethod
    def of(cls, cluster: t.Mapping[str, t.Any], began: datetime.datetime) -> Availability | None:
        """From a ManagedCluster; None while it is not available."""
        conditions = {one["type"]: one for one in (cluster.get("status") or {}).get("conditions") or []}
        found = conditions.get("ManagedClusterConditionAvailable") or {}
        if found.get("status") != "True":
            return None
        created = _seconds(cluster["metadata"]["creationTimestamp"], began)
        return cls(created, _seconds(found["lastTransitionTime"], began))


def _seconds(text: str, began: datetime.datetime) -> float:
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - began).total_seconds()


@dataclasses.dataclass
class Measurement:
    """One contender's run of one scenario.

    ``cpu`` is that of all its processes, ``memory`` (MiB) what they had at most at one time, shared pages counted once;
    ``own_memory`` is the same without what is not Python: clusteradm, kubectl. ``stolen`` is the percentage of the cores'
    time that the machine's host gave to others. Both are None where nobody has looked. ``announced`` and ``finished`` tell for
    the WECs that became available how long they took from their announcement, and from the beginning of the run.
    """

    scenario: str
    contender: str
    wecs: int
    wall: float
    cpu: float
    memory: float
    own_memory: float | None = None
    stolen: int | None = None
    requests: Requests = dataclasses.field(default_factory=dict)
    announced: Spread | None = None
    finished: Spread | None = None
    available: int | None = None
    note: str = ""

    @property
    def own_requests(self) -> int:
        return sum(self.requests.get(OURS, {}).values())

    def per_wec(self, who: str) -> float:
        return sum(self.requests.get(who, {}).values()) / self.wecs

    def as_data(self) -> Json:
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, data: Json) -> Measurement:
        spreads = {key: Spread(**data[key]) if data.get(key) else None for key in ("announced", "finished")}
        return cls(**{**data, **spreads})


def typical(runs: t.Sequence[Measurement]) -> Measurement:
    """The one with the median wall time, of several runs of the same. Raises ValueError for none."""
    if not runs:
        raise ValueError("no runs")
    middle = statistics.median_low([one.wall for one in runs])
    return next(one for one in runs if one.wall == middle)

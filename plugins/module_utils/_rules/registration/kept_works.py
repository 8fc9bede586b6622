# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workload of another hub that stays on a WEC when it is moved.

A work agent that is connected to a hub deletes the AppliedManifestWorks that this hub has no ManifestWork for, after a grace, and
with them each object that no other AppliedManifestWork owns (OCM: pkg/work/spoke/controllers/unmanaged_appliedwork_controller.go).
So the grace is made endless before the move, and is what it was again when ManifestWorks of the new hub own everything.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ..observed.conditions import all_of
from ..observed.observed_agent import Klusterlet
from ..outside import screen

Json = dict[str, t.Any]
_Object = tuple[str, str, str, str]

GRACE_OFF = "876600h"
"""With a hundred years, the agent marks nothing for eviction."""
GRACE_ANNOTATION = "wec.kubestellar.io/eviction-grace-period"
"""On a Klusterlet whose grace was made endless: what it was before, or nothing if it was not set."""
KEPT_ANNOTATION = "wec.kubestellar.io/works-kept"
"""On a ManagedCluster: workload of another hub is kept on the WEC, and its works are to be compared."""
_FLAG = "--appliedmanifestwork-eviction-grace-period="
_OF_AGENTS = "--spoke-cluster-name="
"""Each of them is told so which WEC it is; other pods in their namespace are not."""
_GRACE = "appliedManifestWorkEvictionGracePeriod"
_SHOWN = 5
_EVICTS_NOTHING = frozenset({"klusterlet-registration-agent"})
"""Label app of the agent's pods that have no part in works."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """``missing``: objects that no ManifestWork of this ITS has brought, by the names of the other hub's works.

    ``pending``: ManifestWorks of this ITS that the WEC has not applied yet.
    """

    missing: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    pending: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def message(self) -> str:
        """The works without a counterpart, with their objects."""
        works = [f"{work} ({screen.listed(objects, _SHOWN)})" for work, objects in self.missing.items()]
        return screen.fact(screen.listed(works, _SHOWN))

    def as_data(self, *, is_restored: bool) -> Json:
        return {
            "eviction": "on" if is_restored else "off",
            "without_counterpart": [
                {"manifestwork": work, "objects": list(objects)} for work, objects in self.missing.items()
            ],
        }


def are_kept(klusterlet: Klusterlet | None) -> bool:
    """Whether eviction was switched off on this WEC by a move, and is to be switched on again."""
    return klusterlet is not None and GRACE_ANNOTATION in _annotations(klusterlet)


def grace(klusterlet: Klusterlet) -> str | None:
    """How long the agent keeps what its hub does not know; None for OCM's default."""
    found = ((klusterlet.raw.get("spec") or {}).get("workConfiguration") or {}).get(_GRACE)
    return str(found) if found else None


def is_off(klusterlet: Klusterlet) -> bool:
    return (grace(klusterlet) or "").startswith(GRACE_OFF)


def former_grace(klusterlet: Klusterlet) -> str | None:
    """What the grace was before it was made endless; None if it was not set."""
    return str(_annotations(klusterlet).get(GRACE_ANNOTATION) or "") or None


def switching_off(klusterlet: Klusterlet) -> Json:
    """The merge patch of a Klusterlet that makes the grace endless. What was noted before is not written over."""
    noted = former_grace(klusterlet) if are_kept(klusterlet) else grace(klusterlet)
    return _patch(noted or "", GRACE_OFF)


def switching_on(klusterlet: Klusterlet) -> Json:
    """The merge patch that makes the grace what it was."""
    return _patch(None, former_grace(klusterlet))


def _patch(annotation: str | None, value: str | None) -> Json:
    return {
        "metadata": {"annotations": {GRACE_ANNOTATION: annotation}},
        "spec": {"workConfiguration": {_GRACE: value}},
    }


def _annotations(klusterlet: Klusterlet) -> Json:
    return dict((klusterlet.raw.get("metadata") or {}).get("annotations") or {})


def waits_for(klusterlet: Klusterlet, pods: t.Iterable[Json]) -> str | None:
    """What is to come until no agent runs any more that would evict something; None if that is so. ``pods``: the agent's."""
    generation = (klusterlet.raw.get("metadata") or {}).get("generation")
    if (klusterlet.raw.get("status") or {}).get("observedGeneration") != generation:
        return "its operator has not taken up the change of the Klusterlet"
    old = [str(pod["metadata"]["name"]) for pod in pods if _may_evict(pod)]
    return f"its agent is still the old one (pod {', '.join(old)})" if old else None


def _may_evict(pod: Json) -> bool:
    if (pod["metadata"].get("labels") or {}).get("app") in _EVICTS_NOTHING:
        return False
    arguments = [str(one) for part in (pod.get("spec") or {}).get("containers") or [] for one in part.get("args") or []]
    is_agent = any(one.startswith(_OF_AGENTS) for one in arguments)
    return is_agent and not any(one.startswith(_FLAG + GRACE_OFF) for one in arguments)


def hub_hash(server: str) -> str:
    """What AppliedManifestWorks of a hub at this address are named after (OCM: pkg/work/helper, HubHash)."""
    return hashlib.sha256(server.encode()).hexdigest()


def compare(applied: t.Iterable[Json], works: t.Iterable[Json], server: str, agent_id: str) -> Comparison:
    """``applied`` are all AppliedManifestWorks, ``works`` those in the WEC's mailbox, ``server`` the address that its agent dials.

    Those of another agent are not evicted, and do not count.
    """
    works = list(works)
    done = {str(work["metadata"]["name"]) for work in works if _is_applied(work)}
    own_hash = hub_hash(server)
    living: set[_Object] = set()
    others: dict[str, set[_Object]] = {}
    for one in applied:
        spec = one.get("spec") or {}
        if agent_id and spec.get("agentID") not in (None, "", agent_id):
            continue
        name = str(spec.get("manifestWorkName") or one["metadata"]["name"])
        if spec.get("hubHash") == own_hash and name in done:
            living |= _objects(one)
        else:
            others.setdefault(name, set()).update(_objects(one))
    missing = {name: tuple(map(_shown, sorted(found - living))) for name, found in others.items() if found - living}
    pending = tuple(str(work["metadata"]["name"]) for work in works if not _is_applied(work))
    return Comparison(missing, pending)


def _is_applied(work: Json) -> bool:
    """As it is now, and not as it was before somebody changed it."""
    return any(
        one.type == "Applied" and one.is_true and one.generation in (None, work["metadata"].get("generation"))
        for one in all_of(work)
    )


def _objects(applied: Json) -> set[_Object]:
    found = (applied.get("status") or {}).get("appliedResources") or []
    keys = ("group", "resource", "namespace", "name")
    return {t.cast(_Object, tuple(str(one.get(key) or "") for key in keys)) for one in found}


def _shown(one: _Object) -> str:
    group, resource, namespace, name = one
    kind = f"{resource}.{group}" if group else resource
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

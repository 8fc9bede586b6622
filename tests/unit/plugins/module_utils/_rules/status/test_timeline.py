# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import timeline

Json = dict[str, t.Any]


def condition(kind: str, second: int, status: str = "True") -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": f"2026-03-01T10:00:{second:02}Z"}


def csr(name: str, *conditions: Json) -> Json:
    return {"metadata": {"name": name}, "status": {"conditions": list(conditions)}}


def cluster(*conditions: Json) -> Json:
    return {
        "metadata": {"name": "edge-1", "creationTimestamp": "2026-03-01T10:00:01Z"},
        "status": {"conditions": list(conditions)},
    }


def message(view: ObservedManagedCluster) -> dict[str, str]:
    return {one["step"]: one["ended"][-3:-1] for one in timeline.as_data(timeline.of_view(view))}


def test_it_has_what_the_its_shows_in_the_order_of_time() -> None:
    conditions = [
        condition("ManagedClusterConditionAvailable", 9),
        condition("ManagedClusterJoined", 7),
        condition("HubAcceptedManagedCluster", 3),
    ]
    view = ObservedManagedCluster("edge-1", cluster(*conditions), (csr("one", condition("Approved", 3)),))
    found = message(view)
    assert found == {"announced": "01", "accepted": "03", "approved": "03", "joined": "07", "available": "09"}
    assert list(found) == ["announced", "accepted", "approved", "joined", "available"]


def test_what_is_not_so_has_no_time() -> None:
    lost = cluster(condition("HubAcceptedManagedCluster", 3, "False"), condition("ManagedClusterJoined", 7, "Unknown"))
    assert message(ObservedManagedCluster("edge-1", lost)) == {"announced": "01"}
    assert message(ObservedManagedCluster("edge-1")) == {}


def test_the_renewal_of_a_certificate_is_no_approval_to_join() -> None:
    first, renewal = csr("first", condition("Approved", 4)), csr("renewal", condition("Approved", 40))
    denied = csr("denied", condition("Denied", 5))
    view = ObservedManagedCluster("edge-1", cluster(condition("ManagedClusterJoined", 7)), (renewal, denied, first))
    assert message(view)["approved"] == "04"

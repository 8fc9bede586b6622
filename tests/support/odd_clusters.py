# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one WEC may show on its ITS that is odd, and a fleet of 25 of which one does."""

from __future__ import annotations

import typing as t

from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, condition, csr

Json = dict[str, t.Any]
ODD = "edge-7"
NAMES = [f"edge-{number}" for number in range(1, 26)]
OTHERS = [name for name in NAMES if name != ODD]
_AVAILABLE = "ManagedClusterConditionAvailable"


def _conditions(*more: t.Any, moment: t.Any = None) -> list[t.Any]:
    found = [condition(kind) for kind in ("HubAcceptedManagedCluster", "ManagedClusterJoined", _AVAILABLE)]
    if moment is not None:
        for one in found:
            one["lastTransitionTime"] = moment
    return [*found, *more]


def _cluster(**parts: t.Any) -> t.Callable[[FakeIts], None]:
    """Parts of the ManagedCluster: metadata_labels is .metadata.labels."""

    def change(its: FakeIts) -> None:
        for place, value in parts.items():
            at = its.objects[f"{MANAGED_CLUSTERS}/{ODD}"]
            *folders, last = place.split("_")
            for folder in folders:
                at = at.setdefault(folder, {})
            at[last] = value

    return change


def _other(path: str, item: Json) -> t.Callable[[FakeIts], None]:
    def change(its: FakeIts) -> None:
        metadata = its.objects.get(path, {}).get("metadata", {})
        its.put(path, {**item, "metadata": {**metadata, **item.get("metadata", {})}})

    return change


_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{ODD}/leases/managed-cluster-lease"
_PROPERTIES = f"/api/v1/namespaces/customization-properties/configmaps/{ODD}"

VALID: dict[str, t.Callable[[FakeIts], None]] = {
    "the end of time": _cluster(status_conditions=_conditions(moment="9999-12-31T23:59:59-12:00")),
    "before time": _cluster(status_conditions=_conditions(moment="0001-01-01T00:00:00+12:00")),
    "the year one": _cluster(status_conditions=_conditions(moment="0001-01-01T00:00:00Z")),
    "created at the end of time": _cluster(metadata_creationTimestamp="9999-12-31T23:59:59-12:00"),
    "no times": _cluster(status_conditions=_conditions(moment="")),
    "a lease of ages": _cluster(spec_leaseDurationSeconds=2147483647),
    "a lease of less than nothing": _cluster(spec_leaseDurationSeconds=-1),
    "a lease at the end of time": _other(_LEASE, {"spec": {"renewTime": "9999-12-31T23:59:59.999999-12:00"}}),
    "claims without a name": _cluster(status_clusterClaims=[{"value": "x"}, {}]),
    "no labels": _cluster(metadata_labels=None, metadata_annotations=None),
    "conditions that lack everything": _cluster(status_conditions=_conditions({}, {"type": "x"}, {"status": "True"})),
    "a long version": _cluster(status_version={"kubernetes": "v" + "1" * 200_000 + ".2.3"}),
    "a version of thousands of digits": _cluster(status_version={"kubernetes": f"v1.{'9' * 5000}.0"}),
    "a huge generation": _cluster(metadata_generation=10**30),
    "a certificate that was rotated to the year one": _cluster(
        status_conditions=_conditions(
            {
                "type": "ClusterCertificateRotated",
                "status": "True",
                "message": "client certificate rotated starting from 0001-01-01 00:00:00 +0000 UTC to 0001-01-01 00:00:00 +0000 UTC",
            }
        )
    ),
    "an empty status": _cluster(status=None),
    "clients without an address": _cluster(spec_managedClusterClientConfigs=[{}, {"url": ""}, {"url": "x\x1b[2J"}]),
    "a request that is nonsense": _other(
        f"{CSRS}/x", {**csr(ODD, "x", pem=b"\xff\x00"), "status": {"certificate": "!"}}
    ),
}
"""What an API server takes: no schema forbids it."""
INVALID: dict[str, t.Callable[[FakeIts], None]] = {
    "conditions that are a text": _cluster(status_conditions="True"),
    "conditions that are no mappings": _cluster(status_conditions=["x", 3, None]),
    "a status of a condition that is a mapping": _cluster(status_conditions=[{"type": _AVAILABLE, "status": {}}]),
    "labels that are a list": _cluster(metadata_labels=["x"]),
    "a label that is a number": _cluster(metadata_labels={"region": 5}),
    "annotations that are a text": _cluster(metadata_annotations="x"),
    "a spec that is a list": _cluster(spec=["x"]),
    "a status that is a number": _cluster(status=7),
    "a version that is a list": _cluster(status_version=["v1.34.4"]),
    "a version that is a number": _cluster(status_version={"kubernetes": 1.34}),
    "a lease duration that is a text": _cluster(spec_leaseDurationSeconds="soon"),
    "a lease duration that has no end": _cluster(spec_leaseDurationSeconds=1e999),
    "claims that are a mapping": _cluster(status_clusterClaims={"name": "x"}),
    "clients that are texts": _cluster(spec_managedClusterClientConfigs=["https://x"]),
    "a creation that is a number": _cluster(metadata_creationTimestamp=1),
    "a lease that is a text": _other(_LEASE, {"spec": "x"}),
    "a renewal that is a number": _other(_LEASE, {"spec": {"renewTime": 17}}),
    "a mailbox of nothing that is known": _other(f"/api/v1/namespaces/{ODD}", {"status": ["x"], "spec": 3}),
    "a request without a shape": _other(f"{CSRS}/x", {**csr(ODD, "x"), "spec": ["x"], "status": "y"}),
}
"""What only a proxy or an aggregated API makes of it."""


def fleet(its: FakeIts, oddity: t.Callable[[FakeIts], None], properties: Json | None = None) -> None:
    """25 WECs that are joined and available, one of them odd."""
    for name in NAMES:
        its.join(name, f"uid-of-{name}")
        its.change(
            f"{MANAGED_CLUSTERS}/{name}",
            {"metadata": {"labels": {"region": "us"}}, "status": {"version": {"kubernetes": "v1.34.4"}}},
        )
    # What plays the hub here reads everything.
    its.after.clear()
    oddity(its)
    if properties is not None:
        its.put(_PROPERTIES, properties)
    its.requests.clear()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One WEC as the ITS shows it."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t

from ..status import times
from .conditions import Condition, find

Json = dict[str, t.Any]

CLUSTER_NAME_LABEL = "open-cluster-management.io/cluster-name"
ADDON_NAME_LABEL = "open-cluster-management.io/addon-name"
IDENTITY_ANNOTATION = "wec.kubestellar.io/kube-system-uid"
"""On a ManagedCluster: the UID of the namespace kube-system of the WEC that was registered under this name.

No Go identifier, so it never becomes a property of templates; annotations do not affect selection.
"""
LEASE_NAME = "managed-cluster-lease"
LEASES_UNTIL_UNKNOWN = 5
"""The hub calls a cluster Unknown when its lease is this many durations old (OCM: pkg/registration/hub/lease)."""


@dataclasses.dataclass(frozen=True)
class ObservedManagedCluster:
    """``csrs`` are the signing requests that carry this WEC's label, newest first, add-ons' not among them.

    ``token_ids_are_recorded``: whether the ITS notes which token each of them was made with (Kubernetes 1.30 and later).
    ``unreadable``: why this is only a stand-in for something that cannot be read (see readable.py); empty for all others.
    """

    name: str
    managed_cluster: Json | None = None
    csrs: tuple[Json, ...] = ()
    lease: Json | None = None
    mailbox: Json | None = None
    token_ids_are_recorded: bool = False
    unreadable: str = ""

    @property
    def exists(self) -> bool:
        return self.managed_cluster is not None

    @property
    def is_empty(self) -> bool:
        """Whether the ITS has nothing at all under this name."""
        return self.managed_cluster is None and self.mailbox is None and not self.csrs

    @property
    def is_deleting(self) -> bool:
        return bool(((self.managed_cluster or {}).get("metadata") or {}).get("deletionTimestamp"))

    @property
    def mailbox_is_terminating(self) -> bool:
        return bool(((self.mailbox or {}).get("metadata") or {}).get("deletionTimestamp"))

    @property
    def hub_accepts_client(self) -> bool:
        return bool(((self.managed_cluster or {}).get("spec") or {}).get("hubAcceptsClient"))

    @property
    def accepted_at(self) -> datetime.datetime | None:
        """When hubAcceptsClient was set, or at the earliest when somebody who has set it wrote last (Kubernetes: managedFields)."""
        metadata = (self.managed_cluster or {}).get("metadata") or {}
        entries = metadata.get("managedFields")
        found = [
            times.parse(entry.get("time"))
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and "f:hubAcceptsClient" in str(entry.get("fieldsV1"))
        ]
        return max(filter(None, found), default=times.parse(metadata.get("creationTimestamp")))

    @property
    def stage(self) -> int:
        """How far it has come: announced, let in, certified, joined, available."""
        is_certified = any(is_issued(csr) for csr in self.csrs)
        available = self.available.is_true
        return sum((self.exists, self.hub_accepts_client, is_certified, self.joined.is_true, available))

    @functools.cached_property
    def accepted(self) -> Condition:
        return find(self.managed_cluster, "HubAcceptedManagedCluster")

    @functools.cached_property
    def joined(self) -> Condition:
        return find(self.managed_cluster, "ManagedClusterJoined")

    @functools.cached_property
    def available(self) -> Condition:
        return find(self.managed_cluster, "ManagedClusterConditionAvailable")

    @property
    def clock_synced(self) -> Condition:
        return find(self.managed_cluster, "ManagedClusterConditionClockSynced")

    @property
    def labels(self) -> dict[str, str]:
        return dict(((self.managed_cluster or {}).get("metadata") or {}).get("labels") or {})

    @property
    def annotations(self) -> dict[str, str]:
        return dict(((self.managed_cluster or {}).get("metadata") or {}).get("annotations") or {})

    @property
    def identity(self) -> str | None:
        return self.annotations.get(IDENTITY_ANNOTATION)

    @property
    def kubernetes_version(self) -> str | None:
        status = (self.managed_cluster or {}).get("status") or {}
        version = (status.get("version") or {}).get("kubernetes")
        return version if isinstance(version, str) else None

    @functools.cached_property
    def lease_renewed(self) -> datetime.datetime | None:
        return times.parse(((self.lease or {}).get("spec") or {}).get("renewTime"))

    @functools.cached_property
    def lease_observed(self) -> datetime.datetime | None:
        """When the ITS took in that renewal, by its own clock (Kubernetes: managedFields); None where it does not say."""
        entries = ((self.lease or {}).get("metadata") or {}).get("managedFields")
        times_seen = [
            times.parse(entry.get("time"))
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and "f:renewTime" in str(entry.get("fieldsV1"))
        ]
        return max(filter(None, times_seen), default=None)

    @property
    def lease_duration(self) -> int:
        """Seconds."""
        return int(((self.managed_cluster or {}).get("spec") or {}).get("leaseDurationSeconds") or 60)

    def lease_is_fresh(self, now: datetime.datetime) -> bool:
        """The hub writes the first lease itself at acceptance: a fresh lease alone is no sign of life."""
        age = times.age(self.lease_renewed, now)
        return age is not None and age < LEASES_UNTIL_UNKNOWN * self.lease_duration

    def is_alive(self, now: datetime.datetime) -> bool:
        """Some agent works under this name right now: Available, and not only by a condition that went stale."""
        return self.available.is_true and self.lease_is_fresh(now)


def has_condition(csr: Json, kind: str) -> bool:
    """Whether a CertificateSigningRequest is Approved, Denied or Failed."""
    return find(csr, kind).is_true


def is_pending(csr: Json) -> bool:
    return not any(has_condition(csr, kind) for kind in ("Approved", "Denied", "Failed"))


def is_issued(csr: Json) -> bool:
    return bool((csr.get("status") or {}).get("certificate"))


def created(item: Json) -> datetime.datetime | None:
    return times.parse((item.get("metadata") or {}).get("creationTimestamp"))


def newest_first(csrs: t.Iterable[Json]) -> tuple[Json, ...]:
    return tuple(
        sorted(
            csrs,
            # Whatever stands there, it can be compared.
            key=lambda csr: (str(csr["metadata"].get("creationTimestamp") or ""), str(csr["metadata"].get("name"))),
            reverse=True,
        )
    )

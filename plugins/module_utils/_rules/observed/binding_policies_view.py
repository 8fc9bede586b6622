# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Workload Description Space as far as it concerns WECs: which policies select them, and what goes where."""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Policy:
    """A BindingPolicy. ``selectors``: a WEC is selected if one of them matches its labels."""

    name: str
    selectors: tuple[Json, ...]
    is_deleting: bool = False


@dataclasses.dataclass(frozen=True)
class ObjectReference:
    """An object of a Binding's workload; ``namespace`` is empty for one of the whole cluster."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource} {where}{self.name}"


@dataclasses.dataclass(frozen=True)
class Binding:
    """What a BindingPolicy of the same name comes to. ``is_observed``: the transport has seen this generation."""

    name: str
    destinations: frozenset[str] = frozenset()
    objects: tuple[ObjectReference, ...] = ()
    errors: tuple[str, ...] = ()
    is_observed: bool = False


def policy(item: Json) -> Policy:
    """KubeStellar: api/control/v1alpha1/types.go."""
    selectors = (item.get("spec") or {}).get("clusterSelectors") or []
    return Policy(item["metadata"]["name"], tuple(selectors), bool(item["metadata"].get("deletionTimestamp")))


def binding(item: Json) -> Binding:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    workload = spec.get("workload") or {}
    clauses = [*(workload.get("clusterScope") or []), *(workload.get("namespaceScope") or [])]
    return Binding(
        item["metadata"]["name"],
        frozenset(one["clusterId"] for one in spec.get("destinations") or []),
        tuple(_reference(clause) for clause in clauses),
        tuple(status.get("errors") or []),
        status.get("observedGeneration") == item["metadata"].get("generation"),
    )


def _reference(clause: Json) -> ObjectReference:
    fields = ("group", "version", "resource", "namespace", "name")
    return ObjectReference(*(str(clause.get(field) or "") for field in fields))

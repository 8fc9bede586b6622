# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ITS shows of a WEC, read so that what is odd about it concerns this WEC alone.

Agents write parts of their ManagedClusters themselves, and a proxy or an aggregated API may answer anything. In place of what
cannot be read there is a stand-in that says so: a WEC in the state unknown, with a problem, and not everybody's failure.
"""

from __future__ import annotations

import typing as t

from ..._errors import MissingLibrary
from ..outside import limits, screen
from ..status import problems
from ..status.problems import Problem
from .observed_managed_cluster import ObservedManagedCluster

Json = dict[str, t.Any]
T = t.TypeVar("T")


class Odd(Exception):
    """A value is not of the type that its kind has there; the text says which, and quotes nothing."""


def views(found: t.Mapping[str, ObservedManagedCluster]) -> dict[str, ObservedManagedCluster]:
    """These, with stand-ins for those that cannot be read."""
    return {name: checked(view) for name, view in found.items()}


def checked(view: ObservedManagedCluster) -> ObservedManagedCluster:
    """The view itself, or a stand-in for one that has values of the wrong type."""
    if view.unreadable:
        return view
    try:
        _check(view)
    except Exception as error:
        return stand_in(view, error)
    return view


def reading(read: t.Callable[[ObservedManagedCluster], T], view: ObservedManagedCluster) -> T:
    """What ``read`` gives for a view; where it raises anything, what it gives for a stand-in, which it has to know.

    Raises MissingLibrary, which is everybody's.
    """
    try:
        return read(view)
    except MissingLibrary:
        raise
    except Exception as error:
        if view.unreadable:
            raise
        return read(stand_in(view, error))


def stand_in(view: ObservedManagedCluster, error: Exception) -> ObservedManagedCluster:
    """It has a name, says why, and tells whether there is a ManagedCluster; nothing else."""
    cluster: Json | None = None if view.managed_cluster is None else {"metadata": {"name": view.name}}
    return ObservedManagedCluster(view.name, cluster, unreadable=why(error))


def why(error: BaseException) -> str:
    """The error in one short line; it may quote what a stranger wrote."""
    text = screen.shortened(str(error), 4 * limits.FACT)
    message = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    kind = "" if isinstance(error, Odd) else f"{type(error).__name__}: "
    shown = f"{kind}{message}".rstrip(": ")
    return screen.shortened(shown, limits.FACT)


def problem(view: ObservedManagedCluster) -> Problem:
    """What a stand-in is."""
    return problems.of("managed_cluster_unreadable", view.unreadable)


_OF_METADATA = frozenset({"name", "uid", "creationTimestamp", "deletionTimestamp"})
_OF_CONDITION = frozenset({"type", "status", "reason", "message", "lastTransitionTime"})

# -- the shape -----------------------------------------------------------------------------------------------------


def _check(view: ObservedManagedCluster) -> None:
    """Raises Odd. Only what somebody reads is looked at; what is not there, or null, is never odd."""
    cluster = view.managed_cluster
    if cluster is not None:
        _metadata(cluster, "ManagedCluster")
        spec = _mapping(cluster, "spec", "ManagedCluster")
        _typed(spec, "hubAcceptsClient", bool, "ManagedCluster spec")
        _typed(spec, "leaseDurationSeconds", int, "ManagedCluster spec")
        for one in _objects(spec, "managedClusterClientConfigs", "ManagedCluster spec"):
            _typed(one, "url", str, "managedClusterClientConfigs")
        status = _conditions(cluster, "ManagedCluster")
        _typed(_mapping(status, "version", "ManagedCluster status"), "kubernetes", str, "ManagedCluster status.version")
        _objects(status, "clusterClaims", "ManagedCluster status")
    if view.lease is not None:
        _typed(_mapping(view.lease, "spec", "Lease"), "renewTime", str, "Lease spec")
    if view.mailbox is not None:
        _metadata(view.mailbox, "Namespace")
        _conditions(view.mailbox, "Namespace")
        _texts(_mapping(view.mailbox, "spec", "Namespace"), "finalizers", "Namespace spec")
    for csr in view.csrs:
        _metadata(csr, "CertificateSigningRequest")
        _mapping(csr, "spec", "CertificateSigningRequest")
        _typed(_conditions(csr, "CertificateSigningRequest"), "certificate", str, "CertificateSigningRequest status")


def _metadata(item: Json, kind: str) -> None:
    metadata = _mapping(item, "metadata", kind)
    _all_texts(metadata, _OF_METADATA, kind, "metadata")
    for key in ("labels", "annotations"):
        for value in _mapping(metadata, key, kind).values():
            if not isinstance(value, str):
                raise Odd(f"{kind} metadata.{key}: {_what(value)} in place of a text")
    _texts(metadata, "finalizers", kind)


def _conditions(item: Json, kind: str) -> Json:
    status = _mapping(item, "status", kind)
    for one in _objects(status, "conditions", kind):
        _all_texts(one, _OF_CONDITION, kind, "status.conditions")
    return status


def _all_texts(item: Json, keys: t.Container[str], kind: str, where: str) -> None:
    """Written for speed: it is done for each condition of each WEC."""
    for key, value in item.items():
        if not isinstance(value, str) and key in keys and value is not None:
            raise Odd(f"{kind} {where}.{key}: {_what(value)} in place of a text")


def _mapping(item: Json, key: str, where: str) -> Json:
    value = item.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Odd(f"{where} {key}: {_what(value)} in place of a mapping")
    return value


def _objects(item: Json, key: str, where: str) -> list[Json]:
    found = _list(item, key, where)
    for one in found:
        if not isinstance(one, dict):
            raise Odd(f"{where}.{key}: {_what(one)} in place of a mapping")
    return found


def _texts(item: Json, key: str, where: str) -> None:
    for one in _list(item, key, where):
        if not isinstance(one, str):
            raise Odd(f"{where}.{key}: {_what(one)} in place of a text")


def _list(item: Json, key: str, where: str) -> list[t.Any]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Odd(f"{where}.{key}: {_what(value)} in place of a list")
    return value


def _typed(item: Json, key: str, kind: type, where: str) -> None:
    value = item.get(key)
    # True is not a number.
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise Odd(f"{where}.{key}: {_what(value)} in place of {_NAMES[kind]}")


_NAMES: dict[type, str] = {
    str: "a text",
    int: "a number",
    float: "a number with a fraction",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}


def _what(value: t.Any) -> str:
    return "nothing" if value is None else _NAMES.get(type(value), "something else")

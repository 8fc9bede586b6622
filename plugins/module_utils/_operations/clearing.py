# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Freeing a name on the ITS whose cluster is lost: its ManagedCluster, mailbox and signing requests."""

from __future__ import annotations

import time
import typing as t

from .._apis import paths
from .._apis.its import Its
from .._errors import ApiError, Refused, TimedOut
from .._rules.observed.observed_managed_cluster import CLUSTER_NAME_LABEL
from .._rules.status import problems

Json = dict[str, t.Any]
_TIMEOUT = 90.0


def clear_name(its: Its, name: str) -> None:
    """Remove a registration whose agent will never answer.

    Refused while works are in the mailbox: nobody is left who could take them off the lost cluster, and giving that up
    is a decision of its own. Raises Refused, TimedOut, ApiError.
    """
    works = its.works(name)
    if works:
        names = [work["metadata"]["name"] for work in works]
        problem = problems.of("manifestworks_remain", f"works in its mailbox: {', '.join(names[:5])}")
        raise Refused(f"{name}: {problem}", problem.evidence, problem)
    its.kube.delete(paths.managed_cluster(name))
    _wait_gone(its, paths.managed_cluster(name), f"ManagedCluster {name}")
    mailbox = its.kube.find(paths.namespace(name))
    if mailbox is not None and (mailbox["metadata"].get("labels") or {}).get(CLUSTER_NAME_LABEL) == name:
        its.kube.delete(paths.namespace(name))
        _wait_gone(its, paths.namespace(name), f"Namespace {name}")
    for csr in its.kube.items(paths.CSRS, label_selector=f"{CLUSTER_NAME_LABEL}={name}"):
        its.kube.delete(paths.below(paths.CSRS, csr["metadata"]["name"]))


def _wait_gone(its: Its, path: str, what: str) -> None:
    end = time.monotonic() + _TIMEOUT
    found: Json | None = {}
    while time.monotonic() < end:
        try:
            found = its.kube.find(path)
        except ApiError as error:
            if not error.is_transient:
                raise
        if found is None:
            return
        time.sleep(1.0)
    metadata = (found or {}).get("metadata") or {}
    finalizers = ", ".join(metadata.get("finalizers") or []) or "none"
    problem = problems.of("deletion_stuck", f"{what} is still there after {_TIMEOUT:.0f} s, finalizers: {finalizers}")
    raise TimedOut(str(problem), problem)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels and annotations of ManagedClusters: their syntax, and which of them belong to others."""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ..outside import as_written

CLUSTER_SET = "cluster.open-cluster-management.io/clusterset"

_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SYSTEM_DOMAINS = ("open-cluster-management.io", "open-cluster-management", "kubernetes.io", "k8s.io", "kubestellar.io")


def key_fault(key: str) -> str | None:
    """What is wrong with a label's key, or None (Kubernetes: apimachinery/pkg/api/validate/content)."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or len(prefix) > 253 or not _PREFIX.fullmatch(prefix)):
        return f"has a prefix {prefix!r} that is not a DNS name of at most 253 characters"
    if len(name) > 63:
        return f"has a name of {len(name)} characters; 63 are allowed"
    if not _NAME.fullmatch(name):
        return "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
    return None


def value_fault(value: t.Any) -> str | None:
    """What is wrong with a label's value, or None."""
    fault = as_written.text_fault(value)
    if fault:
        return fault
    if len(value) > 63:
        return f"has {len(value)} characters; 63 are allowed"
    if value and not _NAME.fullmatch(value):
        return "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
    return None


def is_protected(key: str, patterns: t.Iterable[str] = ()) -> bool:
    """Whether a key belongs to Kubernetes, OCM or KubeStellar, or matches one of the user's patterns (``*`` and ``?``)."""
    domain = key.rpartition("/")[0]
    if any(domain == one or domain.endswith("." + one) for one in _SYSTEM_DOMAINS):
        return True
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)

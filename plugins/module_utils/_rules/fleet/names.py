# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a WEC can have."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RESERVED = frozenset(
    {
        "customization-properties",
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
        "kubestellar-report",
        "open-cluster-management",
        "open-cluster-management-agent",
        "open-cluster-management-agent-addon",
        "open-cluster-management-global-set",
        "open-cluster-management-hub",
    }
)


def fault(name: str) -> str | None:
    """What is wrong with a name for a WEC, or None.

    The name becomes a ManagedCluster, its mailbox (a Namespace) and a label's value. clusteradm does not check the
    length, and its renderer splits at ``---`` (clusteradm: pkg/cmd/join/preflight/checks.go).
    """
    if not _NAME.fullmatch(name):
        return (
            "is not a valid name for a WEC: use a lowercase DNS label, at most 63 letters, digits and '-', "
            "beginning and ending with a letter or digit"
        )
    if "---" in name:
        return "is not a valid name for a WEC: clusteradm cannot handle three dashes in a row"
    if name in _RESERVED:
        return "is not a valid name for a WEC: its mailbox would be a namespace that the ITS uses for something else"
    return None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of ManagedClusters as names of hosts. Anyone who holds a bootstrap token can choose one."""

from __future__ import annotations

import re
import typing as t

from ..outside import screen
from ..status import problems

WECS = "wecs"
"""The group that the collection's playbooks run on, whatever group an inventory puts its hosts in."""
_ALWAYS = frozenset({"all", "ungrouped", WECS, "localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def why_not(name: str, host: str, groups: t.Collection[str] = ()) -> str | None:
    """Why a ManagedCluster cannot be this host of an inventory with these groups, as a sentence; None if it can be.

    Ansible takes a name in a pattern (``hosts: wecs``, ``--limit all``) for a host first, and for a group only if there is no such host:
    one host with the name of a group hides the whole group.
    """
    if not _NAME.fullmatch(name):
        # No API server of Kubernetes lets one through. To Ansible it could be a pattern, or a template.
        return f"{screen.cell(name)} is left out: it is not a name of a ManagedCluster."
    if host in _ALWAYS or host in groups:
        problem = problems.of("name_is_group", f"the host would be called {host}")
        return f"{name} is left out: {problem}"
    return None

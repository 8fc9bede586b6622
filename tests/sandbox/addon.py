# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller of KubeStellar's status add-on does in mailboxes: its agents get their rights there."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t

import aiohttp

from .api import Api, ApiError, Follower

Json = dict[str, t.Any]
ADDON = "addon-status"
AGENT_NAMESPACE = "open-cluster-management-agent-addon"
ADDON_MANAGER = ("open-cluster-management-hub", "app=clustermanager-addon-manager-controller")
"""Namespace and labels of the hub's add-on manager, which does in the sandbox all else that the add-on's own controller does."""
_NAME = f"open-cluster-management:{ADDON}:agent"
_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_READ = ["get", "list", "watch"]
_RULES = [
    {
        "apiGroups": ["control.kubestellar.io"],
        "resources": ["workstatuses"],
        "verbs": [*_READ, "create", "delete", "update", "patch"],
    },
    {"apiGroups": ["control.kubestellar.io"], "resources": ["workstatuses/status"], "verbs": ["patch", "update"]},
    {"apiGroups": ["addon.open-cluster-management.io"], "resources": ["managedclusteraddons"], "verbs": _READ},
    {"apiGroups": ["work.open-cluster-management.io"], "resources": ["manifestworks"], "verbs": _READ},
]


class AddonRights:
    """Gives each new ManagedClusterAddOn's agent a Role and a RoleBinding, once: what is deleted later stays away."""

    def __init__(self, its: Api) -> None:
        self._its = its
        self._given: set[str] = set()
        self._changed = asyncio.Event()
        self._addons = Follower(
            its, "/apis/addon.open-cluster-management.io/v1alpha1/managedclusteraddons", self._changed.set
        )

    async def run(self) -> None:
        following = asyncio.create_task(self._addons.run())
        try:
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), timeout=5)
                self._changed.clear()
                for (mailbox, name), item in list(self._addons.objects.items()):
                    uid = item["metadata"]["uid"]
                    if name == ADDON and uid not in self._given and "deletionTimestamp" not in item["metadata"]:
                        with contextlib.suppress(ApiError, OSError, aiohttp.ClientError, asyncio.TimeoutError):
                            await self.give(mailbox)
                            self._given.add(uid)
        finally:
            following.cancel()

    async def give(self, mailbox: str) -> None:
        """Owned by nobody, as with the real add-on: both go with the mailbox."""
        metadata = {"name": _NAME, "namespace": mailbox}
        group = f"system:open-cluster-management:cluster:{mailbox}:addon:{ADDON}"
        await self._its.create(f"{_RBAC}/{mailbox}/roles", {"metadata": metadata, "rules": _RULES})
        await self._its.create(
            f"{_RBAC}/{mailbox}/rolebindings",
            {
                "metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _NAME},
                "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group}],
            },
        )

    async def take(self, mailbox: str) -> None:
        """The RoleBinding is lost."""
        await self._its.delete(f"{_RBAC}/{mailbox}/rolebindings/{_NAME}")

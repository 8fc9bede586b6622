# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sees and who changes what on the simulated controller: a superuser, or the administrator of organizations."""

from __future__ import annotations

import dataclasses

from awx_kinds import BELONGS, Json

Objects = dict[str, dict[int, Json]]


class DeniedError(Exception):
    """What the API answers with 403."""


@dataclasses.dataclass(frozen=True)
class User:
    """``organizations`` are the ids of those that it administers."""

    name: str
    is_superuser: bool = True
    organizations: frozenset[int] = frozenset()
    may_write: bool = True

    def sees(self, objects: Objects, kind: str, item: Json) -> bool:
        if self.is_superuser or kind == "credential_types":
            return True
        if kind == "organizations":
            return item["id"] in self.organizations
        if kind == "execution_environments" and item["organization"] is None:
            return True
        return organization(objects, kind, item) in self.organizations

    def check_change(self, objects: Objects, kind: str, item: Json) -> None:
        """Raises DeniedError."""
        if not self.may_write:
            raise DeniedError("Authentication credentials were not provided.")
        if self.is_superuser:
            return
        if kind in ("credential_types", "organizations") or organization(objects, kind, item) not in self.organizations:
            raise DeniedError("You do not have permission to perform this action.")

    def as_data(self) -> Json:
        return {"id": 1, "type": "user", "username": self.name, "is_superuser": self.is_superuser}


def organization(objects: Objects, kind: str, item: Json) -> int | None:
    """That of the object, or of the one that it belongs to."""
    if kind in BELONGS:
        owner = item.get(BELONGS[kind])
        for other, found in objects.items():
            if owner in found and other != kind:
                return organization(objects, other, found[owner])
    if kind == "workflow_approval_templates":
        nodes = objects["workflow_job_template_nodes"].values()
        node = next((one for one in nodes if one["unified_job_template"] == item.get("id")), None)
        return None if node is None else organization(objects, "workflow_job_template_nodes", node)
    return item.get("organization")

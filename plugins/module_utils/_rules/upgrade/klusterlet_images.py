# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images of a klusterlet: its operator's, and those that its Klusterlet names for the agents."""

from __future__ import annotations

import dataclasses
import typing as t

from ..observed.observed_agent import Klusterlet
from ..status import versions
from ..status.versions import Version

Json = dict[str, t.Any]
OPERATOR = "operator"
SPECS = ("imagePullSpec", "registrationImagePullSpec", "workImagePullSpec")
"""Fields of a Klusterlet's spec (OCM: api/operator/v1/types_klusterlet.go)."""
_REPOSITORIES = dict(zip(SPECS, ("registration-operator", "registration", "work"), strict=True))
AGENTS: dict[str, dict[str, str]] = {
    "Singleton": {"agent": "imagePullSpec"},
    "Default": {"registration-agent": "registrationImagePullSpec", "work-agent": "workImagePullSpec"},
}
"""By mode, the ends of the names of the agents' Deployments, and the field that each takes its image from."""


@dataclasses.dataclass(frozen=True)
class Images:
    """References of images, by OPERATOR and SPECS. What is not set is not there."""

    references: t.Mapping[str, str]

    @property
    def of_agents(self) -> dict[str, str]:
        return {field: self.references[field] for field in SPECS if field in self.references}

    @property
    def version(self) -> Version | None:
        """The oldest of them; None if one of them does not tell its own."""
        found = [versions.of_image(reference) for reference in self.references.values()]
        known = [version for version in found if version is not None]
        return min(known) if known and len(known) == len(found) else None

    @property
    def registry(self) -> str | None:
        """Where they come from, as far as the Klusterlet says."""
        for field in SPECS:
            repository = _repository(self.references.get(field) or "")
            if "/" in repository:
                return repository.rpartition("/")[0]
        return None

    def of_version(self, version: Version, registry: str | None) -> Images:
        """The same of another version, from another registry if one is given. All fields are set then, as clusteradm sets them.

        One that is of this version already stays: its tag may say more than the version.
        """
        home = registry or self.registry or ""
        found = {}
        for part in (OPERATOR, *SPECS):
            present = self.references.get(part, "")
            known = _repository(present) or f"{home}/{_REPOSITORIES.get(part, 'registration-operator')}"
            wanted = f"{registry}/{known.rpartition('/')[2]}" if registry else known
            is_same = wanted == known and versions.of_image(present) == version
            found[part] = present if is_same else f"{wanted}:v{versions.show(version)}"
        return Images(found)


def read(klusterlet: Klusterlet, operator: Json | None) -> Images:
    """``operator`` is the operator's Deployment."""
    spec = klusterlet.raw.get("spec") or {}
    found = {field: str(spec[field]) for field in SPECS if spec.get(field)}
    image = image_of(operator)
    return Images({**({OPERATOR: image} if image else {}), **found})


def image_of(deployment: Json | None) -> str | None:
    """That of the first container."""
    containers = _containers(deployment)
    return str(containers[0].get("image") or "") or None if containers else None


def with_image(deployment: Json, image: str) -> Json:
    """A merge patch that gives the first container another image. A list is patched as a whole."""
    first, *others = _containers(deployment)
    return {"spec": {"template": {"spec": {"containers": [{**first, "image": image}, *others]}}}}


def _containers(deployment: Json | None) -> list[Json]:
    template = ((deployment or {}).get("spec") or {}).get("template") or {}
    return list((template.get("spec") or {}).get("containers") or [])


def _repository(reference: str) -> str:
    """Without tag and digest."""
    whole = reference.partition("@")[0]
    folder, slash, last = whole.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"

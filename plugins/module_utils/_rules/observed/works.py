# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ManifestWorks that KubeStellar makes (KubeStellar: pkg/transport/generic/generic_transport_controller.go)."""

from __future__ import annotations

import re
import typing as t

from .conditions import find

Json = dict[str, t.Any]
BINDING_LABEL = "transport.kubestellar.io/originOwnerReferenceBindingKey"
GENERATION_ANNOTATION = "transport.kubestellar.io/originOwnerReferenceBindingGeneration"
ADDON_LABEL = "open-cluster-management.io/addon-name"
NEVER = "0"
"""No Binding has this generation: a work that says so is written anew."""


def is_delivered(work: Json) -> bool:
    """Whether KubeStellar made it."""
    return BINDING_LABEL in (work["metadata"].get("labels") or {})


def is_of_addon(work: Json) -> bool:
    """Whether an add-on brings it; it comes and goes with the add-on (OCM: pkg/addon, label and owner of its works)."""
    metadata = work["metadata"]
    owners = [one.get("kind") for one in metadata.get("ownerReferences") or []]
    return ADDON_LABEL in (metadata.get("labels") or {}) or "ManagedClusterAddOn" in owners


_WORK_OF_ADDON = re.compile(r"addon-.+-(?:deploy|pre-delete)(?:-.*)?")


def has_applied_addon(applied: Json) -> bool:
    """Whether an AppliedManifestWork is of a work that brings an add-on (addon-framework: pkg/addonmanager/constants; its name is
    all that a WEC knows of it)."""
    name = (applied.get("spec") or {}).get("manifestWorkName")
    return isinstance(name, str) and bool(_WORK_OF_ADDON.fullmatch(name))


def binding_of(work: Json) -> str:
    """The name of the Binding that a work was made for."""
    return str((work["metadata"].get("labels") or {}).get(BINDING_LABEL, ""))


def is_terminating(found: t.Any) -> bool:
    """Whether an object of a stranger, or nothing, is being deleted."""
    metadata = found.get("metadata") if isinstance(found, t.Mapping) else None
    return isinstance(metadata, t.Mapping) and bool(metadata.get("deletionTimestamp"))


def is_deleting(work: Json) -> bool:
    return bool(work["metadata"].get("deletionTimestamp"))


def awaits_rewriting(work: Json) -> bool:
    return (work["metadata"].get("annotations") or {}).get(GENERATION_ANNOTATION) == NEVER


def is_applied(work: Json) -> bool:
    """Whether the WEC has applied the work as it is now."""
    for condition in (work.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Applied":
            return bool(
                condition.get("status") == "True"
                and condition.get("observedGeneration") == work["metadata"].get("generation")
            )
    return False


def is_available(work: Json) -> bool:
    """Whether it is applied as it is now, and all of its objects are available."""
    return is_applied(work) and find(work, "Available").is_true


def trouble(work: Json) -> str:
    """Why a work is not applied, as far as it tells."""
    applied = find(work, "Applied")
    return f"ManifestWork {work['metadata']['name']}: {applied}"

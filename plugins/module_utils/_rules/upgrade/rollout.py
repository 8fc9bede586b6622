# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an upgrade has arrived: OCM's own conditions stay as they were where an image cannot be pulled, because the pods
before go on. What proves it are the Deployments, their pods, and the agent's lease."""

from __future__ import annotations

import datetime
import typing as t

from ..observed.conditions import find
from ..status.diagnosis import pods_trouble
from ..status.times import parse
from .klusterlet_images import image_of

Json = dict[str, t.Any]
_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
"""Why a container waits (Kubernetes: pkg/kubelet/images/types.go)."""

_OF_ROLLOUT = ("Available", "RegistrationDesiredDegraded", "WorkDesiredDegraded")


def missing(what: str, deployment: Json | None, image: str) -> str | None:
    """What a Deployment lacks to be rolled out with this image; None if it is."""
    if deployment is None:
        return f"Deployment {what} is not there"
    found = image_of(deployment)
    if found != image:
        return f"Deployment {what} has the image {found}"
    status = deployment.get("status") or {}
    if _number(status.get("observedGeneration")) < _number(deployment["metadata"].get("generation")):
        return f"Deployment {what} is not looked at yet"
    replicas = _number(status.get("replicas"))
    updated, available = _number(status.get("updatedReplicas")), _number(status.get("availableReplicas"))
    if replicas < 1 or not replicas == updated == available or _number(status.get("unavailableReplicas")):
        return f"Deployment {what}: {updated} of {replicas} pods are updated, {available} are available"
    return None


def is_stale(deployment: Json | None, image: str) -> bool:
    """Whether pods of another image go on, which is so as long as the new ones do not come up.

    One that is only not available has another reason than its version.
    """
    status = (deployment or {}).get("status") or {}
    return image_of(deployment) != image or _number(status.get("updatedReplicas")) < _number(status.get("replicas"))


def unsettled(klusterlet: Json) -> str | None:
    """Whether the operator has seen to a Klusterlet as it is now. HubConnectionDegraded keeps its old generation for ever."""
    generation, status = _number(klusterlet["metadata"].get("generation")), klusterlet.get("status") or {}
    applied = find(klusterlet, "Applied")
    if applied.is_false:
        return f"Klusterlet: {applied}"
    seen = [status.get("observedGeneration")]
    seen += [one.get("observedGeneration") for one in status.get("conditions") or [] if one.get("type") in _OF_ROLLOUT]
    if any(isinstance(one, int) and one < generation for one in seen):
        return "its operator has not seen to the Klusterlet yet"
    return None


def pull_trouble(pods: t.Iterable[Json], image: str) -> list[str]:
    """Why this image is not there, in the kubelet's own words."""
    return pods_trouble(pod for pod in pods if _waits_for(pod, image))


def _waits_for(pod: Json, image: str) -> bool:
    wanted = {one.get("name") for one in (pod.get("spec") or {}).get("containers") or [] if one.get("image") == image}
    return any(
        one.get("name") in wanted and ((one.get("state") or {}).get("waiting") or {}).get("reason") in _PULL
        for one in (pod.get("status") or {}).get("containerStatuses") or []
    )


def leads_since(pods: t.Iterable[Json], locks: t.Sequence[Json], image: str) -> datetime.datetime | None:
    """Since when a ready pod with this image has led, by the WEC's clock; None if none does.

    Only the leader works; a pod that ends may do so after its successor has become ready.
    """
    ready = {
        pod["metadata"]["name"]: find(pod, "Ready").since
        for pod in pods
        if find(pod, "Ready").is_true and not pod["metadata"].get("deletionTimestamp") and _has_image(pod, image)
    }
    # What others have there is not named so.
    locks = [lock for lock in locks if lock["metadata"]["name"].endswith("-lock")]
    if not locks:
        return max(filter(None, ready.values()), default=None)
    # The holder is the pod's name and an identifier.
    held = [(str(_spec(lock).get("holderIdentity") or "").rpartition("_")[0], lock) for lock in locks]
    moments = [parse(_spec(lock).get("acquireTime")) for holder, lock in held if holder in ready]
    return min(filter(None, moments), default=None)


def _has_image(pod: Json, image: str) -> bool:
    return any(one.get("image") == image for one in (pod.get("spec") or {}).get("containers") or [])


def is_renewed(lease: Json | None, since: datetime.datetime | None) -> bool:
    """Whether an agent has renewed its lease after that, by the WEC's clock, which both are of."""
    renewed = parse(_spec(lease).get("renewTime"))
    return renewed is not None and since is not None and renewed > since


def _spec(item: Json | None) -> Json:
    return (item or {}).get("spec") or {}


def _number(value: t.Any) -> int:
    return value if isinstance(value, int) else 0

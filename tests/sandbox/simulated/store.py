# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of one simulated WEC, with what an API server and its controllers do to them.

An object is kept as JSON text: a thousand WECs have tens of thousands of them, and definitions are large.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
import random
import re
import typing as t
import uuid

from . import patches
from .resources import BUILTIN, DEFINITION, DEPLOYMENT, NAMESPACE, POD, Kind, defined_by

Json = dict[str, t.Any]
Key = tuple[str, str, str]
"""The kind's resource name, such as ``deployments.apps``; the namespace, or nothing; the name."""
_NAMESPACE_ENDS = 0.7
"""Seconds until a deleted namespace and all that is in it are gone."""
_DEPLOYMENT_STARTS = 0.3
"""Seconds until a Deployment has its pod."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class StoreError(Exception):
    """A request that cannot be fulfilled, as an API server says it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def not_found(kind: Kind, name: str) -> StoreError:
    return StoreError(404, "NotFound", f'{kind.resource} "{name}" not found')


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def suffix(length: int = 5) -> str:
    """What an API server makes of generateName."""
    return "".join(random.choices(_LETTERS, k=length))


@dataclasses.dataclass(slots=True)
class _Record:
    text: bytes
    owners: tuple[str, ...]


class Store:
    """One WEC's objects. ``changed`` is called with the kind and the namespace of whatever has changed."""

    def __init__(self, name: str, changed: t.Callable[[Kind, str], None]) -> None:
        self.name = name
        self._changed = changed
        self._records: dict[str, dict[tuple[str, str], _Record]] = {}
        self._version = 0
        self._custom: dict[str, list[Kind]] = {}

    # -- kinds ---------------------------------------------------------------------------------------------------

    @property
    def kinds(self) -> list[Kind]:
        return [*BUILTIN, *(kind for kinds in self._custom.values() for kind in kinds)]

    def kind(self, api_version: str, plural: str) -> Kind | None:
        return next((one for one in self.kinds if (one.api_version, one.plural) == (api_version, plural)), None)

    def kind_of(self, item: Json) -> Kind | None:
        """The kind that an object says that it is of."""
        wanted = (item.get("apiVersion"), item.get("kind"))
        return next((one for one in self.kinds if (one.api_version, one.kind) == wanted), None)

    # -- reading -------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, namespace: str, name: str) -> Json | None:
        record = self._records.get(kind.resource, {}).get((namespace, name))
        return json.loads(record.text) if record else None

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Raises StoreError."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def has(self, kind: Kind, namespace: str, name: str) -> bool:
        return (namespace, name) in self._records.get(kind.resource, {})

    def items(self, kind: Kind, namespace: str = "") -> list[Json]:
        """All objects of a kind, in one namespace or in all, in the order of their names."""
        records = self._records.get(kind.resource, {})
        return [json.loads(records[key].text) for key in sorted(records) if not namespace or key[0] == namespace]

    @property
    def version(self) -> str:
        """The resourceVersion of the whole."""
        return str(self._version)

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self, kind: Kind, namespace: str, item: Json) -> Json:
        """Raises StoreError."""
        metadata = item.setdefault("metadata", {})
        name = metadata.get("name") or f"{metadata.get('generateName', '')}{suffix()}"
        if not re.fullmatch(r"[-a-z0-9.:]{1,253}", name):
            raise StoreError(422, "Invalid", f'{kind.kind} "{name}" is invalid: metadata.name: Invalid value')
        if kind.namespaced and not self.has(NAMESPACE, "", namespace):
            raise not_found(NAMESPACE, namespace)
        if kind.namespaced and self._is_ending(namespace):
            raise StoreError(
                403,
                "Forbidden",
                f'{kind.resource} "{name}" is forbidden: unable to create new content in namespace {namespace} because '
                "it is being terminated",
            )
        if self.has(kind, namespace, name):
            raise StoreError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists')
        metadata.update(name=name, uid=str(uuid.uuid4()), creationTimestamp=now(), generation=1)
        if kind.namespaced:
            metadata["namespace"] = namespace
        item.update(apiVersion=kind.api_version, kind=kind.kind)
        if kind.has_status:
            item.pop("status", None)
        self._default(kind, item)
        return self._put(kind, item)

    def update(self, kind: Kind, namespace: str, name: str, item: Json, status_only: bool = False) -> Json:
        """Replace an object, or only its status. Raises StoreError."""
        current = self.get(kind, namespace, name)
        own = item.get("metadata") or {}
        if own.get("resourceVersion") not in (None, "", current["metadata"]["resourceVersion"]) or own.get(
            "uid"
        ) not in (None, "", current["metadata"]["uid"]):
            raise StoreError(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; please apply '
                "your changes to the latest version and try again",
            )
        if status_only:
            changed = {**current, "status": item.get("status") or {}}
        else:
            changed = {**item, "apiVersion": kind.api_version, "kind": kind.kind}
            if kind.has_status:
                changed.pop("status", None)
                if "status" in current:
                    changed["status"] = current["status"]
            kept = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp")
            changed["metadata"] = {
                **{key: value for key, value in own.items() if key not in kept},
                **{key: current["metadata"][key] for key in kept if key in current["metadata"]},
            }
            if changed.get("spec") != current.get("spec"):
                changed["metadata"]["generation"] = current["metadata"].get("generation", 1) + 1
                if kind == DEPLOYMENT:
                    asyncio.get_running_loop().call_later(_DEPLOYMENT_STARTS, self._roll_out, namespace, name)
        changed["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
        if changed == current:
            return current
        is_ending = changed["metadata"].get("deletionTimestamp") and kind != NAMESPACE
        if is_ending and not changed["metadata"].get("finalizers"):
            self._remove(kind, namespace, name)
            return changed
        return self._put(kind, changed)

    def patch(
        self, kind: Kind, namespace: str, name: str, patch: Json, strategic: bool = False, status_only: bool = False
    ) -> Json:
        """Raises StoreError."""
        item = self.get(kind, namespace, name)
        wanted = (patch.get("metadata") or {}).get("resourceVersion")
        (patches.strategic_merge if strategic else patches.merge)(item, patch)
        item["metadata"]["resourceVersion"] = wanted
        return self.update(kind, namespace, name, item, status_only)

    def delete(self, kind: Kind, namespace: str, name: str, preconditions: Json | None = None) -> Json:
        """Begin to delete an object: one with finalizers stays until they are gone. Raises StoreError."""
        item = self.get(kind, namespace, name)
        for field, wanted in (preconditions or {}).items():
            if wanted is not None and item["metadata"].get(field) != wanted:
                raise StoreError(
                    409,
                    "Conflict",
                    f'Operation cannot be fulfilled on {kind.resource} "{name}": Precondition failed: {field} differs',
                )
        if item["metadata"].get("deletionTimestamp"):
            return item
        if kind == NAMESPACE:
            item["metadata"]["deletionTimestamp"] = now()
            item["status"] = {"phase": "Terminating"}
            asyncio.get_running_loop().call_later(_NAMESPACE_ENDS, self._empty, name)
            return self._put(kind, item)
        if item["metadata"].get("finalizers"):
            item["metadata"]["deletionTimestamp"] = now()
            item["metadata"]["deletionGracePeriodSeconds"] = 0
            return self._put(kind, item)
        self._remove(kind, namespace, name)
        return item

    def apply(self, item: Json) -> Json:
        """Create an object, or merge it into the one that is there, as a controller does. Raises StoreError."""
        kind = self.kind_of(item)
        if kind is None:
            raise StoreError(404, "NotFound", f'no matches for kind "{item.get("kind")}" in "{item.get("apiVersion")}"')
        namespace = item["metadata"].get("namespace", "default") if kind.namespaced else ""
        if self.has(kind, namespace, item["metadata"]["name"]):
            return self.patch(kind, namespace, item["metadata"]["name"], item, strategic=True)
        return self.create(kind, namespace, item)

    def set_status(self, kind: Kind, namespace: str, name: str, status: Json) -> None:
        """Replace the status of an object, if it is there still and differs."""
        item = self.find(kind, namespace, name)
        if item is not None and item.get("status") != status:
            self._put(kind, {**item, "status": status})

    # -- within --------------------------------------------------------------------------------------------------

    def _put(self, kind: Kind, item: Json) -> Json:
        metadata = item["metadata"]
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        owners = tuple(one["uid"] for one in metadata.get("ownerReferences") or [])
        namespace = metadata.get("namespace", "")
        text = json.dumps(item, separators=(",", ":")).encode()
        self._records.setdefault(kind.resource, {})[(namespace, metadata["name"])] = _Record(text, owners)
        if kind == DEFINITION:
            self._custom[metadata["name"]] = defined_by(item)
        self._changed(kind, namespace)
        return item

    def _remove(self, kind: Kind, namespace: str, name: str) -> None:
        item = json.loads(self._records[kind.resource].pop((namespace, name)).text)
        self._version += 1
        if kind == DEFINITION:
            for custom in self._custom.pop(name, []):
                self._records.pop(custom.resource, None)
        self._collect(item["metadata"]["uid"])
        if kind == POD:
            for owner in item["metadata"].get("ownerReferences") or []:
                asyncio.get_running_loop().call_later(_DEPLOYMENT_STARTS, self._start, namespace, owner["name"])
        self._changed(kind, namespace)

    def _collect(self, owner: str) -> None:
        """Delete what belonged to an object that is gone, as the garbage collector does."""
        for kind in self.kinds:
            for (namespace, name), record in list(self._records.get(kind.resource, {}).items()):
                if owner in record.owners and self.has(kind, namespace, name):
                    self.delete(kind, namespace, name)

    def _default(self, kind: Kind, item: Json) -> None:
        """What admission and controllers add to a new object, as far as anybody looks at it."""
        metadata = item["metadata"]
        if kind == NAMESPACE:
            metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
            item["spec"] = {"finalizers": ["kubernetes"]}
            item["status"] = {"phase": "Active"}
        elif kind == DEFINITION:
            item["status"] = _accepted(item)
        elif kind == POD:
            item["status"] = _running(item)
        elif kind == DEPLOYMENT:
            loop = asyncio.get_running_loop()
            loop.call_later(_DEPLOYMENT_STARTS, self._start, metadata["namespace"], metadata["name"])

    def _start(self, namespace: str, name: str) -> None:
        """The Deployment's one pod runs."""
        item = self.find(DEPLOYMENT, namespace, name)
        if item is None or self._is_ending(namespace):
            return
        uid = item["metadata"]["uid"]
        if not any(uid in record.owners for record in self._records.get(POD.resource, {}).values()):
            self.create(POD, namespace, _pod_of(item))
        condition = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
        base = {"message": "Deployment has minimum availability.", "lastTransitionTime": now()}
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        generation = {"observedGeneration": item["metadata"]["generation"]}
        self.set_status(DEPLOYMENT, namespace, name, {**generation, **counts, "conditions": [{**condition, **base}]})

    def _roll_out(self, namespace: str, name: str) -> None:
        """Another pod takes the place of one that is of another template."""
        item = self.find(DEPLOYMENT, namespace, name)
        if item is None or self._is_ending(namespace):
            return
        wanted = _pod_of(item)["spec"]
        for pod in self.items(POD, namespace):
            owners = [one["uid"] for one in pod["metadata"].get("ownerReferences") or []]
            if item["metadata"]["uid"] in owners and pod["spec"] != wanted:
                self.delete(POD, namespace, pod["metadata"]["name"])
        self._start(namespace, name)

    def _is_ending(self, namespace: str) -> bool:
        found = self.find(NAMESPACE, "", namespace)
        return found is not None and bool(found["metadata"].get("deletionTimestamp"))

    def _empty(self, namespace: str) -> None:
        """Delete all that is in a namespace that ends, and then it; what has finalizers keeps it."""
        if not self._is_ending(namespace):
            return
        remaining = False
        for kind in self.kinds:
            for own, name in list(self._records.get(kind.resource, {})):
                if kind.namespaced and own == namespace and self.has(kind, own, name):
                    self.delete(kind, own, name)
                    remaining = remaining or self.has(kind, own, name)
        if remaining:
            asyncio.get_running_loop().call_later(_NAMESPACE_ENDS, self._empty, namespace)
        else:
            self._remove(NAMESPACE, "", namespace)


def _accepted(definition: Json) -> Json:
    """The status of a definition whose kind is served, which here is at once."""
    names = definition["spec"]["names"]
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    stored = [version["name"] for version in definition["spec"]["versions"] if version.get("storage")]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}


def _pod_of(deployment: Json) -> Json:
    metadata, template = deployment["metadata"], deployment["spec"]["template"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"]}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {
        "metadata": {
            "generateName": f"{metadata['name']}-{metadata['uid'][:8]}-",
            "labels": labels,
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": template.get("spec") or {},
    }


def _running(pod: Json) -> Json:
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now()}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    containers = [
        {
            "name": one["name"],
            "image": one.get("image", ""),
            "imageID": "",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now()}},
            "lastState": {},
        }
        for one in pod.get("spec", {}).get("containers") or []
    ]
    return {"phase": "Running", "conditions": conditions, "containerStatuses": containers, "startTime": now()}

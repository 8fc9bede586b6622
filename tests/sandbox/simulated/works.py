# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work agent's part: what the hub's ManifestWorks bring to a simulated WEC, and take away again.

Objects are stored and never run. Feedback rules are followed as far as they name plain paths.
"""

from __future__ import annotations

import copy
import hashlib
import typing as t

from ..api import ApiError
from .conditions import is_true, with_condition
from .hub import WORKS, Client, Feed
from .resources import Kind
from .store import Store, StoreError

Json = dict[str, t.Any]
_GROUP = "work.open-cluster-management.io"
_WORK_FINALIZER = "cluster.open-cluster-management.io/manifest-work-cleanup"
APPLIED_FINALIZER = "cluster.open-cluster-management.io/applied-manifest-work-cleanup"


class Whose(t.Protocol):
    """Of an agent's identity, what works carry."""

    @property
    def cluster(self) -> str:
        """The cluster's name on the hub."""

    @property
    def agent(self) -> str:
        """The agent's name."""


def applied_kind(store: Store) -> Kind | None:
    """AppliedManifestWorks, where their definition is there."""
    return store.kind(f"{_GROUP}/v1", "appliedmanifestworks")


class Works:
    """The works in one WEC's mailbox, and what they have become on the WEC."""

    def __init__(self, whose: Whose, store: Store, feed: Feed, client: Client, server: str) -> None:
        self._whose, self._store, self._feed, self._client = whose, store, feed, client
        self._hub_hash = hashlib.sha256(server.encode()).hexdigest()

    async def see_to(self) -> None:
        """Do what is to be done for works that are new, changed or deleted. Raises ApiError, UNREACHABLE."""
        kind = applied_kind(self._store)
        if kind is None:
            return
        for applied in self._store.items(kind):
            if applied["metadata"].get("deletionTimestamp"):
                self._withdraw(kind, applied)
        for work in self._feed.works_of(self._whose.cluster):
            try:
                if work["metadata"].get("deletionTimestamp"):
                    await self._take_away(kind, work)
                elif not self._is_done(kind, work):
                    await self._bring(kind, work)
            except ApiError as error:
                # It has changed or gone meanwhile: the feed will say so.
                if error.status not in (404, 409):
                    raise

    def _is_done(self, kind: Kind, work: Json) -> bool:
        """Where the hub has another address, the agent brings each work anew (seen on real clusters: within a second)."""
        if not self._store.has(kind, "", self._applied_name(work)):
            return False
        generation = work["metadata"].get("generation")
        conditions = (work.get("status") or {}).get("conditions") or []
        seen = [one.get("observedGeneration") for one in conditions if one["type"] == "Applied"]
        return seen == [generation] and _WORK_FINALIZER in (work["metadata"].get("finalizers") or [])

    def _applied_name(self, work: Json) -> str:
        return f"{self._hub_hash}-{work['metadata']['name']}"

    # -- bringing ------------------------------------------------------------------------------------------------

    async def _bring(self, kind: Kind, work: Json) -> None:
        finalizers = work["metadata"].get("finalizers") or []
        if _WORK_FINALIZER not in finalizers:
            same = {"resourceVersion": work["metadata"]["resourceVersion"]}
            patch = {"metadata": {**same, "finalizers": [*finalizers, _WORK_FINALIZER]}}
            work = await self._client.merge(_path(work), patch)
        applied = self._store.apply(
            {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "metadata": {"name": self._applied_name(work), "finalizers": [APPLIED_FINALIZER]},
                "spec": {
                    "hubHash": self._hub_hash,
                    "agentID": self._whose.agent,
                    "manifestWorkName": work["metadata"]["name"],
                },
            }
        )
        metadata = applied["metadata"]
        owner = {"apiVersion": kind.api_version, "kind": kind.kind, "name": metadata["name"], "uid": metadata["uid"]}
        manifests = work["spec"]["workload"].get("manifests") or []
        results = [self._bring_one(ordinal, one, owner, work) for ordinal, one in enumerate(manifests)]
        resources = [resource for _result, resource in results if resource is not None]
        self._remove_all([one for one in _resources(applied) if one not in resources], metadata["uid"])
        self._store.set_status(kind, "", metadata["name"], {"appliedResources": resources})
        await self._client.merge(
            f"{_path(work)}/status", self._status_of(work, [result for result, _resource in results])
        )

    def _bring_one(self, ordinal: int, manifest: Json, owner: Json, work: Json) -> tuple[Json, Json | None]:
        """What the work's status says of one manifest, and what it is on the WEC, if it is."""
        item = copy.deepcopy(manifest)
        group, _slash, version = item["apiVersion"].rpartition("/")
        meta = {"ordinal": ordinal, "group": group, "version": version, "kind": item["kind"], "resource": ""}
        meta.update(name=item["metadata"]["name"], namespace=item["metadata"].get("namespace", ""))
        generation = work["metadata"].get("generation")

        def result(status: str, reason: str, message: str, feedback: Json | None = None) -> Json:
            conditions = with_condition([], "Applied", status, reason, message, generation)
            reason = "ResourceAvailable" if status == "True" else "ResourceNotAvailable"
            message = f"Resource is {'' if status == 'True' else 'not '}available"
            conditions = with_condition(conditions, "Available", status, reason, message)
            return {
                "resourceMeta": meta,
                "conditions": conditions,
                **({"statusFeedback": feedback} if feedback else {}),
            }

        try:
            item["metadata"].pop("uid", None)
            item["metadata"]["ownerReferences"] = [*self._other_owners(item, owner["uid"]), owner]
            stored = self._store.apply(item)
        except StoreError as error:
            return result("False", "AppliedManifestFailed", f"Failed to apply manifest: {error.message}"), None
        kind = t.cast(Kind, self._store.kind_of(item))
        meta["resource"] = kind.plural
        resource = {key: meta[key] for key in ("group", "version", "resource", "namespace", "name")}
        feedback = {"values": _feedback(work, meta, stored)}
        complete = result("True", "AppliedManifestComplete", "Apply manifest complete", feedback)
        return complete, {**resource, "uid": stored["metadata"]["uid"]}

    def _other_owners(self, item: Json, uid: str) -> list[Json]:
        """Who owns an object already: what is there from another address is taken over, with both as owners (seen on real clusters)."""
        kind = self._store.kind_of(item)
        found = (
            self._store.find(kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]) if kind else None
        )
        owners = ((found or {}).get("metadata") or {}).get("ownerReferences") or []
        return [one for one in owners if one["uid"] != uid]

    def _status_of(self, work: Json, manifests: list[Json]) -> Json:
        generation = work["metadata"].get("generation")
        all_applied = all(is_true({"status": one}, "Applied") for one in manifests)
        status, done = ("True", "Complete") if all_applied else ("False", "Failed")
        message = "Apply manifest work complete" if all_applied else "Failed to apply manifest work"
        conditions = (work.get("status") or {}).get("conditions") or []
        conditions = with_condition(conditions, "Applied", status, f"AppliedManifestWork{done}", message, generation)
        reason = "ResourcesAvailable" if all_applied else "ResourcesNotAvailable"
        message = "All resources are available" if all_applied else "Some resources are not available"
        conditions = with_condition(conditions, "Available", status, reason, message, generation)
        return {"status": {"conditions": conditions, "resourceStatus": {"manifests": manifests}}}

    # -- taking away ---------------------------------------------------------------------------------------------

    async def _take_away(self, kind: Kind, work: Json) -> None:
        applied = self._store.find(kind, "", self._applied_name(work))
        if applied is not None:
            self._withdraw(kind, applied)
        finalizers = work["metadata"].get("finalizers") or []
        if _WORK_FINALIZER in finalizers:
            left = [one for one in finalizers if one != _WORK_FINALIZER]
            same = {"resourceVersion": work["metadata"]["resourceVersion"]}
            await self._client.merge(_path(work), {"metadata": {**same, "finalizers": left}})

    def _withdraw(self, kind: Kind, applied: Json) -> None:
        self._remove_all(_resources(applied), applied["metadata"]["uid"])
        release(self._store, kind, applied)
        if self._store.has(kind, "", applied["metadata"]["name"]):
            self._store.delete(kind, "", applied["metadata"]["name"])

    def _remove_all(self, resources: t.Iterable[Json], owner: str) -> None:
        """What somebody else owns as well stays (seen on real clusters: a work that is withdrawn after a change of address)."""
        for one in resources:
            version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
            kind = self._store.kind(version, one["resource"])
            found = self._store.find(kind, one["namespace"], one["name"]) if kind else None
            if kind is None or found is None:
                continue
            others = self._other_owners(found, owner)
            if others:
                self._store.patch(kind, one["namespace"], one["name"], {"metadata": {"ownerReferences": others}})
            else:
                self._store.delete(kind, one["namespace"], one["name"])


def release(store: Store, kind: Kind, applied: Json) -> None:
    """Take the agent's finalizer from an AppliedManifestWork."""
    left = [one for one in applied["metadata"].get("finalizers") or [] if one != APPLIED_FINALIZER]
    store.patch(kind, "", applied["metadata"]["name"], {"metadata": {"finalizers": left}})


def _resources(applied: Json) -> list[Json]:
    return list((applied.get("status") or {}).get("appliedResources") or [])


def _path(work: Json) -> str:
    group, plural = WORKS.rsplit("/", 1)
    return f"{group}/namespaces/{work['metadata']['namespace']}/{plural}/{work['metadata']['name']}"


def _feedback(work: Json, meta: Json, stored: Json) -> list[Json]:
    """The values that the work's rules ask for of one object."""
    values = []
    for config in work["spec"].get("manifestConfigs") or []:
        wanted = config["resourceIdentifier"]
        if any(wanted.get(key, "") != meta[key] for key in ("group", "resource", "namespace", "name")):
            continue
        for rule in config.get("feedbackRules") or []:
            for one in rule.get("jsonPaths") or []:
                value: t.Any = stored
                for part in one["path"].strip(".").split("."):
                    value = value.get(part) if isinstance(value, dict) else None
                if isinstance(value, str):
                    values.append({"name": one["name"], "fieldValue": {"type": "String", "string": value}})
    return values

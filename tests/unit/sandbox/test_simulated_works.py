# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import typing as t

import pytest
from fake_ocm import FakeAuthority
from sandbox.api import MERGE_PATCH, Api
from sandbox.cluster import open_crd
from sandbox.simulated.hub import Address, Client, Feed
from sandbox.simulated.patches import merge
from sandbox.simulated.resources import CONFIG_MAP, DEFINITION, NAMESPACE
from sandbox.simulated.store import Store
from sandbox.simulated.works import Works, applied_kind

Json = dict[str, t.Any]
OLD, NEW = "https://its1.sandbox:1", "https://its1-new.sandbox:1"


class Whose:
    cluster, agent = "edge-1", "an-agent"


class Hub:
    """One work, as the feed and the agent's client have it."""

    def __init__(self) -> None:
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
        metadata = {"name": "w1", "namespace": "edge-1", "generation": 1, "resourceVersion": "1"}
        self.works: list[Json] = [{"metadata": metadata, "spec": {"workload": {"manifests": [manifest]}}}]

    def works_of(self, _cluster: str) -> list[Json]:
        return self.works

    async def merge(self, _path: str, body: Json) -> Json:
        merge(self.works[0], body)
        return self.works[0]

    def withdraw(self) -> None:
        self.works[0]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"


@pytest.fixture
def store() -> Store:
    store = Store("edge-1", lambda _kind, _namespace: None)
    store.create(NAMESPACE, "", {"metadata": {"name": "default"}})
    store.create(
        DEFINITION, "", open_crd("work.open-cluster-management.io", "AppliedManifestWork", "appliedmanifestworks")
    )
    return store


def see_to(hub: Hub, store: Store, server: str) -> None:
    asyncio.run(Works(Whose(), store, t.cast(Feed, hub), t.cast(Client, hub), server).see_to())


def settings(store: Store) -> Json | None:
    return store.find(CONFIG_MAP, "default", "settings")


def test_at_another_address_an_object_is_taken_over_and_keeps_its_uid(store: Store) -> None:
    hub = Hub()
    see_to(hub, store, OLD)
    before = settings(store)
    assert before is not None
    for _again in range(2):
        see_to(hub, store, NEW)
    after = settings(store)
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    applied = applied_kind(store)
    assert applied is not None
    assert len(store.items(applied)) == len(after["metadata"]["ownerReferences"]) == 2


def test_what_is_withdrawn_after_a_change_of_address_stays_with_its_first_owner(store: Store) -> None:
    hub = Hub()
    see_to(hub, store, OLD)
    see_to(hub, store, NEW)
    hub.withdraw()
    see_to(hub, store, NEW)
    left = settings(store)
    assert left is not None
    assert len(left["metadata"]["ownerReferences"]) == 1


def test_what_is_withdrawn_at_the_same_address_is_gone(store: Store) -> None:
    hub = Hub()
    see_to(hub, store, OLD)
    hub.withdraw()
    see_to(hub, store, OLD)
    assert settings(store) is None


def test_a_hidden_name_is_not_dialled() -> None:
    feed = Feed(t.cast(Api, None))
    feed.hide_name("its1.sandbox", True)

    async def ask() -> None:
        client = Client(Address(OLD, FakeAuthority().pem.decode()), "token", hidden_names=feed.hidden_names)
        try:
            with pytest.raises(OSError, match="lookup its1.sandbox: no such host"):
                await client.request("PATCH", "/", {}, MERGE_PATCH)
        finally:
            await client.close()
        feed.hide_name("its1.sandbox", False)
        client.require_name()

    asyncio.run(ask())

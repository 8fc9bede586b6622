# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import typing as t

import pytest
from sandbox.cluster import open_crd
from sandbox.simulated.patches import merge, strategic_merge
from sandbox.simulated.resources import CONFIG_MAP, DEFINITION, DEPLOYMENT, NAMESPACE, POD, SECRET
from sandbox.simulated.selectors import selected
from sandbox.simulated.store import Store, StoreError

Json = dict[str, t.Any]


@pytest.fixture
def store() -> Store:
    found = Store("edge-1", lambda _kind, _namespace: None)
    found.create(NAMESPACE, "", {"metadata": {"name": "default"}})
    return found


def refused(call: t.Callable[[], t.Any]) -> tuple[int, str]:
    with pytest.raises(StoreError) as error:
        call()
    return error.value.status, error.value.reason


def test_an_object_is_created_once_in_a_namespace_that_is_there(store: Store) -> None:
    made = store.create(CONFIG_MAP, "default", {"metadata": {"name": "one"}, "data": {"key": "value"}})
    assert made["metadata"]["uid"]
    assert store.get(CONFIG_MAP, "default", "one")["data"] == {"key": "value"}
    assert refused(lambda: store.create(CONFIG_MAP, "default", {"metadata": {"name": "one"}})) == (409, "AlreadyExists")
    assert refused(lambda: store.create(CONFIG_MAP, "else", {"metadata": {"name": "one"}})) == (404, "NotFound")


def test_generated_names_differ(store: Store) -> None:
    made = [store.create(SECRET, "default", {"metadata": {"generateName": "one-"}}) for _attempt in range(3)]
    names = {one["metadata"]["name"] for one in made}
    assert len(names) == 3
    assert all(name.startswith("one-") for name in names)


def test_a_write_on_top_of_what_has_changed_is_refused(store: Store) -> None:
    made = store.create(CONFIG_MAP, "default", {"metadata": {"name": "one"}})
    store.patch(CONFIG_MAP, "default", "one", {"data": {"key": "value"}})
    assert refused(lambda: store.update(CONFIG_MAP, "default", "one", made)) == (409, "Conflict")
    other = {"uid": "of-another"}
    assert refused(lambda: store.delete(CONFIG_MAP, "default", "one", other)) == (409, "Conflict")


def test_a_write_that_changes_nothing_keeps_the_version(store: Store) -> None:
    made = store.create(CONFIG_MAP, "default", {"metadata": {"name": "one"}, "data": {"key": "value"}})
    same = store.patch(CONFIG_MAP, "default", "one", {"data": {"key": "value"}})
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_finalizers_keep_an_object_that_is_deleted(store: Store) -> None:
    store.create(CONFIG_MAP, "default", {"metadata": {"name": "one", "finalizers": ["example.com/one"]}})
    store.delete(CONFIG_MAP, "default", "one")
    assert store.get(CONFIG_MAP, "default", "one")["metadata"]["deletionTimestamp"]
    store.patch(CONFIG_MAP, "default", "one", {"metadata": {"finalizers": []}})
    assert store.find(CONFIG_MAP, "default", "one") is None


def test_what_belonged_to_an_object_goes_with_it(store: Store) -> None:
    owner = store.create(CONFIG_MAP, "default", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    store.create(SECRET, "default", {"metadata": {"name": "owned", "ownerReferences": [reference]}})
    store.delete(CONFIG_MAP, "default", "owner")
    assert store.find(SECRET, "default", "owned") is None


def test_a_definition_serves_its_kind_and_takes_the_objects_along(store: Store) -> None:
    version = "operator.open-cluster-management.io/v1"
    assert store.kind(version, "klusterlets") is None
    made = store.create(DEFINITION, "", open_crd("operator.open-cluster-management.io", "Klusterlet", "klusterlets"))
    assert {one["type"] for one in made["status"]["conditions"]} >= {"Established"}
    kind = store.kind(version, "klusterlets")
    assert kind is not None
    store.create(kind, "", {"metadata": {"name": "klusterlet"}})
    store.delete(DEFINITION, "", "klusterlets.operator.open-cluster-management.io")
    assert store.kind(version, "klusterlets") is None
    assert store.find(kind, "", "klusterlet") is None


def test_a_deployment_gets_its_pod_and_another_for_one_that_is_deleted(store: Store) -> None:
    async def run() -> tuple[list[Json], list[Json]]:
        template = {"metadata": {"labels": {"app": "one"}}, "spec": {"containers": [{"name": "one"}]}}
        store.create(DEPLOYMENT, "default", {"metadata": {"name": "one"}, "spec": {"template": template}})
        await asyncio.sleep(0.4)
        first = store.items(POD, "default")
        store.delete(POD, "default", first[0]["metadata"]["name"])
        await asyncio.sleep(0.4)
        return first, store.items(POD, "default")

    first, second = asyncio.run(run())
    assert len(first) == len(second) == 1
    assert first[0]["metadata"]["labels"] == {"app": "one"}
    assert first[0]["metadata"]["name"] != second[0]["metadata"]["name"]
    assert store.get(DEPLOYMENT, "default", "one")["status"]["availableReplicas"] == 1


def test_a_deleted_namespace_ends_with_all_that_is_in_it(store: Store) -> None:
    async def run() -> None:
        store.create(NAMESPACE, "", {"metadata": {"name": "ending"}})
        store.create(SECRET, "ending", {"metadata": {"name": "one"}})
        store.delete(NAMESPACE, "", "ending")
        assert store.get(NAMESPACE, "", "ending")["status"] == {"phase": "Terminating"}
        assert refused(lambda: store.create(SECRET, "ending", {"metadata": {"name": "two"}})) == (403, "Forbidden")
        await asyncio.sleep(1)

    asyncio.run(run())
    assert not store.has(NAMESPACE, "", "ending")
    assert not store.has(SECRET, "ending", "one")


def test_a_merge_patch_removes_what_is_null() -> None:
    item: Json = {"data": {"one": "1", "two": "2"}, "list": [1, 2]}
    merge(item, {"data": {"one": None}, "list": [3]})
    assert item == {"data": {"two": "2"}, "list": [3]}


def test_a_strategic_merge_patch_merges_lists_by_name() -> None:
    item: Json = {"containers": [{"name": "one", "image": "a"}, {"name": "two"}], "args": ["x"]}
    strategic_merge(
        item,
        {
            "$setElementOrder/containers": [{"name": "one"}],
            "containers": [{"name": "one", "image": "b"}, {"name": "two", "$patch": "delete"}],
            "args": ["y"],
        },
    )
    assert item == {"containers": [{"name": "one", "image": "b"}], "args": ["y"]}


@pytest.mark.parametrize(
    ("labels", "matches"),
    [
        ("app=one", True),
        ("app==one,tier", True),
        ("app!=one", False),
        ("!app", False),
        ("!else", True),
        ("app in (one, two),tier=x", True),
        ("app notin (one)", False),
        ("app=two", False),
    ],
)
def test_label_selectors(labels: str, matches: bool) -> None:
    item = {"metadata": {"name": "it", "labels": {"app": "one", "tier": "x"}}}
    assert selected(item, labels, "metadata.name=it") is matches
    assert not selected(item, labels, "metadata.name=else")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ITS shows of one WEC of five: that one may be unknown, the others are as they are, and no module ends otherwise."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import names as name_rules
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeAuthority, condition, csr
from fake_wds import PROPERTIES, works_of
from front_ends import AsAction
from fuzzing import JSON_VALUES, SECRET, Json, check_result, mutated
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemoryIts, asked_in_process

NAMES = [f"edge-{number}" for number in range(1, 6)]
ODD = "edge-2"
OTHERS = [name for name in NAMES if name != ODD]
ADDON = "/apis/addon.open-cluster-management.io/v1alpha1/namespaces/{}/managedclusteraddons/addon-status"
PLACES = {
    "ManagedCluster": f"{MANAGED_CLUSTERS}/{ODD}",
    "Lease": f"/apis/coordination.k8s.io/v1/namespaces/{ODD}/leases/managed-cluster-lease",
    "Namespace": f"/api/v1/namespaces/{ODD}",
    "ManagedClusterAddOn": ADDON.format(ODD),
    "ConfigMap": f"{PROPERTIES}/{ODD}",
    "ManifestWork": f"{works_of(ODD)}/work",
    "CertificateSigningRequest": f"{CSRS}/of-{ODD}",
}
VALUES = JSON_VALUES | TEXTS
_OWN: Json = {
    "labels": {"region": "us"},
    "annotations": {"note": "a"},
    "properties": {"maxPods": "110"},
    "schema": {"labels": {"region": {"required": True}}},
}


def hub(authority: FakeAuthority) -> InMemoryIts:
    its = InMemoryIts(authority)
    its.put("/apis/addon.open-cluster-management.io/v1alpha1/clustermanagementaddons/addon-status", {})
    for name in NAMES:
        its.join(name, f"uid-of-{name}")
        change = {
            "metadata": {"labels": {"region": "us", "cluster.open-cluster-management.io/clusterset": "default"}},
            "spec": {"managedClusterClientConfigs": [{"url": f"https://{name}:6443", "caBundle": "eA=="}]},
            "status": {
                "version": {"kubernetes": "v1.34.4"},
                "clusterClaims": [{"name": "id.k8s.io", "value": name}],
                "capacity": {"cpu": "4"},
            },
        }
        its.change(f"{MANAGED_CLUSTERS}/{name}", change)
        its.put(ADDON.format(name), {"status": {"conditions": [condition("Available")]}})
    its.put(PLACES["ConfigMap"], {"data": {"maxPods": "110", "rack": "r1"}})
    its.put(PLACES["ManifestWork"], {"metadata": {"generation": 1}, "status": {"conditions": [condition("Applied")]}})
    its.put(PLACES["CertificateSigningRequest"], csr(ODD, "x", token_id="t"))
    its.after.clear()
    return its


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = hub(authority)
    with asked_in_process():
        yield found
    found.close()


KINDS = st.sampled_from(sorted(PLACES))


@st.composite
def shown(draw: st.DrawFn, its: InMemoryIts) -> dict[str, t.Any]:
    """Of one or two kinds, something else than there is. What has no name, an API server cannot list."""
    found = {}
    for kind in draw(st.lists(KINDS, min_size=1, max_size=2, unique=True)):
        path = PLACES[kind]
        made = draw(mutated(its.objects[path], VALUES))
        metadata = made.get("metadata")
        if not isinstance(metadata, dict):
            # The one thing that is not this WEC's alone; see tests/unit/plugins/module_utils/_apis/test_hostile_answers.py.
            made["metadata"] = {}
        for key in ("name", "namespace", "uid"):
            if key in its.objects[path]["metadata"]:
                made["metadata"][key] = its.objects[path]["metadata"][key]
        found[path] = made
    return found


def options(its: InMemoryIts, **more: t.Any) -> Json:
    return {"its_kubeconfig": its.kubeconfig(SECRET), "its_outage_timeout": 0, "read_timeout": 5, **more}


def wecs(names: t.Iterable[str] = NAMES) -> list[Json]:
    return [{"name": name, **copy.deepcopy(_OWN)} for name in names]


def ask(its: InMemoryIts, data: st.DataObject, module: str, **more: t.Any) -> Json:
    its.forget_shown()
    for path, made in data.draw(shown(its)).items():
        its.show(path, made)
    run = AsAction()
    result = run(module, **options(its, **more))
    check_result(result, run.lines, run.warnings)
    assert not result.get("failed"), result["msg"]
    return result


@given(st.data(), st.sampled_from([None, [ODD, "edge-1"]]))
def test_status(its: InMemoryIts, data: st.DataObject, names: list[str] | None) -> None:
    asked = {"wecs": [{"name": name} for name in names]} if names else {"all": True}
    result = ask(its, data, "wec_status", show_table=True, **asked)
    states = {one["name"]: one["state"] for one in result["wecs"]}
    assert set(states) >= set(names or NAMES)
    # A request may be anybody's, as its label has it.
    assert not [name for name in states if name_rules.fault(name)]
    assert {states[name] for name in set(names or NAMES) - {ODD}} == {"joined"}


@given(st.data(), st.booleans())
def test_plan(its: InMemoryIts, data: st.DataObject, alone: bool) -> None:
    names = [ODD, "edge-1"] if alone else NAMES
    result = ask(its, data, "wec_plan", wecs=wecs(names), show_table=True)
    planned = {one["name"]: one for one in result["wecs"]}
    assert set(planned) == set(names)
    assert {planned[name]["action"] for name in names if name != ODD} == {"configure"}


@given(st.data())
def test_drift(its: InMemoryIts, data: st.DataObject) -> None:
    result = ask(its, data, "wec_status", wecs=wecs(), inventory=NAMES, show_table=True)
    states = {one["name"]: one["state"] for one in result["wecs"]}
    assert {states[name] for name in OTHERS} == {"joined"}
    assert {one["name"] for one in result["drift"]} >= set(OTHERS)


@given(st.data())
def test_export(its: InMemoryIts, data: st.DataObject) -> None:
    result = ask(its, data, "wec_export", states=["joined", "joined_unavailable", "unknown"])
    assert set(result["names"]) >= set(OTHERS)
    for name in OTHERS:
        assert result["inventory"]["wecs"]["hosts"][name]["wec_labels"] == {"region": "us"}


@given(st.data())
def test_leftovers(its: InMemoryIts, data: st.DataObject) -> None:
    result = ask(its, data, "wec_leftovers", names=NAMES)
    assert not {one["name"] for one in result["leftovers"]} & set(OTHERS)


@given(st.data())
def test_configuration_is_planned_for_the_others(its: InMemoryIts, data: st.DataObject) -> None:
    """The others' labels are set; what is odd about one may keep only its own from being set."""
    its.forget_shown()
    for path, made in data.draw(shown(its)).items():
        its.show(path, made)
    of_its = options(its)
    hosts = {
        one["name"]: {**of_its, **{f"wec_{part}": one.get(part) for part in ("labels", "properties")}} for one in wecs()
    }
    run = AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname=next(iter(hosts)))
    result = run("wec_configure", check_mode=True)
    check_result(result, run.lines, run.warnings)
    done = {one["name"]: one for one in result["wecs"]}
    assert {done[name]["problem"] for name in OTHERS} == {None}, json.dumps(result)[:2000]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from sandbox.status_agent import has_status, is_reported, path_of, work_status

Json = dict[str, t.Any]
KEY = "transport.kubestellar.io/originOwnerReferenceBindingKey"
APPLIED: Json = {"metadata": {"name": "hash-work", "uid": "0a-1b"}, "spec": {"manifestWorkName": "work"}}
WORK: Json = {"metadata": {"name": "work", "namespace": "edge-1", "uid": "2c-3d", "labels": {KEY: "policy"}}}
DEPLOYMENT: Json = {"group": "apps", "version": "v1", "resource": "deployments", "namespace": "shop", "name": "Web.1"}


def test_a_work_status_names_its_object_its_work_and_its_policy() -> None:
    found = work_status(APPLIED, WORK, DEPLOYMENT, "Deployment")
    assert found["metadata"]["name"] == "0a-1b-appsv1-deployment-shop-web.1"
    assert found["metadata"]["namespace"] == "edge-1"
    assert found["metadata"]["labels"] == {KEY: "policy", "managed-by.kubestellar.io/singletonstatus": "true"}
    (owner,) = found["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "name": "work",
        "uid": "2c-3d",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert found["spec"]["sourceRef"] == {**DEPLOYMENT, "kind": "Deployment"}
    assert set(WORK["metadata"]["labels"]) == {KEY}


def test_an_object_of_the_core_group_without_a_namespace() -> None:
    found = work_status(APPLIED, WORK, {"version": "v1", "resource": "namespaces", "name": "shop"}, "Namespace")
    assert found["metadata"]["name"] == "0a-1b-v1-namespace-shop"
    assert found["spec"]["sourceRef"] == {
        "group": "",
        "version": "v1",
        "resource": "namespaces",
        "kind": "Namespace",
        "namespace": "",
        "name": "shop",
    }


@pytest.mark.parametrize(
    ("labels", "reported"),
    [
        ({KEY: "policy"}, True),
        ({"managed-by.kubestellar.io/anything": ""}, True),
        ({"open-cluster-management.io/addon-name": "addon-status"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_only_works_of_kubestellar_are_reported(labels: dict[str, str] | None, reported: bool) -> None:
    assert is_reported({"metadata": {"labels": labels}}) is reported


@pytest.mark.parametrize(
    ("group", "resource", "reported"),
    [
        ("apps", "deployments", True),
        ("", "namespaces", True),
        ("", "services", True),
        ("", "configmaps", False),
        ("", "secrets", False),
        ("", "serviceaccounts", False),
        ("rbac.authorization.k8s.io", "roles", False),
        ("rbac.authorization.k8s.io", "clusterrolebindings", False),
        ("example.com", "secrets", True),
    ],
)
def test_kinds_without_a_status_are_not_reported(group: str, resource: str, reported: bool) -> None:
    assert has_status({"group": group, "resource": resource, "version": "v1", "name": "x"}) is reported


def test_where_the_objects_of_a_kind_are() -> None:
    assert path_of(DEPLOYMENT) == "/apis/apps/v1/deployments"
    assert path_of({"version": "v1", "resource": "services", "name": "x"}) == "/api/v1/services"

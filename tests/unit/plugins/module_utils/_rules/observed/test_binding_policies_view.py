# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import binding_policies_view
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.binding_policies_view import (
    Binding,
    ObjectReference,
    Policy,
)

SELECTORS = [{"matchLabels": {"env": "prod"}}, {}]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"metadata": {"name": "p"}, "spec": {"clusterSelectors": SELECTORS}}, Policy("p", tuple(SELECTORS))),
        ({"metadata": {"name": "p"}, "spec": {"clusterSelectors": None}}, Policy("p", ())),
        ({"metadata": {"name": "p"}}, Policy("p", ())),
        (
            {"metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}},
            Policy("p", (), is_deleting=True),
        ),
    ],
    ids=["all its selectors count", "null selectors are none", "no spec", "one that goes says so"],
)
def test_a_policy(item: dict[str, t.Any], expected: Policy) -> None:
    assert binding_policies_view.policy(item) == expected


def test_a_binding_says_what_goes_where() -> None:
    found = binding_policies_view.binding(
        {
            "metadata": {"name": "b", "generation": 3},
            "spec": {
                "workload": {
                    "clusterScope": [{"group": "", "version": "v1", "resource": "namespaces", "name": "app"}],
                    "namespaceScope": [
                        {
                            "group": "apps",
                            "version": "v1",
                            "resource": "deployments",
                            "namespace": "app",
                            "name": "web",
                            "createOnly": True,
                            "resourceVersion": "17",
                        }
                    ],
                },
                "destinations": [{"clusterId": "edge-1"}, {"clusterId": "edge-2"}],
            },
            "status": {"observedGeneration": 3, "errors": ["no"]},
        }
    )
    assert found == Binding(
        "b",
        frozenset({"edge-1", "edge-2"}),
        (
            ObjectReference("", "v1", "namespaces", "", "app"),
            ObjectReference("apps", "v1", "deployments", "app", "web"),
        ),
        ("no",),
        True,
    )


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"spec": {}, "status": {}},
        {"spec": None, "status": None},
        {
            "spec": {"workload": {"clusterScope": None, "namespaceScope": None}, "destinations": None},
            "status": {"errors": None, "observedGeneration": 0},
        },
    ],
)
def test_a_binding_that_nobody_has_worked_on_is_empty(item: dict[str, t.Any]) -> None:
    assert binding_policies_view.binding({"metadata": {"name": "b", "generation": 1}, **item}) == Binding("b")


@pytest.mark.parametrize(("observed", "is_observed"), [(None, False), (1, False), (2, True)])
def test_a_binding_is_observed_when_the_transport_has_seen_its_present_generation(
    observed: int | None, is_observed: bool
) -> None:
    item = {"metadata": {"name": "b", "generation": 2}, "status": {"observedGeneration": observed}}
    assert binding_policies_view.binding(item).is_observed is is_observed


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (ObjectReference("", "v1", "configmaps", "app", "x"), "configmaps app/x"),
        (ObjectReference("", "v1", "namespaces", "", "app"), "namespaces app"),
    ],
)
def test_an_object_is_named_for_people(reference: ObjectReference, shown: str) -> None:
    assert str(reference) == shown

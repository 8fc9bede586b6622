# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from fake_ocm import FakeIts
from front_ends import FrontEnd


@pytest.fixture
def options(its: FakeIts) -> dict[str, t.Any]:
    return {"name": "edge-1", "its_kubeconfig": its.kubeconfig()}


def test_what_is_right_is_given_as_wec_configure_takes_it(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.requests.clear()
    result = run("wec_validate", labels={"a": "b"}, properties={"c": "d"}, cluster_set="east", **options)
    assert not result.get("failed"), result
    assert result["wec"] == {"name": "edge-1", "labels": {"a": "b"}, "properties": {"c": "d"}, "cluster_set": "east"}
    assert result["its"]["server"].startswith("http")
    assert its.requests == [], "nobody is asked"


def test_everything_that_is_wrong_is_told_at_once(run: FrontEnd, options: dict[str, t.Any]) -> None:
    result = run(
        "wec_validate",
        **{**options, "name": "Edge_1", "its_kubeconfig": "/nonexistent"},
        labels={"a b": "x", "gpu": "true", "location-group": "egde"},
        properties={"type": "x", "maxPods": 100},
        groups=["edge"],
        schema={
            "labels": {"location-group": {"values": ["edge"]}, "gpu": {}, "a b": {}, "zone": {"required_in": ["edge"]}},
            "properties": {"*": {}},
        },
    )
    assert result["failed"]
    for told in (
        "'Edge_1'",
        "labels[a b]",
        "properties[type]: the key is a keyword of Go",
        "properties[maxPods]: 100 must be text",
        "'egde' is not one of edge",
        "labels[zone]: is required",
        "its_kubeconfig: '/nonexistent' cannot be read",
    ):
        assert told in result["msg"]
        assert any(told in violation for violation in result["violations"])


def test_a_broken_schema_is_told_instead_of_applied(run: FrontEnd, options: dict[str, t.Any]) -> None:
    result = run("wec_validate", labels={"a": "b"}, schema={"labels": {"x": {"requierd": True}}}, **options)
    (violation,) = result["violations"]
    assert violation.startswith("schema.labels[x].requierd: is no part of a rule")


def test_what_shall_go_needs_no_schema(run: FrontEnd, options: dict[str, t.Any]) -> None:
    schema = {"properties": {"clusterURL": {"required": True}}}
    result = run("wec_validate", properties={"max-pods": ""}, properties_state="absent", schema=schema, **options)
    assert not result.get("failed"), result

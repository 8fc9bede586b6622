# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import schema

SCHEMA: dict[str, t.Any] = {
    "labels": {
        "location-group": {"required": True, "values": ["edge", "core"]},
        "zone": {"pattern": "[a-z]+-[0-9]"},
        "team.example/*": None,
        "team.example/tier": {"values": ["1"]},
    },
    "properties": {"gpuModel": {"required_in": ["gpu"]}, "clusterURL": {"pattern": "https://.+"}},
}


def faults(groups: t.Sequence[str] = (), **wec: dict[str, t.Any]) -> list[str]:
    return schema.faults(SCHEMA, {"labels": {"location-group": "edge"}, **wec}, groups)


def test_what_follows_the_schema_has_no_fault() -> None:
    labels = {"location-group": "core", "zone": "north-1", "team.example/x": "any", "team.example/tier": "1"}
    assert (
        faults(labels=labels, properties={"clusterURL": "https://x"}, annotations={"free": "as no part says anything"})
        == []
    )


@pytest.mark.parametrize(
    ("wec", "groups", "message"),
    [
        ({"labels": {}}, (), "labels[location-group]: is required by the schema and not there"),
        ({"labels": {"location-group": "egde"}}, (), "'egde' is not one of edge, core"),
        ({"labels": {"location-group": "edge", "zone": "1"}}, (), "'1' does not match the pattern [a-z]+-[0-9]"),
        ({"labels": {"location-group": "edge", "other": "x"}}, (), "labels[other]: is not allowed by the schema"),
        (
            {"labels": {"location-group": "edge", "team.example/tier": "2"}},
            (),
            "labels[team.example/tier]: '2' is not one of 1",
        ),
        ({"properties": {}}, ("gpu",), "properties[gpuModel]: is required"),
        ({"properties": {"clusterURL": "http://x"}}, (), "does not match the pattern https://.+"),
    ],
)
def test_what_does_not_follow_it_is_told(wec: dict[str, t.Any], groups: tuple[str, ...], message: str) -> None:
    found = faults(groups, **wec)
    assert len(found) == 1
    assert message in found[0]


def test_a_key_is_required_only_of_its_groups() -> None:
    assert faults(("other",), properties={}) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"label": {}}, "schema.label: is not a part of a schema"),
        ({"labels": ["x"]}, "schema.labels: must map keys"),
        ({"labels": {"a": "edge"}}, "schema.labels[a]: must be a rule"),
        ({"labels": {"a": {"enum": []}}}, "schema.labels[a].enum: is not a part of a rule"),
        ({"labels": {"a": {"required": "yes"}}}, "schema.labels[a].required: must be a bool"),
        ({"labels": {"a": {"values": [1]}}}, "schema.labels[a].values: must have texts"),
        ({"labels": {"a": {"pattern": "("}}}, "schema.labels[a].pattern: is not a regular expression"),
    ],
)
def test_what_is_wrong_with_a_schema_is_told(broken: dict[str, t.Any], message: str) -> None:
    (found,) = schema.own_faults(broken)
    assert message in found
    assert schema.own_faults(SCHEMA) == []

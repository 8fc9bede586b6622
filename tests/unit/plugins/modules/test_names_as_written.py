# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that YAML took for something else are refused before anything is asked: 0042 would be registered as 34, for good."""

from __future__ import annotations

import datetime
import re
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import as_written
from fake_ocm import FakeIts
from front_ends import AsAction

Json = dict[str, t.Any]
VALUES = {
    34: "34 must be a string, and is a number in YAML: write it in quotes, as you mean it",
    1.1: "1.1 must be a string, and is a number in YAML",
    True: "True must be a string, and is true or false in YAML",
    datetime.date(2026, 1, 2): "2026-01-02 must be a string, and is a date in YAML",
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    ("module", "options", "place"),
    [
        ("wec_label", {"name": ..., "labels": {"a": "b"}}, "name"),
        (
            "wec_label",
            {"wecs": [{"name": "edge-1", "labels": {"a": "b"}}, {"name": ..., "labels": {"a": "b"}}]},
            "wecs[1].name",
        ),
        ("wec_label", {"name": "edge-1", "cluster_set": ...}, "cluster_set"),
        ("wec_properties", {"name": ..., "properties": {"a": "b"}}, "name"),
        ("wec_join", {"name": ..., "kubeconfig": "/nonexistent"}, "name"),
        ("wec_join", {"name": "edge-1", "kubeconfig": "/nonexistent", "context": ...}, "context"),
        ("wec_join", {"name": "edge-1", "kubeconfig": "/nonexistent", "bundle_version": ...}, "bundle_version"),
        ("wec_status", {"name": ...}, "name"),
        ("wec_accept", {"name": ...}, "name"),
    ],
)
def test_they_are_refused_by_name(its: FakeIts, module: str, options: Json, place: str, value: t.Any) -> None:
    def filled(given: t.Any) -> t.Any:
        if given is ...:
            return value
        if isinstance(given, dict):
            return {key: filled(one) for key, one in given.items()}
        return [filled(one) for one in given] if isinstance(given, list) else given

    result = AsAction()(module, its_kubeconfig=its.kubeconfig(), **filled(options))
    assert result["failed"]
    assert re.search(rf"{re.escape(place)}[^:]*: {re.escape(VALUES[value])}", result["msg"]), result["msg"]
    assert its.requests == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must be a string, and is null: leave the key out, or write '' for an empty text"),
        (45045, "is a number in YAML: write it in quotes, as you mean it (or end its template with | string)"),
        ([1], "must be a string, and is a list"),
        ({}, "must be a string, and is a dictionary"),
        (datetime.datetime(2026, 1, 2), "is a date in YAML"),
        (object(), "must be a string, and is something else"),
    ],
)
def test_a_value_is_never_guessed(value: t.Any, message: str) -> None:
    fault = as_written.text_fault(value)
    assert fault is not None
    assert message in fault
    assert "45045" not in fault


def test_texts_are_taken_as_they_are() -> None:
    assert [as_written.text_fault(text) for text in ("", "0042", "on", "1.10")] == [None] * 4

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import properties


@pytest.mark.parametrize("key", ["clusterURL", "maxPods", "_x", "a1", "Type"])
def test_good_keys(key: str) -> None:
    assert properties.key_fault(key) is None
    assert properties.is_usable(key)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("max-pods", "must be letters"),
        ("1a", "must be letters"),
        ("", "must be letters"),
        ("a.b", "must be letters"),
        ("type", "keyword"),
        ("func", "keyword"),
        ("clusterName", "KubeStellar's own"),
        ("größe", "ASCII"),
        ("x" * 254, "253"),
    ],
)
def test_bad_keys_are_explained(key: str, message: str) -> None:
    assert message in str(properties.key_fault(key))


@pytest.mark.parametrize("value", ["", "x", "a\nb", "100", "{{ not a template }}"])
def test_any_text_is_a_good_value(value: str) -> None:
    assert properties.value_fault(value) is None


@pytest.mark.parametrize(("value", "message"), [(100, "quotes"), (True, "quotes"), (None, "null"), ("a\0", "NUL")])
def test_bad_values_are_explained(value: t.Any, message: str) -> None:
    assert message in str(properties.value_fault(value))


def test_a_config_map_holds_one_mebibyte() -> None:
    assert properties.size_fault({"a": "x" * (1024 * 1024 - 1)}) is None
    assert "1048577 bytes" in str(properties.size_fault({"a": "x" * 1024 * 1024}))
    assert properties.size({"ä": "ö"}) == 4


def test_labels_yield_to_annotations_and_these_to_the_config_map() -> None:
    found = properties.effective(
        {"a": "label", "b": "label", "c": "label", "location-group": "edge", "type": "x"},
        {"a": "annotation", "b": "annotation", "team.example/x": "1"},
        {"a": "data"},
    )
    assert found == {"a": "data", "b": "annotation", "c": "label"}

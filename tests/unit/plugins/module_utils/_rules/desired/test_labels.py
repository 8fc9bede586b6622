# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import labels


@pytest.mark.parametrize("key", ["region", "location-group", "a", "team.example/tier", "x" * 63, "A.b_c-1"])
def test_good_keys(key: str) -> None:
    assert labels.key_fault(key) is None


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "must be letters"),
        ("-a", "must be letters"),
        ("a b", "must be letters"),
        ("x" * 64, "64 characters"),
        ("/a", "prefix"),
        ("Team/a", "prefix"),
        ("a/b/c", "prefix"),
        ("é", "must be letters"),
    ],
)
def test_bad_keys_are_explained(key: str, message: str) -> None:
    assert message in str(labels.key_fault(key))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "quotes"),
        (True, "true or false"),
        ("x" * 64, "64 characters"),
        ("a b", "must be letters"),
        ("-", "must be letters"),
    ],
)
def test_bad_values_are_explained(value: t.Any, message: str) -> None:
    assert message in str(labels.value_fault(value))


@pytest.mark.parametrize(
    "key",
    [
        "cluster.open-cluster-management.io/clusterset",
        "feature.open-cluster-management.io/addon-addon-status",
        "kubernetes.io/hostname",
        "node.kubernetes.io/x",
        "wec.kubestellar.io/x",
        "k8s.io/x",
    ],
)
def test_keys_of_the_system_are_protected(key: str) -> None:
    assert labels.is_protected(key)


@pytest.mark.parametrize("key", ["region", "notkubernetes.io/x", "kubernetes.io.example/x"])
def test_other_keys_are_free(key: str) -> None:
    assert not labels.is_protected(key)


def test_patterns_protect_more_keys() -> None:
    assert labels.is_protected("team.example/tier", ["team.example/*"])
    assert not labels.is_protected("other.example/tier", ["team.example/*"])

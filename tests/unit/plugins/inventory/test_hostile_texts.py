# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of clusters on their way through inventories: they arrive as they were, and nothing of them is evaluated."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.adoption import Adopted
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import inventory_file
from evaluating import Read
from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition
from fake_wds import PROPERTIES
from hostile import ODD, PAYLOADS, TEXTS, aimed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Json = dict[str, t.Any]
MANY = st.lists(TEXTS, min_size=5, max_size=15)
ALL = [*PAYLOADS, *ODD]
_quick = settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def mark(tmp_path: pathlib.Path) -> pathlib.Path:
    """The file that appears when a payload is evaluated."""
    return tmp_path / "was-evaluated"


def exported(path: pathlib.Path, texts: t.Sequence[str]) -> Json:
    """An exported file with these as values and as keys; gives what it holds."""
    values = {f"k{number}": text for number, text in enumerate(texts)}
    wec = Adopted(values, {text: text for text in texts}, {"all": "".join(texts)}, texts[0] or "none")
    written = inventory_file.compose("wecs", {"its_context": texts[-1]}, {"edge-1": wec})
    path.write_text(inventory_file.text(written), encoding="utf-8", newline="")
    return {**wec.as_variables(), "its_context": texts[-1]}


def check_exported(path: pathlib.Path, texts: t.Sequence[str], mark: pathlib.Path) -> None:
    expected = exported(path, [aimed(text, mark) for text in texts])
    found = Read(path).variables("edge-1")
    assert not mark.exists()
    assert {name: found[name] for name in expected} == expected


def test_an_exported_file_with_each_of_the_payloads(tmp_path: pathlib.Path, mark: pathlib.Path) -> None:
    check_exported(tmp_path / "fleet.yml", ALL, mark)


@_quick
@given(MANY)
def test_an_exported_file_with_any_texts(tmp_path: pathlib.Path, mark: pathlib.Path, texts: list[str]) -> None:
    check_exported(tmp_path / "fleet.yml", texts, mark)


def test_the_mark_does_appear_if_something_is_evaluated(tmp_path: pathlib.Path, mark: pathlib.Path) -> None:
    path = tmp_path / "fleet.yml"
    path.write_text(yaml.safe_dump({"wecs": {"hosts": {"edge-1": {"wec_x": aimed(PAYLOADS[0], mark)}}}}))
    Read(path).variables("edge-1")
    assert mark.exists()


def put(its: FakeIts, name: str, texts: t.Sequence[str]) -> None:
    """A ManagedCluster with these wherever there is a text."""
    its.join(name, "uid-1")
    several = {f"k{number}": text for number, text in enumerate(texts)}
    conditions = [condition("ManagedClusterJoined"), condition("ManagedClusterConditionAvailable", "False")]
    for text in texts:
        conditions.append({**condition(text), "reason": text, "message": text})
    change = {
        "metadata": {"labels": several, "annotations": {text: text for text in texts}},
        "spec": {"managedClusterClientConfigs": [{"url": text} for text in texts]},
        "status": {
            "version": {"kubernetes": texts[0]},
            "clusterClaims": [{"name": text, "value": text} for text in texts],
            "conditions": conditions,
        },
    }
    its.change(f"{MANAGED_CLUSTERS}/{name}", change)
    its.put(f"{PROPERTIES}/{name}", {"data": several})


def source(folder: pathlib.Path, its: FakeIts) -> pathlib.Path:
    path = folder / "its1.its.yml"
    (folder / "its1.kubeconfig").write_text(json.dumps(its.kubeconfig()))
    content = {
        "plugin": "kubestellar.wec.its",
        "its_kubeconfig": "its1.kubeconfig",
        "keyed_groups": [
            {"key": "wec_kubernetes_version", "prefix": "version"},
            {"key": "wec_all_labels", "separator": ""},
            {"key": "wec_claims", "parent_group": "{{ wec_kubernetes_version }}"},
        ],
        "compose": {
            "wec_composed": "wec_all_annotations",
            "wec_joined_up": "wec_claims | dict2items | sort(attribute='key')",
        },
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(folder / "cache"),
    }
    path.write_text(yaml.safe_dump(content))
    return path


def check_its(its: FakeIts, folder: pathlib.Path, texts: t.Sequence[str], mark: pathlib.Path) -> None:
    texts = [aimed(text, mark) for text in texts]
    put(its, "edge-1", texts)
    path = source(folder, its)
    for kept in (folder / "cache").glob("*"):
        kept.unlink()
    fresh = Read(path).variables("edge-1")
    asked = len(its.requests)
    cached = Read(path).variables("edge-1")
    assert len(its.requests) == asked
    assert not mark.exists()
    assert cached == fresh
    several = {f"k{number}": text for number, text in enumerate(texts)}
    assert {key: fresh["wec_labels"][key] for key in several} == several
    assert {key: fresh["wec_properties"][key] for key in several} == several
    assert {text: fresh["wec_all_annotations"][text] for text in texts} == {text: text for text in texts}
    assert fresh["wec_composed"] == fresh["wec_all_annotations"]
    assert fresh["wec_claims"] == {text: text for text in texts}
    assert fresh["wec_api_urls"] == [text for text in texts if text]
    assert {text in fresh["wec_conditions"] for text in texts} == {True}
    assert len(fresh["groups"]) > 5
    assert all(re.fullmatch(r"\w+", group) for group in fresh["groups"])


def test_the_plugin_with_each_of_the_payloads(its: FakeIts, tmp_path: pathlib.Path, mark: pathlib.Path) -> None:
    for number in range(0, len(ALL), 8):
        its.objects.clear()
        check_its(its, tmp_path, ALL[number : number + 8], mark)


@_quick
@given(MANY)
def test_the_plugin_with_any_texts(its: FakeIts, tmp_path: pathlib.Path, mark: pathlib.Path, texts: list[str]) -> None:
    check_its(its, tmp_path, texts, mark)

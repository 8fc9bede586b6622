# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from fake_wds import PROPERTIES
from front_ends import FrontEnd

Json = dict[str, t.Any]
Options = dict[str, t.Any]


@pytest.fixture
def options(its: FakeIts, tmp_path: pathlib.Path) -> Options:
    path = tmp_path / "its1.kubeconfig"
    path.write_text(json.dumps(its.kubeconfig()))
    return {"its_kubeconfig": str(path)}


def member(its: FakeIts, name: str, properties: Json | None = None, **metadata: t.Any) -> None:
    its.join(name, f"uid-of-{name}")
    its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": metadata})
    if properties is not None:
        its.put(f"{PROPERTIES}/{name}", {"data": properties})


def loaded(result: Json, folder: pathlib.Path) -> Json:
    """The text as Ansible reads an inventory."""
    assert not result.get("failed"), result
    path = folder / "exported.yml"
    path.write_text(result["content"])
    return t.cast(Json, DataLoader().load_from_file(str(path)))


def test_the_text_is_an_inventory_in_a_fixed_order(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-2", {"maxPods": "100", "clusterURL": "https://x"}, labels={"zone": "b", "region": "us"})
    member(its, "edge-1")
    its.announce("edge-3")
    result = run("wec_export", its_context="fake", **options)
    assert result["content"] == (
        "---\n"
        "wecs:\n"
        "  vars:\n"
        f"    its_kubeconfig: {options['its_kubeconfig']}\n"
        "    its_context: fake\n"
        "  hosts:\n"
        "    edge-1: {}\n"
        "    edge-2:\n"
        "      wec_labels:\n"
        "        region: us\n"
        "        zone: b\n"
        "      wec_properties:\n"
        "        clusterURL: https://x\n"
        "        maxPods: '100'\n"
    )
    assert result["names"] == ["edge-1", "edge-2"]
    assert result["msg"] == "2 WECs."
    assert result["changed"] is False
    assert its.writes == []


def test_configuring_with_it_changes_nothing(
    run: FrontEnd, its: FakeIts, options: Options, tmp_path: pathlib.Path
) -> None:
    system = {"cluster.open-cluster-management.io/clusterset": "edge", "feature.open-cluster-management.io/x": "y"}
    texts = {"a": "010", "b": "1.10", "c": "yes", "d": "12:30", "e": "null", "f": " x ", "g": "a: b\n- c", "h": ""}
    annotations = {"note": "{{ 1 }} {% x %}", "wec.kubestellar.io/parting": "gone", "gone": "soon", **texts}
    member(
        its,
        "edge-1",
        {**texts, "clusterName": "no", "not-usable": "x"},
        labels={**system, "region": "us"},
        annotations=annotations,
    )
    hosts = loaded(run("wec_export", **options), tmp_path)["wecs"]["hosts"]
    assert hosts["edge-1"]["wec_annotations"] == {"note": "{{ 1 }} {% x %}", **texts}
    assert hosts["edge-1"]["wec_cluster_set"] == "edge"
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": {"wec.kubestellar.io/parting": None}}})
    parts = {key.removeprefix("wec_"): value for key, value in hosts["edge-1"].items()}
    again = run("wec_configure", name="edge-1", **parts, **options)
    assert not again.get("failed"), again
    assert again["changed"] is False
    assert its.writes == []


def test_what_looks_like_a_template_is_marked_as_none(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1", annotations={"note": "{{ lookup('ansible.builtin.pipe', 'id') }}"})
    assert "note: !unsafe \"{{ lookup('ansible.builtin.pipe', 'id') }}\"" in run("wec_export", **options)["content"]


def test_what_is_protected_is_left_out(run: FrontEnd, its: FakeIts, options: Options, tmp_path: pathlib.Path) -> None:
    member(its, "edge-1", labels={"region": "us", "team-x": "y"})
    hosts = loaded(run("wec_export", protected=["team-*"], **options), tmp_path)["wecs"]["hosts"]
    assert hosts == {"edge-1": {"wec_labels": {"region": "us"}}}


def test_who_is_not_wanted_yet_is_exported_only_on_request(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    its.announce("edge-2")
    assert run("wec_export", **options)["names"] == ["edge-1"]
    assert run("wec_export", states=["pending_approval"], group="new", **options)["names"] == ["edge-2"]


def test_an_invalid_name_is_left_out_and_told(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    member(its, "three---dashes")
    assert run("wec_export", **options)["names"] == ["edge-1"]
    assert "three---dashes is left out" in run.warnings[0]


def test_no_secret_is_in_it(run: FrontEnd, its: FakeIts) -> None:
    member(its, "edge-1")
    inline = run("wec_export", its_kubeconfig=its.kubeconfig())
    assert list(inline["inventory"]["wecs"]) == ["hosts"]
    token = run("wec_export", its_host=its.url, its_api_key="token-of-mine")
    assert token["inventory"]["wecs"]["vars"] == {"its_host": its.url}


@pytest.mark.parametrize("name", ["all", "ungrouped", "localhost", "wecs", "fleet"])
def test_a_name_that_is_a_group_is_left_out_and_told(
    run: FrontEnd, its: FakeIts, options: Options, tmp_path: pathlib.Path, name: str
) -> None:
    member(its, "edge-1")
    member(its, name)
    assert run("wec_export", group="fleet", **options)["names"] == ["edge-1"]
    assert f"{name} is left out" in run.warnings[0]
    assert "[name_is_group]" in run.warnings[0]
    prefixed = run("wec_export", group="fleet", host_prefix="its1-", **options)
    assert prefixed["names"] == sorted(["edge-1", name])
    hosts = loaded(prefixed, tmp_path)["fleet"]["hosts"]
    assert hosts == {"its1-edge-1": {"wec_name": "edge-1"}, f"its1-{name}": {"wec_name": name}}

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and properties with KubeStellar's own controllers as the judge: what arrives on real WECs, and what leaves them."""

from __future__ import annotations

import collections
import os
import pathlib
import typing as t

import pytest
import yaml
from fleet import MANAGED_CLUSTERS, WDS, Fleet, start, wait_until
from sandbox import lifecycle
from sandbox.layout import Layout
from workload import Workload

Json = dict[str, t.Any]


@pytest.fixture(scope="module")
def stellar(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """Three WECs that are registered, and a WDS with KubeStellar. ``$WEC_TEST_KUBESTELLAR``: one that is up already."""
    given = os.environ.get("WEC_TEST_KUBESTELLAR")
    if given:
        yield Fleet(Layout(given))
        return
    state = tmp_path_factory.mktemp("stellar") / "sandbox"
    try:
        fleet = start(3, state, kubestellar=True)
        run = fleet.register(["edge-1", "edge-2", "edge-3"], "--skip-tags", "configure_apply")
        assert run.code == 0, run.output
        yield fleet
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture
def workload(stellar: Fleet) -> t.Iterator[t.Callable[..., Workload]]:
    made: list[Workload] = []

    def make(templates: dict[str, str], selector: Json | None = None) -> Workload:
        made.append(Workload(stellar, templates, selector))
        return made[-1]

    yield make
    for name in ("edge-1", "edge-2", "edge-3"):
        for one in made:
            gone = dict.fromkeys(one.labels)
            stellar.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": gone}})
    for one in made:
        one.end()


def configure(stellar: Fleet, wecs: dict[str, Json], *arguments: str, **variables: t.Any) -> t.Any:
    """The role configure on these WECs with these variables, and nothing of the inventory's own."""
    own = stellar.state / "own.yml"
    hosts = {name: {"wec_labels": {}, "wec_properties": {}, **given} for name, given in wecs.items()}
    own.write_text(yaml.safe_dump({"wecs": {"hosts": hosts}}))
    return stellar.playbook("configure", list(wecs), "-i", str(own), *arguments, **variables)


def with_wds(stellar: Fleet, **options: t.Any) -> Json:
    return {"wds_kubeconfig": str(stellar.layout.kubeconfig(f"{WDS}-reader")), **options}


def properties_of(stellar: Fleet, name: str) -> dict[str, str]:
    found = stellar.its.get(f"/api/v1/namespaces/customization-properties/configmaps/{name}")
    return (found or {}).get("data") or {}


def clear_properties(stellar: Fleet, *names: str) -> None:
    for name in names:
        path = f"/api/v1/namespaces/customization-properties/configmaps/{name}"
        if stellar.its.get(path) is not None:
            stellar.its.request("DELETE", path)


def test_a_workload_arrives_with_each_wecs_own_value_and_leaves_with_the_label(
    stellar: Fleet, workload: t.Callable[..., Workload]
) -> None:
    clear_properties(stellar, "edge-1", "edge-2", "edge-3")
    app = workload({"url": "{{.clusterURL}}"})
    wanted: dict[str, Json] = {
        name: {"wec_labels": app.labels, "wec_properties": {"clusterURL": f"https://{name}.example"}}
        for name in ("edge-1", "edge-2")
    }
    wanted["edge-3"] = {"wec_labels": {"group": "another"}, "wec_properties": {"clusterURL": "https://three.example"}}
    run = configure(stellar, wanted)
    assert run.code == 0, run.output
    assert f"BindingPolicy {app.name} starts to select edge-1" in run.text
    for name in ("edge-1", "edge-2"):
        app.arrives(name, {"url": f"https://{name}.example"})
    assert app.on("edge-3") is None

    mark = stellar.mark()
    assert {one.changed for one in configure(stellar, wanted).recap.values()} == {0}
    assert stellar.writes(mark) == []

    # A property that changes is delivered within seconds.
    wanted["edge-2"]["wec_properties"] = {"clusterURL": "https://moved.example"}
    changed = configure(stellar, wanted)
    assert changed.recap["edge-2"].changed == 1
    assert changed.recap["edge-1"].changed == 0
    assert app.on("edge-2") == {"url": "https://moved.example"}, "it was to be waited for"
    assert app.on("edge-1") == {"url": "https://edge-1.example"}

    # A label that is removed takes the workload away, if that is allowed.
    wanted["edge-1"] = {"wec_labels": {}, "wec_properties": {"clusterURL": "https://edge-1.example"}}
    states = {"configure_labels_state": "exact"}
    mark = stellar.mark()
    refused = configure(stellar, {"edge-1": wanted["edge-1"]}, **states)
    assert refused.code != 0
    assert "[workload_withdrawal]" in refused.text
    assert f"BindingPolicy {app.name} stops to select edge-1" in refused.text
    assert stellar.writes(mark) == []
    allowed = configure(stellar, {"edge-1": wanted["edge-1"]}, **states, configure_allow_withdrawal=True)
    assert allowed.code == 0, allowed.output
    app.leaves("edge-1")
    assert app.on("edge-2") == {"url": "https://moved.example"}


def test_check_mode_shows_what_a_change_does_and_writes_nothing(
    stellar: Fleet, workload: t.Callable[..., Workload]
) -> None:
    app = workload({"plain": "text"})
    mark = stellar.mark()
    run = configure(
        stellar, {"edge-1": {"wec_labels": app.labels, "wec_properties": {"new": "x"}}}, "--check", "--diff"
    )
    assert run.code == 0, run.output
    assert run.recap["edge-1"].changed == 1
    assert f"BindingPolicy {app.name} starts to select edge-1: its workload goes there" in run.text
    assert "would be changed" in run.text
    assert stellar.writes(mark) == []


def delivered(stellar: Fleet, app: Workload, names: t.Sequence[str]) -> None:
    """Each of these WECs has the workload, with its own value."""
    for name in names:
        result = stellar.module(
            "wec_configure",
            name,
            labels=app.labels,
            properties={"site": f"at-{name}"},
            **with_wds(stellar),
        )
        assert not result.get("failed"), result
    for name in names:
        app.arrives(name, {"site": f"at-{name}"})


def test_a_property_that_a_template_needs_is_not_removed_and_nothing_is_withdrawn(
    stellar: Fleet, workload: t.Callable[..., Workload]
) -> None:
    app = workload({"site": "{{ .site }}"})
    delivered(stellar, app, ["edge-1", "edge-2"])
    with stellar.wec("edge-2").watching(app.config_maps) as seen:
        refused = stellar.module(
            "wec_properties", "edge-1", properties={"site": ""}, state="absent", **with_wds(stellar)
        )
        verdict = refused["verdicts"]["edge-1"]
        assert verdict["problem"]["code"] == "property_required"
        assert verdict["impacts"][0]["objects"] == [f"configmaps {app.name}/settings"]
        assert verdict["impacts"][0]["other_wecs"] == ["edge-2"]
        blind = stellar.module("wec_properties", "edge-1", properties={"site": ""}, state="absent")
        assert blind["verdicts"]["edge-1"]["problem"]["code"] == "property_possibly_required"
        assert properties_of(stellar, "edge-1")["site"] == "at-edge-1"
        assert app.on("edge-1") == {"site": "at-edge-1"}
        assert seen == []


def test_selector_and_property_labels_go_together_and_no_other_wec_sees_a_deletion(
    stellar: Fleet, workload: t.Callable[..., Workload]
) -> None:
    clear_properties(stellar, "edge-1", "edge-2", "edge-3")
    app = workload({"rack": "{{ .rack }}"})
    for name in ("edge-1", "edge-2", "edge-3"):
        labels = {**app.labels, "rack": f"r-{name}"}
        result = stellar.module("wec_label", name, labels=labels, **with_wds(stellar))
        assert not result.get("failed"), result
    app.labels["rack"] = ""
    for name in ("edge-1", "edge-2", "edge-3"):
        app.arrives(name, {"rack": f"r-{name}"})
    gone = {"group": "", "rack": ""}
    with stellar.wec("edge-3").watching(app.config_maps) as seen:
        left = stellar.module(
            "wec_label", "edge-1", labels=gone, state="absent", allow_withdrawal=True, **with_wds(stellar)
        )
        assert not left.get("failed"), left
        app.leaves("edge-1")
        # Without a look into the WDS as well.
        blind = stellar.module("wec_label", "edge-2", labels=gone, state="absent", allow_removal=True)
        assert not blind.get("failed"), blind
        app.leaves("edge-2")
        assert app.on("edge-3") == {"rack": "r-edge-3"}
        assert not [event for event in seen if event.startswith("DELETED")], seen
    for name in ("edge-1", "edge-2"):
        metadata = (stellar.managed_cluster(name) or {})["metadata"]
        assert not {"rack", "group"} & set(metadata["labels"])
        assert not {"rack", "wec.kubestellar.io/parting"} & set(metadata["annotations"])


def test_a_new_wec_that_lacks_a_property_is_not_labelled(stellar: Fleet, workload: t.Callable[..., Workload]) -> None:
    clear_properties(stellar, "edge-1", "edge-2", "edge-3")
    app = workload({"site": "{{ .site }}"})
    delivered(stellar, app, ["edge-1"])
    with stellar.wec("edge-1").watching(app.config_maps) as seen:
        refused = stellar.module("wec_label", "edge-2", labels=app.labels, **with_wds(stellar))
        verdict = refused["verdicts"]["edge-2"]
        assert verdict["problem"]["code"] == "property_required"
        assert "edge-1" in verdict["msg"]
        assert app.on("edge-1") == {"site": "at-edge-1"}
        assert seen == []
    assert "group" not in (stellar.managed_cluster("edge-2") or {})["metadata"]["labels"]
    # Both at once are fine: the property comes first.
    delivered(stellar, app, ["edge-2"])


def test_what_the_others_have_is_warned_of_where_nobody_can_look_into_the_wds(stellar: Fleet) -> None:
    clear_properties(stellar, "edge-1", "edge-2", "edge-3")
    for name in ("edge-1", "edge-2"):
        stellar.module("wec_properties", name, properties={"site": name})
    result = stellar.module("wec_label", "edge-3", labels={"colour": "blue"})
    assert not result.get("failed"), result
    assert "edge-3 lacks site" in " ".join(result["warnings"])


def test_a_changed_value_that_is_not_to_be_delivered_waits(stellar: Fleet, workload: t.Callable[..., Workload]) -> None:
    clear_properties(stellar, "edge-1")
    app = workload({"site": "{{ .site }}"})
    delivered(stellar, app, ["edge-1"])
    result = stellar.module("wec_properties", "edge-1", properties={"site": "new"}, deliver=False)
    assert result["verdicts"]["edge-1"]["delivery"] == "waits for the next change of the Binding"
    assert app.on("edge-1") == {"site": "at-edge-1"}
    result = stellar.module("wec_properties", "edge-1", properties={"site": "newer"})
    assert result["verdicts"]["edge-1"]["delivery"] == "delivered"
    assert app.on("edge-1") == {"site": "newer"}


def test_what_is_wrong_with_one_host_keeps_all_from_being_changed(stellar: Fleet) -> None:
    wanted: dict[str, Json] = {
        "edge-1": {"wec_labels": {"fine": "yes"}},
        "edge-2": {"wec_labels": {"a b": "x", "group": "odd"}, "wec_properties": {"func": "x", "pods": 100}},
        "edge-3": {"wec_labels": {"fine": "yes", "tier": "9"}},
    }
    schema = {"labels": {"fine": {"required": True}, "*": {}, "tier": {"values": ["1", "2"]}}}
    mark = stellar.mark()
    for tags in ([], ["--tags", "validate"]):
        run = configure(stellar, wanted, *tags, configure_schema=schema)
        assert run.code != 0
        for message in (
            "labels[a b]: the key must be letters",
            "properties[func]: the key is a keyword of Go",
            "properties[pods]: 100 must be a string, and is a number in YAML: write it in quotes, as you mean it",
            "labels[fine]: is required by the schema",
            "'9' is not one of 1, 2",
        ):
            assert message in run.text, run.output
        assert run.recap["edge-1"].changed == 0
    assert stellar.writes(mark) == []
    assert configure(stellar, {"edge-1": wanted["edge-1"]}, "--tags", "validate", configure_schema=schema).code == 0
    assert stellar.writes(mark) == []


def test_a_kubestellar_that_does_not_answer_is_told(stellar: Fleet, workload: t.Callable[..., Workload]) -> None:
    app = workload({"plain": "text"})
    stellar.sandbox("stop-kubestellar")
    try:
        result = stellar.module("wec_label", "edge-1", labels=app.labels, wait_timeout=5, **with_wds(stellar))
        assert result["verdicts"]["edge-1"]["problem"]["code"] == "kubestellar_not_responding"
    finally:
        stellar.sandbox("start-kubestellar")
    app.arrives("edge-1", {"plain": "text"}, seconds=60)


def test_the_guides_labels_and_properties(stellar: Fleet) -> None:
    """https://kubestellar.io: 'Labeling WECs' and 'Customization Properties'."""
    clear_properties(stellar, "edge-1")
    for labels in (
        {"location-group": "edge", "name": "edge-1"},
        {"region": "us-east", "zone": "us-east-1"},
        {"gpu": "true", "cpu-architecture": "amd64"},
        {"environment": "production", "tier": "critical"},
    ):
        result = stellar.module("wec_label", "edge-1", labels=labels)
        assert not result.get("failed"), result
        found = (stellar.managed_cluster("edge-1") or {})["metadata"]["labels"]
        assert labels.items() <= found.items()
    properties = {"clusterURL": "https://my.clusters/1001-abcd", "datacenter": "us-east-1a", "maxPods": "100"}
    result = stellar.module("wec_properties", "edge-1", properties=properties)
    assert not result.get("failed"), result
    assert properties_of(stellar, "edge-1") == properties
    assert result["verdicts"]["edge-1"]["unusable_as_properties"].count("location-group") == 1


def test_a_hundred_wecs_are_configured_twice_and_the_second_run_writes_nothing(
    stellar: Fleet, tmp_path: pathlib.Path
) -> None:
    names = [f"many-{number}" for number in range(100)]
    for name in names:
        stellar.pre_create(name, accepted=True)
    wait_until(lambda: all(stellar.its.get(f"/api/v1/namespaces/{name}") for name in names[-3:]), 60, "mailboxes")
    variables = yaml.safe_load(stellar.layout.inventory.read_text())["wecs"]["vars"]
    hosts = {
        name: {"wec_labels": {"batch": "many"}, "wec_properties": {"clusterURL": f"https://{name}.example"}}
        for name in names
    }
    inventory = tmp_path / "many.yml"
    inventory.write_text(yaml.safe_dump({"wecs": {"vars": variables, "hosts": hosts}}))
    command = ["ansible-playbook", "-i", str(inventory), "kubestellar.wec.configure"]
    mark = stellar.mark()
    first = stellar.command(command)
    assert first.code == 0, first.output
    verbs = collections.Counter(one.split()[1] for one in stellar.writes(mark))
    # An apply makes a ConfigMap that is not there yet.
    assert verbs == {"patch": 200}
    assert {one.changed for one in first.recap.values()} == {1}
    mark = stellar.mark()
    second = stellar.command(command)
    assert second.code == 0, second.output
    assert {one.changed for one in second.recap.values()} == {0}
    assert stellar.writes(mark) == []
    assert len(stellar.requests(mark)) < 20

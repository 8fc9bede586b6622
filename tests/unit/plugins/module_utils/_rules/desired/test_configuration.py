# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import labels as label_rules
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import merging
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.configuration import (
    PART,
    PARTING,
    REMOVE_PROPERTIES,
    SET_LABELS,
    SET_PROPERTIES,
    Configuration,
    DesiredState,
    Observed,
    Part,
    decide,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.impact import Traits
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
)

Texts = dict[str, str]
CLUSTER_SET = label_rules.CLUSTER_SET


class Model:
    """What the ITS has of one WEC, and what each step does to it. ``ours`` and ``others`` are keys that the inventory, and
    somebody else, has set."""

    def __init__(
        self,
        labels: Texts,
        annotations: Texts,
        data: Texts | None,
        binary: Texts,
        ours: t.Collection[str] = (),
        others: t.Collection[str] = (),
    ) -> None:
        self.labels, self.annotations, self.data, self.binary = labels, annotations, data, binary
        self.ours, self.others = ours, others

    def _fields(self, *maps: str) -> list[dict[str, t.Any]]:
        def entry(manager: str, keys: t.Collection[str]) -> dict[str, t.Any]:
            fields: dict[str, t.Any] = {one: {f"f:{key}": {} for key in keys} for one in maps}
            if "f:data" not in fields:
                fields = {"f:metadata": fields}
            return {"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}

        return [entry("kubestellar.wec", self.ours), entry("kubectl-label", self.others)]

    def observed(self) -> Observed:
        fields = self._fields("f:labels", "f:annotations")
        cluster = {
            "metadata": {"labels": dict(self.labels), "annotations": dict(self.annotations), "managedFields": fields}
        }
        config_map = None
        if self.data is not None:
            metadata = {"name": "edge-1", "managedFields": self._fields("f:data")}
            config_map = {"metadata": metadata, "data": dict(self.data), "binaryData": dict(self.binary)}
        return Observed(ObservedManagedCluster("edge-1", cluster), config_map)

    @property
    def traits(self) -> Traits:
        return self.observed().traits

    def take(self, step: str, found: Configuration) -> None:
        if step == SET_PROPERTIES:
            self.data = {**(self.data or {}), **found.added_properties}
        elif step == SET_LABELS:
            self.labels = merging.merged(self.labels, found.labels)
            self.annotations = merging.merged(self.annotations, {**found.annotations, **found.leaving_annotations})
        elif step == PART:
            self.annotations = merging.merged(self.annotations, found.parting_annotations)
        else:
            self.data = merging.merged(self.data or {}, dict.fromkeys(found.removed_properties))

    def run(self, desired: DesiredState, stop_after: int = 99) -> None:
        found = decide(desired, self.observed())
        for step in found.steps(self.data is not None)[:stop_after]:
            self.take(step.do, found)


_VALUES = st.sampled_from(["", "1", "2"])


def texts(*keys: str) -> st.SearchStrategy[Texts]:
    return st.dictionaries(st.sampled_from(keys), _VALUES)


def parts(*keys: str) -> st.SearchStrategy[Part | None]:
    return st.none() | st.builds(Part, texts(*keys), st.sampled_from(merging.STATES))


@st.composite
def models(draw: st.DrawFn) -> Model:
    labels = draw(texts("env", "region", "zone", "location-group", "type", CLUSTER_SET))
    annotations = draw(texts("region", "zone", "note", "team.example/x", IDENTITY_ANNOTATION))
    standing = draw(st.sets(st.sampled_from(["region", "zone", "env"])))
    if standing:
        # An earlier run was interrupted.
        annotations.update({**dict.fromkeys(standing, "1"), PARTING: ",".join(sorted(standing))})
    data = draw(st.none() | texts("region", "zone", "url", "max-pods"))
    owned = st.sets(st.sampled_from(["env", "region", "zone", "note", "url"]))
    binary = draw(texts("blob")) if data is not None else {}
    return Model(labels, annotations, data, binary, draw(owned), draw(owned))


WISHES = st.builds(
    DesiredState,
    st.just("edge-1"),
    parts("env", "region", "zone", "location-group"),
    parts("region", "zone", "note"),
    parts("region", "zone", "url"),
    st.none() | st.just("special"),
    st.sampled_from([(), ("team.example/*",)]),
)
many = hypothesis.settings(deadline=None, max_examples=100)


@many
@hypothesis.given(model=models(), desired=WISHES)
def test_the_steps_lead_exactly_to_what_was_decided_and_a_second_run_changes_nothing(
    model: Model, desired: DesiredState
) -> None:
    binary = dict(model.binary)
    found = decide(desired, model.observed())
    assert found.before == model.traits
    done = [step.do for step in found.steps(model.data is not None)]
    assert done == [step for step in (SET_PROPERTIES, SET_LABELS, PART, REMOVE_PROPERTIES) if step in done]
    model.run(desired)
    assert model.traits == found.after
    assert model.binary == binary
    assert PARTING not in model.annotations
    again = decide(desired, model.observed())
    assert not again.changes
    assert again.steps(model.data is not None) == []


@many
@hypothesis.given(model=models(), desired=WISHES)
def test_what_was_decided_is_what_was_wished(model: Model, desired: DesiredState) -> None:
    standing = (model.annotations.get(PARTING) or "").split(",")
    lasting = {key: value for key, value in model.annotations.items() if key not in standing and key != PARTING}

    def expected(part: Part | None, current: Texts, is_protected: t.Callable[[str], bool]) -> Texts:
        if part is None:
            return current
        wanted = dict(part.wanted)
        ours = {*model.ours} - {*model.others}
        return {
            "applied": {
                **{key: value for key, value in current.items() if key not in ours or is_protected(key)},
                **wanted,
            },
            "present": {**current, **wanted},
            "absent": {key: value for key, value in current.items() if key not in wanted},
            "exact": {**{key: value for key, value in current.items() if is_protected(key)}, **wanted},
        }[part.state]

    def is_protected(key: str) -> bool:
        return label_rules.is_protected(key, desired.protected)

    labels = expected(desired.labels, model.labels, is_protected)
    if desired.cluster_set is not None:
        labels = {**labels, CLUSTER_SET: desired.cluster_set}
    data = expected(desired.properties, model.data or {}, lambda _key: False)
    after = decide(desired, model.observed()).after
    assert after.labels == labels
    assert after.annotations == expected(desired.annotations, lasting, is_protected)
    assert after.data == {**data, **dict.fromkeys(model.binary, "(binary)")}


@many
@hypothesis.given(model=models(), desired=WISHES)
def test_while_labels_change_nothing_that_templates_can_use_vanishes_before_the_wec_is_let_go(
    model: Model, desired: DesiredState
) -> None:
    found = decide(desired, model.observed())
    before = model.traits.properties
    for step in found.steps(model.data is not None):
        if step.do in (PART, REMOVE_PROPERTIES):
            break
        model.take(step.do, found)
        if found.labels:
            now = model.traits.properties
            assert set(before) <= set(now)
            going = set(before) - set(found.after.properties)
            assert {key: now[key] for key in going} == {key: before[key] for key in going}


@many
@hypothesis.given(model=models(), desired=WISHES, stop_after=st.integers(0, 4))
def test_an_interrupted_run_is_finished_by_the_next(model: Model, desired: DesiredState, stop_after: int) -> None:
    expected = decide(desired, model.observed()).after
    model.run(desired, stop_after)
    model.run(desired)
    assert model.traits == expected
    assert PARTING not in model.annotations


def decided(model: Model, **desired: t.Any) -> Configuration:
    return decide(DesiredState("edge-1", **desired), model.observed())


def test_an_annotation_stands_in_for_a_label_that_goes() -> None:
    model = Model({"env": "prod", "region": "us"}, {}, {}, {})
    found = decided(model, labels=Part({"env": "prod"}, "exact"))
    assert found.keeps == {"region": "us"}
    assert found.leaving_annotations == {"region": "us", PARTING: "region"}
    assert found.parting_annotations == {"region": None, PARTING: None}
    assert "parting" not in str(found.after)


@pytest.mark.parametrize(
    ("model", "desired"),
    [
        (Model({"location-group": "edge"}, {}, {}, {}), {"labels": Part({"location-group": ""}, "absent")}),
        (Model({"type": "x"}, {}, {}, {}), {"labels": Part({"type": ""}, "absent")}),
        (Model({"region": "us"}, {"region": "eu"}, {}, {}), {"labels": Part({"region": ""}, "absent")}),
        (Model({"region": "us"}, {}, {"region": "eu"}, {}), {"labels": Part({"region": ""}, "absent")}),
        (
            Model({"region": "us"}, {}, {}, {}),
            {"labels": Part({"region": ""}, "absent"), "properties": Part({"region": "us"})},
        ),
        (
            Model({"region": "us"}, {}, {"region": "eu"}, {}),
            {"labels": Part({"region": ""}, "absent"), "properties": Part({"region": ""}, "absent")},
        ),
        (Model({}, {"region": "us"}, {}, {}), {"annotations": Part({"region": ""}, "absent")}),
    ],
    ids=[
        "is not an identifier",
        "is a keyword",
        "an annotation has it",
        "the ConfigMap has it",
        "the ConfigMap gets it first",
        "the ConfigMap keeps it until the end",
        "no label changes, so no delivery ends",
    ],
)
def test_nothing_stands_in_where_nothing_is_lost_too_early(model: Model, desired: dict[str, t.Any]) -> None:
    assert decided(model, **desired).keeps == {}


def test_a_label_that_changes_may_end_a_delivery_too() -> None:
    model = Model({"env": "prod"}, {"url": "u"}, {}, {})
    found = decided(model, labels=Part({"env": "dev"}), annotations=Part({"url": ""}, "absent"))
    assert found.keeps == {"url": "u"}
    assert found.leaving_annotations == {"url": "u", PARTING: "url"}


def test_what_an_interrupted_run_left_is_taken_up() -> None:
    model = Model({"zone": "b"}, {"region": "us", PARTING: "region"}, {}, {})
    found = decided(model, labels=Part({"zone": ""}, "absent"))
    assert found.parts == ("region",)
    assert found.leaving_annotations == {"zone": "b", PARTING: "region,zone"}
    assert found.parting_annotations == {"zone": None, "region": None, PARTING: None}


def test_an_annotation_that_stood_in_and_is_wanted_now_stays() -> None:
    model = Model({}, {"region": "us", PARTING: "region"}, {}, {})
    found = decided(model, annotations=Part({"region": "us"}))
    assert found.parting_annotations == {PARTING: None}
    assert found.after.annotations == {"region": "us"}


def test_a_wish_for_nothing_changes_nothing() -> None:
    model = Model({"a": "1"}, {"b": "1"}, {"c": "1"}, {})
    found = decided(model)
    assert not found.changes
    assert found.after == found.before == model.traits


def test_binary_properties_are_seen_and_never_touched() -> None:
    model = Model({}, {}, {"a": "1"}, {"blob": "AA=="})
    found = decided(model, properties=Part({}, "exact"))
    assert found.properties == {"a": None}
    assert found.after.properties == {"blob": "(binary)"}
    assert model.observed().binary_keys == ("blob",)


def test_the_steps_show_only_what_changes() -> None:
    model = Model({"old": "1", "same": "1"}, {}, {"a": "1", "b": "1"}, {})
    found = decided(
        model,
        labels=Part({"same": "1", "new": "1"}, "exact"),
        annotations=Part({"note": "x"}),
        properties=Part({"a": "2"}, "exact"),
    )
    first, labels, part, last = found.steps(has_config_map=True)
    assert (first.verb, first.before, first.after) == ("update", {"a": "1"}, {"a": "2"})
    assert labels.before == {"labels": {"new": None, "old": "1"}, "annotations": {"note": None}}
    assert labels.after == {"labels": {"new": "1", "old": None}, "annotations": {"note": "x"}}
    assert (part.before, part.after) == ({}, {}), "what comes and goes in one run is no difference"
    assert (last.before, last.after) == ({"b": "1"}, {"b": None})


def test_a_config_map_that_is_not_there_is_created() -> None:
    (step,) = decided(Model({}, {}, None, {}), properties=Part({"a": "1"})).steps(has_config_map=False)
    assert (step.verb, step.object) == ("create", "ConfigMap customization-properties/edge-1")
    assert step.before is None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import impact
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.impact import Delivery, Impact, Traits
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.binding_policies_view import (
    Binding,
    Policy,
)

PROD = Policy("prod", ({"matchLabels": {"env": "prod"}},))
OUT, IN = {"env": "dev"}, {"env": "prod"}


def delivery(
    *destinations: str, needs: t.Mapping[str, t.Sequence[str]] | None = None, policy: Policy = PROD
) -> Delivery:
    return Delivery(policy, Binding(policy.name, frozenset(destinations)), needs or {})


NEEDS = delivery("edge-1", "edge-2", "edge-3", needs={"url": ["configmaps app/x", "configmaps app/y"], "zone": ["z"]})
BOTH = {"url": "u", "zone": "z"}


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        (Traits(OUT), Traits(IN), ["starts"]),
        (Traits(IN), Traits(OUT), ["stops"]),
        (Traits(IN), Traits({**IN, "x": "y"}), []),
        (Traits(OUT), Traits({}), []),
        (Traits({}, {"env": "prod"}), Traits({}, {}), []),
        (Traits({}, {}, {"env": "dev"}), Traits({}, {}, {"env": "prod"}), []),
    ],
    ids=["selected anew", "not any more", "still", "never", "annotations do not select", "properties do not select"],
)
def test_labels_start_and_stop_a_delivery(before: Traits, after: Traits, effects: list[str]) -> None:
    assert [one.effect for one in impact.of_change("edge-1", before, after, [delivery()])] == effects


@pytest.mark.parametrize(
    ("before", "after", "lacking"),
    [
        (Traits(IN, {}, BOTH), Traits(IN, {}, {"zone": "z"}), ("url",)),
        (Traits(IN, {}, BOTH), Traits(IN), ("url", "zone")),
        (Traits({**IN, "url": "u"}, {}, {"zone": "z"}), Traits(IN, {}, {"zone": "z"}), ("url",)),
        (Traits(IN, {"url": "u"}, {"zone": "z"}), Traits(IN, {}, {"zone": "z"}), ("url",)),
        (Traits(OUT), Traits(IN), ("url", "zone")),
        (Traits(OUT, {}, BOTH), Traits(IN, {}, {"zone": "z"}), ("url",)),
        (Traits(OUT), Traits(IN, {}, BOTH), ()),
        (Traits(IN, {}, BOTH), Traits(IN, {}, {"url": "other", "zone": ""}), ()),
        (Traits({**IN, "url": "u"}, {}, {"zone": "z"}), Traits(IN, {}, BOTH), ()),
        (Traits(IN, {}, BOTH), Traits(OUT), ()),
        (Traits(OUT, {}, BOTH), Traits(OUT), ()),
        (Traits(IN, {}, {"zone": "z"}), Traits({**IN, "x": "y"}, {}, {"zone": "z"}), ()),
    ],
    ids=[
        "a property goes",
        "all go",
        "a label that was one goes",
        "an annotation that was one goes",
        "selected without any",
        "selected while one goes",
        "selected with what is needed",
        "another value is there all the same",
        "from a label into the ConfigMap",
        "goes with the selection",
        "goes where nothing is delivered",
        "lacked it before: not the fault of this change",
    ],
)
def test_a_property_that_is_needed_and_would_not_be_there(
    before: Traits, after: Traits, lacking: tuple[str, ...]
) -> None:
    found = [one for one in impact.of_change("edge-1", before, after, [NEEDS]) if one.effect == impact.LACKS]
    assert [one.keys for one in found] == ([lacking] if lacking else [])


def test_what_lacks_names_the_objects_and_the_other_wecs() -> None:
    (found,) = impact.of_change("edge-1", Traits(IN, {}, BOTH), Traits(IN, {}, {"zone": "z"}), [NEEDS])
    assert found == Impact(
        "lacks", "prod", "edge-1", ("url",), ("configmaps app/x", "configmaps app/y"), ("edge-2", "edge-3")
    )
    assert found.as_data() == {
        "effect": "lacks",
        "policy": "prod",
        "properties": ["url"],
        "objects": ["configmaps app/x", "configmaps app/y"],
        "other_wecs": ["edge-2", "edge-3"],
        "msg": "configmaps app/x, configmaps app/y of BindingPolicy prod need url, which edge-1 would not have: KubeStellar "
        "would withdraw the policy's whole workload, also from edge-2, edge-3.",
    }


def test_every_policy_is_looked_at_and_one_without_a_binding_needs_nothing() -> None:
    lonely = Delivery(Policy("all", ({},)), None, {})
    assert lonely.destinations == frozenset()
    found = impact.of_change("edge-1", Traits(OUT), Traits(IN), [lonely, delivery()])
    assert [(one.effect, one.policy) for one in found] == [("starts", "prod")]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Impact("starts", "p", "e"), "BindingPolicy p starts to select e: its workload goes there"),
        (Impact("stops", "p", "e"), "BindingPolicy p stops to select e: its workload is withdrawn from there"),
        (
            Impact("lacks", "p", "e", ("k",), ("o",)),
            "o of BindingPolicy p needs k, which e would not have: KubeStellar would withdraw the policy's whole workload",
        ),
    ],
)
def test_each_effect_is_told(found: Impact, message: str) -> None:
    assert str(found) == message


def test_long_lists_are_cut_for_people_and_whole_as_data() -> None:
    many = tuple(f"e{index}" for index in range(6))
    found = Impact("lacks", "p", "e", ("k",), many, many)
    assert str(found).count("e4") == 2
    assert "e5" not in str(found)
    assert str(found).endswith("also from e0, e1, e2, e3, e4 and more")
    assert found.as_data()["other_wecs"] == list(many)


LACKING, STOPPING = Impact("lacks", "p", "e", ("k",), ("o",)), Impact("stops", "p", "e")


@pytest.mark.parametrize(
    ("found", "allow_withdrawal", "allow_removal", "code"),
    [
        ([], False, False, None),
        ([Impact("starts", "p", "e")], False, False, None),
        ([STOPPING], False, False, "workload_withdrawal"),
        ([STOPPING], False, True, "workload_withdrawal"),
        ([STOPPING], True, False, None),
        ([LACKING], False, False, "property_required"),
        ([LACKING], True, False, "property_required"),
        ([LACKING], False, True, None),
        ([STOPPING, LACKING], False, False, "property_required"),
        ([STOPPING, LACKING], False, True, "workload_withdrawal"),
        ([STOPPING, LACKING], True, True, None),
    ],
)
def test_each_danger_has_its_own_permission(
    found: list[Impact], allow_withdrawal: bool, allow_removal: bool, code: str | None
) -> None:
    problem = impact.refusal(found, allow_withdrawal, allow_removal)
    assert (problem.code if problem else None) == code


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(IN, OUT, True), (OUT, IN, True), (IN, IN, True), (OUT, OUT, False)],
)
def test_a_policy_concerns_whom_it_selects_or_would(
    before: dict[str, str], after: dict[str, str], expected: bool
) -> None:
    assert impact.concerns(PROD, Traits(before), Traits(after)) is expected


@pytest.mark.parametrize(
    ("labels", "destinations", "expected"),
    [(OUT, ("edge-1",), {"prod"}), (OUT, ("edge-2",), set()), (IN, ("edge-1",), set())],
    ids=["not followed yet", "followed", "selected for good"],
)
def test_a_binding_may_still_have_a_wec_that_labels_select_no_more(
    labels: dict[str, str], destinations: tuple[str, ...], expected: set[str]
) -> None:
    assert impact.still_delivered("edge-1", Traits(labels), [delivery(*destinations)]) == expected


def test_only_what_templates_can_use_vanishes_or_differs() -> None:
    before = Traits({"a": "1", "b-c": "1", "type": "1"}, {"d": "1"}, {"e": "1", "f": "1"})
    after = Traits({"e": "label"}, {"d": "2"}, {"f": "1"})
    assert impact.vanishing(before, after) == ["a"]
    assert impact.differing(before, after) == ["d", "e"]

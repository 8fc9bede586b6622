# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import (
    UPGRADED_FROM,
    ObservedAgent,
    klusterlet,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import states
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.states import State
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade import upgrade_plan
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade.klusterlet_images import OPERATOR, SPECS
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade.upgrade_plan import (
    DEFINE,
    MARK,
    PREPARE,
    UNMARK,
    UPGRADE_AGENTS,
    UPGRADE_OPERATOR,
    Decision,
    Target,
)

Json = dict[str, t.Any]
HUB = Target((1, 2, 1), (1, 2, 1))
JOINED = State(states.JOINED, "last heartbeat 3 s ago")
HOME = "quay.io/open-cluster-management"
REPOSITORIES = dict(zip(SPECS, ("registration-operator", "registration", "work"), strict=True))


def item(version: str = "v1.0.0", annotations: Json | None = None, mode: str = "Singleton", **spec: t.Any) -> Json:
    images = {field: f"{HOME}/{repository}:{version}" for field, repository in REPOSITORIES.items()}
    own = {"clusterName": "edge-1", "deployOption": {"mode": mode}, "resourceRequirement": {"type": "Default"}}
    return {"metadata": {"name": "klusterlet", "annotations": annotations or {}}, "spec": {**own, **images, **spec}}


def operator(version: str = "v1.0.0") -> Json:
    image = f"{HOME}/registration-operator:{version}"
    return {"spec": {"template": {"spec": {"containers": [{"name": "klusterlet", "image": image}]}}}}


def decide(found: Json, version: str = "v1.0.0", target: Target = HUB) -> Decision:
    return upgrade_plan.decide(klusterlet(found), operator(version), target)


def operations(decision: Decision) -> list[str]:
    return [step.do for step in decision.plan.steps]


ALL = [MARK, DEFINE, UPGRADE_OPERATOR, UPGRADE_AGENTS, UNMARK]


def test_one_that_is_behind_gets_definitions_operator_and_agents_in_this_order() -> None:
    found = decide(item())
    assert operations(found) == ALL
    assert found.problem is None
    assert found.current == (1, 0, 0)
    diff = found.plan.diff()
    assert diff["before"]["WEC: Klusterlet klusterlet"]["workImagePullSpec"] == f"{HOME}/work:v1.0.0"
    assert diff["after"]["WEC: Klusterlet klusterlet"]["workImagePullSpec"] == f"{HOME}/work:v1.2.1"
    assert "it is 1.0.0, and the hub is 1.2.1" in found.plan.steps[2].reason


def test_one_that_is_up_to_date_is_not_touched() -> None:
    assert operations(decide(item("v1.2.1"), "v1.2.1")) == []
    assert operations(decide(item("v1.2.1-fips"), "v1.2.1-fips")) == []


def test_an_operator_that_an_earlier_registration_left_is_found() -> None:
    assert operations(decide(item("v1.0.0"), "v1.2.1")) == [MARK, DEFINE, UPGRADE_AGENTS, UNMARK]
    assert operations(decide(item("v1.2.1"), "v1.0.0")) == [MARK, DEFINE, UPGRADE_OPERATOR, UNMARK]


def test_without_resource_requirement_it_is_set_before_clusteradm_runs() -> None:
    found = decide(item(resourceRequirement=None))
    assert operations(found) == [MARK, PREPARE, DEFINE, UPGRADE_OPERATOR, UPGRADE_AGENTS, UNMARK]
    assert "clusteradm would change its name and mode" in found.plan.steps[1].reason


def test_another_registry_that_is_given_is_a_change_of_its_own() -> None:
    there = Target((1, 2, 1), (1, 2, 1), "mirror.example/ocm")
    assert operations(decide(item("v1.2.1"), "v1.2.1", there)) == ALL
    here = Target((1, 2, 1), (1, 2, 1), HOME)
    assert operations(decide(item("v1.2.1"), "v1.2.1", here)) == []


def test_one_that_is_newer_than_what_was_asked_for_stays() -> None:
    found = decide(item("v1.2.1"), "v1.2.1", Target((1, 0, 0), (1, 2, 1), is_given=True))
    assert found.is_newer
    assert operations(found) == []


def test_one_that_is_newer_than_the_hub_is_a_problem() -> None:
    found = decide(item("v1.3.0"), "v1.3.0")
    assert found.problem is not None
    assert found.problem.code == "version_skew"
    assert operations(found) == []


@pytest.mark.parametrize("image", [f"{HOME}/work@sha256:abc", f"{HOME}/work:latest", "work"])
def test_a_version_that_cannot_be_told_must_be_given(image: str) -> None:
    found = decide(item(workImagePullSpec=image))
    assert found.problem is not None
    assert found.problem.code == "klusterlet_version_unknown"
    assert found.problem.evidence == (f"workImagePullSpec is {image}",)
    assert operations(decide(item(workImagePullSpec=image), target=Target((1, 2, 1), (1, 2, 1), is_given=True))) == ALL


def test_without_an_operator_nothing_can_be_done() -> None:
    found = upgrade_plan.decide(klusterlet(item()), None, HUB)
    assert found.problem is not None
    assert found.problem.code == "operator_not_running"


def marked(version: str, **before: str) -> Json:
    return item(version, {UPGRADED_FROM: json.dumps(before)})


def test_a_run_that_was_killed_is_gone_on_with_whatever_the_images_say() -> None:
    found = decide(marked("v1.2.1", operator="o:v1.0.0", imagePullSpec="o:v1.0.0"), "v1.2.1")
    assert operations(found) == [DEFINE, UNMARK]
    assert "an earlier upgrade was not finished" in found.plan.steps[0].reason
    assert found.original.references == {OPERATOR: "o:v1.0.0", "imagePullSpec": "o:v1.0.0"}


def test_a_run_that_was_not_finished_may_be_taken_back() -> None:
    found = decide(marked("v1.1.9", operator="o:v1.0.0"), "v1.1.9", Target((1, 0, 0), (1, 2, 1), is_given=True))
    assert not found.is_newer
    assert operations(found) == [DEFINE, UPGRADE_OPERATOR, UPGRADE_AGENTS, UNMARK]


@pytest.mark.parametrize("note", ["", "null", "[]", "{", '{"operator": 1}'])
def test_a_note_that_cannot_be_read_is_still_a_note(note: str) -> None:
    found = decide(item("v1.2.1", {UPGRADED_FROM: note}), "v1.2.1")
    assert operations(found) == [DEFINE, UNMARK]
    assert found.original.references == {}


def refusal(state: State, *klusterlets: Json) -> str | None:
    found = upgrade_plan.refusal(state, ObservedAgent("uid", "v1.34.4", tuple(map(klusterlet, klusterlets))), "edge-1")
    return found.code if found else None


def test_only_a_joined_wec_with_a_klusterlet_of_its_own_is_upgraded() -> None:
    assert refusal(JOINED, item()) is None
    assert refusal(State(states.JOINED_UNAVAILABLE, "late"), item()) is None
    assert refusal(JOINED) == "not_joined"
    assert refusal(State(states.ABSENT, "it has no agent")) == "not_joined"
    assert refusal(State(states.PENDING_CSR, "nothing"), item()) == "not_joined"
    assert refusal(State(states.OTHER_HUB, "elsewhere"), item()) == "other_hub"
    assert refusal(State(states.OTHER_NAME, "edge-9"), item()) == "other_name"
    assert refusal(State(states.DELETING, "going"), item()) == "deleting"


def test_hosted_ones_and_those_of_other_names_are_refused() -> None:
    hosted = {**item(mode="SingletonHosted"), "metadata": {"name": "klusterlet-hosted-x"}}
    assert refusal(State(states.ABSENT, "it has no agent"), hosted) == "klusterlet_not_upgradable"
    assert refusal(JOINED, {**item(), "metadata": {"name": "mine"}}) == "klusterlet_not_upgradable"


def test_definitions_are_written_with_the_version_that_there_is() -> None:
    assert upgrade_plan.version_of_definitions(decide(item()), HUB) == (1, 0, 0)
    assert upgrade_plan.version_of_definitions(decide(item(), "v1.2.1"), HUB) == (1, 2, 1)
    given = Target((1, 2, 1), (1, 2, 1), is_given=True)
    assert upgrade_plan.version_of_definitions(decide(item(workImagePullSpec="w@sha256:1"), target=given), given) == (
        1,
        2,
        1,
    )


def test_what_clusteradm_has_changed_is_put_back() -> None:
    before = item(nodePlacement={"tolerations": [{"key": "edge"}]}, externalServerURLs=[{"url": "https://a"}])["spec"]
    images = decide(item()).images
    desired = upgrade_plan.desired_spec(before, images)
    assert upgrade_plan.correction({**before, **images.of_agents}, desired) is None
    changed = {**desired, "clusterName": "cluster1", "nodePlacement": {}, "priorityClassName": "x"}
    del changed["externalServerURLs"]
    assert upgrade_plan.correction(changed, desired) == {
        "spec": {
            "clusterName": "edge-1",
            "nodePlacement": {"tolerations": [{"key": "edge"}]},
            "externalServerURLs": [{"url": "https://a"}],
            "priorityClassName": None,
        }
    }


def test_a_klusterlet_that_lacked_what_clusteradm_needs_keeps_it() -> None:
    before = {key: value for key, value in item()["spec"].items() if key != "resourceRequirement"}
    desired = upgrade_plan.desired_spec(before, decide(item()).images)
    assert desired["resourceRequirement"] == {"type": "Default"}


def test_the_note_is_written_and_taken_away() -> None:
    patch = upgrade_plan.mark_patch(decide(item()).original)
    noted = json.loads(patch["metadata"]["annotations"][UPGRADED_FROM])
    assert noted[OPERATOR] == f"{HOME}/registration-operator:v1.0.0"
    assert upgrade_plan.mark_patch(None) == {"metadata": {"annotations": {UPGRADED_FROM: None}}}

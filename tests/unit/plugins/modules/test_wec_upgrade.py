# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import upgrading
from fake_api import FakeApi, Fault
from fake_klusterlet import HOME, KLUSTERLET, FakeKlusterlet
from fake_ocm import FakeIts
from front_ends import FrontEnd

Json = dict[str, t.Any]
Clusteradm = tuple[pathlib.Path, pathlib.Path]
MARK = "wec.kubestellar.io/upgraded-from"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrading, "_PULL_FAILS_AFTER", 0.05)
    monkeypatch.setattr(upgrading, "LEASE_WITHIN", 0.3)


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: Clusteradm) -> Json:
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig(),
        "kubeconfig": wec.kubeconfig(),
        "clusteradm_binary": str(clusteradm[0]),
        "wait_timeout": 2,
    }


def record(result: Json) -> Json:
    (found,) = result["wecs"]
    return t.cast(Json, found)


def calls(clusteradm: Clusteradm) -> list[list[str]]:
    lines = [json.loads(line) for line in clusteradm[1].read_text().splitlines()]
    return [line for line in lines if line[:2] == ["upgrade", "klusterlet"] and "--help" not in line]


@pytest.mark.parametrize("mode", ["Singleton", "Default"])
def test_one_that_is_behind_is_upgraded_to_the_hubs_version(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Json, mode: str
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1", mode=mode)
    result = run("wec_upgrade", **options)
    assert not result.get("failed"), result
    assert result["changed"]
    found = record(result)
    assert found["msg"] == "edge-1 was upgraded from 1.0.0 to 1.2.1."
    assert (found["klusterlet_version_before"], found["klusterlet_version"], found["outcome"]) == (
        "1.0.0",
        "1.2.1",
        "changed",
    )
    assert all(image.endswith(":v1.2.1") for image in agent.images), agent.images
    assert MARK not in wec.objects[KLUSTERLET]["metadata"]["annotations"]
    (call,) = calls(clusteradm)
    assert call[call.index("--image-registry") + 1] == HOME
    assert its.writes == []
    wec.requests.clear()
    again = run("wec_upgrade", **options)
    assert not again["changed"]
    assert record(again)["msg"] == "edge-1 is in sync: its klusterlet is 1.2.1."
    assert wec.writes == []
    assert len(calls(clusteradm)) == 1


def test_joining_with_a_newer_version_upgrades_by_the_same_steps(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    steps = record(run("wec_upgrade", check_mode=True, **options))["steps"]
    asked = {**options, "bundle_version": "1.2.1", "wait_addon": "never"}
    planned = run("wec_join", check_mode=True, **asked)
    assert planned["changed"]
    on_wec = [step for step in planned["steps"] if step["side"] == "WEC"]
    assert [(one["verb"], one["object"]) for one in on_wec] == [(one["verb"], one["object"]) for one in steps]
    assert wec.writes == []
    result = run("wec_join", **asked)
    assert not result.get("failed"), result
    assert all(image.endswith(":v1.2.1") for image in agent.images), agent.images
    assert len(calls(clusteradm)) == 1
    assert its.writes == []
    wec.requests.clear()
    assert not run("wec_join", **asked)["changed"]
    assert wec.writes == []


def test_joining_without_a_version_upgrades_nothing(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    assert not run("wec_join", wait_addon="never", **options)["changed"]
    assert wec.writes == []


def test_joining_says_what_an_upgrade_that_fails_has_done(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1").missing.add("v1.2.1")
    result = run("wec_join", **{**options, "bundle_version": "1.2.1", "wait_addon": "never"})
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["problem"]["code"] == "upgrade_image_missing"
    assert result["steps"]


def test_definitions_come_first_then_the_operator_then_the_agents(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    run("wec_upgrade", **options)
    # Of clusteradm are the first two after the note: they change no image.
    own = [path.rpartition("/")[2] for _method, path in wec.writes]
    assert [path.rpartition("/")[0].rpartition("/")[2] for _method, path in wec.writes] == [
        "klusterlets",
        "klusterlets",
        "deployments",
        "deployments",
        "klusterlets",
        "klusterlets",
    ], own


def test_check_mode_tells_everything_and_writes_nothing(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    result = run("wec_upgrade", check_mode=True, **options)
    assert result["changed"]
    found = record(result)
    assert found["msg"] == "edge-1 would be upgraded from 1.0.0 to 1.2.1."
    assert found["outcome"] == "planned"
    assert found["diff"]["after"]["WEC: Klusterlet klusterlet"]["workImagePullSpec"] == f"{HOME}/work:v1.2.1"
    assert wec.writes == []
    assert its.writes == []
    assert calls(clusteradm) == []


def test_a_mirror_stays_the_mirror(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1", home="mirror.example/ocm")
    assert not run("wec_upgrade", **options).get("failed")
    assert all(image.startswith("mirror.example/ocm/") for image in agent.images)
    assert "mirror.example/ocm" in calls(clusteradm)[0]


def test_clusteradm_does_not_take_one_without_resource_requirement_from_its_hub(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    wec.change(KLUSTERLET, {"spec": {"resourceRequirement": None}})
    names: list[str] = []
    wec.after.append(lambda: names.append(agent.spec["clusterName"]))
    assert not run("wec_upgrade", **options).get("failed")
    assert set(names) == {"edge-1"}


@pytest.mark.parametrize("rollback", [True, False])
def test_an_image_that_cannot_be_pulled_fails_soon_and_is_rolled_back_where_that_is_wanted(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json, rollback: bool
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.missing.add("v1.1.9")
    result = run("wec_upgrade", bundle_version="1.1.9", rollback=rollback, **options)
    assert result["failed"]
    found = record(result)
    assert found["problem"]["code"] == "upgrade_image_missing"
    assert "ImagePullBackOff not found" in found["msg"]
    assert found["rolled_back"] is (True if rollback else None)
    if rollback:
        assert "It was rolled back to 1.0.0, which runs." in found["msg"]
        assert all(image.endswith(":v1.0.0") for image in agent.images)
        assert MARK not in wec.objects[KLUSTERLET]["metadata"]["annotations"]
    else:
        assert MARK in wec.objects[KLUSTERLET]["metadata"]["annotations"]
        # The agents were not touched.
        assert agent.spec["workImagePullSpec"] == f"{HOME}/work:v1.0.0"
        healed = run("wec_upgrade", **options)
        assert not healed.get("failed"), healed
        assert all(image.endswith(":v1.2.1") for image in agent.images)


def test_containers_that_do_not_start_are_named_when_the_time_is_over(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.missing.add("v1.2.1")
    agent.waiting = "CreateContainerConfigError"
    found = record(run("wec_upgrade", **{**options, "wait_timeout": 1}))
    assert found["problem"]["code"] == "upgrade_stuck"
    assert "CreateContainerConfigError" in found["msg"]


def test_one_that_the_its_does_not_hear_of_has_failed(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.is_mute = True
    result = run("wec_upgrade", rollback=True, **options)
    found = record(result)
    assert found["problem"]["code"] == "upgraded_agent_not_responding"
    assert found["rolled_back"]
    assert all(image.endswith(":v1.0.0") for image in agent.images)


def test_a_roll_back_that_fails_is_told(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.missing |= {"v1.2.1"}

    def refuse(method: str, path: str, body: Json | None) -> None:
        was_begun = agent.operator_image.endswith(":v1.2.1")
        if was_begun and method == "PATCH" and path == KLUSTERLET and "v1.0.0" in json.dumps(body):
            raise Fault(403, "not allowed", "Forbidden")

    wec.before.append(refuse)
    found = record(run("wec_upgrade", rollback=True, **options))
    assert found["rolled_back"] is False
    assert "It could not be rolled back" in found["msg"]


@pytest.mark.parametrize(
    ("version", "why"),
    [("1.3.0", "is newer than the hub, which is 1.2.1"), ("new", "is not a version")],
)
def test_a_version_that_cannot_be_is_refused(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json, version: str, why: str
) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    result = run("wec_upgrade", bundle_version=version, **options)
    assert result["failed"]
    assert why in result["msg"]
    assert wec.writes == []


def test_one_that_is_newer_stays(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    FakeKlusterlet(wec, its, "edge-1", "v1.2.1")
    result = run("wec_upgrade", bundle_version="1.0.0", **options)
    assert not result["changed"]
    assert record(result)["msg"] == "edge-1 is not behind: its klusterlet is 1.2.1, and 1.0.0 was asked for."
    assert wec.writes == []


def test_what_is_not_rolled_out_is_waited_for_though_nothing_is_to_be_written(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.missing.add("v1.2.1")
    agent.set_operator(f"{HOME}/registration-operator:v1.2.1")
    wec.change(KLUSTERLET, {"spec": dict.fromkeys(("imagePullSpec",), f"{HOME}/x:v1.2.1")})
    wec.change(
        KLUSTERLET, {"spec": dict.fromkeys(("registrationImagePullSpec", "workImagePullSpec"), f"{HOME}/x:v1.2.1")}
    )
    agent._follow()
    result = run("wec_upgrade", **options)
    assert result["failed"]
    assert record(result)["problem"]["code"] == "upgrade_image_missing"
    assert wec.writes == []


def test_one_that_is_up_to_date_and_not_available_is_not_this_modules_matter(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1", "v1.2.1")
    agent = "/apis/apps/v1/namespaces/open-cluster-management-agent/deployments/klusterlet-agent"
    wec.change(
        agent, {"status": {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2, "unavailableReplicas": 1}}
    )
    result = run("wec_upgrade", **options)
    assert not result.get("failed"), result
    assert record(result)["outcome"] == "in_sync"


def test_an_operator_that_an_earlier_registration_left_does_not_make_the_agents_go_back_and_forth(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    agent = FakeKlusterlet(wec, its, "edge-1")
    agent.set_operator(f"{HOME}/registration-operator:v1.2.1")
    agent._follow()
    seen: list[str] = []
    wec.after.append(lambda: seen.append(agent.spec["imagePullSpec"].rpartition(":")[2]))
    assert not run("wec_upgrade", **options).get("failed")
    assert [one for index, one in enumerate(seen) if index == 0 or seen[index - 1] != one] == ["v1.0.0", "v1.2.1"]


def test_one_that_has_not_joined_is_refused(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    result = run("wec_upgrade", **options)
    assert record(result)["problem"]["code"] == "not_joined"
    assert "Register it first" in result["msg"]


def test_rights_that_are_missing_are_named_before_anything_is_changed(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    wec.rules = [{"verbs": ["get", "list"], "apiGroups": ["*"], "resources": ["*"]}]
    result = run("wec_upgrade", **options)
    assert record(result)["problem"]["code"] == "forbidden"
    assert "patch klusterlets" in result["msg"].replace("create, ", "")
    assert wec.writes == []


def test_one_wec_of_several_that_does_not_answer_fails_alone(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Json
) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    gone = FakeApi()
    its.join("edge-2", gone.uid)
    config = gone.kubeconfig()
    gone.close()
    shared = {key: value for key, value in options.items() if key not in ("name", "kubeconfig")}
    wecs = [{"name": "edge-1", "kubeconfig": options["kubeconfig"]}, {"name": "edge-2", "kubeconfig": config}]
    result = run("wec_upgrade", wecs=wecs, **shared)
    outcomes = {one["name"]: one["outcome"] for one in result["wecs"]}
    assert outcomes == {"edge-1": "changed", "edge-2": "unreachable"}


def test_a_wec_that_only_its_host_reaches_is_refused_by_name(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    result = run("wec_upgrade", wec_run_on="host", **options)
    assert result["failed"]
    assert "wec_run_on: 'host' has no upgrade" in result["msg"]


def test_a_plan_has_what_the_tasks_that_follow_need(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    FakeKlusterlet(wec, its, "edge-1")
    result = run("wec_upgrade", plan_only=True, **options)
    assert not result["changed"]
    assert result["to_upgrade"] == result["to_report"] == ["edge-1"]
    assert result["msg"] == "1 of 1 WEC to upgrade, 0 blocked."
    assert result["digest"]
    assert wec.writes == []

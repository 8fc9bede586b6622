# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t
import xml.etree.ElementTree as ET

import jsonschema
import pytest
import reporting
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import wec_results
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting import report_junit, report_view
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting.report import Report, summary
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reporting import (
    BEGAN,
    ITS,
    SERVER,
    accepted,
    batch,
    configured,
    forecast,
    joined,
    late,
    plan,
    reached,
    registration,
    task,
)

Json = dict[str, t.Any]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).parents[6] / "docs" / "report.schema.json").read_text())
)


@pytest.fixture
def report() -> Report:
    return Report(BEGAN)


def data(report: Report) -> Json:
    """What the report says, which is as the schema wants it whatever it says."""
    found = reporting.data(report)
    SCHEMA.validate(found)
    ET.fromstring(report_junit.xml(found))
    return found


def wecs(report: Report) -> dict[str, Json]:
    return {one["name"]: one for one in data(report)["wecs"]}


def failing(name: str, *codes: str) -> Json:
    return {"failed": True, "problem": problems.of(codes[0], "seen").as_data(), "name": name, "state": "pending_csr"}


# -- outcomes ------------------------------------------------------------------------------------------------------


def test_a_registration_tells_how_it_ended_for_each() -> None:
    found = data(registration(4, failing=[1], wanted=[3]))
    outcomes = {one["name"]: one["outcome"] for one in found["wecs"]}
    assert outcomes == {"edge-1": "changed", "edge-2": "failed", "edge-3": "changed", "edge-4": "in_sync"}
    assert found["summary"]["outcomes"] == {"failed": 1, "changed": 2, "in_sync": 1}
    assert found["summary"]["states"] == {"joined": 3, "pending_csr": 1}
    assert found["run"]["activities"] == ["plan", "register", "configure"]
    assert summary(found) == "4 WECs: 1 failed, 2 changed, 1 in sync"


def test_one_task_for_many_is_spread_over_its_wecs() -> None:
    found = wecs(registration(3))
    for name, one in found.items():
        assert one["host"] == name
        assert one["state"] == "joined"
        assert one["state_before"] == "absent"
        steps = [step["step"] for step in one["timeline"]]
        assert steps == ["join", "announced", "accepted", "approved", "joined", "available", "configure"]
        assert [(step["verb"], step["done"]) for step in one["steps"]] == [
            ("join", True),
            ("accept", True),
            ("update", True),
        ]
        assert {(part["part"], part["key"], part["before"], part["after"]) for part in one["differences"]} == {
            ("label", key, None, value) for key, value in reporting.LABELS.items()
        }


def test_a_failure_has_its_code_evidence_and_remedy_once(report: Report) -> None:
    verdict = late("edge-1")
    report.note(task("wec_accept", {"verdicts": {"edge-1": verdict}, "its": ITS}))
    report.note(task("ansible.builtin.debug", {"msg": verdict["msg"]}, failed=True))
    (one,) = data(report)["wecs"]
    assert one["outcome"] == "failed"
    (problem,) = one["problems"]
    assert problem["code"] == "agent_not_running"
    assert problem["evidence"] == ["pod klusterlet-agent-of-edge-1: ImagePullBackOff"]
    assert problem["remedy"]
    assert one["timeline"][-1]["failed"]
    assert one["timeline"][-1]["step"] == "accepted"


def test_the_cause_that_a_look_finds_comes_before_what_only_follows(report: Report) -> None:
    verdict = late("edge-1") | {"problem": problems.of("bootstrap_token_expired", "expired").as_data()}
    report.note(task("wec_accept", {"verdicts": {"edge-1": verdict}, "its": ITS}))
    cause = problems.of("its_name_unresolvable", "no such host").as_data()
    status = {"name": "edge-1", "state": "token_expired", "msg": "edge-1 is token_expired", "problems": [cause]}
    report.note(task("wec_status", {"wecs": [{**status, "timeline": []}], "its": ITS}))
    assert [one["code"] for one in data(report)["wecs"][0]["problems"]] == [
        "its_name_unresolvable",
        "bootstrap_token_expired",
    ]


def test_what_another_task_of_the_playbook_fails_of_is_told_with_its_name(report: Report) -> None:
    report.note(task("wec_join", joined("edge-1")))
    report.note(task("ansible.builtin.uri", {"msg": "500 from the CMDB"}, task="Tell the CMDB", failed=True))
    (one,) = data(report)["wecs"]
    assert one["outcome"] == "failed"
    assert one["problems"] == [
        {"code": None, "summary": "Tell the CMDB", "evidence": ["500 from the CMDB"], "remedy": None}
    ]


def test_a_known_code_in_a_message_brings_its_remedy(report: Report) -> None:
    message = "[duplicate_name] The name edge-1 is also that of edge-9: give each host its own wec_name."
    report.note(task("ansible.builtin.debug", {"msg": message}, failed=True))
    (problem,) = data(report)["wecs"][0]["problems"]
    assert problem["code"] == "duplicate_name"
    assert problem["evidence"] == [message]
    assert problem["remedy"] == problems.BY_CODE["duplicate_name"].remedy


def test_a_failure_counts_until_the_same_succeeds(report: Report) -> None:
    report.note(task("wec_join", {"msg": "refused", "problem": problems.of("forbidden", "403").as_data()}, failed=True))
    assert data(report)["wecs"][0]["outcome"] == "failed"
    report.note(task("wec_join", joined("edge-1")))
    (one,) = data(report)["wecs"]
    assert one["outcome"] == "changed"
    assert one["problems"] == []


def registered_at_once(name: str, **more: t.Any) -> Json:
    step = {"side": "WEC", "verb": "join", "object": "Klusterlet klusterlet", "reason": "it has no agent"}
    own = {"host": f"host-of-{name}", "name": name, "its": ITS["server"], "state": "joined", "state_before": "absent"}
    ended = {"changed": True, "failed": False, "msg": f"{name} is joined and available.", "problem": None}
    return {**own, **ended, "steps": [step], "timeline": [reached("join", 4, 2)], **more}


def test_many_that_are_registered_in_one_task_are_told_each(report: Report) -> None:
    problem = problems.of("wec_unreachable", "the connection was refused").as_data()
    dead = registered_at_once("dead", failed=True, changed=False, problem=problem, steps=[], timeline=[], msg="refused")
    mute = registered_at_once("mute", failed=True, state="pending_csr", msg="mute has not contacted the ITS")
    elsewhere = wec_results.without_its("elsewhere", {"msg": "no answer", "kind": "refused"})
    report.note(task("wec_join", batch(registered_at_once("edge-1"), dead, mute, elsewhere), for_all=True))
    found = wecs(report)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "edge-1": "changed",
        "dead": "failed",
        "mute": "failed",
        "elsewhere": "failed",
    }
    assert (found["edge-1"]["host"], found["edge-1"]["its"]) == ("host-of-edge-1", ITS["server"])
    assert found["edge-1"]["steps"][0]["done"]
    assert [one["code"] for one in found["dead"]["problems"]] == ["wec_unreachable"]
    # What failed is told where it did: one had no agent yet, the other had.
    assert [one["step"] for one in found["dead"]["timeline"] if one["failed"]] == ["join"]
    assert [one["step"] for one in found["mute"]["timeline"] if one["failed"]] == ["announced"]


def test_a_batch_that_stopped_before_anything_was_changed_is_the_runs_problem(report: Report) -> None:
    report.note(task("wec_join", {"msg": "Nothing was changed. x"}, for_all=True))
    found = data(report)
    assert found["wecs"] == []
    assert [one["summary"] for one in found["run"]["problems"]] == ["Nothing was changed. x"]


def test_a_batch_in_check_mode_changes_nothing() -> None:
    report = Report(BEGAN, check_mode=True)
    one = registered_at_once("edge-1", state="absent", timeline=[])
    report.note(task("wec_join", batch(one), check_mode=True, for_all=True))
    found = wecs(report)["edge-1"]
    assert (found["outcome"], found["changed"]) == ("to_change", False)


def test_a_plan_alone_tells_what_is_to_be_changed(report: Report) -> None:
    blocked = problems.of("invalid_desired_state", "labels[a b]: the key is none").as_data()
    report.note(
        task(
            "wec_plan",
            plan(
                forecast("a"),
                forecast("b", "nothing"),
                forecast("c", "blocked", problem=blocked),
                forecast("d", "configure"),
            ),
        )
    )
    found = wecs(report)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "a": "to_change",
        "b": "in_sync",
        "c": "in_trouble",
        "d": "to_change",
    }
    assert not any(step["done"] for one in found.values() for step in one["steps"])
    assert found["a"]["differences"][0]["done"] is False


def test_those_that_a_run_has_not_come_to_are_told(report: Report) -> None:
    report.note(
        task("wec_plan", plan(forecast("edge-1", "configure"), forecast("edge-2"), forecast("edge-3", "nothing")))
    )
    report.note(task("wec_configure", batch(configured("edge-1"))))
    assert {name: one["outcome"] for name, one in wecs(report).items()} == {
        "edge-1": "changed",
        "edge-2": "not_reached",
        "edge-3": "in_sync",
    }
    assert data(report)["run"]["activities"] == ["plan", "configure"]
    report.note(task("wec_join", batch(registered_at_once("edge-2"))))
    assert wecs(report)["edge-2"]["outcome"] == "changed"


def test_what_a_run_that_stopped_did_not_get_to_is_no_change(report: Report) -> None:
    report.note(task("wec_plan", plan(forecast("edge-1"), forecast("edge-2"))))
    report.note(task("wec_join", {"msg": "no"}, failed=True))
    assert {name: one["outcome"] for name, one in wecs(report).items()} == {"edge-1": "failed", "edge-2": "not_reached"}
    junit = ET.fromstring(report_junit.xml(data(report)))
    assert [case.get("name") for case in junit.iter("testcase") if case.find("skipped") is not None] == ["edge-2"]


def test_check_mode_changes_nothing() -> None:
    report = Report(BEGAN, check_mode=True)
    report.note(task("wec_plan", plan(forecast("edge-1"), forecast("edge-2")), check_mode=True))
    report.note(task("wec_join", joined("edge-1", state="absent", timeline=[]), check_mode=True))
    found = wecs(report)
    assert {name: one["outcome"] for name, one in found.items()} == {"edge-1": "to_change", "edge-2": "to_change"}
    assert not any(one["changed"] or any(step["done"] for step in one["steps"]) for one in found.values())


def test_a_wec_that_leaves_is_absent_with_its_labels_gone(report: Report) -> None:
    left: Json = {
        "name": "edge-1",
        "changed": True,
        "msg": "edge-1 was deregistered.",
        "state": "absent",
        "state_before": "joined",
        "reason": "",
        "released_finalizers": [],
        "steps": [{"side": "ITS", "verb": "delete", "object": "ManagedCluster edge-1", "reason": "it goes"}],
        "diff": {
            "before": {"ITS: ManagedCluster edge-1": {"labels": {"region": "us"}}},
            "after": {"ITS: ManagedCluster edge-1": None},
        },
        "timeline": [reached("leave", 9, 2)],
        "its": ITS,
    }
    report.note(task("wec_join", left, state="absent"))
    found = data(report)
    (one,) = found["wecs"]
    assert found["run"]["activities"] == ["deregister"]
    assert (one["outcome"], one["state"], one["state_before"]) == ("changed", "absent", "joined")
    assert one["differences"] == [{"part": "label", "key": "region", "before": "us", "after": None, "done": True}]
    assert one["timeline"][0]["seconds"] == 7
    foreseen = Report(BEGAN, check_mode=True)
    foreseen.note(task("wec_join", left, state="absent", check_mode=True))
    assert wecs(foreseen)["edge-1"]["state"] == "joined"


LABEL_DRIFT: Json = {"kind": "labels", "name": "edge-1", "host": "one", "msg": "region", "before": "us", "after": "eu"}
STRANGER: Json = {
    **LABEL_DRIFT,
    "kind": "missing_in_inventory",
    "name": "stranger",
    "host": None,
    "before": None,
    "after": None,
}


def compared(*drift: Json, **more: t.Any) -> Json:
    drifts = [{"its": SERVER, "remedy": "Correct it", **one} for one in drift]
    return {"changed": False, "msg": "what was found", "drift": drifts, **more}


def shown(name: str, host: str, its: str = SERVER, **more: t.Any) -> Json:
    sound = {"name": name, "state": "joined", "msg": f"{name} is joined", "problems": [], "timeline": []}
    return {**sound, "host": host, "its": its, **more}


def test_drift_is_with_its_wec_and_is_no_failure(report: Report) -> None:
    late = shown(
        "edge-2", "two", problems=[problems.of("agent_not_running", "no pod").as_data()], kubernetes_version="v1.34.4"
    )
    looked = compared(LABEL_DRIFT, STRANGER, wecs=[shown("edge-1", "one"), late], states={"joined": 2})
    report.note(task("wec_status", looked, for_all=True))
    found = wecs(report)
    assert {name: (one["host"], one["its"], one["outcome"]) for name, one in found.items()} == {
        "edge-1": ("one", SERVER, "drifted"),
        "edge-2": ("two", SERVER, "in_trouble"),
        "stranger": (None, SERVER, "drifted"),
    }
    assert found["edge-1"]["drift"] == [LABEL_DRIFT]
    assert found["edge-1"]["msg"] == "edge-1 is joined"
    assert [one["code"] for one in found["edge-2"]["problems"]] == ["agent_not_running"]
    assert found["edge-2"]["kubernetes_version"] == "v1.34.4"
    assert data(report)["run"]["activities"] == ["status"]
    assert data(report)["run"]["problems"] == []
    junit = report_junit.xml(data(report))
    assert 'type="drift_labels"' in junit


def test_what_a_wec_runs_is_shown(report: Report) -> None:
    works = {"count": 3, "applied": 3, "available": 2, "failing": [{"name": "web-1", "reason": "ImagePullBackOff"}]}
    policies = [
        {"name": name, "works": 1, "available": 1, "statuses": age} for name, age in (("db", "fresh"), ("web", "old"))
    ]
    running = shown("edge-1", "one", works=works, binding_policies=policies)
    report.note(task("wec_status", compared(wecs=[running, shown("edge-2", "two")]), for_all=True))
    found = wecs(report)
    assert found["edge-1"]["works"] == {"count": 3, "applied": 3, "available": 2}
    assert found["edge-1"]["binding_policies"] == policies
    assert (found["edge-2"]["works"], found["edge-2"]["binding_policies"]) == (None, None)
    (row, _other) = report_view.of(data(report))["rows"]
    assert ("ManifestWorks", "2 of 3 available") in row["facts"]
    assert ("BindingPolicies", "db, web (statuses old)") in row["facts"]


def test_drift_belongs_to_the_wec_of_its_own_its(report: Report) -> None:
    other = "https://its2.example:6443"
    report.note(
        task("wec_status", compared(LABEL_DRIFT, wecs=[shown("edge-1", "one"), shown("edge-1", "elsewhere", other)]))
    )
    found = {one["its"]: one for one in data(report)["wecs"]}
    assert {its: (one["host"], one["outcome"]) for its, one in found.items()} == {
        SERVER: ("one", "drifted"),
        other: ("elsewhere", "in_sync"),
    }


def test_a_comparison_that_fails_of_what_it_found_fails_the_run_once(report: Report) -> None:
    report.note(
        task("wec_status", compared(LABEL_DRIFT, wecs=[shown("edge-1", "one")], failed=True), failed=True, for_all=True)
    )
    found = data(report)
    assert [one["outcome"] for one in found["wecs"]] == ["drifted"]
    assert [one["summary"] for one in found["run"]["problems"]] == ["what was found"]


def test_a_comparison_tells_the_hosts_whose_its_does_not_answer_and_nobody_else(report: Report) -> None:
    lost = [wec_results.without_its(host, {"msg": "no answer", "kind": "refused"}) for host in ("far", "away")]
    looked = compared(wecs=[shown("edge-1", "one"), *lost], failed=True, msg="no answer")
    report.note(task("wec_status", looked, failed=True, for_all=True))
    assert {name: one["outcome"] for name, one in wecs(report).items()} == {
        "edge-1": "in_sync",
        "far": "failed",
        "away": "failed",
    }
    assert data(report)["run"]["problems"] == []


def upgrade(name: str, outcome: str, **more: t.Any) -> Json:
    failed = outcome == "failed"
    one = {"side": "WEC", "verb": "upgrade", "object": "Klusterlet klusterlet", "reason": "it is 1.0.0"}
    record = {"host": name, "name": name, "its": SERVER, "outcome": outcome, "state": "joined", "diff": None}
    changed = {"changed": outcome in ("changed", "planned"), "failed": failed, "msg": f"{name}: {outcome}"}
    steps = [] if outcome == "in_sync" else [one]
    return {**record, **changed, "steps": steps, "problem": None, "klusterlet_version": "1.2.1", **more}


def test_of_an_upgrade_in_waves_each_wec_has_what_became_of_it(report: Report) -> None:
    names = ("edge-1", "edge-2", "edge-3", "edge-4")
    planned = [upgrade(name, "planned" if name != "edge-4" else "in_sync") for name in names]
    report.note(task("wec_upgrade", {"digest": "x", "wecs": planned, "unseen": [], "changed": False}, for_all=True))
    report.note(
        task("wec_upgrade", {"wecs": [upgrade("edge-1", "changed"), upgrade("edge-2", "failed")]}, for_all=True)
    )
    found = wecs(report)
    outcomes = {name: one["outcome"] for name, one in found.items()}
    assert outcomes == {"edge-1": "changed", "edge-2": "failed", "edge-3": "not_reached", "edge-4": "in_sync"}
    steps = {name: [step["done"] for step in one["steps"]] for name, one in found.items()}
    assert steps == {"edge-1": [True], "edge-2": [False], "edge-3": [False], "edge-4": []}
    assert data(report)["run"]["activities"] == ["upgrade"]


def test_leftovers_are_trouble_of_those_that_they_are_of(report: Report) -> None:
    leftover = {
        "side": "ITS",
        "kind": "Namespace",
        "name": "old-1",
        "wec": "old-1",
        "code": "mailbox_without_wec",
        "reason": "nobody is left that reads it",
        "remedy": "Delete it",
    }
    report.note(task("wec_leftovers", {"leftovers": [leftover], "msg": "1 left over", "its": ITS}))
    (one,) = data(report)["wecs"]
    assert (one["name"], one["outcome"]) == ("old-1", "in_trouble")
    assert one["problems"][0]["evidence"] == ["Namespace old-1 on the ITS"]


def test_a_leftover_of_the_whole_its_concerns_the_run(report: Report) -> None:
    leftover = {
        "side": "ITS",
        "kind": "Secret",
        "name": "kube-system/bootstrap-token-ocmhub",
        "wec": None,
        "code": "lasting_token",
        "reason": "it is a token",
        "remedy": "Delete it",
    }
    report.note(task("wec_leftovers", {"leftovers": [leftover], "msg": "1 left over", "its": ITS}))
    found = data(report)
    assert found["wecs"] == []
    assert [one["code"] for one in found["run"]["problems"]] == ["lasting_token"]


def test_of_a_rotation_each_wec_has_what_became_of_it_and_when_its_certificate_ends(report: Report) -> None:
    planned = [upgrade(name, "planned") for name in ("edge-1", "edge-2")]
    report.note(task("wec_rotate", {"digest": "x", "wecs": planned, "unseen": [], "changed": False}, for_all=True))
    done = upgrade("edge-1", "changed", certificate_expires="2027-11-28T03:15:40Z")
    report.note(task("wec_rotate", {"wecs": [done]}, for_all=True))
    found = wecs(report)
    assert {name: one["outcome"] for name, one in found.items()} == {"edge-1": "changed", "edge-2": "not_reached"}
    assert found["edge-1"]["certificate_expires"] == "2027-11-28T03:15:40Z"
    assert data(report)["run"]["activities"] == ["rotate"]


def test_what_concerns_the_whole_run_is_nobodys(report: Report) -> None:
    problem = problems.of("plan_changed", "it is another").as_data()
    report.note(task("wec_plan", {"msg": "another plan", "problem": problem}, failed=True))
    found = data(report)
    assert found["wecs"] == []
    assert [one["code"] for one in found["run"]["problems"]] == ["plan_changed"]
    assert 'failures="1"' in report_junit.xml(found)


def test_the_failure_of_a_task_that_runs_once_is_no_hosts_own(report: Report) -> None:
    report.note(task("wec_join", joined("edge-1")))
    report.note(task("wec_status", {"msg": "the ITS does not answer"}, failed=True, for_all=True))
    found = data(report)
    assert [one["outcome"] for one in found["wecs"]] == ["changed"]
    assert [one["summary"] for one in found["run"]["problems"]] == ["the ITS does not answer"]


def test_hosts_whose_its_does_not_answer_are_told(report: Report) -> None:
    unseen = [{"hosts": ["edge-1", "edge-2"], "msg": "no answer", "kind": "refused"}]
    report.note(task("wec_plan", plan(unseen=unseen)))
    assert {name: one["outcome"] for name, one in wecs(report).items()} == {"edge-1": "failed", "edge-2": "failed"}


def test_preflight_and_validation_name_everything_that_is_in_the_way(report: Report) -> None:
    checks = [
        {"name": "its_answers", "passed": True, "fact": "it does", "problem": None},
        {"name": "clusteradm", "passed": False, "fact": "there is none", "problem": None},
        {"name": "rights", "passed": False, "fact": "403", "problem": problems.of("forbidden", "403").as_data()},
    ]
    result = {"name": "edge-1", "state": "absent", "checks": checks, "its": ITS}
    report.note(task("wec_join", result, failed=True))
    found = wecs(report)
    assert [one["code"] for one in found["edge-1"]["problems"]] == [None, "forbidden"]
    assert {one["outcome"] for one in found.values()} == {"failed"}


# -- who is who ----------------------------------------------------------------------------------------------------


def test_two_itss_may_have_wecs_of_one_name(report: Report) -> None:
    other = {"server": "https://its2.example"}
    report.note(task("wec_join", joined("edge", its=ITS), host="one"))
    report.note(task("wec_join", joined("edge", its=other), host="two"))
    report.note(task("wec_accept", {"verdicts": {"edge": accepted("edge", state="joined")}, "its": ITS}, host="one"))
    found = data(report)["wecs"]
    assert [(one["host"], one["its"], one["state"]) for one in found] == [
        ("one", ITS["server"], "joined"),
        ("two", other["server"], "pending_csr"),
    ]


def test_a_host_becomes_the_wec_that_it_is_found_to_be(report: Report) -> None:
    report.note(task("wec_join", {"msg": "no answer"}, host="host-1", failed=True))
    report.note(task("wec_join", joined("edge-1"), host="host-1"))
    (one,) = data(report)["wecs"]
    assert (one["name"], one["host"]) == ("edge-1", "host-1")


# -- times ---------------------------------------------------------------------------------------------------------


def test_what_was_before_the_run_is_no_part_of_it(report: Report) -> None:
    verdict = accepted("edge-1", timeline=[reached("announced", -5000), reached("joined", 6), reached("available", 9)])
    report.note(task("wec_join", joined("edge-1", 1, 4)))
    report.note(task("wec_accept", {"verdicts": {"edge-1": verdict}, "its": ITS}))
    times = {step["step"]: (step["in_run"], step["seconds"]) for step in data(report)["wecs"][0]["timeline"]}
    assert times == {"announced": (False, None), "join": (True, 3), "joined": (True, 2), "available": (True, 3)}


def test_an_its_whose_clock_is_an_hour_off_does_not_matter(report: Report) -> None:
    report.note(task("wec_join", joined("edge-1", -3601, -3598)))
    verdict = accepted("edge-1", timeline=[reached("joined", -3590)])
    report.note(task("wec_accept", {"verdicts": {"edge-1": verdict}, "its": ITS}))
    assert all(step["in_run"] for step in data(report)["wecs"][0]["timeline"])


# -- what must not get in ------------------------------------------------------------------------------------------


def test_only_what_is_known_gets_in(report: Report) -> None:
    canary = "canary-of-a-secret"
    more: Json = {
        "invocation": {"module_args": {"api_key": canary}},
        "exception": canary,
        "stdout": canary,
        "wec": {"token": canary},
    }
    more["its"] = {**ITS, "source": canary}
    report.note(
        task(
            "wec_join",
            {**joined("edge-1"), **more, "diff": {"before": {"WEC: Secret": canary}, "after": {"WEC: Secret": canary}}},
        )
    )
    report.note(task("wec_accept", {"verdicts": {"edge-1": {**accepted("edge-1"), **more}}, "its": more["its"]}))
    report.note(task("wec_configure", batch({**configured("edge-1"), **more, "its": ITS["server"]})))
    report.note(task("wec_configure", {"censored": "the output has been hidden"}, host="edge-2", failed=True))
    found = data(report)
    assert canary not in json.dumps(found)
    assert {one["name"]: one["problems"] for one in found["wecs"]}["edge-2"][0][
        "summary"
    ] == "the output has been hidden"


@settings(deadline=None, max_examples=50)
@given(st.text(), st.text(), st.dictionaries(st.text(min_size=1), st.text()))
@example("2\u00b2", "", {})
def test_any_text_stays_text(name: str, text: str, labels: dict[str, str]) -> None:
    report = Report(BEGAN)
    problem = {"code": None, "summary": text, "evidence": [text], "remedy": text}
    status = {"name": name, "state": text or "x", "msg": text, "problems": [problem], "labels": labels, "timeline": []}
    report.note(task("wec_status", {"wecs": [status], "its": ITS}))
    found = data(report)
    report_view.of(found)
    assert found["wecs"][0]["problems"][0]["evidence"] == [text]


def test_junit_has_a_case_for_each_wec_with_what_failed() -> None:
    root = ET.fromstring(report_junit.xml(reporting.data(registration(3, failing=[1]))))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("name")) == ("3", "1", "register.yml")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failure = cases["edge-2"].find("failure")
    assert failure is not None
    assert failure.get("type") == "agent_not_running"
    assert "evidence: pod klusterlet-agent-of-edge-2" in (failure.text or "")
    assert "remedy: " in (failure.text or "")
    assert cases["edge-1"].find("failure") is None
    assert float(cases["edge-1"].get("time") or 0) > 5


def test_the_result_of_each_host_is_told_once(report: Report) -> None:
    problem = problems.of("wec_unreachable", "the connection was refused").as_data()
    dead = registered_at_once("dead", failed=True, changed=False, problem=problem, steps=[], timeline=[], msg="refused")
    report.note(task("wec_join", batch(registered_at_once("edge-1"), dead), for_all=True))
    before = data(report)
    own = {"msg": "refused", "wecs": [{**dead, "outcome": "failed"}]}
    report.note(task("wec_result", own, host="host-of-dead", failed=True))
    assert data(report)["wecs"] == before["wecs"]


def test_many_that_have_left_are_told_each(report: Report) -> None:
    step = {"side": "ITS", "verb": "delete", "object": "ManagedCluster edge-1", "reason": "it shall leave"}
    gone = registered_at_once("edge-1", state="absent", state_before="joined", steps=[step], timeline=[])
    stuck = registered_at_once(
        "stuck", failed=True, changed=True, msg="stuck: its mailbox is still there", steps=[step]
    )
    report.note(task("wec_join", batch(gone, stuck), state="absent", for_all=True))
    assert {name: one["outcome"] for name, one in wecs(report).items()} == {"edge-1": "changed", "stuck": "failed"}
    assert data(report)["run"]["activities"] == ["deregister"]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import threading
import typing as t

import pytest
from fake_api import Fault
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, condition
from front_ends import FrontEnd


@pytest.fixture
def options(its: FakeIts) -> dict[str, t.Any]:
    return {"its_kubeconfig": its.kubeconfig(), "wait_timeout": 1, "progress_interval": 0.05}


def wecs(*names: str) -> list[dict[str, t.Any]]:
    return [{"name": name} for name in names]


def test_a_batch_is_accepted_and_each_has_its_verdict(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    names = [f"edge-{number}" for number in range(10)]
    for name in names:
        its.announce(name)
    result = run("wec_accept", wecs=wecs(*names), **options)
    assert not result.get("failed"), result
    assert {name: verdict["state"] for name, verdict in result["verdicts"].items()} == dict.fromkeys(names, "joined")
    assert all(verdict["changed"] for verdict in result["verdicts"].values())


def test_a_batch_costs_lists_and_not_a_read_of_each(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    names = [f"edge-{number}" for number in range(10)]
    for name in names:
        its.join(name)
    run("wec_accept", wecs=wecs(*names), **options)
    assert len(its.requests) <= 8
    assert its.writes == []


def test_a_batch_is_waited_for_as_long_as_one_of_it_gets_further(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    names = [f"edge-{number}" for number in range(4)]
    arrivals = [threading.Timer(0.8 * (number + 1), its.announce, [name]) for number, name in enumerate(names)]
    for arrival in arrivals:
        arrival.start()
    result = run("wec_accept", wecs=wecs(*names, "mute"), **{**options, "wait_timeout": 2})
    failed = {name for name, verdict in result["verdicts"].items() if verdict["failed"]}
    assert failed == {"mute"}
    # Alone it would have had two seconds; the last of the others came after 3.2.
    assert result["verdicts"]["mute"]["seconds"] > 3.2
    for arrival in arrivals:
        arrival.join()


def test_accepting_and_noting_which_cluster_it_is_are_one_request(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.announce("edge-1")
    result = run("wec_accept", wecs=[{"name": "edge-1", "uid": "uid-1"}], **options)
    assert not result.get("failed"), result
    patches = [one for one in its.writes if "managedclusters/edge-1" in str(one)]
    assert len(patches) == 1, its.writes
    stored = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]
    assert stored["spec"]["hubAcceptsClient"] is True
    assert stored["metadata"]["annotations"]["wec.kubestellar.io/kube-system-uid"] == "uid-1"


def test_one_that_is_late_fails_alone(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    result = run("wec_accept", wecs=wecs("edge-1", "edge-2"), **options)
    assert result["failed"]
    assert "edge-2" in result["msg"]
    assert "edge-1" not in result["msg"]
    assert result["verdicts"]["edge-1"]["state"] == "joined"
    assert result["verdicts"]["edge-2"]["problem"]["code"] == "managed_cluster_missing"


def test_a_denied_one_fails_at_once(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    its.change(f"{CSRS}/edge-1-abcde", {"status": {"conditions": [condition("Denied")]}})
    result = run("wec_accept", name="edge-1", **{**options, "wait_timeout": 60})
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "csr_denied"
    assert its.writes == []


def test_only_named_wecs_are_accepted(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    for name in ("prod", "prod-2"):
        its.announce(name)
    run("wec_accept", name="prod", **options)
    assert its.objects[f"{MANAGED_CLUSTERS}/prod"]["spec"]["hubAcceptsClient"] is True
    assert its.objects[f"{MANAGED_CLUSTERS}/prod-2"]["spec"]["hubAcceptsClient"] is False


def test_check_mode_says_what_it_would_do(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    result = run("wec_accept", check_mode=True, wecs=wecs("edge-1", "edge-2"), **options)
    assert result["changed"]
    assert [step["verb"] for step in result["verdicts"]["edge-1"]["steps"]] == ["accept", "approve"]
    assert [step["verb"] for step in result["verdicts"]["edge-2"]["steps"]] == ["accept", "approve"]
    assert its.writes == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('admission webhook denied: cluster namespace "edge-1" is terminating', "mailbox_terminating"),
        ("user cannot update managedclusters/accept", "accept_refused"),
    ],
)
def test_a_refusal_of_the_its_is_told(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], message: str, code: str
) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        if method == "PATCH":
            raise Fault(403, message, "Forbidden")

    its.announce("edge-1")
    its.before.append(refuse)
    result = run("wec_accept", name="edge-1", **options)
    assert result["failed"]
    assert result["verdicts"]["edge-1"]["problem"]["code"] == code
    assert not any(path.endswith("/approval") for _method, path in its.writes), "approved before it was accepted"


def test_a_webhook_that_is_down_for_a_while_is_ridden_out(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    left = [3]

    def fail(method: str, _path: str, _body: t.Any) -> None:
        if method == "PATCH" and left[0]:
            left[0] -= 1
            raise Fault(500, 'Internal error: failed calling webhook "managedclustermutators"')

    its.announce("edge-1")
    its.before.append(fail)
    assert run("wec_accept", name="edge-1", **options)["verdicts"]["edge-1"]["state"] == "joined"


def test_progress_is_shown_on_the_controller(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.announce("edge-1")
    run("wec_accept", wecs=wecs("edge-1", "edge-2"), **options)
    if run.__class__.__name__ == "AsAction":
        assert any(
            "2 WECs after" in line and "edge-2: its agent has not contacted the ITS" in line for line in run.lines
        )


def test_progress_has_its_end_and_then_the_cause_and_is_not_repeated(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", "uid")
    conditions = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["status"]["conditions"]
    conditions[:] = [one for one in conditions if one["type"] != "ManagedClusterConditionAvailable"]
    conditions.append(condition("ManagedClusterConditionAvailable", "Unknown"))
    run("wec_accept", name="edge-1", **{**options, "wait_timeout": 3})
    if run.__class__.__name__ == "AsAction":
        first, second, *_last = run.lines
        assert re.match(r"1 WEC after \d s \(at most [23] s more without progress\): .*", first)
        assert first.endswith("edge-1: it has joined, and is not available")
        assert "not available (the agent has stopped renewing its lease [lease_expired])" in second
        assert len(run.lines) == 3, run.lines


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("wait", [False, True])
def test_members_that_cannot_be_any_fail_alone(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], check_mode: bool, wait: bool
) -> None:
    its.announce("ok")
    odd = [
        {"name": "Edge"},
        {"name": "********-1"},
        {"name": "edge-2", "uid": "********"},
        {"name": "edge-3", "token_id": "a b"},
    ]
    result = run("wec_accept", wecs=[*odd, {"name": "ok"}], check_mode=check_mode, wait=wait, **options)
    assert result["failed"]
    for sentence in (
        "wecs[0].name: 'Edge'",
        "wecs[1].name: '********-1'",
        "wecs[2].uid: is not",
        "wecs[3].token_id: is not",
    ):
        assert sentence in result["msg"]
    assert {name for name, one in result["verdicts"].items() if one["failed"]} == {one["name"] for one in odd}
    assert result["verdicts"]["ok"]["changed"]
    assert not [path for _method, path in its.writes if "edge" in path]


def test_names_are_checked_all_at_once(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    for result in (
        run("wec_accept", wecs=wecs("Edge", "edge_2"), **options),
        run("wec_accept", wecs=wecs("Edge", "ok", "edge_2"), state="absent", **options),
    ):
        assert "wecs[0].name: 'Edge'" in result["msg"]
        assert ".name: 'edge_2'" in result["msg"]
    assert its.requests == []


# -- stopping to accept ------------------------------------------------------------------------------------------


def works_of(name: str) -> str:
    return f"/apis/work.open-cluster-management.io/v1/namespaces/{name}/manifestworks"


def test_a_wec_is_detached_and_comes_back(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    for csr in [path for path in its.objects if path.startswith(CSRS)]:
        # Kubernetes forgets requests after an hour.
        del its.objects[csr]
    before = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["spec"]["hubAcceptsClient"]
    assert before is True
    checked = run("wec_accept", name="edge-1", state="absent", check_mode=True, **options)
    assert checked["changed"]
    assert checked["verdicts"]["edge-1"]["msg"] == "edge-1 would not be accepted any more."
    assert its.writes == []
    its.after.append(lambda: hub_follows(its, "edge-1"))
    result = run("wec_accept", name="edge-1", state="absent", **options)
    assert not result.get("failed"), result
    assert result["changed"]
    assert result["verdicts"]["edge-1"]["msg"] == "edge-1 is not accepted."
    assert its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["spec"]["hubAcceptsClient"] is False
    again = run("wec_accept", name="edge-1", state="absent", **options)
    assert not again["changed"]
    back = run("wec_accept", name="edge-1", **options)
    assert not back.get("failed"), back
    assert its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["spec"]["hubAcceptsClient"] is True


def hub_follows(its: FakeIts, name: str) -> None:
    """As the hub's registration controller does it."""
    item = its.objects.get(f"{MANAGED_CLUSTERS}/{name}")
    for one in (item or {}).get("status", {}).get("conditions", []):
        if item is not None and one["type"] == "HubAcceptedManagedCluster":
            one["status"] = str(item["spec"]["hubAcceptsClient"])


def test_one_that_is_not_registered_is_no_fault(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    result = run("wec_accept", wecs=wecs("edge-1", "edge-2", "edge-3", "edge-4"), state="absent", **options)
    assert not result.get("failed"), result
    assert not result["changed"]
    assert result["verdicts"]["edge-4"]["msg"] == "edge-4 is not registered."


def test_works_keep_a_wec_in(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    its.put(f"{works_of('edge-1')}/app", {})
    refused = run("wec_accept", name="edge-1", state="absent", **options)
    assert refused["verdicts"]["edge-1"]["problem"]["code"] == "access_kept_by_manifestworks"
    late = run("wec_accept", name="edge-1", state="absent", drain="wait", **options)
    assert late["verdicts"]["edge-1"]["problem"]["code"] == "access_kept_by_manifestworks"
    assert its.writes == []
    ignored = run("wec_accept", name="edge-1", state="absent", drain="ignore", **options)
    assert not ignored.get("failed"), ignored
    assert ignored["verdicts"]["edge-1"]["works"] == ["app"]


def test_works_that_go_are_waited_for(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    path, looks = its.put(f"{works_of('edge-1')}/app", {})["metadata"]["name"], [0]

    def gone(method: str, target: str, _body: t.Any) -> None:
        looks[0] += (method, target) == ("GET", works_of("edge-1"))
        if looks[0] == 2:
            its.objects.pop(f"{works_of('edge-1')}/{path}", None)

    its.before.append(gone)
    its.after.append(lambda: hub_follows(its, "edge-1"))
    result = run("wec_accept", name="edge-1", state="absent", drain="wait", **{**options, "wait_timeout": 8})
    assert not result.get("failed"), result
    assert result["changed"]


def test_works_of_add_ons_do_not_keep_it(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    label = {"open-cluster-management.io/addon-name": "addon-status"}
    its.put(f"{works_of('edge-1')}/addon-work", {"metadata": {"labels": label}})
    result = run("wec_accept", name="edge-1", state="absent", **options)
    assert not result.get("failed"), result
    assert result["changed"]


def test_a_hub_that_does_not_follow_is_told(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    its.join("edge-1")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": [condition("HubAcceptedManagedCluster")]}})
    result = run("wec_accept", name="edge-1", state="absent", **options)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "still_accepted"


def test_a_right_that_is_missing_is_told_for_the_one_wec(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    its.join("edge-1")

    def refuse(method: str, _path: str, _body: t.Any) -> None:
        if method == "PATCH":
            raise Fault(403, "cannot patch managedclusters", "Forbidden")

    its.before.append(refuse)
    result = run("wec_accept", name="edge-1", state="absent", **options)
    assert result["verdicts"]["edge-1"]["problem"]["code"] == "forbidden"
    assert not result["changed"]


def test_drain_is_for_leaving_only(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    assert (
        "drain: 'wait' has a meaning only with state=absent"
        in run("wec_accept", name="a", drain="wait", **options)["msg"]
    )


def test_an_its_that_is_away_for_a_moment_is_waited_for_where_its_address_is_known(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    """As between two tasks of a role: this one has not spoken with it yet."""
    its.join("edge-1")
    its.close()
    try:
        at_once = run("wec_accept", wecs=wecs("edge-1"), **options)
    finally:
        back = threading.Timer(0.8, its.start)
        back.start()
    waited = run("wec_accept", wecs=wecs("edge-1"), its_outage_timeout=30, **options)
    back.join()
    assert "refused" in at_once["msg"]
    assert not waited.get("failed"), waited
    assert waited["verdicts"]["edge-1"]["state"] == "joined"


def test_a_negative_patience_is_refused(run: FrontEnd, options: dict[str, t.Any]) -> None:
    result = run("wec_accept", wecs=wecs("edge-1"), its_outage_timeout=-1, **options)
    assert result["failed"]
    assert "its_outage_timeout" in result["msg"]


def test_a_name_that_is_there_twice_is_refused(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    result = run("wec_accept", wecs=wecs("edge-1", "edge-2", "edge-1"), **options)
    assert result["msg"] == "wecs[2].name: 'edge-1' is there twice. Give each WEC one entry."
    assert its.requests == []


def test_a_mailbox_that_may_not_be_probed_is_its_own_wecs(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if "/namespaces/closed/manifestworks" in path:
            raise Fault(403, "not there", "Forbidden")

    def apply(method: str = "", path: str = "") -> None:
        """As the agent of the other does."""
        for where, work in list(its.objects.items()):
            if "/namespaces/open/manifestworks/" in where and "status" not in work:
                nonce = work["spec"]["workload"]["manifests"][0]["data"]["nonce"]
                feedback = {"values": [{"name": "nonce", "fieldValue": {"type": "String", "string": nonce}}]}
                manifests = {"manifests": [{"statusFeedback": feedback}]}
                its.change(where, {"status": {"conditions": [condition("Applied")], "resourceStatus": manifests}})

    for name in ("open", "closed"):
        its.join(name)
    its.before.append(refuse)
    its.after.append(apply)
    result = run("wec_accept", wecs=wecs("open", "closed"), verify="probe", **options)
    assert result["verdicts"]["closed"]["problem"]["code"] == "forbidden"
    assert "403" in result["verdicts"]["closed"]["problem"]["evidence"][0]
    assert result["verdicts"]["open"]["state"] == "joined"
    assert result["verdicts"]["open"]["problem"] is None

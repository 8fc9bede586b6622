# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import agent as agent_operations
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import certificates
from fake_api import FakeApi, now
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts
from front_ends import FrontEnd
from rotating import AGENT, BOOTSTRAP, HUB_SECRET, FakeAgent, workload

Json = dict[str, t.Any]
POD = f"{AGENT}/pods/klusterlet-agent-1"
TOKEN_SECRET = "/api/v1/namespaces/open-cluster-management/secrets/wec-bootstrap-edge-1"


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> Json:
    return {
        "name": "edge-1",
        "before": now(-2),
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "kubeconfig": wec.kubeconfig(),
        "clusteradm_binary": str(clusteradm[0]),
        "wait_timeout": 2,
    }


def record(result: Json) -> Json:
    (found,) = result["wecs"]
    return t.cast(Json, found)


def test_an_agent_that_works_gets_another_key_without_a_token_and_a_second_run_does_nothing(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    agent, uid = FakeAgent(its, wec, "edge-1"), workload(wec)
    before, there = agent.certificate, uid()
    wec.requests.clear()
    planned = run("wec_rotate", check_mode=True, **options)
    assert record(planned)["outcome"] == "planned"
    assert record(planned)["msg"].startswith("The certificate of the agent of edge-1 would be rotated: renew ")
    assert (its.writes, wec.writes) == ([], []), "check mode writes nothing"

    result = run("wec_rotate", **options)
    assert not result.get("failed"), result
    found = record(result)
    assert [step["verb"] for step in found["steps"]] == ["renew", "restart"]
    assert wec.writes == [("DELETE", HUB_SECRET), ("DELETE", POD)]
    assert its.writes == [], "the hub approves by itself"
    old, new = certificates.read_certificate(before or b""), certificates.read_certificate(agent.certificate or b"")
    assert old.key != new.key
    assert (found["certificate_before"]["serial"], found["certificate"]["serial"]) == (old.serial, new.serial)
    assert found["certificate_expires"] == found["certificate"]["not_after"]
    assert found["msg"] == f"The agent of edge-1 has another certificate, valid until {found['certificate_expires']}."
    assert uid() == there

    wec.requests.clear()
    again = run("wec_rotate", **options)
    assert not again["changed"]
    assert record(again)["msg"].startswith("edge-1 is in sync: the certificate of its agent is new enough")
    assert wec.writes == []


@pytest.mark.parametrize("why", ["silent", "expired"])
def test_an_agent_that_cannot_ask_by_itself_is_given_a_token_of_its_own(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_operations, "RENEWING_TAKES", 0.2)
    agent = FakeAgent(its, wec, "edge-1", renews=False, days=-1 if why == "expired" else 365)
    before = agent.certificate
    result = run("wec_rotate", **options)
    assert not result.get("failed"), result
    verbs = [step["verb"] for step in record(result)["steps"]]
    anew = ["create", "update", "delete", "restart", "approve"]
    assert verbs == (anew if why == "expired" else ["renew", *anew])
    assert record(result)["proofs"] == {"edge-1-anew": "token"}
    assert agent.certificate not in (before, None)
    assert TOKEN_SECRET not in its.objects, "the token must not live on"
    assert not run("wec_rotate", **options)["changed"]


def test_a_run_that_was_killed_between_its_writes_goes_on(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Secret is gone, and the agent has not asked: it introduces itself with a token."""
    agent = FakeAgent(its, wec, "edge-1", renews=False)
    del wec.objects[HUB_SECRET]
    wec.change(BOOTSTRAP, {"metadata": {"labels": {"a": "b"}}})
    result = run("wec_rotate", **{**options, "wait_timeout": 1})
    assert result["failed"], "its old token is worth nothing, which only a sign of its operator would tell"
    its.objects.pop(TOKEN_SECRET, None)
    agent.renews = True
    wec.change(BOOTSTRAP, {"metadata": {"labels": {"a": "c"}}})
    agent._live()
    again = run("wec_rotate", **options)
    assert not again.get("failed"), again
    assert not again["changed"], "what was stored since is new enough"


def test_one_that_only_seems_new_because_it_is_dated_back_is_left_alone(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    """The fake CA dates certificates back by years, as a signer does by minutes: then the Secret tells."""
    FakeAgent(its, wec, "edge-1")
    assert not run("wec_rotate", **{**options, "before": now(-90000)})["changed"]
    assert run("wec_rotate", check_mode=True, **{**options, "before": now(-80000)})["changed"]


@pytest.mark.parametrize(
    ("before", "fault"),
    [
        (None, "is needed"),
        ("yesterday", "is not a time in UTC"),
        ("2026-01-01T00:00:00", "is not a time in UTC"),
        ("2999-01-01T00:00:00Z", "lies in the future"),
    ],
)
def test_a_moment_that_would_not_end_is_refused_with_the_time_on_the_its(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json, before: str | None, fault: str
) -> None:
    FakeAgent(its, wec, "edge-1")
    wec.requests.clear()
    result = run("wec_rotate", **{**options, "before": before})
    assert result["failed"]
    assert result["msg"].startswith("before: ")
    assert fault in result["msg"]
    assert now()[:5] in result["msg"], "the time on the ITS"
    assert wec.requests == []


def test_only_wecs_that_have_joined_are_rotated(run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json) -> None:
    """To register others is not what a rotation is for."""
    result = run("wec_rotate", **options)
    assert result["failed"]
    assert record(result)["problem"]["code"] == "not_joined"
    assert (its.writes, wec.writes) == ([], [])


def test_one_that_the_its_does_not_accept_any_more_is_not_let_in_again(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    FakeAgent(its, wec, "edge-1")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"spec": {"hubAcceptsClient": False}})
    wec.requests.clear()
    result = run("wec_rotate", **options)
    assert result["failed"]
    assert record(result)["problem"]["code"] == "not_accepted"
    assert (its.writes, wec.writes) == ([], [])


def test_several_wecs_are_told_apart_and_each_has_its_record(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Json
) -> None:
    other = FakeApi()
    try:
        FakeAgent(its, wec, "edge-1")
        FakeAgent(its, other, "edge-2")
        shared = {key: value for key, value in options.items() if key not in ("name", "kubeconfig")}
        wecs = [
            {"name": "edge-1", "kubeconfig": wec.kubeconfig()},
            {"name": "edge-2", "kubeconfig": other.kubeconfig()},
        ]
        planned = run("wec_rotate", **shared, wecs=wecs, plan_only=True, show_table=True)
        assert planned["to_rotate"] == ["edge-1", "edge-2"]
        assert planned["msg"] == "2 of 2 WECs to rotate, 0 blocked."
        assert other.writes == []
        result = run("wec_rotate", **shared, wecs=wecs)
        assert [one["outcome"] for one in result["wecs"]] == ["changed", "changed"]
        assert not any(path.startswith(CSRS) for path in its.objects)
    finally:
        other.close()

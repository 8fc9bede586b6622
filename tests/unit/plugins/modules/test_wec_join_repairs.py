# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wec_join mends, and what it needs to be allowed to."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest
import yaml
from fake_api import FakeApi, Fault, jwt, now
from fake_ocm import CSRS, MANAGED_CLUSTERS, OPERATOR_OBJECTS, FakeAuthority, FakeIts, condition, csr, install_agent
from front_ends import FrontEnd

AGENT = "/api/v1/namespaces/open-cluster-management-agent"
BOOTSTRAP = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
TOKEN_SECRET = "/api/v1/namespaces/open-cluster-management/secrets/wec-bootstrap-edge-1"
UNAVAILABLE = [
    condition("HubAcceptedManagedCluster"),
    condition("ManagedClusterJoined"),
    condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped"),
]


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> dict[str, t.Any]:
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "kubeconfig": wec.kubeconfig(),
        "clusteradm_binary": str(clusteradm[0]),
        "wait_timeout": 2,
    }


def introduction(wec: FakeApi) -> dict[str, t.Any]:
    encoded = wec.objects[BOOTSTRAP]["data"]["kubeconfig"]
    return t.cast("dict[str, t.Any]", yaml.safe_load(base64.b64decode(encoded)))


def agent_answers_with(its: FakeIts, wec: FakeApi) -> None:
    """An agent that is given a new introduction makes a request with its token."""
    before = introduction(wec)["users"][0]["user"]["token"]

    def announce() -> None:
        token = introduction(wec)["users"][0]["user"]["token"]
        if token != before and f"{CSRS}/edge-1-new" not in its.objects:
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            its.agents.add("edge-1")
            if f"{MANAGED_CLUSTERS}/edge-1" not in its.objects:
                its.put(f"{MANAGED_CLUSTERS}/edge-1", {"spec": {"hubAcceptsClient": False}})
            its.objects[f"{MANAGED_CLUSTERS}/edge-1"].pop("status", None)
            its.put(f"{CSRS}/edge-1-new", csr("edge-1", "edge-1-new", token_id=claims["jti"]))

    wec.after.append(announce)


@pytest.mark.parametrize("why", ["expired", "revoked"])
def test_a_worthless_token_is_replaced_and_nothing_else(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], why: str
) -> None:
    gone = {"name": "wec-bootstrap-edge-1", "uid": "gone"}
    token = jwt("old", expires_in=-10) if why == "expired" else jwt("old", secret=gone)
    install_agent(wec, "edge-1", its, token=token)
    agent_answers_with(its, wec)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["state_before"] == "token_expired"
    assert [step["verb"] for step in result["steps"]] == ["create", "update", "restart", "accept", "approve", "update"]
    assert result["proofs"] == {"edge-1-new": "token"}
    assert [path for _method, path in wec.writes] == [BOOTSTRAP]
    assert TOKEN_SECRET not in its.objects, "the token must not live on"


@pytest.mark.parametrize("path", OPERATOR_OBJECTS)
def test_an_installation_that_is_not_whole_is_finished(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], path: str
) -> None:
    """clusteradm was killed: it writes its objects in no order of its own."""
    install_agent(wec, "edge-1", its, token=jwt("old"))
    del wec.objects[path]
    result = run("wec_join", check_mode=True, **options)
    assert result["state"] == "partial"
    assert path.rpartition("/")[2] in str(result["evidence"])
    assert [step["verb"] for step in result["steps"]][:2] == ["create", "join"]


def test_a_deleted_managed_cluster_is_re_created_accepted(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"))
    its.after.append(lambda: its.make_available("edge-1") if f"{MANAGED_CLUSTERS}/edge-1" in its.objects else None)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["state_before"] == "orphaned"
    assert result["state"] == "joined"
    cluster = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]
    assert cluster["spec"] == {"hubAcceptsClient": True}
    assert cluster["metadata"]["annotations"]["wec.kubestellar.io/kube-system-uid"] == wec.uid
    assert wec.writes == [], "an agent with a valid certificate needs nothing"


def test_an_expired_certificate_means_a_new_start(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": UNAVAILABLE}})
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1", days=-1), token=jwt("old"))
    wec.put(f"{AGENT}/pods/klusterlet-agent-1", {})
    agent_answers_with(its, wec)
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["state_before"] == "joined_unavailable"
    assert [step["verb"] for step in result["steps"]] == ["create", "update", "delete", "restart", "approve"]
    assert f"{AGENT}/secrets/hub-kubeconfig-secret" not in wec.objects
    assert f"{AGENT}/pods/klusterlet-agent-1" not in wec.objects


def test_an_expired_certificate_of_another_identity_is_not_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", "another-cluster")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": UNAVAILABLE}})
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1", days=-1))
    result = run("wec_join", **options)
    assert result["problem"]["code"] == "name_taken"
    assert its.writes == []
    assert wec.writes == []


def test_a_lost_clusters_name_is_cleared_only_when_that_is_allowed(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", "lost-cluster")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": UNAVAILABLE}})
    lease = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"
    its.change(lease, {"spec": {"renewTime": now(-9000)}})
    its.put(f"{CSRS}/edge-1-stale", csr("edge-1", "edge-1-stale"))
    assert run("wec_join", **options)["problem"]["code"] == "replaced"
    assert its.writes == []
    result = run("wec_join", **{**options, "replace_lost_cluster": True, "wait": False})
    assert not result.get("failed"), result
    assert [step["verb"] for step in result["steps"]] == ["delete", "create", "join"]
    for gone in (f"{MANAGED_CLUSTERS}/edge-1", "/api/v1/namespaces/edge-1", f"{CSRS}/edge-1-stale"):
        assert gone not in its.objects


def test_a_name_is_not_cleared_while_works_are_in_its_mailbox(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", "lost-cluster")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": UNAVAILABLE}})
    its.put("/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks/precious", {})
    result = run("wec_join", **{**options, "replace_lost_cluster": True})
    assert result["problem"]["code"] == "manifestworks_remain"
    assert "precious" in result["msg"]
    assert f"{MANAGED_CLUSTERS}/edge-1" in its.objects


@pytest.mark.parametrize("with_works", [False, True])
def test_a_cluster_is_moved_from_another_hub_only_when_allowed_and_empty(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], with_works: bool
) -> None:
    install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"), token=jwt("old"))
    if with_works:
        wec.put("/apis/work.open-cluster-management.io/v1/appliedmanifestworks/theirs", {})
    assert run("wec_join", **options)["problem"]["code"] == "other_hub"
    result = run("wec_join", check_mode=True, **{**options, "move_from_other_hub": True})
    if with_works:
        assert result["problem"]["code"] == "manifestworks_remain"
        assert "theirs" in result["msg"]
    else:
        assert [step["verb"] for step in result["steps"]][:4] == ["create", "join", "delete", "restart"]
    assert its.writes == []
    assert wec.writes == []


def test_a_registration_that_is_being_taken_apart_is_waited_for(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.put("/api/v1/namespaces/edge-1", {"metadata": {"deletionTimestamp": now()}})
    looks = [0]

    def gone_after_a_while(method: str, path: str, _body: t.Any) -> None:
        looks[0] += (method, path) == ("GET", "/api/v1/namespaces/edge-1")
        if looks[0] == 4:
            its.objects.pop("/api/v1/namespaces/edge-1", None)

    its.before.append(gone_after_a_while)
    result = run("wec_join", **{**options, "wait": False})
    assert not result.get("failed"), result
    assert result["state_before"] == "absent"


def test_without_the_right_to_make_secrets_the_token_lives_and_a_warning_says_so(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any]
) -> None:
    def refuse(method: str, path: str, _body: t.Any) -> None:
        if method == "POST" and path.endswith("/secrets") and "open-cluster-management/" in path:
            raise Fault(403, 'User "x" cannot create resource "secrets"', "Forbidden")

    its.before.append(refuse)
    result = run("wec_join", **{**options, "wait": False})
    assert not result.get("failed"), result
    assert TOKEN_SECRET not in its.objects
    assert "cannot be revoked" in run.warnings[0]


def test_a_token_that_was_given_is_used_and_none_is_made(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    result = run("wec_join", **{**options, "hub_token": "the-given-token-of-the-hub", "wait": False})
    assert not result.get("failed"), result
    assert introduction(wec)["users"][0]["user"]["token"] == "the-given-token-of-the-hub"
    assert its.writes == []
    assert "the-given-token" not in json.dumps(result)


def held(its: FakeIts, holder: str, age: float) -> None:
    metadata = {
        "labels": {"wec.kubestellar.io/bootstrap": "edge-1"},
        "annotations": {"wec.kubestellar.io/holder": holder},
    }
    its.put(TOKEN_SECRET, {"metadata": {**metadata, "creationTimestamp": now(-age)}})


def test_a_run_that_finds_another_one_joining_waits_and_takes_what_that_one_made(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path], options: dict[str, t.Any]
) -> None:
    held(its, "another-machine/1/1", age=1)
    tries = [0]

    def other_run_joins(method: str, path: str, _body: t.Any) -> None:
        tries[0] += method == "POST" and path.endswith("/secrets")
        if tries[0] == 2 and BOOTSTRAP not in wec.objects:
            install_agent(wec, "edge-1", its, token=jwt("of-the-other-run"))

    its.before.append(other_run_joins)
    result = run("wec_join", **{**options, "wait": False})
    assert not result.get("failed"), result
    assert result["steps"] == []
    assert result["member"]["token_id"] == "of-the-other-run"
    calls = [json.loads(line)[0:2] for line in clusteradm[1].read_text().splitlines()]
    assert all(call[0] == "version" or call == ["join", "--help"] for call in calls), "joined twice"


@pytest.mark.parametrize("case", ["too old", "dead"])
def test_what_a_killed_run_left_is_taken_over(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], case: str
) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._operations import credentials

    dead = f"{credentials._boot_id()}/999999999/1"
    held(its, "another-machine/1/1" if case == "too old" else dead, age=100 if case == "too old" else 1)
    before = its.objects[TOKEN_SECRET]["metadata"]["uid"]
    result = run("wec_join", **{**options, "wait": False})
    assert not result.get("failed"), result
    assert its.objects[TOKEN_SECRET]["metadata"]["uid"] != before


def test_a_failed_join_leaves_no_living_token(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    from fake_ocm import fake_clusteradm

    fake_clusteradm(tmp_path, failure="no way")
    result = run("wec_join", **options)
    assert result["failed"]
    assert [step["verb"] for step in result["steps"]] == ["create"]
    assert TOKEN_SECRET not in its.objects


def test_a_definition_that_the_api_does_not_serve_yet_is_waited_for_and_then_blamed(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fake_ocm import fake_clusteradm

    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    _program, log = fake_clusteradm(tmp_path, failure="no matches for kind Klusterlet")
    result = run("wec_join", **options)
    assert result["problem"]["code"] == "discovery_race"
    joins = [
        call for call in map(json.loads, log.read_text().splitlines()) if call[0] == "join" and "--help" not in call
    ]
    assert len(joins) == 3
    assert TOKEN_SECRET not in its.objects


def test_an_object_that_does_not_go_is_named_with_what_holds_it(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._operations import clearing

    monkeypatch.setattr(clearing, "_TIMEOUT", 0.2)
    its.join("edge-1", "lost-cluster")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": UNAVAILABLE}})
    lease = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"
    its.change(lease, {"spec": {"renewTime": now(-9000)}})
    held_back = dict(its.objects[f"{MANAGED_CLUSTERS}/edge-1"])
    held_back["metadata"] = {**held_back["metadata"], "finalizers": ["example.com/stuck"]}

    def comes_back(method: str, path: str, _body: t.Any) -> None:
        if method == "GET" and path.endswith("/managedclusters/edge-1"):
            its.objects[f"{MANAGED_CLUSTERS}/edge-1"] = held_back

    its.before.append(comes_back)
    result = run("wec_join", **{**options, "replace_lost_cluster": True})
    assert result["problem"]["code"] == "deletion_stuck"
    assert "example.com/stuck" in result["msg"]


HUB_SECRET = f"{AGENT}/secrets/hub-kubeconfig-secret"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
APPLIED = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
WORKS = "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks"


def server_in(wec: FakeApi, secret: str) -> str:
    config = yaml.safe_load(base64.b64decode(wec.objects[secret]["data"]["kubeconfig"]))
    return str(config["clusters"][0]["cluster"]["server"])


def heartbeat_follows(its: FakeIts, wec: FakeApi, secret: str = HUB_SECRET) -> None:
    """The agent renews its lease when it has been touched."""
    before = json.dumps(wec.objects[secret])
    lease = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"

    def renew() -> None:
        if json.dumps(wec.objects.get(secret)) != before:
            its.change(lease, {"spec": {"renewTime": now(1)}})

    its.before.append(lambda *_request: renew())


def test_another_address_is_given_to_both_secrets_and_nothing_else_changes(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    certificate = its.authority.client("edge-1")
    install_agent(wec, "edge-1", its, certificate=certificate, token=jwt("old"), server="https://old.example:6443")
    heartbeat_follows(its, wec)
    asked = {**options, "hub_apiserver": "https://new.example:6443"}
    planned = run("wec_join", check_mode=True, **asked)
    assert [step["reason"] for step in planned["steps"]] == [
        "hub address https://old.example:6443 -> https://new.example:6443"
    ] * 2
    assert wec.writes == []
    result = run("wec_join", **asked)
    assert not result.get("failed"), result
    assert wec.writes == [("PATCH", BOOTSTRAP), ("PATCH", HUB_SECRET)], "the other way round, the agent starts anew"
    assert {server_in(wec, secret) for secret in (BOOTSTRAP, HUB_SECRET)} == {"https://new.example:6443"}
    assert base64.b64decode(wec.objects[HUB_SECRET]["data"]["tls.crt"]) == certificate
    assert TOKEN_SECRET not in its.objects
    assert [step["verb"] for step in result["steps"]] == ["update", "update"]
    assert run("wec_join", **asked)["steps"] == []


def test_a_restart_that_is_asked_for_is_followed_by_a_lease(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"), token=jwt("old"))
    pod = f"{AGENT}/pods/klusterlet-agent-1"
    wec.put(pod, {})
    heartbeat_follows(its, wec, pod)
    result = run("wec_join", **{**options, "restart_agents": True})
    assert not result.get("failed"), result
    assert [step["verb"] for step in result["steps"]] == ["restart"]
    assert pod not in wec.objects


def test_a_restarted_agent_that_renews_no_lease_has_failed(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    """The ITS calls it available for minutes."""
    its.join("edge-1", wec.uid)
    lease = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"
    its.change(lease, {"spec": {"renewTime": now(-5)}})
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"), token=jwt("old"))
    result = run("wec_join", **{**options, "restart_agents": True, "wait_timeout": 1})
    assert result["failed"]
    assert result["problem"]["code"] == "heartbeat_late"


def applied(hub: str, work: str, name: str) -> dict[str, t.Any]:
    resource = {"group": "", "version": "v1", "resource": "configmaps", "namespace": "app", "name": name}
    return {"spec": {"hubHash": hub, "manifestWorkName": work}, "status": {"appliedResources": [resource]}}


def test_works_of_another_hub_are_kept_and_noted_before_the_agent_is_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"), token=jwt("old"))
    wec.put(f"{APPLIED}/theirs", applied("theirs", "w1", "settings"))
    move = {**options, "move_from_other_hub": True, "works_of_other_hub": "keep", "wait": False}
    planned = run("wec_join", check_mode=True, **move)
    assert [step["verb"] for step in planned["steps"]] == ["update", "create", "create", "join", "delete", "restart"]
    assert (its.writes, wec.writes) == ([], [])
    wec.change(KLUSTERLET, {"metadata": {"generation": 1}, "status": {"observedGeneration": 1}})
    for noting in ("create", "update"):
        # This clusteradm finds a Klusterlet, and gives up: as a run that was killed.
        result = run("wec_join", **move)
        assert [step["verb"] for step in result["steps"]] == ["update", noting, "create"], result
        assert [one for one in wec.writes if one[0] != "POST"] == [("PATCH", KLUSTERLET)], "once is enough"
        assert "876600h" in json.dumps(wec.objects[KLUSTERLET])
        assert HUB_SECRET in wec.objects
    cluster = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]
    assert cluster["metadata"]["annotations"]["wec.kubestellar.io/works-kept"] == "true"
    assert cluster["spec"]["hubAcceptsClient"] is False, (
        "whoever comes is accepted only when it is proved to be the WEC"
    )


@pytest.mark.parametrize("complete", [False, True])
def test_eviction_is_switched_on_again_only_when_everything_has_its_counterpart(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], complete: bool
) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import kept_works

    its.join("edge-1", wec.uid)
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": {kept_works.KEPT_ANNOTATION: "true"}}})
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"), server="https://its1.example:6443")
    work = {"workConfiguration": {"appliedManifestWorkEvictionGracePeriod": "876600h"}}
    wec.change(KLUSTERLET, {"metadata": {"annotations": {kept_works.GRACE_ANNOTATION: "90m"}}, "spec": work})
    wec.put(f"{APPLIED}/theirs", applied("theirs", "w1", "settings"))
    here = kept_works.hub_hash("https://its1.example:6443")
    wec.put(f"{APPLIED}/ours", applied(here, "w2", "settings" if complete else "other"))
    its.put(f"{WORKS}/w2", {"status": {"conditions": [condition("Applied")]}})
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    grace = wec.objects[KLUSTERLET]["spec"]["workConfiguration"]["appliedManifestWorkEvictionGracePeriod"]
    noted = kept_works.KEPT_ANNOTATION in its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"]["annotations"]
    assert f"{APPLIED}/theirs" in wec.objects, "the collection deletes no workload"
    if complete:
        assert (grace, noted) == ("90m", False)
        assert result["kept_works"] == {"eviction": "on", "without_counterpart": []}
    else:
        assert (grace, noted) == ("876600h", True)
        assert result["steps"] == []
        missing = [{"manifestwork": "w1", "objects": ["configmaps app/settings"]}]
        assert result["kept_works"] == {"eviction": "off", "without_counterpart": missing}
        assert "w1 (configmaps app/settings)" in run.warnings[0]

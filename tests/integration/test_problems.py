# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems that really happen here, and are recognised. What cannot be made to happen is in the unit tests, as recorded objects."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
import typing as t

import pytest
import yaml
from day2 import change_credential, sign_anew
from fake_ocm import request, subject
from fleet import ITS, MANAGED_CLUSTERS, Cluster, Fleet, wait_until

Json = dict[str, t.Any]
AGENT = "/api/v1/namespaces/open-cluster-management-agent"
OPERATOR = "/api/v1/namespaces/open-cluster-management"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


# -- helpers -----------------------------------------------------------------------------------------------------------


def install(fleet: Fleet, name: str, **options: t.Any) -> Json:
    """Apply the agent, and do no more."""
    result = fleet.join(name, wait=False, **options)
    assert not result.get("failed"), result
    return result


def expect(fleet: Fleet, name: str, code: str, seconds: float = 60, both_sides: bool = True) -> str:
    """Wait until wec_status sees the problem; gives its evidence."""
    seen: dict[str, str] = {}

    def look() -> bool:
        seen.clear()
        seen.update(fleet.problems(name, both_sides))
        return code in seen

    wait_until(look, seconds, f"{code}; seen: {seen}")
    return seen[code]


def await_request(fleet: Fleet, name: str) -> Json:
    wait_until(lambda: fleet.csrs(name), 60, f"a request of {name}")
    return fleet.csrs(name)[0]


def introduce(wec: Cluster, change: t.Callable[[Json], None]) -> None:
    """Change the agent's bootstrap kubeconfig by hand."""
    path = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
    config = yaml.safe_load(base64.b64decode((wec.get(path) or {})["data"]["kubeconfig"]))
    change(config)
    encoded = base64.b64encode(json.dumps(config).encode()).decode()
    wec.request("PATCH", path, {"data": {"kubeconfig": encoded}})


def quick_lease(fleet: Fleet, name: str) -> None:
    """The hub then calls the WEC Unknown after five seconds instead of five minutes."""
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"spec": {"leaseDurationSeconds": 1}})


def lease_lasts(fleet: Fleet, name: str, seconds: int) -> None:
    """Wait until the agent renews it as often as that."""
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"spec": {"leaseDurationSeconds": seconds}})
    wait_until(lambda: not fleet.problems(name), 90, f"{name} renews its lease in time")


def registered(fleet: Fleet, name: str) -> None:
    result = fleet.join(name, wait_timeout=120)
    assert not result.get("failed"), result


@contextlib.contextmanager
def fault(fleet: Fleet, begin: str, end: str, **arguments: t.Any) -> t.Iterator[None]:
    fleet.sandbox(begin, **arguments)
    try:
        yield
    finally:
        undone = {"known": True, "state": "up"}
        kept = {key: value for key, value in arguments.items() if key in ("cluster", "wec")}
        fleet.sandbox(end, **kept, **{key: undone[key] for key in arguments if key in undone})


# -- before anything is changed ----------------------------------------------------------------------------------------


def test_its_not_a_hub(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    name, other = take(2)
    result = fleet.join(name, its_kubeconfig=str(fleet.layout.kubeconfig("fleet")), its_context=other)
    assert result["problem"]["code"] == "its_not_a_hub"


@pytest.mark.parametrize(("side", "option"), [("its", "its_kubeconfig"), ("wec", "kubeconfig")])
def test_unreachable(fleet: Fleet, wec: str, side: str, option: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        config = fleet.kubeconfig(ITS) if side == "its" else fleet.kubeconfig("fleet", wec)
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{closed.getsockname()[1]}"
        result = fleet.join(wec, **{option: config, "context" if side == "wec" else "its_context": None})
    assert result["problem"]["code"] == f"{side}_unreachable"


def test_bootstrap_account_missing(fleet: Fleet, wec: str) -> None:
    path = f"{OPERATOR}/serviceaccounts"
    fleet.its.request("DELETE", f"{path}/agent-registration-bootstrap")
    try:
        result = fleet.module("wec_join", wec, preflight_only=True)
    finally:
        with contextlib.suppress(OSError):
            fleet.its.request("POST", path, {"metadata": {"name": "agent-registration-bootstrap"}})
    assert "[bootstrap_account_missing]" in result["msg"]
    assert result["failed"]


def test_name_used_twice(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    one, other = take(2)
    run = fleet.register([one, other], "--tags", "preflight", wec_name="same")
    assert run.recap[one].failed == run.recap[other].failed == 1
    assert "[duplicate_name]" in run.text
    assert f"he name same is also that of {other}" in run.text


def test_forbidden(fleet: Fleet, wec: str) -> None:
    """Each WEC's own onboarder has no rights there until somebody grants them."""
    config = fleet.kubeconfig("fleet", wec)
    folder = fleet.state / wec
    for field, file in (("client-certificate-data", "onboarder.crt"), ("client-key-data", "onboarder.key")):
        config["users"][0]["user"][field] = base64.b64encode((folder / file).read_bytes()).decode()
    result = fleet.module("wec_join", wec, preflight_only=True, kubeconfig=config)
    assert result["failed"]
    assert "[forbidden]" in result["msg"]


# -- from the WEC to the ITS -------------------------------------------------------------------------------------------


def test_its_unreachable_from_wec(fleet: Fleet, wec: str) -> None:
    with fault(fleet, "partition", "heal", wec=wec, refuse=True):
        install(fleet, wec)
        assert "connection refused" in expect(fleet, wec, "its_unreachable_from_wec")


@pytest.mark.long
def test_its_unreachable_from_wec_in_silence(fleet: Fleet, wec: str) -> None:
    with fault(fleet, "partition", "heal", wec=wec):
        install(fleet, wec)
        expect(fleet, wec, "its_unreachable_from_wec", seconds=120)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [30, 60])
def test_a_registration_into_a_partition_leads_nobody_in_a_circle(fleet: Fleet, wec: str, seconds: int) -> None:
    """Seen: with 30 s it said that the token had expired, which this very run had revoked, and to run register again."""
    timeout = ("-e", f"register_wait_timeout={seconds}")
    with fault(fleet, "partition", "heal", wec=wec):
        first = fleet.register([wec], *timeout)
        assert first.code != 0
        assert "managed_cluster_missing" in first.text or "its_unreachable_from_wec" in first.text
        assert "the address that" in first.text
        assert "fresh token" not in first.text
        # Some 40 s after its installation, the operator has given up its first attempt.
        expect(fleet, wec, "its_unreachable_from_wec", seconds=90)
        again = fleet.register([wec], *timeout)
        waiting = [line for line in again.output.splitlines() if line.startswith("1 WEC after") and "at most" in line]
        assert any("[its_unreachable_from_wec]" in line for line in waiting), again.output
        assert f"{wec} is token_expired: the WEC's agent cannot reach the ITS" in again.text
        assert "fresh token" not in again.text
    healed = fleet.register([wec])
    assert healed.code == 0, healed.output


def test_its_name_unresolvable(fleet: Fleet, wec: str) -> None:
    with fault(fleet, "names", "names", wec=wec, known=False):
        install(fleet, wec)
        assert "no such host" in expect(fleet, wec, "its_name_unresolvable")
        fleet.sandbox("names", wec=wec, known=True)


@pytest.mark.long
def test_its_not_trusted_by_wec_and_bootstrap_server_empty(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    name, other = take(2)
    with fault(fleet, "partition", "heal", wec=name):
        install(fleet, name)
        other_ca = base64.b64encode(fleet.wec(other).ca).decode()
        introduce(
            fleet.wec(name), lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": other_ca})
        )
    assert "x509" in expect(fleet, name, "its_not_trusted_by_wec")
    introduce(fleet.wec(name), lambda config: config["clusters"][0]["cluster"].update({"server": ""}))
    expect(fleet, name, "bootstrap_server_empty")


def test_proxy_misconfigured(fleet: Fleet, wec: str) -> None:
    install(fleet, wec, proxy_url="http://127.0.0.1:9")
    assert "proxyconnect" in expect(fleet, wec, "proxy_misconfigured")


def test_bootstrap_token_expired_and_mended(fleet: Fleet, wec: str) -> None:
    with fault(fleet, "partition", "heal", wec=wec):
        install(fleet, wec)
        fleet.its.request("DELETE", f"{OPERATOR}/secrets/wec-bootstrap-{wec}")
    assert "revoked" in expect(fleet, wec, "bootstrap_token_expired")
    result = fleet.join(wec)
    assert not result.get("failed"), result
    assert result["state_before"] == "token_expired"
    assert result["state"] == "joined"


def test_bootstrap_token_forbidden(fleet: Fleet, wec: str) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts"
    with contextlib.suppress(OSError):
        fleet.its.request("POST", path, {"metadata": {"name": "nobody"}})
    token = fleet.its.request("POST", f"{path}/nobody/token", {"spec": {}})["status"]["token"]
    install(fleet, wec, hub_token=token, hub_apiserver=fleet.its.url)
    expect(fleet, wec, "bootstrap_token_forbidden")


# -- the agent on the WEC ----------------------------------------------------------------------------------------------


def test_operator_not_running(fleet: Fleet, wec: str) -> None:
    fleet.sandbox("break-image", cluster=wec, repository="registration-operator")
    install(fleet, wec)
    wait_until(lambda: "ImagePullBackOff" in fleet.problems(wec).get("operator_not_running", ""), 60, "its pod")


def test_agent_not_running(fleet: Fleet, wec: str) -> None:
    fleet.sandbox("break-image", cluster=wec, repository="registration")
    install(fleet, wec, klusterlet_mode="default")
    wait_until(lambda: "ImagePullBackOff" in fleet.problems(wec).get("agent_not_running", ""), 60, "agent_not_running")


def forbid(cluster: Cluster, name: str, rule: Json, allowed: str, message: str) -> None:
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": allowed, "message": message}],
        },
    }
    cluster.request("POST", f"{ADMISSION}/validatingadmissionpolicies", policy)
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    cluster.request("POST", f"{ADMISSION}/validatingadmissionpolicybindings", binding)
    # The API server takes up a new policy a moment later, and does not tell when.
    time.sleep(2)


def allow(cluster: Cluster, name: str) -> None:
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        cluster.request("DELETE", f"{ADMISSION}/{kind}/{name}")


@pytest.mark.long
def test_klusterlet_not_applied(fleet: Fleet, wec: str) -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    forbid(fleet.wec(wec), "no-agents", rule, "!object.metadata.name.startsWith('klusterlet-')", "no agents here")
    install(fleet, wec)
    assert "there is no pod of the agent" in expect(fleet, wec, "klusterlet_not_applied")


@pytest.mark.long
def test_half_purged(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    fleet.wec(wec).request("DELETE", "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet")
    wait_until(lambda: not fleet.wec(wec).items(f"{OPERATOR}/pods"), 60, "the operator is gone")
    fleet.wec(wec).request("DELETE", KLUSTERLET)
    expect(fleet, wec, "klusterlet_half_removed")


def test_version_skew(fleet: Fleet, wec: str) -> None:
    install(fleet, wec)
    image = "quay.io/open-cluster-management/registration:v1.3.1"
    fleet.wec(wec).request("PATCH", KLUSTERLET, {"spec": {"registrationImagePullSpec": image}})
    assert "the klusterlet is 1.3.1, the hub 1.2.1" in expect(fleet, wec, "version_skew")
    assert "[version_skew]" in fleet.module("wec_join", wec, preflight_only=True)["msg"]


# -- registration on the ITS -------------------------------------------------------------------------------------------


def test_csr_missing(fleet: Fleet) -> None:
    fleet.pre_create("without-request")
    expect(fleet, "without-request", "csr_missing", both_sides=False)


def test_csr_pending_not_issued_not_accepted_and_denied(fleet: Fleet, wec: str) -> None:
    install(fleet, wec)
    item = await_request(fleet, wec)
    expect(fleet, wec, "csr_pending", both_sides=False)
    with fault(fleet, "stop-controllers", "start-controllers", cluster=ITS):
        fleet.decide(item, "Approved")
        expect(fleet, wec, "csr_not_issued", both_sides=False)
    expect(fleet, wec, "not_accepted", both_sides=False)


def test_csr_denied(fleet: Fleet, wec: str) -> None:
    install(fleet, wec)
    fleet.decide(await_request(fleet, wec), "Denied")
    result = fleet.join(wec, wait_timeout=60)
    assert result["problem"]["code"] == "csr_denied"
    assert "by a test" in result["msg"]


def test_csr_not_legitimate(fleet: Fleet) -> None:
    fleet.pre_create("forged")
    fleet.forge("forged", "forged-1")
    evidence = expect(fleet, "forged", "csr_not_legitimate", both_sides=False)
    assert "its requester is 'its1-admin'" in evidence
    result = fleet.module("wec_accept", "forged", wait_timeout=3)
    assert result["failed"]
    assert result["verdicts"]["forged"]["rejected_csrs"][0]["name"] == "forged-1"
    (item,) = fleet.csrs("forged")
    assert "status" not in item or not item["status"]


@pytest.mark.long
def test_csr_too_many(fleet: Fleet, wec: str) -> None:
    for number in range(10):
        pem = request(subject(wec, [f"system:open-cluster-management:{wec}:old{number}"]))
        fleet.forge(wec, f"{wec}-old-{number}", pem)
    install(fleet, wec)
    wait_until(lambda: fleet.managed_cluster(wec), 60, "it is announced")
    expect(fleet, wec, "csr_too_many")
    assert len(fleet.csrs(wec)) == 10, "the agent made one all the same"


@pytest.mark.long
def test_csr_several_requesters(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    one, other = take(2)
    install(fleet, "same-name", context=one)
    install(fleet, "same-name", context=other, hub_token=fleet.bootstrap_token())
    wait_until(lambda: len(fleet.csrs("same-name")) == 2, 60, "both requests")
    expect(fleet, "same-name", "csr_multiple_requesters", both_sides=False)
    result = fleet.join("same-name", context=one)
    assert list(result["proofs"].values()) == ["token"], "only the one that was made with this cluster's own token"
    assert "another token" in str(result["rejected_csrs"])
    refused = fleet.join("same-name", context=other)
    assert refused["problem"]["code"] == "name_taken"


@pytest.mark.long
def test_certificate_not_used(fleet: Fleet, wec: str) -> None:
    install(fleet, wec)
    await_request(fleet, wec)
    with fault(fleet, "partition", "heal", wec=wec):
        fleet.module("wec_accept", wec, wait_timeout=6)
        expect(fleet, wec, "certificate_not_used", both_sides=False)


@pytest.mark.long
def test_managed_cluster_missing_and_webhook_down(fleet: Fleet, wec: str) -> None:
    with fault(fleet, "webhooks", "webhooks", state="down"):
        install(fleet, wec)
        await_request(fleet, wec)
        expect(fleet, wec, "managed_cluster_missing")
        pre = fleet.module("wec_label", "labelled", labels={"a": "b"})
        assert pre["verdicts"]["labelled"]["problem"]["code"] == "not_registered"
        fleet.sandbox("webhooks", state="up")
    fleet.pre_create("webhook-victim", accepted=True)
    wait_until(lambda: fleet.its.get("/api/v1/namespaces/webhook-victim"), 60, "its mailbox")
    fleet.sandbox("webhooks", state="down")
    try:
        result = fleet.module("wec_label", "webhook-victim", labels={"a": "b"})
    finally:
        fleet.sandbox("webhooks", state="up")
    assert result["verdicts"]["webhook-victim"]["problem"]["code"] == "webhook_down"


@pytest.mark.long
def test_mailbox_terminating(fleet: Fleet, wec: str) -> None:
    namespace = f"/api/v1/namespaces/{wec}"
    fleet.its.request("POST", "/api/v1/namespaces", {"metadata": {"name": wec}})
    stuck = {"metadata": {"name": "stuck", "finalizers": ["example.com/stuck"]}}
    fleet.its.request("POST", f"{namespace}/configmaps", stuck)
    fleet.its.request("DELETE", namespace)
    refused = fleet.join(wec, deletion_timeout=3)
    assert refused["problem"]["code"] == "deleting"
    fleet.pre_create(wec)
    assert fleet.module("wec_accept", wec, wait_timeout=3)["verdicts"][wec]["problem"]["code"] == "mailbox_terminating"
    fleet.its.request("PATCH", f"{namespace}/configmaps/stuck", {"metadata": {"finalizers": None}})
    wait_until(lambda: fleet.its.get(namespace) is None, 60, "the namespace is gone")
    registered(fleet, wec)


def test_mailbox_missing(fleet: Fleet) -> None:
    """The hub's controller may not make the namespace, for an admission policy that somebody has put there."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["namespaces"]}
    forbid(fleet.its, "no-mailbox", rule, "object.metadata.name != 'without-mailbox'", "no such mailbox")
    try:
        fleet.pre_create("without-mailbox", accepted=True)
        expect(fleet, "without-mailbox", "mailbox_missing", both_sides=False)
    finally:
        allow(fleet.its, "no-mailbox")
    wait_until(lambda: fleet.its.get("/api/v1/namespaces/without-mailbox"), 120, "the hub's controller tries again")


def test_deleting(fleet: Fleet) -> None:
    fleet.pre_create("leaving")
    path = f"{MANAGED_CLUSTERS}/leaving"
    fleet.its.request("PATCH", path, {"metadata": {"finalizers": ["example.com/stuck"]}})
    fleet.its.request("DELETE", path)
    assert "example.com/stuck" in expect(fleet, "leaving", "deleting", both_sides=False)
    fleet.its.request("PATCH", path, {"metadata": {"finalizers": None}})


# -- identity ----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_orphaned_and_mended(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    fleet.its.request("DELETE", f"{MANAGED_CLUSTERS}/{wec}")
    wait_until(lambda: fleet.managed_cluster(wec) is None, 60, "it is gone")
    expect(fleet, wec, "orphaned")
    mark = fleet.mark()
    result = fleet.join(wec)
    assert not result.get("failed"), result
    assert result["state_before"] == "orphaned"
    assert [step["verb"] for step in result["steps"]] == ["create"]
    assert not [write for write in fleet.writes(mark) if write.startswith(f"{wec} ")], "the WEC was written to"


def test_other_name_and_name_taken(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    name, other = take(2)
    registered(fleet, name)
    assert fleet.join("another-name", context=name)["problem"]["code"] == "other_name"
    assert fleet.join(name, context=other)["problem"]["code"] == "name_taken"


@pytest.mark.long
def test_other_hub_and_works_remain(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    name, other = take(2)
    with fault(fleet, "partition", "heal", wec=name):
        install(fleet, name)
        other_ca = base64.b64encode(fleet.wec(other).ca).decode()
        introduce(
            fleet.wec(name), lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": other_ca})
        )
        assert fleet.join(name)["problem"]["code"] == "other_hub"
        work = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "AppliedManifestWork",
            "metadata": {"name": "theirs"},
            "spec": {"hubHash": "x", "manifestWorkName": "w", "agentID": "a"},
        }
        path = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
        wait_until(lambda: fleet.wec(name).get(path) is not None, 60, "works can be stored")
        fleet.wec(name).request("POST", path, work)
        assert fleet.join(name, move_from_other_hub=True)["problem"]["code"] == "manifestworks_remain"
        fleet.wec(name).request("DELETE", f"{path}/theirs")
    moved = fleet.join(name, move_from_other_hub=True)
    assert not moved.get("failed"), moved
    assert fleet.is_available(name)


@pytest.mark.long
def test_replaced_and_allowed(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    lost, fresh = take(2)
    registered(fleet, lost)
    quick_lease(fleet, lost)
    fleet.sandbox("remove", name=lost)
    wait_until(lambda: fleet.condition(lost, "ManagedClusterConditionAvailable") == "Unknown", 90, "it is Unknown")
    assert fleet.join(lost, context=fresh)["problem"]["code"] == "replaced"
    result = fleet.join(lost, context=fresh, replace_lost_cluster=True)
    assert not result.get("failed"), result
    assert [step["verb"] for step in result["steps"]][:3] == ["delete", "create", "join"]
    assert fleet.is_available(lost)


# -- health ------------------------------------------------------------------------------------------------------------


def test_a_wec_that_is_cut_off_and_one_that_is_stopped_are_named_before_the_its_notices(
    fleet: Fleet, take: t.Callable[..., list[str]]
) -> None:
    cut, stopped, well = names = take(3)
    for name in names:
        registered(fleet, name)
        # The hub calls a WEC Unknown after 200 s; it is late after 60 s.
        lease_lasts(fleet, name, 40)
    quiet = fleet.playbook("diagnose", names)
    assert quiet.code == 0, quiet.output
    with fault(fleet, "partition", "heal", wec=cut), fault(fleet, "stop", "start", cluster=stopped):
        at_once = fleet.playbook("diagnose", names)
        assert at_once.code == 2, at_once.output
        # Its agent goes on for a while: only who asks the WEC sees that its API is gone.
        assert at_once.recap[stopped].failed == 1, at_once.output
        evidence = expect(fleet, cut, "heartbeat_late", seconds=120, both_sides=False)
        # The ITS has noted the renewals by its own clock.
        assert "clock" not in evidence
        assert fleet.condition(cut, "ManagedClusterConditionAvailable") == "True"
        run = fleet.playbook("diagnose", names)
        assert run.code == 2, run.output
        assert {name: run.recap[name].failed for name in names} == {cut: 1, stopped: 1, well: 0}, run.output
        problem = {
            name: next(line for line in run.output.splitlines() if f": {name} is " in line) for name in (cut, stopped)
        }
        assert "its API answers, and 1 of 1 pods of its agent are ready" in problem[cut], run.output
        assert "[heartbeat_late]" in problem[cut]
        assert "[wec_unreachable]" in problem[stopped]
        assert "the connection was refused" in problem[stopped]


@pytest.mark.long
def test_lease_expired(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    quick_lease(fleet, wec)
    with fault(fleet, "partition", "heal", wec=wec):
        expect(fleet, wec, "lease_expired", seconds=90, both_sides=False)


@pytest.mark.long
def test_wec_api_unhealthy(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    quick_lease(fleet, wec)
    with fault(fleet, "stop", "start", cluster=wec):
        wait_until(
            lambda: {"wec_api_unhealthy", "lease_expired"} & set(fleet.problems(wec, both_sides=False)),
            120,
            "a problem",
        )
        assert "wec_unreachable" in fleet.problems(wec)


def make_unavailable(fleet: Fleet, name: str) -> None:
    quick_lease(fleet, name)
    fleet.sandbox("partition", wec=name)
    wait_until(lambda: fleet.condition(name, "ManagedClusterConditionAvailable") == "Unknown", 90, "it is Unknown")


@pytest.mark.long
def test_certificate_expired_and_mended(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    make_unavailable(fleet, wec)

    def expire(data: dict[str, bytes]) -> None:
        data["tls.crt"] = sign_anew(fleet, data["tls.crt"], days=-1)

    change_credential(fleet.wec(wec), expire)
    # The running agent would go on with the certificate that it has in memory.
    fleet.sandbox("kill-pods", cluster=wec, namespace=AGENT.rpartition("/")[2], selector="app=klusterlet-agent")
    expect(fleet, wec, "certificate_expired")
    fleet.sandbox("heal", wec=wec)
    result = fleet.join(wec, wait_timeout=240)
    assert not result.get("failed"), result
    assert [step["verb"] for step in result["steps"]] == ["create", "update", "delete", "restart", "approve"]
    assert fleet.is_available(wec)


@pytest.mark.long
def test_hub_ca_changed_and_mended(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    name, other = take(2)
    registered(fleet, name)
    make_unavailable(fleet, name)

    def rotate(data: dict[str, bytes]) -> None:
        config = yaml.safe_load(data["kubeconfig"])
        other_ca = base64.b64encode(fleet.wec(other).ca).decode()
        config["clusters"][0]["cluster"]["certificate-authority-data"] = other_ca
        data["kubeconfig"] = json.dumps(config).encode()

    change_credential(fleet.wec(name), rotate)
    expect(fleet, name, "hub_ca_changed")
    fleet.sandbox("heal", wec=name)
    result = fleet.join(name, wait_timeout=240)
    assert not result.get("failed"), result
    assert fleet.is_available(name)


# -- the status add-on and the probe -----------------------------------------------------------------------------------


def test_addon_absent_unavailable_and_probe_failed(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    absent = fleet.join(wec, verify="addon", addon_timeout=3)
    assert absent["problem"]["code"] == "addon_absent"
    fleet.sandbox("break-image", cluster=wec, repository="status-agent")
    fleet.sandbox("addon")
    try:
        wait_until(
            lambda: "ImagePullBackOff" in fleet.problems(wec).get("addon_unavailable", ""), 90, "addon_unavailable"
        )
        unavailable = fleet.join(wec, addon_timeout=5)
        assert unavailable["problem"]["code"] == "addon_unavailable"
    finally:
        addon = "/apis/addon.open-cluster-management.io/v1alpha1/clustermanagementaddons/addon-status"
        fleet.its.request("DELETE", addon)
    seen = fleet.join(wec, verify="probe", wait_addon="never")
    assert seen["probe"] == "seen"
    assert not seen["changed"]


@pytest.mark.long
def test_probe_failed(fleet: Fleet, wec: str) -> None:
    registered(fleet, wec)
    with fault(fleet, "partition", "heal", wec=wec):
        failed = fleet.module("wec_accept", wec, verify="probe", wait_addon="never")
        assert failed["verdicts"][wec]["problem"]["code"] == "probe_failed"

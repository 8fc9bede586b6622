# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate on real agents: another key, another certificate, the same workload."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import time
import typing as t
import urllib.error

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import certificates
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.certificates import CertificateFacts
from day2 import AGENT, change_credential, deployed, secret, sign_anew, uids
from fleet import BOOTSTRAP, MANAGED_CLUSTERS, Cluster, Fleet, Run, wait_until
from front_ends import AsModule
from sandbox.layout import ITS
from watching import Going, Watch

Json = dict[str, t.Any]
Take = t.Callable[..., list[str]]
SYSTEM = "/api/v1/namespaces/kube-system/secrets"


def now() -> str:
    """A moment that is over, to the second."""
    time.sleep(1.1)
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    time.sleep(1.1)
    return moment


def join(fleet: Fleet, wec: str) -> None:
    result = fleet.join(wec, wait_addon="never")
    assert not result.get("failed"), result


def certificate(fleet: Fleet, wec: str) -> CertificateFacts:
    return certificates.read_certificate(secret(fleet, wec)["tls.crt"])


def renewed(fleet: Fleet, wec: str) -> datetime.datetime:
    lease: Json = fleet.its.get(f"/apis/coordination.k8s.io/v1/namespaces/{wec}/leases/managed-cluster-lease") or {}
    return datetime.datetime.fromisoformat(lease["spec"]["renewTime"].replace("Z", "+00:00"))


def rotate(fleet: Fleet, wecs: t.Sequence[str], before: str, *arguments: str, **variables: t.Any) -> Run:
    return fleet.playbook("rotate", wecs, *arguments, rotate_before=before, **variables)


def stored(fleet: Fleet, wec: str) -> datetime.datetime:
    found: Json = fleet.wec(wec).get(f"{AGENT}/secrets/hub-kubeconfig-secret") or {}
    return datetime.datetime.fromisoformat(found["metadata"]["creationTimestamp"].replace("Z", "+00:00"))


def writes(fleet: Fleet, mark: t.Mapping[str, int]) -> list[str]:
    """Without questions about rights, which are posted and store nothing."""
    return [one for one in fleet.writes(mark) if "selfsubjectrulesreviews" not in one]


def is_refused(fleet: Fleet, token: str) -> bool:
    try:
        fleet.its.request("GET", MANAGED_CLUSTERS, token=token)
    except urllib.error.HTTPError as error:
        return error.code == 401
    return False


def as_agent(fleet: Fleet, credential: dict[str, bytes]) -> Cluster:
    """The ITS, as whoever has this certificate and key."""
    ca = base64.b64encode(fleet.its.ca).decode()
    user = {
        "client-certificate-data": base64.b64encode(credential["tls.crt"]).decode(),
        "client-key-data": base64.b64encode(credential["tls.key"]).decode(),
    }
    cluster = {"server": fleet.its.url, "certificate-authority-data": ca}
    return Cluster({"clusters": [{"cluster": cluster}], "users": [{"user": user}]})


def test_agents_get_another_key_in_waves_and_the_workload_stays(fleet: Fleet, take: Take) -> None:
    wecs = take(2)
    assert fleet.register(wecs, register_wait_addon="never").code == 0
    before = {wec: deployed(fleet, wec) for wec in wecs}
    old, moment = {wec: certificate(fleet, wec) for wec in wecs}, now()
    leaked = secret(fleet, wecs[0])

    mark = fleet.mark()
    checked = rotate(fleet, wecs, moment, "--check", "--diff")
    assert checked.code == 0, checked.output
    # The first also has what is revoked on the ITS, where other tests have left something.
    assert all(checked.recap[wec].changed in (1, 1 + (wec == wecs[0])) for wec in wecs), checked.output
    assert f"valid until {old[wecs[0]].not_after:%Y-%m-%dT%H:%M:%SZ}" in checked.text
    assert writes(fleet, mark) == [], "check mode"

    began = datetime.datetime.now(datetime.timezone.utc)
    run = rotate(fleet, wecs, moment, wec_waves="1,1", wec_remaining_file=str(fleet.state / "left.txt"))
    assert run.code == 0, run.output
    assert all(run.recap[wec].changed in (1, 1 + (wec == wecs[0])) for wec in wecs), run.output
    for wec in wecs:
        new = certificate(fleet, wec)
        assert new.key != old[wec].key
        assert new.serial != old[wec].serial
        assert new.serial not in run.output, "the screen says when it ends"
        assert (
            f"The agent of {wec} has another certificate, valid until {new.not_after:%Y-%m-%dT%H:%M:%SZ}." in run.text
        )
        assert stored(fleet, wec) > began - datetime.timedelta(seconds=1)
        assert renewed(fleet, wec) > began
        assert uids(fleet, wec) == before[wec]
        assert fleet.is_available(wec)
    assert fleet.bootstrap_secrets(*wecs) == []

    mark = fleet.mark()
    again = rotate(fleet, wecs, moment)
    assert again.code == 0, again.output
    assert all(again.recap[wec].changed == 0 for wec in wecs), again.output
    assert writes(fleet, mark) == []
    _assert_old_certificate_goes_on_while_the_wec_is_accepted(fleet, wecs[0], leaked)


def _assert_old_certificate_goes_on_while_the_wec_is_accepted(fleet: Fleet, wec: str, leaked: dict[str, bytes]) -> None:
    """What docs/day2.md says of it: Kubernetes revokes no certificate, and the hub takes the rights away by the WEC's name."""
    thief, mailbox = as_agent(fleet, leaked), f"/apis/work.open-cluster-management.io/v1/namespaces/{wec}/manifestworks"
    assert len(thief.items(mailbox)) == 2
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"hubAcceptsClient": False}})

    def is_refused() -> bool:
        # Its works are there: the hub leaves the right to them, and takes the others.
        with contextlib.suppress(urllib.error.HTTPError):
            thief.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{wec}/leases/managed-cluster-lease")
            return False
        return True

    wait_until(is_refused, 30, "the old certificate has no rights")
    refused = rotate(fleet, [wec], now())
    assert refused.code == 2
    assert "[not_accepted]" in refused.text
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"hubAcceptsClient": True}})


def test_bootstrap_tokens_that_do_not_end_are_named_and_revoked_on_demand(fleet: Fleet, wec: str) -> None:
    join(fleet, wec)
    account = {"kubernetes.io/service-account.name": "agent-registration-bootstrap"}
    metadata = {"name": "leaked", "annotations": account}
    of_account = {"metadata": metadata, "type": "kubernetes.io/service-account-token"}
    fleet.its.request("POST", f"{BOOTSTRAP}/secrets", of_account)
    of_hub = {"metadata": {"name": "bootstrap-token-ocmhub", "labels": {"app": "cluster-manager"}}}
    data = {"token-id": "ocmhub", "token-secret": "0123456789abcdef"}
    fleet.its.request("POST", SYSTEM, {**of_hub, "type": "bootstrap.kubernetes.io/token", "stringData": data})
    paths = [f"{BOOTSTRAP}/secrets/leaked", f"{SYSTEM}/bootstrap-token-ocmhub"]
    try:
        wait_until(lambda: "token" in (fleet.its.get(paths[0]) or {}).get("data", {}), 20, "it has its token")
        token = base64.b64decode((fleet.its.get(paths[0]) or {})["data"]["token"]).decode()
        admin = {"its_kubeconfig": str(fleet.layout.kubeconfig(ITS)), "its_context": ITS}
        mark, run_module = fleet.mark(), AsModule()
        named = run_module("wec_leftovers", **admin)
        found = {one["name"] for one in named["leftovers"] if one["code"] == "lasting_token"}
        assert found == {"open-cluster-management/leaked", "kube-system/bootstrap-token-ocmhub"}
        assert run_module("wec_leftovers", check_mode=True, remove=["lasting_tokens"], **admin)["changed"]
        assert writes(fleet, mark) == [], "they are only named"
        assert not [one for one in fleet.requests(mark) if one["requestURI"].startswith(tuple(paths))], "none is read"
        assert fleet.its.request("GET", MANAGED_CLUSTERS, token=token)["items"] is not None
        run = rotate(fleet, [wec], now(), rotate_lasting_tokens=True, **admin)
        assert run.code == 0, run.output
        assert [fleet.its.get(path) for path in paths] == [None, None]
        # An API server remembers for 10 s that a token was good.
        wait_until(lambda: is_refused(fleet, token), 30, "the token is worthless")
        for output in (json.dumps(named), run.output):
            assert token not in output
            assert "0123456789abcdef" not in output
    finally:
        for path in paths:
            with contextlib.suppress(urllib.error.HTTPError):
                fleet.its.request("DELETE", path)


def pods(fleet: Fleet, wec: str) -> set[str]:
    return {str(pod["metadata"]["name"]) for pod in fleet.wec(wec).items(f"{AGENT}/pods")}


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("secret deleted", marks=pytest.mark.long),
        "pod deleted",
        pytest.param("new pod", marks=pytest.mark.long),
    ],
)
def test_killed_at_some_moment_it_is_simply_repeated(fleet: Fleet, wec: str, moment: str) -> None:
    join(fleet, wec)
    before, old, since = deployed(fleet, wec), certificate(fleet, wec), now()
    mark, there = fleet.mark(), pods(fleet, wec)

    def has_come() -> bool:
        if moment == "new pod":
            now_there = pods(fleet, wec)
            return bool(now_there) and not now_there & there
        return len(writes(fleet, mark)) >= (1 if moment == "secret deleted" else 2)

    going = Going(fleet, [wec], "-e", json.dumps({"rotate_before": since}), playbook="rotate")
    came = Watch(lambda: True if has_come() else None)
    while not came.held and not going.is_over:
        came.join(timeout=0.02)
    assert not going.is_over, "it was over before"
    going.kill()
    came.stop()
    again = rotate(fleet, [wec], since)
    assert again.code == 0, again.output
    new = certificate(fleet, wec)
    assert new.key != old.key
    assert uids(fleet, wec) == before
    assert fleet.is_available(wec)
    assert fleet.bootstrap_secrets(wec) == []
    of_wec = [one for one in writes(fleet, mark) if one.startswith(f"{wec} delete") and "hub-kubeconfig-secret" in one]
    assert len(of_wec) == 1, "what is done is not rotated twice"
    assert not fleet.module("wec_rotate", wec, before=since)["changed"]
    assert certificate(fleet, wec).serial == new.serial


@pytest.mark.long
def test_one_that_was_away_too_long_is_named_with_dates_and_comes_back_with_its_workload(
    fleet: Fleet, wec: str
) -> None:
    """Its certificate has ended, and its token was revoked when it had joined."""
    assert fleet.register([wec], register_wait_addon="never").code == 0
    before = deployed(fleet, wec)
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"leaseDurationSeconds": 1}})
    fleet.sandbox("partition", wec=wec)
    wait_until(lambda: fleet.condition(wec, "ManagedClusterConditionAvailable") == "Unknown", 90, "it is Unknown")

    def expire(data: dict[str, bytes]) -> None:
        data["tls.crt"] = sign_anew(fleet, data["tls.crt"], days=-3)

    change_credential(fleet.wec(wec), expire)
    fleet.sandbox("kill-pods", cluster=wec, namespace=AGENT.rpartition("/")[2], selector="app=klusterlet-agent")
    fleet.sandbox("heal", wec=wec)
    old = certificate(fleet, wec)
    day = f"{old.not_after:%Y-%m-%d}"
    shown = fleet.playbook("status", [wec], wec_ask_all=True)
    header = next(line for line in shown.output.splitlines() if line.startswith("WEC "))
    row = next(line for line in shown.output.splitlines() if line.startswith(f"{wec} "))
    assert row[header.index("CERTIFICATE") :].startswith(day)
    diagnosed = fleet.playbook("diagnose", [wec])
    assert diagnosed.code == 2
    assert f"it ended at {old.not_after:%Y-%m-%dT%H:%M:%SZ}; its bootstrap token was revoked" in diagnosed.text
    assert "[certificate_expired]" in diagnosed.text

    came = fleet.register([wec], register_wait_addon="never")
    assert came.code == 0, came.output
    assert certificate(fleet, wec).not_after > datetime.datetime.now(datetime.timezone.utc)
    assert uids(fleet, wec) == before
    assert fleet.is_available(wec)
    assert fleet.register([wec], register_wait_addon="never").recap[wec].changed == 0


@pytest.mark.long
def test_a_bootstrap_account_that_is_made_anew_ends_all_tokens_and_registers_as_before(
    fleet: Fleet, take: Take
) -> None:
    """The way by hand that docs/day2.md tells, for tokens that are bound to nothing."""
    first, second = take(2)
    join(fleet, first)
    name = "agent-registration-bootstrap"
    path = f"{BOOTSTRAP}/serviceaccounts/{name}"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = fleet.its.request("POST", f"{path}/token", request)["status"]["token"]
    assert fleet.its.request("GET", MANAGED_CLUSTERS, token=token)["items"]
    fleet.its.request("DELETE", path)
    fleet.its.request("POST", f"{BOOTSTRAP}/serviceaccounts", {"metadata": {"name": name}})

    def is_refused() -> bool:
        with contextlib.suppress(urllib.error.HTTPError):
            fleet.its.request("GET", MANAGED_CLUSTERS, token=token)
            return False
        return True

    wait_until(is_refused, 30, "the token is worth nothing")
    join(fleet, second)
    assert all(map(fleet.is_available, (first, second)))

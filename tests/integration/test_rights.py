# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identities of docs/rbac are enough, and each right that is missing is named."""

from __future__ import annotations

import base64
import contextlib
import copy
import datetime
import re
import time
import typing as t
import urllib.error

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import rights
from fleet import ITS, REPOSITORY, Cluster, Fleet, wait_until, works_of
from front_ends import AsModule

Json = dict[str, t.Any]
_OCM = "/api/v1/namespaces/open-cluster-management"
_SECRETS = f"{_OCM}/secrets"
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def _path(item: Json) -> str:
    namespace = item["metadata"].get("namespace")
    where = f"/namespaces/{namespace}" if namespace else ""
    prefix = "/api/v1" if item["apiVersion"] == "v1" else f"/apis/{item['apiVersion']}"
    kind = item["kind"].lower()
    return f"{prefix}{where}/{f'{kind[:-1]}ies' if kind.endswith('y') else f'{kind}s'}"


@pytest.fixture(scope="module", autouse=True)
def policy(fleet: Fleet) -> t.Iterator[None]:
    """Everything here is done under the policy that is shipped beside the roles."""
    items = yaml.safe_load((REPOSITORY / "docs/rbac/its-onboarder-policy.yml").read_text())["items"]
    for item in items:
        fleet.its.request("POST", _path(item), item)
    onboarder = _onboarder(fleet)
    wait_until(lambda: _refused(onboarder, "POST", _SECRETS, _secret("probe")) != 201, 30, "the policy is in force")
    yield
    for item in items:
        fleet.its.request("DELETE", f"{_path(item)}/{item['metadata']['name']}")


def _onboarder(fleet: Fleet) -> Cluster:
    """The ITS, for somebody who has the rights of docs/rbac and no others."""
    return Cluster(fleet.kubeconfig(f"{ITS}-onboarder"))


def _secret(name: str, **more: t.Any) -> Json:
    """What a bootstrap token is bound to, if its name is right."""
    label = name.removeprefix("wec-bootstrap-")
    metadata = {"name": name, "labels": {"wec.kubestellar.io/bootstrap": label}, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **more}


def _refused(cluster: Cluster, method: str, path: str, body: Json | None = None) -> int:
    """The status of the answer; what was created is deleted again."""
    try:
        made = cluster.request(method, path, body)
    except urllib.error.HTTPError as error:
        return error.code
    if method == "POST" and path == _SECRETS:
        cluster.request("DELETE", f"{path}/{made['metadata']['name']}")
    return 201


@contextlib.contextmanager
def _changed(fleet: Fleet, role: Json, rules: list[Json]) -> t.Iterator[None]:
    path = f"{_path(role)}/{role['metadata']['name']}"
    fleet.its.request("PUT", path, {**role, "rules": rules})
    try:
        yield
    finally:
        fleet.its.request("PUT", path, role)


def _roles(file: str = "its-onboarder.yml") -> list[Json]:
    items = yaml.safe_load((REPOSITORY / "docs/rbac" / file).read_text())["items"]
    return [item for item in items if item["kind"] in ("Role", "ClusterRole")]


def _without_each_right(role: Json) -> t.Iterator[tuple[str, str, Json]]:
    """Verb, resource, and the role without just that."""
    for number, rule in enumerate(role["rules"]):
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                less = copy.deepcopy(role)
                own = less["rules"][number]
                kept = [one for one in rule["resources"] if one != resource]
                own["verbs"] = [one for one in rule["verbs"] if one != verb]
                if kept:
                    less["rules"].append({**copy.deepcopy(rule), "resources": kept})
                    own["resources"] = [resource]
                less["rules"] = [one for one in less["rules"] if one["verbs"]]
                yield verb, resource, less


def test_each_right_that_is_taken_away_is_named_by_verb_and_resource(fleet: Fleet, wec: str) -> None:
    checked = 0
    with contextlib.ExitStack() as stack:
        for role in (role for file in ("configurer", "offboarder", "watcher") for role in _roles(f"its-{file}.yml")):
            # They have some of the same rights.
            stack.enter_context(_changed(fleet, role, []))
        checked = _take_each_away(fleet, wec)
    assert checked >= 25


_EVIDENCE = {right.resource for right in rights.ITS_EVIDENCE_RIGHTS}
"""Without these, status only says less."""


def _take_each_away(fleet: Fleet, wec: str) -> int:
    checked = 0
    for role in _roles():
        if role["metadata"].get("namespace") in ("kube-public", "kube-system"):
            # What they let be read is looked for, and done without.
            continue
        path = f"{_path(role)}/{role['metadata']['name']}"
        with _changed(fleet, role, role["rules"]):
            for verb, resource, less in _without_each_right(role):
                if resource in _EVIDENCE:
                    continue
                fleet.its.request("PUT", path, less)
                message = _preflight_that_fails(fleet, wec)
                assert {verb, resource} <= set(re.findall(r"[\w/-]+(?:\.[\w/-]+)*", message)), (
                    f"without {verb} {resource}: {message}"
                )
                assert "[forbidden]" in message
                checked += 1
        wait_until(
            lambda: not fleet.module("wec_join", wec, preflight_only=True).get("failed"), 10, "the rights are back"
        )
    return checked


def _preflight_that_fails(fleet: Fleet, name: str) -> str:
    """The authorizer hears of a changed role a moment later."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        result = fleet.module("wec_join", name, preflight_only=True)
        if result.get("failed"):
            return t.cast(str, result["msg"])
        time.sleep(0.1)
    raise AssertionError("it has all the rights that it needs without this one")


def _grant(cluster: Cluster, *manifests: str) -> None:
    for manifest in manifests:
        for item in yaml.safe_load((REPOSITORY / "docs/rbac" / manifest).read_text())["items"]:
            with contextlib.suppress(urllib.error.HTTPError):
                cluster.request("POST", _path(item), item)


def _as_onboarder(fleet: Fleet, wec: str) -> Json:
    """A kubeconfig of somebody who has the rights on the WEC that were granted, and no others."""
    config = fleet.kubeconfig("fleet", wec)
    for field, file in (("client-certificate-data", "onboarder.crt"), ("client-key-data", "onboarder.key")):
        content = (fleet.state / wec / file).read_bytes()
        config["users"][0]["user"][field] = base64.b64encode(content).decode()
    return config


def test_the_rights_of_docs_rbac_are_enough_on_the_wec(fleet: Fleet, wec: str) -> None:
    _grant(fleet.wec(wec), "wec-onboarder.yml")
    config = _as_onboarder(fleet, wec)
    wait_until(
        lambda: not fleet.module("wec_join", wec, preflight_only=True, kubeconfig=config).get("failed"), 10, "it may"
    )
    joined = fleet.join(wec, kubeconfig=config)
    assert not joined.get("failed"), joined
    again = fleet.join(wec, kubeconfig=config)
    assert not again["changed"]
    assert fleet.problems(wec) == {}


def test_the_rights_of_docs_rbac_are_enough_to_leave(fleet: Fleet, wec: str) -> None:
    joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    config = _as_onboarder(fleet, wec)
    denied = fleet.leave(wec, kubeconfig=config)
    assert denied["problem"]["code"] == "forbidden"
    assert fleet.is_available(wec)
    _grant(fleet.wec(wec), "wec-offboarder.yml")
    wait_until(lambda: not fleet.leave(wec, kubeconfig=config, check_mode=True).get("failed"), 10, "it may")
    left = fleet.leave(wec, kubeconfig=config, purge=True)
    assert not left.get("failed"), left
    assert not fleet.leave(wec, kubeconfig=config, purge=True)["changed"]


@pytest.mark.parametrize("workload", ["keep", pytest.param("remove", marks=pytest.mark.long)])
def test_the_rights_of_docs_rbac_are_enough_to_leave_a_lost_its(fleet: Fleet, wec: str, workload: str) -> None:
    joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    metadata = {"name": "a", "namespace": "default"}
    fleet.send_work(wec, "a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    path = "/api/v1/namespaces/default/configmaps/a"
    wait_until(lambda: fleet.wec(wec).get(path), 30, "the work has arrived")
    _grant(fleet.wec(wec), "wec-offboarder.yml", "wec-workload-keeper.yml")
    config = _as_onboarder(fleet, wec)
    options: Json = {"its_access": "lost", "workload": workload, "kubeconfig": config}
    wait_until(lambda: not fleet.leave(wec, check_mode=True, **options).get("failed"), 10, "it may")
    left = fleet.leave(wec, **options)
    assert not left.get("failed"), left
    assert (fleet.wec(wec).get(path) is not None) == (workload == "keep")


def test_without_the_right_to_make_secrets_the_plain_token_is_used_and_warned_of(fleet: Fleet, wec: str) -> None:
    (role,) = [one for one in _roles() if one["metadata"].get("namespace") == "open-cluster-management"]
    with _changed(fleet, role, [rule for rule in role["rules"] if "secrets" not in rule["resources"]]):
        time.sleep(1)
        joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    assert "valid for an hour" in " ".join(joined["warnings"]), joined
    assert fleet.is_available(wec)


def test_a_given_token_needs_no_right_to_make_one(fleet: Fleet, wec: str) -> None:
    (role,) = [one for one in _roles() if one["metadata"].get("namespace") == "open-cluster-management"]
    with _changed(fleet, role, []):
        time.sleep(1)
        joined = fleet.join(wec, hub_token=fleet.bootstrap_token())
    assert not joined.get("failed"), joined
    assert fleet.is_available(wec)


_OF_ACCOUNT = "kubernetes.io/service-account"
_ODD_SECRETS: dict[str, Json] = {
    "a token": _secret(
        "wec-bootstrap-edge",
        type=f"{_OF_ACCOUNT}-token",
        metadata={"annotations": {f"{_OF_ACCOUNT}.name": "cluster-manager"}},
    ),
    "the annotations of one": _secret("wec-bootstrap-edge", metadata={"annotations": {f"{_OF_ACCOUNT}.name": "x"}}),
    "a bootstrap token": _secret("wec-bootstrap-edge", type="bootstrap.kubernetes.io/token"),
    "another name": _secret("edge"),
    "a name that is made": _secret("wec-bootstrap-edge", metadata={"name": None, "generateName": "wec-bootstrap-"}),
    "another label": _secret("wec-bootstrap-edge", metadata={"labels": {"wec.kubestellar.io/bootstrap": "other"}}),
    "no label": _secret("wec-bootstrap-edge", metadata={"labels": {"a": "b"}}),
    "data": _secret("wec-bootstrap-edge", data={"a": "Yg=="}),
    "data as a text": _secret("wec-bootstrap-edge", stringData={"a": "b"}),
}


@pytest.mark.parametrize("case", _ODD_SECRETS)
def test_the_policy_refuses_every_secret_but_that_of_a_bootstrap_token(fleet: Fleet, case: str) -> None:
    onboarder = _onboarder(fleet)
    assert _refused(onboarder, "POST", _SECRETS, _secret("wec-bootstrap-edge")) == 201
    assert _refused(onboarder, "POST", _SECRETS, _ODD_SECRETS[case]) == 403
    # The policy does not apply outside the group.
    if case != "a bootstrap token":
        assert _refused(fleet.its, "POST", _SECRETS, _ODD_SECRETS[case]) == 201


def _token(account: str, seconds: int = 3600) -> tuple[str, Json]:
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    return f"{_OCM}/serviceaccounts/{account}/token", body


def test_an_onboarder_has_tokens_of_the_bootstrap_account_alone_and_for_an_hour(fleet: Fleet) -> None:
    onboarder = _onboarder(fleet)
    assert fleet.its.get(f"{_OCM}/serviceaccounts/cluster-manager") is not None
    accounts = [item["metadata"]["name"] for item in fleet.its.items(f"{_OCM}/serviceaccounts")]
    bootstrap = [one for one in accounts if one in ("agent-registration-bootstrap", "cluster-bootstrap")]
    assert "cluster-manager" in accounts
    for account in accounts:
        expected = 201 if account in bootstrap else 403
        assert _refused(onboarder, "POST", *_token(account)) == expected, account
    assert _refused(onboarder, "POST", *_token(bootstrap[0], 7200)) == 403


def test_an_onboarder_changes_no_work_and_deletes_no_namespace_but_mailboxes(fleet: Fleet, wec: str) -> None:
    joined = fleet.join(wec, verify="probe")
    assert not joined.get("failed"), joined
    assert joined["probe"]
    onboarder = _onboarder(fleet)
    assert _refused(onboarder, "DELETE", "/api/v1/namespaces/open-cluster-management-hub") == 403
    assert _refused(onboarder, "DELETE", "/api/v1/namespaces/default") == 403
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    fleet.send_work(wec, "mine", manifest)
    path = f"{works_of(wec)}/mine"
    evil = {**manifest, "metadata": {"name": "evil", "namespace": "default"}}
    assert _refused(onboarder, "PATCH", path, {"spec": {"workload": {"manifests": [evil]}}}) == 403
    assert _refused(onboarder, "PATCH", path, {"metadata": {"annotations": {"a": "b"}}}) == 201
    for name, one in (("mine-2", manifest), ("wec-probe", evil), ("wec-probe", {**manifest, "kind": "Secret"})):
        work = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": name},
            "spec": {"workload": {"manifests": [one]}},
        }
        assert _refused(onboarder, "POST", works_of(wec), work) == 403


def test_the_rights_of_docs_rbac_are_enough_to_upgrade(fleet: Fleet, wec: str) -> None:
    joined = fleet.join(wec, bundle_version="1.0.0")
    assert not joined.get("failed"), joined
    config = _as_onboarder(fleet, wec)
    binary = str(fleet.clusteradm)

    def upgrade(**options: t.Any) -> Json:
        return fleet.module("wec_upgrade", wec, kubeconfig=config, clusteradm_binary=binary, **options)

    assert upgrade(check_mode=True)["wecs"][0]["problem"]["code"] == "forbidden"
    _grant(fleet.wec(wec), "wec-onboarder.yml")
    wait_until(lambda: not upgrade(check_mode=True).get("failed"), 10, "it may")
    upgraded = upgrade()
    assert not upgraded.get("failed"), upgraded
    assert not upgrade()["changed"]


def test_the_rights_of_docs_rbac_are_enough_to_rotate_and_to_revoke(fleet: Fleet, wec: str) -> None:
    joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    _grant(fleet.wec(wec), "wec-onboarder.yml")
    time.sleep(1.1)
    before = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    rotated = fleet.module("wec_rotate", wec, before=before, kubeconfig=_as_onboarder(fleet, wec))
    assert not rotated.get("failed"), rotated
    assert rotated["changed"]

    onboarder = {"its_kubeconfig": str(fleet.layout.kubeconfig(f"{ITS}-onboarder"))}
    assert "in the namespace kube-system" in AsModule()("wec_leftovers", **onboarder)["unseen"][0]
    _grant(fleet.its, "its-token-revoker.yml")
    try:
        options = {"remove": ["unused_tokens", "lasting_tokens"], **onboarder}
        wait_until(lambda: not AsModule()("wec_leftovers", **options).get("failed"), 10, "it may")
    finally:
        for role in _roles("its-token-revoker.yml"):
            fleet.its.request("DELETE", f"{_path(role)}/{role['metadata']['name']}")

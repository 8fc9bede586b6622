# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identities of docs/rbac are enough, and each right that is missing is named."""

from __future__ import annotations

import base64
import contextlib
import copy
import re
import time
import typing as t
import urllib.error

import pytest
import yaml
from fleet import REPOSITORY, Cluster, Fleet, wait_until

Json = dict[str, t.Any]
_PREFIX = {"rbac.authorization.k8s.io/v1": "/apis/rbac.authorization.k8s.io/v1", "v1": "/api/v1"}


def _path(item: Json) -> str:
    namespace = item["metadata"].get("namespace")
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{_PREFIX[item['apiVersion']]}{where}/{item['kind'].lower()}s"


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


def _take_each_away(fleet: Fleet, wec: str) -> int:
    checked = 0
    for role in _roles():
        if role["metadata"].get("namespace") in ("kube-public", "kube-system"):
            # What they let be read is looked for, and done without.
            continue
        path = f"{_path(role)}/{role['metadata']['name']}"
        with _changed(fleet, role, role["rules"]):
            for verb, resource, less in _without_each_right(role):
                fleet.its.request("PUT", path, less)
                told = _preflight_that_fails(fleet, wec)
                assert {verb, resource} <= set(re.findall(r"[\w./-]+", told)), f"without {verb} {resource}: {told}"
                assert "[forbidden]" in told
                checked += 1
        wait_until(lambda: not fleet.module("wec_preflight", wec).get("failed"), 10, "the rights are back")
    return checked


def _preflight_that_fails(fleet: Fleet, name: str) -> str:
    """The authorizer hears of a changed role a moment later."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        result = fleet.module("wec_preflight", name)
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
    wait_until(lambda: not fleet.module("wec_preflight", wec, kubeconfig=config).get("failed"), 10, "it may")
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

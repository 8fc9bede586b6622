# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a WEC shows of its agent: Klusterlet, Secrets, what runs. It fails as this WEC or is understood, and its tokens stay there."""

from __future__ import annotations

import base64
import copy
import json
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import wec_on_host
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
)
from fake_leaving import APPLIED
from fake_ocm import MANAGED_CLUSTERS, FakeAuthority, condition, install_agent
from front_ends import AsAction
from fuzzing import JSON_VALUES, SECRET, Json, check_result, check_told, mutated
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemory, InMemoryIts, asked_in_process
from odd_wecs import token

AGENT = "/api/v1/namespaces/open-cluster-management-agent"
BOOTSTRAP, CREDENTIAL = f"{AGENT}/secrets/bootstrap-hub-kubeconfig", f"{AGENT}/secrets/hub-kubeconfig-secret"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
OPERATOR = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
PODS = f"{AGENT}/pods/klusterlet-agent-x"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
WORK = f"{APPLIED}/of-a-hub"
VALUES = JSON_VALUES | TEXTS
POD: Json = {
    "status": {
        "phase": "Pending",
        "conditions": [condition("Ready", "False")],
        "containerStatuses": [
            {
                "name": "a",
                "ready": False,
                "restartCount": 3,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "a"}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "message": "b"}},
            }
        ],
    }
}
NODE: Json = {
    "metadata": {"labels": {"node.kubernetes.io/instance-type": "k3s"}},
    "spec": {"providerID": "kind://a"},
    "status": {"nodeInfo": {"kubeletVersion": "v1.34.4+k3s1", "osImage": "a", "containerRuntimeVersion": "b"}},
}
GROUPS: Json = {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}]}
VERSION: Json = {"gitVersion": "v1.34.4", "major": "1", "minor": "34"}
RULES: Json = {
    "status": {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["a"]}],
        "nonResourceRules": [],
        "incomplete": False,
    }
}
ANSWERS = {
    "/apis": GROUPS,
    "/version": VERSION,
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": RULES,
}
OBJECTS = (KLUSTERLET, OPERATOR, PODS, KUBE_SYSTEM, WORK, "/api/v1/nodes/a", BOOTSTRAP, CREDENTIAL)


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = InMemoryIts(authority)
    found.join("edge-1")
    found.after.clear()
    stopped = condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped")
    found.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": [condition("ManagedClusterJoined"), stopped]}})
    with asked_in_process():
        yield found
    found.close()


@pytest.fixture(scope="module")
def wec(its: InMemoryIts) -> t.Iterator[InMemory]:
    found = InMemory()
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": {IDENTITY_ANNOTATION: found.uid}}})
    install_agent(
        found, "edge-1", its, its.authority.client("edge-1"), f"{token({'jti': 'a', 'exp': 1e9})}.{SECRET}", its.url
    )
    spec = {"registrationImagePullSpec": "quay.io/open-cluster-management/registration:v1.2.1"}
    status = {"conditions": [condition("HubConnectionDegraded", "True", "x")], "generations": []}
    found.change(KLUSTERLET, {"spec": spec, "status": status})
    found.change(OPERATOR, {"spec": {"replicas": 1}, "status": {"conditions": [condition("Available")]}})
    found.put(PODS, copy.deepcopy(POD))
    found.put("/api/v1/nodes/a", copy.deepcopy(NODE))
    reference = {"group": "", "version": "v1", "resource": "configmaps", "namespace": "a", "name": "b", "uid": "c"}
    found.put(WORK, {"spec": {"hubHash": "x"}, "status": {"appliedResources": [reference]}})
    yield found
    found.close()


@st.composite
def secret(draw: st.DrawFn, made: Json) -> Json:
    """Its kubeconfig, or the token in that, is another, or it is none."""
    found = copy.deepcopy(made)
    how = draw(st.sampled_from(["kubeconfig", "claims", "bytes", "other"]))
    config = yaml.safe_load(base64.b64decode(found["data"]["kubeconfig"]))
    if how == "kubeconfig":
        config = draw(mutated(config, VALUES))
    elif how == "claims":
        claims = {"jti": "a", "exp": 1e9, "kubernetes.io": {"secret": {"name": "wec-bootstrap-edge-1", "uid": "u"}}}
        config["users"][0]["user"]["token"] = f"{token(draw(mutated(claims, VALUES)))}.{SECRET}"
    content = draw(st.binary(max_size=100)) if how == "bytes" else json.dumps(config).encode()
    found["data"]["kubeconfig"] = base64.b64encode(content).decode()
    return draw(mutated(found, VALUES)) if how == "other" else found


def odd(data: st.DataObject, wec: InMemory) -> None:
    """Something of what the WEC shows is another."""
    wec.forget_shown()
    for path in data.draw(st.lists(st.sampled_from([*OBJECTS, *ANSWERS]), min_size=1, max_size=2, unique=True)):
        if path in ANSWERS:
            wec.answers[path] = data.draw(mutated(ANSWERS[path], VALUES))
        elif path in (BOOTSTRAP, CREDENTIAL):
            wec.show(path, data.draw(secret(wec.objects[path])))
        else:
            wec.show(path, data.draw(mutated(wec.objects[path], VALUES)))


def ask(its: InMemoryIts, wec: InMemory, module: str, **more: t.Any) -> Json:
    run = AsAction()
    result = run(
        module,
        check_mode=True,
        its_kubeconfig=its.kubeconfig("token-of-the-its", its.authority.pem),
        its_outage_timeout=0,
        kubeconfig=wec.kubeconfig("token-of-the-wec"),
        **more,
    )
    check_result(result, run.lines, run.warnings)
    assert "token-of-the-" not in json.dumps(result)
    assert not result.get("failed") or result["msg"]
    return result


@given(st.data())
def test_status_of_both_sides(its: InMemoryIts, wec: InMemory, data: st.DataObject) -> None:
    odd(data, wec)
    result = ask(its, wec, "wec_status", name="edge-1", show_table=True)
    # The ITS answers, so there is something to tell.
    assert [one["name"] for one in result["wecs"]] == ["edge-1"]
    assert not result.get("failed")


@given(st.data(), st.sampled_from(["present", "absent"]))
def test_join(its: InMemoryIts, wec: InMemory, data: st.DataObject, state: str) -> None:
    odd(data, wec)
    ask(its, wec, "wec_join", name="edge-1", state=state, clusteradm_binary="/nonexistent")


@given(st.data())
def test_preflight(its: InMemoryIts, wec: InMemory, data: st.DataObject) -> None:
    odd(data, wec)
    ask(its, wec, "wec_join", preflight_only=True, name="edge-1", clusteradm_binary="/nonexistent")


@given(st.data())
def test_upgrade(its: InMemoryIts, wec: InMemory, data: st.DataObject) -> None:
    odd(data, wec)
    result = ask(its, wec, "wec_upgrade", name="edge-1", bundle_version="1.2.1", clusteradm_binary="/nonexistent")
    assert [one["name"] for one in result["wecs"]] == ["edge-1"]


@given(st.data())
def test_leftovers(its: InMemoryIts, wec: InMemory, data: st.DataObject) -> None:
    odd(data, wec)
    ask(its, wec, "wec_leftovers", name="edge-1")


@given(st.data())
def test_what_is_told_of_it_on_its_host_can_be_read_by_us(its: InMemoryIts, wec: InMemory, data: st.DataObject) -> None:
    """Both halves are ours: whatever the WEC shows, our other half takes it, or fails as this WEC."""
    odd(data, wec)
    run = AsAction()
    answer = run("wec_agent", name="edge-1", with_rights=True, kubeconfig=wec.kubeconfig("token-of-the-wec"))
    check_result(answer, run.lines, run.warnings)
    seen = wec_on_host.WecOnHost("edge-1", lambda _options: json.loads(json.dumps(answer)), "clusteradm", True)
    try:
        assert seen.uid
    except WecError as error:
        check_told(error)

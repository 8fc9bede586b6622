# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from fake_api import FakeApi, Fault, jwt
from fake_ocm import CSRS, MANAGED_CLUSTERS, PUBLISHED, FakeAuthority, FakeIts, install_agent
from front_ends import FrontEnd

Clusteradm = tuple[pathlib.Path, pathlib.Path]


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: Clusteradm) -> dict[str, t.Any]:
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig("the-secret-token-of-the-its-user", its.authority.pem),
        "kubeconfig": wec.kubeconfig("the-secret-token-of-the-wec-user"),
        "clusteradm_binary": str(clusteradm[0]),
        "wait_timeout": 2,
    }


@pytest.fixture
def agents_answer(its: FakeIts, wec: FakeApi) -> None:
    """Once clusteradm has applied the klusterlet, its agent announces itself."""

    def announce() -> None:
        found = "/api/v1/namespaces/open-cluster-management-agent/secrets/bootstrap-hub-kubeconfig" in wec.objects
        if found and f"{MANAGED_CLUSTERS}/edge-1" not in its.objects:
            its.announce("edge-1")

    wec.after.append(announce)


@pytest.mark.usefixtures("agents_answer")
def test_a_bare_cluster_is_joined_approved_and_awaited(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert result["changed"]
    assert (result["state_before"], result["state"]) == ("absent", "joined")
    assert [step["verb"] for step in result["steps"]] == ["create", "join", "accept", "approve", "update"]
    assert result["proofs"] == {"edge-1-abcde": "token"}
    assert result["agent_endpoint"] == PUBLISHED
    cluster = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]
    assert cluster["spec"]["hubAcceptsClient"] is True
    assert cluster["metadata"]["annotations"]["wec.kubestellar.io/kube-system-uid"] == wec.uid


@pytest.mark.usefixtures("agents_answer")
def test_without_wait_only_the_agent_is_applied(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    result = run("wec_join", wait=False, **options)
    assert result["state"] == "pending_csr"
    assert result["member"]["token_id"]
    assert its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["spec"]["hubAcceptsClient"] is False
    namespace = "/api/v1/namespaces/open-cluster-management"
    assert [path for _method, path in its.writes] == [
        f"{namespace}/secrets",
        f"{namespace}/serviceaccounts/agent-registration-bootstrap/token",
    ]


def test_check_mode_plans_the_same_and_writes_nothing(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: dict[str, t.Any]
) -> None:
    result = run("wec_join", check_mode=True, **options)
    assert result["changed"]
    assert [step["verb"] for step in result["steps"]] == ["create", "join", "accept", "approve", "update"]
    assert result["diff"]["after"]["WEC: Klusterlet klusterlet"]["hub"] == PUBLISHED
    assert its.writes == []
    assert wec.writes == []
    called = [json.loads(line) for line in clusteradm[1].read_text().splitlines()]
    assert called == [["version"], ["join", "--help"]]


def test_a_joined_wec_is_not_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"))
    result = run("wec_join", **options)
    assert not result["changed"]
    assert result["steps"] == []
    assert result["state"] == "joined"
    assert its.writes == []
    assert wec.writes == []
    assert not clusteradm[1].exists()


def test_a_pending_wec_is_accepted_without_another_join(
    run: FrontEnd, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: dict[str, t.Any]
) -> None:
    token = jwt("the-token-that-it-was-given")
    install_agent(wec, "edge-1", its, token=token)
    its.announce("edge-1", token_id="the-token-that-it-was-given")
    result = run("wec_join", **options)
    assert result["state"] == "joined"
    assert result["proofs"] == {"edge-1-abcde": "token"}
    assert not clusteradm[1].exists()


def test_a_request_made_with_another_token_is_not_approved(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    install_agent(wec, "edge-1", its, token=jwt("the-token-that-it-was-given"))
    its.announce("edge-1", token_id="a-token-of-somebody-else")
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["failed"]
    assert result["problem"]["code"] == "csr_not_legitimate"
    assert "another token" in result["msg"]
    assert its.writes == []


REFUSED: dict[str, t.Callable[[FakeIts, FakeApi], None]] = {
    "other_name": lambda its, wec: install_agent(wec, "edge-2", its),
    "other_hub": lambda its, wec: install_agent(wec, "edge-1", its, FakeAuthority("other").client("edge-1")),
    "name_taken": lambda its, wec: its.join("edge-1", "another-cluster"),
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_dangerous_is_refused_with_evidence(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], code: str, check_mode: bool
) -> None:
    REFUSED[code](its, wec)
    result = run("wec_join", check_mode=check_mode, **options)
    assert result["failed"]
    assert result["problem"]["code"] == code
    assert result["evidence"]
    assert its.writes == []
    assert wec.writes == []


def test_a_timeout_names_the_likely_cause(run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]) -> None:
    install_agent(wec, "edge-1", its, token=jwt("t"))
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["failed"]
    assert result["problem"]["code"] == "managed_cluster_missing"
    assert "timed out" not in result["msg"]
    assert "it dials" not in result["msg"]


def test_an_agent_that_was_never_heard_of_names_the_address_that_it_dials(
    run: FrontEnd, options: dict[str, t.Any]
) -> None:
    result = run("wec_join", **{**options, "wait_timeout": 1})
    assert result["problem"]["code"] == "managed_cluster_missing"
    assert f"the agent has not contacted the ITS: it dials {result['agent_endpoint']}." in result["msg"]
    assert "server" not in result["member"]
    assert "Check that the WEC reaches the ITS at the address that its agent dials" in result["msg"]


def test_a_failed_clusteradm_is_told_without_the_token(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    from fake_ocm import fake_clusteradm

    fake_clusteradm(tmp_path, failure="no route to the hub with")
    result = run("wec_join", **options)
    assert result["failed"]
    assert "no route to the hub with ***" in result["msg"]
    assert "eyJ" not in json.dumps(result)


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "name": ({"name": "Edge_1"}, "name (wec_name in an inventory): 'Edge_1' is not a valid name for a WEC"),
    "kubeconfig": ({"kubeconfig": "/nonexistent/kubeconfig"}, "kubeconfig (wec_kubeconfig in an inventory): "),
    "context": ({"context": "nope"}, "context (wec_context in an inventory): "),
    "its_context": ({"its_context": "nope"}, "its_context: "),
    "hub_apiserver": ({"hub_apiserver": "its1:6443"}, "hub_apiserver: 'its1:6443' is not the address"),
    "wait_timeout": ({"wait_timeout": 0}, "wait_timeout: 0 must be more than 0 seconds"),
    "bundle_version": ({"bundle_version": "9.9.9"}, "bundle_version: '9.9.9' is newer than the hub, which is 1.2.1"),
    "clusteradm_binary": (
        {"clusteradm_binary": "/nonexistent/ca"},
        "clusteradm_binary: '/nonexistent/ca' is not there",
    ),
}


@pytest.mark.parametrize("option", BAD)
def test_bad_input_is_one_clear_sentence_and_nothing_is_changed(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any], option: str
) -> None:
    changes, message = BAD[option]
    result = run("wec_join", **{**options, **changes})
    assert result["failed"]
    assert result["msg"].startswith(message)
    assert its.writes == []
    assert wec.writes == []


def test_a_cluster_that_is_no_hub_is_refused(run: FrontEnd, wec: FakeApi, options: dict[str, t.Any]) -> None:
    result = run("wec_join", **{**options, "its_kubeconfig": wec.kubeconfig()})
    assert result["problem"]["code"] == "its_not_a_hub"
    assert result["msg"].startswith("its_kubeconfig: the cluster at http://127.0.0.1")
    assert wec.writes == []


def test_an_its_that_publishes_no_address_is_refused(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    del its.objects["/api/v1/namespaces/kube-public/configmaps/cluster-info"]
    result = run("wec_join", **options)
    assert result["failed"]
    assert result["msg"].startswith("hub_apiserver: the ITS is reached at http://127.0.0.1")
    assert its.writes == []


@pytest.mark.parametrize(
    ("denied", "message"),
    [
        ("/configmaps/cluster-info", "set hub_apiserver to an address"),
        ("/clustermanagers/cluster-manager", "set bundle_version to the hub's OCM version"),
    ],
)
def test_what_may_not_be_read_is_not_said_to_be_missing(
    run: FrontEnd, its: FakeIts, options: dict[str, t.Any], denied: str, message: str
) -> None:
    def refuse(_method: str, path: str, _body: t.Any) -> None:
        if path.endswith(denied):
            raise Fault(403, "no right to get it", "Forbidden")

    its.before.append(refuse)
    result = run("wec_join", **options)
    assert result["failed"]
    assert "no right to get it. Grant this right, or " + message in result["msg"]
    assert "publishes none" not in result["msg"]
    assert "is not known" not in result["msg"]
    assert result["problem"]["code"] == "forbidden"
    assert its.writes == []


def test_two_problems_are_two_sentences(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    def refuse(_method: str, _path: str, _body: t.Any) -> None:
        raise Fault(401, "Unauthorized", "Unauthorized")

    its.before.append(refuse)
    wec = {"kubeconfig": None, "host": "https://127.0.0.1:1", "api_key": "the-key"}
    result = run("wec_join", **{**options, **wec}, preflight_only=True)
    assert result["failed"]
    assert "there is no usable credential in its_kubeconfig given as " in result["msg"]
    ends = "it is wrong, has expired or was revoked. [credentials_refused] The WEC at https://127.0.0.1:1"
    assert ends in result["msg"]


def test_unknown_options_are_named(run: FrontEnd, options: dict[str, t.Any]) -> None:
    result = run("wec_join", nmae="edge-1", **options)
    assert result["failed"]
    assert "Unsupported parameters for" in result["msg"]
    assert "nmae" in result["msg"]


@pytest.mark.usefixtures("agents_answer")
def test_no_secret_is_in_the_result(run: FrontEnd, its: FakeIts, options: dict[str, t.Any]) -> None:
    text = json.dumps(run("wec_join", **options)) + "\n".join(run.lines)
    assert "the-secret-token" not in text
    assert "eyJ" not in text


def test_the_request_of_an_addon_is_not_touched(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: dict[str, t.Any]
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"))
    its.announce("edge-1")
    its.join("edge-1", wec.uid)
    its.put(
        f"{CSRS}/addon-edge-1-x",
        {
            "metadata": {
                "labels": {
                    "open-cluster-management.io/cluster-name": "edge-1",
                    "open-cluster-management.io/addon-name": "addon-status",
                }
            },
            "spec": {},
        },
    )
    assert not run("wec_join", **options)["changed"]
    assert its.writes == []

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.module_utils import basic
from fake_api import FakeApi, jwt
from fake_ocm import FakeIts, install_agent
from front_ends import AsModule, FrontEnd

Options = dict[str, t.Any]
_AGENT = "/api/v1/namespaces/open-cluster-management-agent/secrets"


@pytest.fixture
def options(wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> Options:
    return {"name": "edge-1", "kubeconfig": wec.kubeconfig(), "clusteradm_binary": str(clusteradm[0])}


@pytest.fixture
def message(its: FakeIts) -> Options:
    return {
        "hub_apiserver": "https://its1.example:6443",
        "hub_ca": its.authority.pem.decode(),
        "hub_token": jwt("for-this-one"),
        "bundle_version": "1.2.1",
    }


def test_a_look_changes_nothing_and_tells_no_secret(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    token = jwt("introduced")
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"), token=token)
    result = run("wec_agent", with_rights=True, **options)
    assert not result["changed"]
    assert result["view"]["uid"] == wec.uid
    assert result["view"]["bootstrap"]["introduction"]["id"] == result["introduction"] == "introduced"
    assert "BEGIN CERTIFICATE" in result["view"]["credential"]["certificate"]
    assert result["rules"]["open-cluster-management"]["status"]["resourceRules"]
    assert result["distribution"]["name"] == "unknown"
    assert result["clusteradm"] is None, "nobody needs it"
    assert token not in json.dumps(result)
    assert wec.writes == []


def test_the_log_of_the_host_gets_no_secret(wec: FakeApi, options: Options, message: Options) -> None:
    """Ansible has a module write its options there before it runs."""
    token, values = jwt("of-the-wec"), "proxy:\n  password: 'of the chart'\n"
    kubeconfig = wec.kubeconfig()
    user = kubeconfig["users"][0]["user"]
    user["token"] = token
    given = {
        **options,
        **message,
        "kubeconfig": kubeconfig,
        "klusterlet_values": values,
        "image_pull_credential": "mirror's",
    }
    lines: list[str] = []
    with (
        mock.patch.object(basic, "has_journal", False),
        mock.patch.object(basic.AnsibleModule, "_log_to_syslog", lambda _module, line: lines.append(line)),
    ):
        AsModule()("wec_agent", check_mode=True, steps=["join"], **given)
    logged = "\n".join(lines)
    assert "Invoked with" in logged
    assert "edge-1" in logged
    for secret in (token, message["hub_token"], "of the chart", "mirror's"):
        assert secret not in logged


def test_what_clusteradm_is_there_is_told_where_it_may_be_needed(run: FrontEnd, options: Options) -> None:
    found = run("wec_agent", **options)["clusteradm"]
    assert found["version"] == "1.3.1"
    assert "--hub-token" in found["flags"]
    missing = run("wec_agent", **{**options, "clusteradm_binary": "/nonexistent"})
    assert not missing.get("failed")
    assert "'/nonexistent' is not there" in missing["clusteradm"]["error"]


def test_a_join_gives_the_agent_what_was_told(run: FrontEnd, wec: FakeApi, options: Options, message: Options) -> None:
    result = run("wec_agent", steps=["join"], **options, **message)
    assert not result.get("failed"), result
    assert result["changed"]
    assert f"{_AGENT}/bootstrap-hub-kubeconfig" in wec.objects
    assert message["hub_token"] not in json.dumps(result)
    assert run("wec_agent", **options)["introduction"] == "for-this-one"


def test_check_mode_writes_nothing(run: FrontEnd, wec: FakeApi, options: Options, message: Options) -> None:
    result = run("wec_agent", check_mode=True, steps=["join"], **options, **message)
    assert result["changed"]
    assert wec.writes == []


def test_an_agent_gets_another_introduction_and_starts_anew(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, message: Options
) -> None:
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"), token=jwt("an-old-one"))
    result = run("wec_agent", steps=["refresh", "forget", "restart"], **options, **message)
    assert not result.get("failed"), result
    assert f"{_AGENT}/hub-kubeconfig-secret" not in wec.objects
    assert run("wec_agent", **options)["introduction"] == "for-this-one"


def test_what_an_agent_must_be_told_is_asked_for_at_once(run: FrontEnd, wec: FakeApi, options: Options) -> None:
    result = run("wec_agent", steps=["join"], **options)
    assert result["failed"]
    for option in ("hub_apiserver", "hub_ca", "hub_token", "bundle_version"):
        assert f"{option}: is needed to introduce an agent to its hub. Set it." in result["msg"]
    assert wec.requests == []


def test_a_failed_clusteradm_is_told_without_the_token(
    run: FrontEnd, options: Options, message: Options, tmp_path: pathlib.Path
) -> None:
    from fake_ocm import fake_clusteradm

    fake_clusteradm(tmp_path, failure="no route to the hub with")
    result = run("wec_agent", steps=["join"], **options, **message)
    assert result["failed"]
    assert "no route to the hub with ***" in result["msg"]
    assert message["hub_token"] not in json.dumps(result)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.clusteradm import (
    Clusteradm,
    JoinRequest,
    UpgradeRequest,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import ClusteradmError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import JoinOptions
from fake_api import FakeApi
from fake_ocm import fake_clusteradm

SECRET = "the-very-secret-token-of-the-hub"


def request(**changes: t.Any) -> JoinRequest:
    given: dict[str, t.Any] = {
        "cluster_name": "edge-1",
        "hub_server": "https://its1.example:6443",
        "hub_ca": b"the ca",
        "hub_token": SECRET,
        "bundle_version": "1.2.1",
    }
    return JoinRequest(**{**given, **changes})


Json = dict[str, t.Any]


def test_join_says_everything_explicitly(tmp_path: pathlib.Path, wec: FakeApi) -> None:
    program, log = fake_clusteradm(tmp_path)
    Clusteradm(str(program)).join(wec.kubeconfig(), request(), timeout=20)
    (arguments,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert arguments[0] == "join"
    assert arguments[arguments.index("--context") + 1] == "fake"
    flags = {word for word in arguments if word.startswith("--")}
    assert {"--kubeconfig", "--ca-file", "--hub-apiserver", "--cluster-name", "--bundle-version-overrides"} <= flags
    assert "--singleton" in arguments
    assert not {"--dry-run", "--output-file", "--wait"} & set(arguments)


def test_a_failure_tells_why_without_the_token(tmp_path: pathlib.Path, wec: FakeApi) -> None:
    program, _log = fake_clusteradm(tmp_path, failure="Unauthorized with")
    with pytest.raises(ClusteradmError, match=r"exit code 1.*Unauthorized with \*\*\*") as raised:
        Clusteradm(str(program)).join(wec.kubeconfig(), request(), timeout=20)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_join_that_hangs_is_ended_and_its_command_line_not_told(tmp_path: pathlib.Path, wec: FakeApi) -> None:
    program = tmp_path / "clusteradm"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with pytest.raises(ClusteradmError, match="did not finish within") as raised:
        Clusteradm(str(program)).join(wec.kubeconfig(), request(), timeout=0.3)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "line", ["client\t\tversion\t:v1.0.2", "clusteradm\tversion\t:v1.3.1\ndefault bundle\tversion\t:1.3.1"]
)
def test_both_forms_of_its_version_are_read(tmp_path: pathlib.Path, line: str) -> None:
    program = tmp_path / "clusteradm"
    program.write_text(f"#!/bin/sh\ncat <<X\n{line}\nX\n")
    program.chmod(0o755)
    version = Clusteradm(str(program)).version()
    assert version is not None
    assert version[0] == 1


def test_a_version_that_is_too_old_is_refused_with_the_one_wanted(tmp_path: pathlib.Path) -> None:
    program, _log = fake_clusteradm(tmp_path, version="v0.10.1")
    with pytest.raises(ClusteradmError, match=r"is version 0\.10\.1, and 1\.0\.0 or newer.*set clusteradm_binary"):
        Clusteradm(str(program)).facts().require(())


def test_an_option_that_it_lacks_is_named(tmp_path: pathlib.Path) -> None:
    program, _log = fake_clusteradm(tmp_path, version="v1.0.2", flags="--ca-file string")
    with pytest.raises(ClusteradmError, match=r"version 1\.0\.2\) has no option --klusterlet-values-file"):
        Clusteradm(str(program)).facts().require(["--ca-file", "--klusterlet-values-file"])


def test_every_option_becomes_an_argument() -> None:
    files: list[bytes] = []

    def file_of(content: bytes) -> str:
        files.append(content)
        return f"file-{len(files)}"

    options = JoinOptions(
        klusterlet_mode="default",
        image_registry="mirror.example/ocm",
        image_pull_credential_file=b"credential",
        proxy_url="http://proxy:3128",
        proxy_ca_cert=b"proxy ca",
        feature_gates={"ClusterClaim": False, "RawFeedbackJsonString": True},
        klusterlet_annotations={"a": "b", "c": "d"},
        resource_qos_class="ResourceRequirement",
        resource_requests={"cpu": "100m", "memory": "128Mi"},
        resource_limits={"cpu": "1"},
        klusterlet_values_file=b"values",
    )
    arguments = request(internal_endpoint=True, options=options).arguments(file_of)
    text = " ".join(arguments)
    for message in (
        "--image-registry mirror.example/ocm",
        "--proxy-url http://proxy:3128",
        "--feature-gates ClusterClaim=false,RawFeedbackJsonString=true",
        "--klusterlet-annotation a=b --klusterlet-annotation c=d",
        "--resource-qos-class ResourceRequirement",
        "--resource-requests cpu=100m,memory=128Mi",
        "--resource-limits cpu=1",
        "--force-internal-endpoint-lookup",
    ):
        assert message in text
    assert "--singleton" not in text
    assert files == [b"the ca", b'{"ocm": "v1.2.1"}', b"credential", b"proxy ca", b"values"]


def test_a_missing_binary_is_told_with_the_option() -> None:
    with pytest.raises(ClusteradmError, match="clusteradm_binary: '/nonexistent/clusteradm' is not there"):
        Clusteradm("/nonexistent/clusteradm")


def test_an_upgrade_says_registry_and_version_and_no_more(tmp_path: pathlib.Path, wec: FakeApi) -> None:
    program, log = fake_clusteradm(tmp_path)
    request = UpgradeRequest((1, 0, 0), "mirror.example/ocm")
    seen: list[Json] = []
    arguments = request.arguments(lambda content: seen.append(json.loads(content)) or "FILE")
    assert arguments == ["--image-registry", "mirror.example/ocm", "--bundle-version-overrides", "FILE"]
    assert seen == [{"ocm": "v1.0.0"}]
    clusteradm = Clusteradm(str(program))
    facts = clusteradm.upgrade_facts()
    facts.require(request.flags())
    with pytest.raises(ClusteradmError, match="has no option --another"):
        facts.require(["--another"])
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert asked == [["upgrade", "klusterlet", "--help"], ["version"]]


def test_an_upgrade_that_fails_tells_its_command(tmp_path: pathlib.Path, wec: FakeApi) -> None:
    program, _log = fake_clusteradm(tmp_path, failure="klusterlets is forbidden")
    with pytest.raises(ClusteradmError, match=r"clusteradm upgrade klusterlet failed \(exit code 1\): .*is forbidden"):
        Clusteradm(str(program)).upgrade(wec.kubeconfig(), UpgradeRequest((1, 2, 1), "a"), 30)

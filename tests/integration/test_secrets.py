# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing secret of a run at the highest verbosity is to be found anywhere, and its token is dead afterwards."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import typing as t
import urllib.error

import yaml
from fleet import ITS, Fleet, wait_until
from watching import Going, Watch

Json = dict[str, t.Any]
_AGENT = "/api/v1/namespaces/open-cluster-management-agent/secrets/bootstrap-hub-kubeconfig"


class Argv:
    """What every process of this machine was started with, as far as it is seen ten times a second."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def look(self) -> None:
        for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                self.seen[words] = (file.parent / "comm").read_text().strip()


def _secrets_of(config: Json) -> list[str]:
    """Values of a kubeconfig that must not be shown, encoded and plain."""
    user = config["users"][0]["user"]
    encoded = [value for key, value in user.items() if key == "client-key-data"]
    plain = [base64.b64decode(value).decode() for value in encoded]
    lines = [line for text in plain for line in text.splitlines() if len(line) > 40]
    return encoded + lines + ([user["token"]] if "token" in user else [])


def _bootstrap_tokens(fleet: Fleet, wec: str) -> list[str]:
    """The token that the agent has been given, if it has one."""
    secret = fleet.wec(wec).get(_AGENT)
    if secret is None:
        return []
    agents = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))
    return [agents["users"][0]["user"]["token"]]


def _api_token(fleet: Fleet) -> str:
    """The onboarder's rights for somebody who has only a token."""
    path = "/api/v1/namespaces/default/serviceaccounts"
    with contextlib.suppress(urllib.error.HTTPError):
        fleet.its.request("POST", path, {"metadata": {"name": "automation"}})
    subject = {"kind": "ServiceAccount", "name": "automation", "namespace": "default"}
    for where, kind, role in (
        ("clusterrolebindings", "ClusterRole", "onboarder"),
        ("clusterrolebindings", "ClusterRole", "configurer"),
        ("namespaces/open-cluster-management/rolebindings", "Role", "onboarder"),
        ("namespaces/kube-system/rolebindings", "Role", "onboarder"),
        ("namespaces/kube-public/rolebindings", "Role", "onboarder"),
        ("namespaces/customization-properties/rolebindings", "Role", "configurer"),
    ):
        name = f"kubestellar-wec-{role}"
        body = {
            "metadata": {"name": f"automation-{role}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [subject],
        }
        with contextlib.suppress(urllib.error.HTTPError):
            fleet.its.request("POST", f"/apis/rbac.authorization.k8s.io/v1/{where}", body)
    return t.cast(str, fleet.its.request("POST", f"{path}/automation/token", {"spec": {}})["status"]["token"])


def _everything_written(folder: pathlib.Path) -> dict[str, str]:
    return {str(path): path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()}


def test_a_run_at_the_highest_verbosity_shows_no_secret_and_its_token_is_dead_afterwards(
    fleet: Fleet, wec: str, tmp_path: pathlib.Path
) -> None:
    api_token = _api_token(fleet)
    pull = tmp_path / "pull.json"
    pull_secret = base64.b64encode(b"robot:a-very-secret-word").decode()
    pull.write_text(json.dumps({"auths": {"registry.example": {"auth": pull_secret}}}))
    config = fleet.kubeconfig("fleet", wec)
    its = fleet.kubeconfig(ITS)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(fleet.its.ca)
    own = tmp_path / "own.yml"
    connection: Json = {
        "its_kubeconfig": None,
        "its_context": None,
        "its_host": its["clusters"][0]["cluster"]["server"],
        "its_api_key": api_token,
        "its_ca_cert": str(ca),
        "wec_kubeconfig": config,
        "register_image_pull_credential_file": str(pull),
        "register_image_registry": "quay.io/open-cluster-management",
    }
    own.write_text(yaml.safe_dump({"wecs": {"hosts": {wec: connection}}}))
    folder = tmp_path / "tmp"
    folder.mkdir()
    log = tmp_path / "ansible.log"
    captured: set[str] = set()
    argv = Argv()

    def look() -> None:
        argv.look()
        captured.update(_bootstrap_tokens(fleet, wec))

    watch = Watch(look, every=0.1)
    run = Going(
        fleet,
        [wec],
        "-i",
        str(own),
        "--diff",
        "-vvvv",
        TMPDIR=str(folder),
        ANSIBLE_LOCAL_TEMP=str(folder),
        ANSIBLE_LOG_PATH=str(log),
        ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
    ).wait()
    watch.stop()
    assert run.code == 0, run.output
    (token,) = captured
    secrets = [api_token, pull_secret, "a-very-secret-word", token, *_secrets_of(config)]
    assert len(secrets) > 6
    shown = {"output": run.output, "log": log.read_text(), **_everything_written(folder)}
    shown.update(_everything_written(fleet.state / "home"))
    assert "register_name" in run.output or "module_args" in run.output, "not as verbose as it should be"
    for place, text in shown.items():
        for secret in secrets:
            assert secret not in text, f"a secret in {place}: {text[max(0, text.find(secret) - 200) :][:200]}"
            assert json.dumps(secret)[1:-1] not in text, place
    for words, command in argv.seen.items():
        for secret in secrets:
            if secret == token and command == "clusteradm":
                continue
            assert secret not in words, f"in the arguments of {command}"

    assert_dead(fleet, token)
    assert fleet.bootstrap_secrets(wec) == []
    assert fleet.is_available(wec)


def assert_dead(fleet: Fleet, token: str) -> None:
    """An API server believes for ten seconds what it has found out about a token."""

    def is_refused() -> bool:
        try:
            fleet.its.request("GET", "/api", token=token)
        except urllib.error.HTTPError as error:
            return error.code == 401
        return False

    wait_until(is_refused, 15, "the token is refused")


def test_a_failed_join_leaves_a_dead_token_too(fleet: Fleet, wec: str) -> None:
    captured: set[str] = set()

    def look() -> None:
        captured.update(_bootstrap_tokens(fleet, wec))

    fleet.sandbox("partition", wec=wec)
    try:
        watch = Watch(look, every=0.1)
        run = fleet.register([wec], register_wait_timeout=8)
        watch.stop()
    finally:
        fleet.sandbox("heal", wec=wec)
    assert run.recap[wec].failed == 1
    (token,) = captured
    assert_dead(fleet, token)
    assert fleet.bootstrap_secrets(wec) == []
    assert fleet.register([wec]).code == 0

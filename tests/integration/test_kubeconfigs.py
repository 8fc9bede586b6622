# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs are read as kubectl reads them, and what kubectl refuses is refused by name: kubectl itself is asked."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import InvalidOption, WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from fleet import Fleet
from kubeconfig_shapes import Shape, Target, shapes
from proxies import PASSWORD, Proxy
from sandbox.binaries import SETS, Binaries

Json = dict[str, t.Any]
_WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_OF_PYTHON = re.compile(r"\b\w+(?:Error|Exception)\b|codec|Traceback")


@dataclasses.dataclass(frozen=True)
class Answer:
    """``who`` is None where nobody could be asked; ``view`` is what was read."""

    who: str | None
    message: str
    view: Json
    is_refused_option: bool = False


@pytest.fixture
def target(fleet: Fleet, wec: str, tmp_path: pathlib.Path) -> Target:
    admin = fleet.kubeconfig("fleet", wec)
    cluster, user = admin["clusters"][0]["cluster"], admin["users"][0]["user"]
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    api = fleet.wec(wec)
    account = api.request("POST", accounts, {"metadata": {"generateName": "shapes-"}})["metadata"]["name"]
    granted = {
        "metadata": {"generateName": "shapes-"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
    }
    api.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", granted)
    token = api.request("POST", f"{accounts}/{account}/token", {"spec": {}})["status"]["token"]
    ca, certificate, key = (
        base64.b64decode(part)
        for part in (
            cluster["certificate-authority-data"],
            user["client-certificate-data"],
            user["client-key-data"],
        )
    )
    return Target(cluster["server"], ca, certificate, key, token, tmp_path)


def asked_of_kubectl(kubectl: str, path: pathlib.Path, shape: Shape) -> Answer:
    environment = {**_quiet(), **shape.environment, "HOME": str(path.parent)}
    start = [kubectl, "--kubeconfig", str(path), *(["--context", shape.context] if shape.context else [])]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*start, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    view = run("config", "view", "--minify", "--raw", "-o", "json")
    version = run("version", "--request-timeout=5s")
    whoami = run("auth", "whoami", "-o", "json", "--request-timeout=5s")
    if version.returncode or whoami.returncode:
        return Answer(None, whoami.stderr + version.stderr, {})
    return Answer(json.loads(whoami.stdout)["status"]["userInfo"]["username"], "", json.loads(view.stdout))


def asked_of_us(path: pathlib.Path, shape: Shape) -> Answer:
    def read(name: str) -> tuple[str, bytes]:
        return name, pathlib.Path(name).read_bytes()

    try:
        found = connection.resolve(
            connection.WEC,
            {"kubeconfig": str(path), "context": shape.context},
            {**_quiet(), **shape.environment},
            read,
        )
        with Kube(found, connect_timeout=5, read_timeout=5, outage=0) as kube:
            kube.get("/version")
            answer = kube.create(_WHOAMI, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    except WecError as error:
        return Answer(None, f"{error.message} {error.problem or ''}", {}, isinstance(error, InvalidOption))
    return Answer(answer["status"]["userInfo"]["username"], "", found.kubeconfig)


def _quiet() -> dict[str, str]:
    """This machine's own proxies are none of the shapes'."""
    return {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def _facts(config: Json, folder: pathlib.Path) -> Json:
    """What makes a connection, wherever it stands: certificates and tokens by their content."""
    cluster, user = kubeconfigs.the_cluster(config), kubeconfigs.the_user(config)

    def content(part: Json, field: str) -> bytes | None:
        if part.get(f"{field}-data"):
            return base64.b64decode(part[f"{field}-data"])
        return (folder / part[field]).read_bytes() if part.get(field) else None

    token = (folder / user["tokenFile"]).read_text() if user.get("tokenFile") else user.get("token", "")
    return {
        "server": cluster["server"].replace("HTTPS://", "https://").rstrip("/"),
        "ca": content(cluster, "certificate-authority"),
        "insecure": bool(cluster.get("insecure-skip-tls-verify")),
        "name": cluster.get("tls-server-name", ""),
        "proxy": cluster.get("proxy-url", ""),
        "certificate": content(user, "client-certificate"),
        "key": content(user, "client-key"),
        "token": token.strip(),
        "as": [
            user.get("as", ""),
            user.get("as-groups") or [],
            user.get("as-uid", ""),
            user.get("as-user-extra") or {},
        ],
        "exec": (user.get("exec") or {}).get("command", ""),
    }


@pytest.fixture
def proxies() -> t.Iterator[dict[str, Proxy]]:
    with contextlib.ExitStack() as stack:
        yield {
            "an HTTP proxy": stack.enter_context(Proxy("http")),
            "an HTTP proxy with a password": stack.enter_context(Proxy("http", with_password=True)),
            "a SOCKS proxy": stack.enter_context(Proxy("socks5")),
            "a SOCKS proxy with a password": stack.enter_context(Proxy("socks5", with_password=True)),
        }


def test_what_kubectl_takes_works_and_what_it_refuses_is_refused_by_name(
    target: Target, proxies: dict[str, Proxy]
) -> None:
    urls = {name: proxy.url() for name, proxy in proxies.items()}
    urls |= {f"{name}, a wrong one": proxies[name].url(password="wrong") for name in urls if "password" in name}
    target = dataclasses.replace(target, proxies=urls)
    binaries = Binaries()
    binaries.build([SETS["kubectl"]])
    kubectl = str(binaries.path("kubectl", "kubectl"))
    given = shapes(target)
    assert len(given) > 100

    def compare(number: int) -> list[str]:
        shape, path = given[number], target.folder / f"{number}.kubeconfig"
        path.write_bytes(shape.content)
        theirs, ours = asked_of_kubectl(kubectl, path, shape), asked_of_us(path, shape)
        faults = (
            [f"shows a secret: {ours.message}"]
            if any(one in ours.message for one in (*target.secrets, PASSWORD))
            else []
        )
        if theirs.who is None:
            faults += [f"is used as {ours.who}; kubectl: {theirs.message}"] if ours.who and not shape.repaired else []
            faults += [f"is refused in words of Python: {ours.message}"] if _OF_PYTHON.search(ours.message) else []
            faults += ["is refused without the option"] if not ours.who and "kubeconfig" not in ours.message else []
        elif shape.refused:
            faults += [] if shape.refused in ours.message and ours.is_refused_option else [f"is not refused: {ours}"]
        elif ours.who != theirs.who:
            faults.append(f"is {theirs.who} to kubectl, and {ours.who} to us: {ours.message}")
        elif _facts(ours.view, target.folder) != _facts(theirs.view, target.folder):
            faults.append("is read otherwise than by kubectl")
        return [f"{shape.name}: {fault}" for fault in faults]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = [fault for faults in pool.map(compare, range(len(given))) for fault in faults]
    assert not found, "\n".join(found)
    for name, proxy in proxies.items():
        # kubectl asks twice, and we keep our connection.
        assert len(proxy.asked) >= 3, f"{name} was asked for {proxy.asked}"

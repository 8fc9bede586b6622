# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs of other people, as data, text and file, alone and merged, and those of nodes."""

from __future__ import annotations

import base64
import json
import typing as t

import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection, host_kubeconfig
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.kubeconfigs import KubeconfigError
from fuzzing import SECRET, Json, check_text, check_told, mutated
from hypothesis import given
from hypothesis import strategies as st

PEM = base64.b64encode(f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n".encode()).decode()
DOCUMENT: Json = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [
        {
            "name": "c",
            "cluster": {
                "server": "https://127.0.0.1:1",
                "certificate-authority-data": base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
                "tls-server-name": "x",
                "extensions": [{"name": "y", "extension": {"z": 1}}],
            },
        }
    ],
    "users": [
        {"name": "token", "user": {"token": SECRET, "as": "me", "as-groups": ["a", "b"]}},
        {"name": "basic", "user": {"username": "me", "password": SECRET}},
        {"name": "key", "user": {"client-certificate-data": PEM, "client-key-data": PEM}},
        {
            "name": "program",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "/nonexistent",
                    "args": ["a"],
                    "env": [{"name": "A", "value": SECRET}],
                    "provideClusterInfo": True,
                }
            },
        },
        {"name": "provider", "user": {"auth-provider": {"name": "oidc", "config": {"id-token": SECRET}}}},
    ],
    "contexts": [
        {"name": user, "context": {"cluster": "c", "user": user}}
        for user in ("token", "basic", "key", "program", "provider")
    ],
    "current-context": "token",
}
CONTEXTS = st.sampled_from([None, "token", "basic", "key", "program", "provider", "none"])


def read(options: Json, files: t.Mapping[str, bytes] | None = None) -> None:
    def read_file(path: str) -> tuple[str, bytes]:
        if path not in (files or {}):
            raise FileNotFoundError(2, "there is no such file", path)
        return path, (files or {})[path]

    try:
        found = connection.resolve(connection.WEC, options, {}, read_file)
    except WecError as error:
        check_told(error)
        return
    try:
        with Kube(found, connect_timeout=0.05, read_timeout=0.05, outage=0) as kube:
            kube._proxy = lambda _proxy: None  # type: ignore[method-assign]
            kube._connect()
    except WecError as error:
        check_told(error)


@given(mutated(DOCUMENT), CONTEXTS)
def test_as_data(document: t.Any, context: str | None) -> None:
    read(
        {"kubeconfig": document, "context": context} if isinstance(document, dict) else {"kubeconfig": {"a": document}}
    )


@given(mutated(DOCUMENT), CONTEXTS, st.sampled_from([yaml.safe_dump, lambda one: json.dumps(one, default=str)]))
def test_as_text_and_as_file(document: t.Any, context: str | None, write: t.Callable[[t.Any], str]) -> None:
    text = write(_writable(document))
    read({"kubeconfig": text + "\n#", "context": context})
    read({"kubeconfig": "/a", "context": context}, {"/a": text.encode("utf-8", "surrogatepass")})


@given(mutated(DOCUMENT), mutated(DOCUMENT), CONTEXTS)
def test_merged(one: t.Any, other: t.Any, context: str | None) -> None:
    files = {
        f"/{name}": yaml.safe_dump(_writable(document)).encode("utf-8", "surrogatepass")
        for name, document in (("a", one), ("b", other))
    }
    read({"kubeconfig": "/a:/b", "context": context}, files)


@given(st.binary(max_size=300) | st.text(alphabet="[]{}:&*!-? \n'\"ab\t#|>", max_size=200))
def test_any_text(noise: bytes | str) -> None:
    content = noise.encode() if isinstance(noise, str) else noise
    read({"kubeconfig": "/a", "context": "token"}, {"/a": content})
    read({"kubeconfig": content.decode("latin-1") + "\n\n#"})


@given(mutated(DOCUMENT))
def test_secrets_are_found_whatever_the_shape(document: t.Any) -> None:
    assert all(isinstance(one, str) for one in kubeconfigs.secrets(document))


class Node:
    """A host that has one file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.address = "192.0.2.1"

    def read(self, path: str) -> bytes:
        if path != "/etc/kubernetes/admin.conf":
            raise FileNotFoundError(2, "none", path)
        return self._content

    def run(self, _module: str, _options: Json) -> Json:
        raise AssertionError("nothing is run to read a kubeconfig")


@given(mutated(DOCUMENT), CONTEXTS)
def test_of_a_node(document: t.Any, context: str | None) -> None:
    node = Node(yaml.safe_dump(_writable(document)).encode("utf-8", "surrogatepass"))
    try:
        config, _path = host_kubeconfig.load(node, "kubeadm", context)
    except KubeconfigError as error:
        check_text(error)
    else:
        assert not {"exec", "auth-provider"} & set(kubeconfigs.the_user(config))
    options = {"kubeconfig_from_host": "kubeadm", "context": context}
    try:
        connection.resolve(connection.WEC, options, {}, lambda path: (path, b""), node)
    except WecError as error:
        check_told(error)


def _writable(document: t.Any) -> t.Any:
    """What YAML can hold."""
    if isinstance(document, dict):
        return {str(key): _writable(one) for key, one in document.items()}
    if isinstance(document, list):
        return [_writable(one) for one in document]
    return document

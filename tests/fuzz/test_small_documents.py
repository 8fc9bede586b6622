# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of others in one piece: tokens, published addresses, credentials of plugins, changes of a watch, secrets in options."""

from __future__ import annotations

import base64
import json
import types
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection, credential_plugin, shapes
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.its import Its
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.watch import Watch
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.wec import _read_kubeconfig
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import secrecy, yaml_text
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.yaml_text import NotYamlError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import tokens
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import times
from fuzzing import JSON_VALUES, SECRET, VALUES, Json, check_told, mutated
from hypothesis import given
from hypothesis import strategies as st

CLAIMS: Json = {"jti": "a", "exp": 1800000000, "kubernetes.io": {"secret": {"name": "wec-bootstrap-x", "uid": "u"}}}
AGENT: Json = {
    "clusters": [{"name": "hub", "cluster": {"server": "https://hub:6443", "certificate-authority-data": "eA=="}}],
    "users": [{"name": "u", "user": {"token": SECRET}}],
    "contexts": [{"name": "c", "context": {"cluster": "hub", "user": "u"}}],
    "current-context": "c",
}
CREDENTIAL: Json = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": SECRET, "expirationTimestamp": "2026-03-01T00:00:00Z", "clientKeyData": SECRET},
}
CHANGE: Json = {"type": "MODIFIED", "object": {"metadata": {"name": "a", "resourceVersion": "7"}, "code": 410}}


@given(mutated(CLAIMS, JSON_VALUES) | st.binary(max_size=60))
def test_tokens(claims: t.Any) -> None:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    for token in (f"a.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.b", payload.decode("latin-1")):
        found = tokens.read(token)
        assert found.id is None or isinstance(found.id, str)
        assert found.secret is None or (found.secret.name and found.secret.uid)
        times.show(found.expires)


@given(mutated(AGENT, JSON_VALUES) | st.binary(max_size=60))
def test_the_kubeconfig_of_an_agent(document: t.Any) -> None:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    cluster, ca, token = _read_kubeconfig(content)
    assert isinstance(cluster, dict)
    assert ca is None or isinstance(ca, bytes)
    assert isinstance(token, str)


@given(mutated(AGENT, JSON_VALUES), VALUES)
def test_the_address_that_an_its_publishes(document: t.Any, odd: t.Any) -> None:
    for text in (json.dumps(document), odd):
        kube = types.SimpleNamespace(find_or_refusal=lambda _path, text=text: {"data": {"kubeconfig": text}})
        found = Its(t.cast(Kube, kube)).published_server
        assert found is None or isinstance(found, str)


@given(st.text(max_size=200) | st.text(alphabet="[]{}:&*!-? \n'\"ab", max_size=300))
def test_documents_of_strangers(text: str) -> None:
    try:
        yaml_text.parse_untrusted(text)
    except NotYamlError as error:
        message = str(error)
        assert len(message) < 100


@given(mutated(CREDENTIAL, JSON_VALUES) | st.text(max_size=60))
def test_credentials_of_plugins(answer: t.Any) -> None:
    output = answer if isinstance(answer, str) else json.dumps(answer)
    try:
        found = credential_plugin._read("/bin/plugin", "client.authentication.k8s.io/v1", output)
    except credential_plugin.PluginError as error:
        message = str(error)
        assert SECRET not in message
    else:
        assert found.token or found.key
        assert all(isinstance(one, str) for one in found.secrets)


class _Kube:
    connection = types.SimpleNamespace(side="ITS")

    def no_api_server(self, asked: str) -> WecError:
        return WecError(asked)

    def errors_translated(self, _method: str, _path: str) -> t.Any:
        import contextlib

        return contextlib.nullcontext()


@given(mutated(CHANGE, JSON_VALUES) | st.binary(max_size=60), st.sampled_from(["MODIFIED", "ERROR", "BOOKMARK"]))
def test_changes_of_a_watch(change: t.Any, kind: str) -> None:
    if isinstance(change, dict) and change.get("type") == "MODIFIED":
        change["type"] = kind
    line = change if isinstance(change, bytes) else json.dumps(change).encode()
    answer = types.SimpleNamespace(stream=lambda **_options: iter([line[:3], line[3:] + b"\n"]), close=lambda: None)
    try:
        for one in Watch(t.cast(Kube, _Kube()), "/x", answer):
            assert isinstance(one.version, str)
    except WecError as error:
        check_told(error)


@given(JSON_VALUES)
def test_shapes_of_answers(answer: t.Any) -> None:
    for read in (shapes.item, shapes.page, shapes.named, shapes.uid):
        with pytest.raises(shapes.OddShape) if not isinstance(answer, dict) else _nothing(shapes.OddShape):
            read(answer)


@given(
    VALUES, st.sampled_from(["kubeconfig", "its_kubeconfig", "api_key", "its_api_key", "hub_token", "wecs", "proxy"])
)
def test_secrets_in_options(value: t.Any, option: str) -> None:
    assert all(isinstance(one, str) for one in secrecy.hidden(secrecy.in_options({option: value})))


@given(VALUES, VALUES, VALUES)
def test_options_of_a_connection(host: t.Any, key: t.Any, proxy: t.Any) -> None:
    options = {"host": host, "api_key": f"{SECRET}{key}", "proxy": proxy}
    try:
        connection.resolve(connection.WEC, options, {}, lambda path: (path, b""))
    except WecError as error:
        check_told(error)


def _nothing(kind: type[Exception]) -> t.Any:
    import contextlib

    return contextlib.suppress(kind)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that are long, deep or full of aliases, wherever one is read: no reader ends the process, or takes long, or all memory."""

from __future__ import annotations

import base64
import contextlib
import types
import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection, credential_plugin, failures
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.its import Its
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.watch import Watch
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.wec import _read_kubeconfig
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import event_texts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import screen, secrecy, yaml_text
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.yaml_text import NotYamlError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import tokens
from hypothesis import given
from hypothesis import strategies as st

OPENING = ["[", "{", "- ", "? ", '{"a":', "[[", "a:\n ", "&a [", "!!map {", "- - ", "! [", "'", '"', "|\n", "#"]
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@st.composite
def deep(draw: st.DrawFn) -> str:
    opening = draw(st.sampled_from(OPENING))
    times = draw(st.sampled_from([1, 63, 64, 65, 100, 900, 1100, 10_000, 100_000, 200_000]))
    # Long lines of brackets are deep; other documents of that size only take time, by their length.
    times = min(times, 200_000 // len(opening) ** 3)
    closing = {"[": "]", "{": "}", '{"a":': "}", "[[": "]]"}.get(opening, "") if draw(st.booleans()) else ""
    inner = draw(st.sampled_from(["", "1", '"a"', "token: x", ALIASES]))
    before = draw(st.sampled_from(["", "clusters: ", "users:\n- user: ", ALIASES, '{"apiVersion": "v1", "users": ']))
    return before + opening * times + inner + closing * times


class _NoApi:
    connection = types.SimpleNamespace(side="ITS")

    def no_api_server(self, asked: str) -> WecError:
        return WecError(asked)

    def errors_translated(self, _method: str, _path: str) -> t.Any:
        return contextlib.nullcontext()


@given(deep())
def test_every_reader(text: str) -> None:
    for parse in (yaml_text.parse, yaml_text.parse_untrusted):
        with contextlib.suppress(NotYamlError):
            parse(text)
    encoded = base64.urlsafe_b64encode(text.encode()).decode()
    tokens.read(f"a.{encoded}.b")
    _read_kubeconfig(text.encode())
    secrecy.hidden(secrecy.in_options({"kubeconfig": text, "its_kubeconfig": {"users": text}}))
    with contextlib.suppress(credential_plugin.PluginError):
        credential_plugin._read("/bin/plugin", "client.authentication.k8s.io/v1", text)
    asked = types.SimpleNamespace(find_or_refusal=lambda _path: {"data": {"kubeconfig": text}})
    assert Its(t.cast(Kube, asked)).published_server is None or "server" in text
    refused = types.SimpleNamespace(status=500, reason="x", body=text, headers={})
    assert len(str(failures.api_error("ITS", "its_kubeconfig", "GET", "/x", refused, lambda: ""))) < 64 * 1024
    answer = types.SimpleNamespace(stream=lambda **_options: iter([text.encode(), b"\n"]), close=lambda: None)
    with contextlib.suppress(WecError):
        list(Watch(t.cast(Kube, _NoApi()), "/x", answer))
    assert len(screen.cell(text)) <= 64
    event_texts.harmless({"msg": text})


@given(deep())
def test_as_a_kubeconfig_of_ones_own(text: str) -> None:
    for options in ({"kubeconfig": f"{text}\n#"}, {"kubeconfig": "/a"}):
        try:
            connection.resolve(connection.WEC, options, {}, lambda path: (path, text.encode()))
        except WecError as error:
            assert len(error.message) < 4096, error.message[:200]  # noqa: PT017


@given(st.integers(1, 5000), st.sampled_from(["list", "dict", "user"]))
def test_as_data(depth: int, kind: str) -> None:
    value: t.Any = "x"
    for _level in range(depth):
        value = [value] if kind == "list" else {"user": value}
    kubeconfigs.secrets(value)
    secrecy.in_options({"kubeconfig": value})
    with contextlib.suppress(WecError):
        connection.resolve(connection.WEC, {"kubeconfig": {"users": value}}, {}, lambda path: (path, b""))
    event_texts.harmless({"msg": value})

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers and bodies as bytes, on a real connection: what comes of them is an answer or our error, in time, and the token stays."""

from __future__ import annotations

import contextlib
import json
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from fuzzing import JSON_VALUES, SECRET, Json, check_told, mutated
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer

LIST: Json = {
    "kind": "List",
    "metadata": {"continue": "", "resourceVersion": "7"},
    "items": [{"metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}, "type": "ADDED", "object": {}}],
}
STATUS: Json = {"kind": "Status", "message": "no", "reason": "Forbidden", "code": 403, "details": {"name": "a"}}
CHANGE: Json = {"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "7"}}}
TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=30)
_KNOWN: dict[str, st.SearchStrategy[str]] = {
    "Date": st.sampled_from(["Fri, 31 Dec 9999 23:59:59 -1200", "-0000", "Mon, 01 Jan 0001 00:00:00 +1200"]),
    "Content-Length": st.sampled_from(["0", "-1", "5", "99999", "1e3", "9" * 400, "5, 5", "0x10"]),
    "Transfer-Encoding": st.sampled_from(["chunked", "gzip", "identity", "chunked, chunked", "x"]),
    "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "x", "gzip, gzip"]),
    "Content-Type": st.sampled_from(["application/json; charset=utf-16", "text/html; charset=x", "a"]),
    "Connection": st.sampled_from(["close", "keep-alive", "upgrade"]),
    "Retry-After": st.sampled_from(["0", "999999999", "-1", "soon"]),
    "WWW-Authenticate": st.just("Negotiate"),
    "Set-Cookie": st.just("a=b; Domain=.local"),
    "Warning": st.just('299 - "\x1b[2J"'),
}
STATUSES = st.sampled_from(["200 OK", "201 x", "204 x", "206 x", "304 x", "400 x", "401 x", "403 x", "404 x", "410 x"])
ODD = st.sampled_from(
    ["301 x", "302 x", "303 x", "307 x", "308 x", "101 x", "100 x", "999 x", "abc", "200", "-1 x", ""]
)


@st.composite
def headers(draw: st.DrawFn) -> list[str]:
    known = draw(st.lists(st.sampled_from(sorted(_KNOWN)), max_size=3))
    found = [f"{name}: {draw(_KNOWN[name] | TEXTS)}" for name in known]
    return found + draw(st.lists(TEXTS, max_size=1)) + ["X: y"] * draw(st.sampled_from([0, 0, 0, 99, 5000]))


@st.composite
def body(draw: st.DrawFn) -> bytes:
    document = draw(st.sampled_from([LIST, STATUS, CHANGE]))
    text = json.dumps(draw(mutated(document, JSON_VALUES))).encode()
    how = draw(st.sampled_from(["whole", "cut", "noise", "chunked", "twice"]))
    if how == "cut":
        return text[: draw(st.integers(0, len(text)))]
    if how == "noise":
        return draw(st.binary(max_size=100))
    if how == "chunked":
        return b"%x\r\n%s\r\n0\r\n\r\n" % (draw(st.sampled_from([len(text), 0, 2**70, 1])), text)
    return text + b"\n" + text if how == "twice" else text


@pytest.fixture(scope="module")
def elsewhere() -> t.Iterator[RawServer]:
    with RawServer(lambda _line: [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]) as server:
        yield server


@given(st.data(), STATUSES | ODD, headers(), body(), st.sampled_from(["/", "/a", "//evil", "file:///etc/passwd", None]))
def test_whatever_comes(
    elsewhere: RawServer, data: st.DataObject, status: str, message: list[str], content: bytes, location: str | None
) -> None:
    lines = [f"HTTP/1.1 {status}", *message]
    lines.append(f"Location: {elsewhere.url if location is None else location}")
    if data.draw(st.booleans()):
        lines.append(f"Content-Length: {len(content)}")
    answer = ("\r\n".join([*lines, "", ""])).encode("latin-1") + content
    with RawServer(lambda _line: [answer]) as server:
        config = {"kubeconfig": server.kubeconfig(token=SECRET)}
        found = connection.resolve(connection.WEC, config, {}, lambda path: (path, b""))
        with Kube(found, connect_timeout=2, read_timeout=0.5, outage=0) as kube:
            kube._pause = lambda _failures: None  # type: ignore[method-assign]
            asks: list[t.Callable[[], t.Any]] = [
                lambda: kube.get("/version"),
                lambda: kube.items("/api/v1/namespaces"),
                lambda: kube.create("/api/v1/namespaces", {"metadata": {}}),
                lambda: list(kube.watch("/api/v1/namespaces", "1", 1)),
            ]
            began = time.monotonic()
            try:
                data.draw(st.sampled_from(asks))()
            except WecError as error:
                check_told(error)
            assert kube.now().year < 2300
            assert time.monotonic() - began < 15
    with contextlib.suppress(IndexError):
        assert SECRET.encode() not in b"".join(elsewhere.requests)

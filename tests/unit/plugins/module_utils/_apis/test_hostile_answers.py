# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever answers in an API server's place: it ends in time, is not kept whole in memory, and is told as what it is."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import ApiError, Unreachable, WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_server import RawServer, bomb, http

NAMESPACES = "/api/v1/namespaces"
MIB = 1024 * 1024


def kube_of(server: RawServer, read_timeout: float = 0.5, **more: t.Any) -> Kube:
    found = connection.resolve(connection.WEC, {"kubeconfig": server.kubeconfig()}, {}, lambda path: (path, b""))
    return Kube(found, connect_timeout=2, read_timeout=read_timeout, **more)


def pause_for(seconds: float) -> None:
    # Tests make time.sleep short.
    threading.Event().wait(seconds)


def dripping(whole: bytes, pause: float = 0.2) -> t.Iterator[bytes]:
    for index in range(len(whole)):
        pause_for(pause)
        yield whole[index : index + 1]


SLOW = {
    "a byte of the body at a time": lambda: itertools.chain([http(b" " * 1000)[:-1000]], dripping(b" " * 1000)),
    "a byte of the headers at a time": lambda: dripping(http({}) * 100),
    "a chunk at a time": lambda: itertools.chain(
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], *[dripping(b"1\r\n \r\n") for _chunk in range(100)]
    ),
    "a body without end": lambda: itertools.chain([http(b"", sized=False)], dripping(b" " * 1000)),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_an_answer_that_drips_ends_in_time(answer: t.Callable[[], t.Iterable[bytes]]) -> None:
    with RawServer(lambda _line: answer()) as server, kube_of(server) as kube:
        began = time.monotonic()
        with pytest.raises(Unreachable) as raised:
            kube.get("/version")
    assert raised.value.kind == "slow"
    assert time.monotonic() - began < 3 * limits.REQUEST_READS * 0.5
    assert "read_timeout" in raised.value.message


def test_a_slow_answer_is_not_asked_for_again() -> None:
    with RawServer(lambda _line: SLOW["a body without end"]()) as server, kube_of(server, has_answered=True) as kube:
        with pytest.raises(Unreachable):
            kube.get("/version")
        assert len(server.requests) == 1


def _pages(token: t.Callable[[int], str], items: t.Callable[[int], list[t.Any]]) -> t.Callable[[str], list[bytes]]:
    count = itertools.count()

    def answer(_line: str) -> list[bytes]:
        number = next(count)
        return [http({"metadata": {"continue": token(number)}, "items": items(number)})]

    return answer


ENDLESS = {
    "the same continue again": _pages(lambda _n: "same", lambda n: [{"metadata": {"name": f"a{n}"}}]),
    "empty pages with ever new continues": _pages(str, lambda _n: []),
    "full pages with ever new continues": _pages(str, lambda n: [{"metadata": {"name": f"a{n}"}}]),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_a_list_without_end_ends(answer: t.Callable[[str], list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGES", 30)
    with RawServer(answer) as server, kube_of(server) as kube:
        with pytest.raises(Unreachable):
            kube.items(NAMESPACES)
        assert len(server.requests) <= 31


def test_a_list_is_not_endless_in_bytes_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LISTING, "WEC", 50_000)
    answer = _pages(str, lambda n: [{"metadata": {"name": f"a{n}"}, "data": "x" * 10_000}])
    with RawServer(answer) as server, kube_of(server) as kube:
        with pytest.raises(Unreachable):
            kube.items(NAMESPACES)
        assert len(server.requests) < 8


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9"])
def test_this_machine_is_reached_without_a_proxy(address: str) -> None:
    config = {"host": f"http://{address}:7", "api_key": "k"}
    with Kube(
        connection.resolve(connection.WEC, config, {"HTTP_PROXY": "http://p:1"}, lambda path: (path, b""))
    ) as kube:
        assert kube.connection.proxy is None


def test_a_list_that_takes_too_long_in_all_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(line: str) -> t.Iterator[bytes]:
        pause_for(0.15)
        yield from ENDLESS["full pages with ever new continues"](line)

    monkeypatch.setattr(limits, "LISTING_READS", 2)
    with RawServer(answer) as server, kube_of(server) as kube, pytest.raises(Unreachable) as raised:
        kube.items(NAMESPACES)
    assert raised.value.kind == "slow"


def test_everything_that_is_asked_of_one_has_an_end() -> None:
    def answer(_line: str) -> t.Iterator[bytes]:
        pause_for(0.2)
        yield http({"gitVersion": "v1.34.4"})

    with RawServer(answer) as server, kube_of(server) as kube, kube.within(0.5):
        with pytest.raises(Unreachable) as raised:
            any(kube.get("/version") == {} for _time in range(20))
        assert raised.value.kind == "slow"
        assert len(server.requests) < 6


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_body_that_nobody_has_asked_to_be_packed_is_not_unpacked(encoding: str) -> None:
    packed = http(bomb(64 * MIB), f"Content-Encoding: {encoding}")
    with RawServer(lambda _line: [packed]) as server, kube_of(server) as kube, pytest.raises(Unreachable) as raised:
        kube.get("/version")
    assert raised.value.kind == "large"


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_a_large_body_is_given_up(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY", MIB)
    sent = [0]

    def answer(_line: str) -> t.Iterator[bytes]:
        yield http(b"", status=status, sized=False)
        for _piece in range(512):
            yield b" " * MIB
            sent[0] += 1

    with RawServer(answer) as server, kube_of(server) as kube, pytest.raises(Unreachable) as raised:
        kube.get("/version")
    assert raised.value.kind == "large"
    assert sent[0] < 64


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY", 20_000)

    def answer(line: str) -> list[bytes]:
        limit = int(line.partition("limit=")[2].partition(" ")[0].partition("&")[0])
        start = int(line.partition("continue=")[2].partition(" ")[0].partition("&")[0] or 0)
        items = [{"metadata": {"name": f"a{n}"}, "data": "x" * 300} for n in range(start, min(100, start + limit))]
        more = str(start + limit) if start + limit < 100 else ""
        return [http({"metadata": {"continue": more, "resourceVersion": "7"}, "items": items})]

    with RawServer(answer) as server, kube_of(server, read_timeout=5) as kube:
        items, version = kube.listing(NAMESPACES)
    assert len(items) == 100
    assert version == "7"


def test_a_change_in_a_watch_is_not_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WATCH_LINE", MIB)

    def answer(_line: str) -> t.Iterator[bytes]:
        yield http(b"", sized=False)
        for _piece in range(64):
            yield b" " * MIB

    with RawServer(answer) as server, kube_of(server) as kube, pytest.raises(Unreachable) as raised:
        list(kube.watch(NAMESPACES, "1", 5))
    assert raised.value.kind == "large"


@pytest.mark.parametrize(
    "date",
    [
        "nonsense",
        "",
        "Thu, 01 Jan 1970 00:00:00 -0000",
        "Fri, 27 Nov 2026 17:00:00 -0000",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Fri, 99 Nov 2026 99:99:99 GMT",
        "Mon, 01 Jan 0001 00:00:00 +1200",
        "9" * 4000,
    ],
)
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    with RawServer(lambda _line: [http({"a": 1}, f"Date: {date}")]) as server, kube_of(server) as kube:
        assert kube.get("/version") == {"a": 1}
        assert kube.now().year < 2300


ODD: dict[str, bytes] = {
    "deep JSON": b"[" * 100_000,
    "deep JSON that ends": b"[" * 100_000 + b"]" * 100_000,
    "a list for an object": b"[]",
    "a text": b'"abc"',
    "a number": b"1e999",
    "null": b"null",
    "metadata that is a list": b'{"metadata": []}',
    "no JSON": b"<html>",
    "no UTF-8": b'"\xff\xfe"',
    "items that are a text": b'{"items": "abc"}',
    "items without names": b'{"items": [{}]}',
    "items with odd names": b'{"items": [{"metadata": {"name": 3}}]}',
    "items that are null": b'{"items": [null]}',
    "an odd continue": b'{"metadata": {"continue": {"a": 1}}, "items": []}',
}


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "500 Oops"])
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_an_odd_answer_is_told_as_ours(body: bytes, status: str) -> None:
    with RawServer(lambda _line: [http(body, status=status)]) as server, kube_of(server) as kube:
        kube._pause = lambda _failures: None  # type: ignore[method-assign]
        with pytest.raises((Unreachable, ApiError)):
            kube.items(NAMESPACES)
        for ask in (kube.get, kube.find, kube.first):
            with contextlib.suppress(Unreachable, ApiError):
                ask("/version")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "items", "name", "continue", "uid", "resourceVersion", "spec", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(
    body=_JSON,
    status=st.sampled_from(["200 OK", "404 Not Found", "401 Unauthorized", "302 Found", "100 Continue", "999 x"]),
)
def test_whatever_is_answered_only_our_own_errors_come_of_it(body: t.Any, status: str) -> None:
    answer = [http(json.dumps(body), status=status)]
    with RawServer(lambda _line: answer) as server, kube_of(server) as kube:
        kube._pause = lambda _failures: None  # type: ignore[method-assign]
        for ask in (kube.get, kube.find, kube.items, kube.first):
            try:
                found = ask("/api/v1/namespaces/x")
            except WecError:
                continue
            assert found is None or isinstance(found, (dict, list))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_whatever_bytes_come_only_our_own_errors_come_of_it(noise: bytes, after_a_status: bool) -> None:
    answer = [b"HTTP/1.1 200 OK\r\n" + noise if after_a_status else noise]
    with RawServer(lambda _line: answer) as server, kube_of(server) as kube:
        kube._pause = lambda _failures: None  # type: ignore[method-assign]
        sentence = ""
        try:
            kube.get("/version")
        except WecError as error:
            sentence = str(error)
        assert "token-for-the-raw-server" not in sentence


@pytest.mark.parametrize(
    "status", ["304 Not Modified", "302 Found", "101 Switching Protocols", "204 No Content", "199 x"]
)
def test_a_status_that_nobody_has_asked_for_is_told_as_ours(status: str) -> None:
    answer = [f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode()]
    with RawServer(lambda _line: answer) as server, kube_of(server) as kube:
        for ask in (kube.get, kube.items, lambda path: list(kube.watch(path, "1", 1))):
            with contextlib.suppress(Unreachable, ApiError):
                ask(NAMESPACES)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x", "a%2fb", "%2e%2e"])
def test_no_name_leads_to_another_path(name: str) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._apis import paths

    for path in (paths.namespace, paths.managed_cluster, paths.csr_approval, paths.manifest_works, paths.pods):
        with pytest.raises(WecError):
            path(name)
    with pytest.raises(WecError):
        paths.secret("open-cluster-management", name)


@pytest.mark.parametrize("name", ["a?watch=true&x=", "a#b", "a b", "system:node", "ü"])
def test_a_name_stays_one_part_of_its_path(name: str) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._apis import paths

    part = paths.secret("ns", name).rpartition("/")[2]
    assert not set("?#& ") & set(part)

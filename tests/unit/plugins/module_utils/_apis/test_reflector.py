# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import queue
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection, reflector
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import kube as kube_module
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.reflector import (
    Changed,
    Connected,
    Failed,
    Listed,
    Reflector,
)
from fake_api import FakeApi, Fault

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
def api() -> t.Iterator[FakeApi]:
    server = FakeApi()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "_SLOWEST_RETRY", 0.3)


class Following:
    """A reflector, and what it has told."""

    def __init__(self, api: FakeApi, watch_seconds: int = 60, selector: str | None = None) -> None:
        self._news: queue.Queue[t.Any] = queue.Queue()
        found = connection.resolve(connection.ITS, {"its_kubeconfig": api.kubeconfig()}, {}, lambda path: (path, b""))
        self.connections = 0

        def connect() -> Kube:
            self.connections += 1
            return Kube(found, outage=0)

        self.reflector = Reflector(connect, NAMESPACES, self._news.put, selector, watch_seconds)

    def next(self, kind: type[t.Any]) -> t.Any:
        """The next news of this kind; nothing but connections and failures may come before it."""
        for _attempt in range(100):
            news = self._news.get(timeout=20)
            if isinstance(news, kind):
                return news
            assert isinstance(news, (Connected, Failed)), news
        raise AssertionError(f"no {kind.__name__}")

    def changed(self) -> tuple[str, bool]:
        news = self.next(Changed)
        return news.name, news.item is not None

    @property
    def is_silent(self) -> bool:
        return self._news.empty()


@contextlib.contextmanager
def following(api: FakeApi, watch_seconds: int = 60, selector: str | None = None) -> t.Iterator[Following]:
    one = Following(api, watch_seconds, selector)
    one.reflector.start()
    try:
        yield one
    finally:
        one.reflector.stop()
        one.reflector.join(timeout=10)
        assert not one.reflector.is_alive()


def names(news: Listed) -> set[str]:
    return set(news.items) - {"kube-system"}


def test_what_happens_is_told_in_its_order(api: FakeApi) -> None:
    api.put(f"{NAMESPACES}/a", {})
    with following(api) as one:
        assert names(one.next(Listed)) == {"a"}
        one.next(Connected)
        api.put(f"{NAMESPACES}/b", {})
        api.change(f"{NAMESPACES}/a", {"metadata": {"labels": {"x": "1"}}})
        api.remove(f"{NAMESPACES}/b")
        assert [one.changed(), one.changed(), one.changed(), one.changed()] == [
            ("b", True),
            ("a", True),
            ("b", True),
            ("b", False),
        ]


def test_only_what_is_selected_is_told(api: FakeApi) -> None:
    with following(api, selector="x") as one:
        one.next(Listed)
        one.next(Connected)
        api.put(f"{NAMESPACES}/other", {})
        api.put(f"{NAMESPACES}/own", {"metadata": {"labels": {"x": "1"}}})
        assert one.changed() == ("own", True)


def test_a_watch_that_the_server_ends_is_continued_where_it_was(api: FakeApi) -> None:
    with following(api, watch_seconds=1) as one:
        one.next(Listed)
        for _turn in range(2):
            one.next(Connected)
        api.put(f"{NAMESPACES}/a", {})
        assert one.changed() == ("a", True)
        assert api.requests.count(("GET", NAMESPACES)) == 1
        assert one.connections == 1


def test_an_api_server_that_restarts_is_followed_on_with_nothing_lost_or_doubled(api: FakeApi) -> None:
    with following(api) as one:
        one.next(Listed)
        one.next(Connected)
        api.put(f"{NAMESPACES}/before", {})
        assert one.changed() == ("before", True)
        api.close()
        api.put(f"{NAMESPACES}/meanwhile", {})
        one.next(Failed)
        api.start()
        assert one.changed() == ("meanwhile", True)
        api.put(f"{NAMESPACES}/after", {})
        assert one.changed() == ("after", True)
        assert one.connections > 1


def test_what_is_too_long_ago_is_listed_anew(api: FakeApi) -> None:
    with following(api) as one:
        one.next(Listed)
        one.next(Connected)
        api.put(f"{NAMESPACES}/a", {})
        assert one.changed() == ("a", True)
        api.forget()
        api.put(f"{NAMESPACES}/b", {})
        assert names(one.next(Listed)) == {"a", "b"}


def test_a_server_that_has_always_forgotten_is_not_asked_without_end(api: FakeApi) -> None:
    def refuse(method: str, *_more: t.Any) -> None:
        if method == "WATCH":
            raise Fault(410, "too old resource version", "Expired")

    api.before.append(refuse)
    with following(api):
        time.sleep(1.5)
    assert api.requests.count(("WATCH", NAMESPACES)) <= 20


def test_a_connection_that_has_died_in_silence_is_noticed(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_module, "_WATCH_ENDS_LATE", 0.2)
    with following(api, watch_seconds=1) as one:
        one.next(Listed)
        one.next(Connected)
        api.is_mute = True
        api.put(f"{NAMESPACES}/a", {})
        failed = one.next(Failed)
        assert "does not answer" in failed.error.message
        api.is_mute = False
        assert one.changed() == ("a", True)


def test_a_restored_server_that_never_was_so_far_is_listed_anew(api: FakeApi) -> None:
    def ahead(method: str, *_more: t.Any) -> None:
        if method == "WATCH" and api.requests.count(("GET", NAMESPACES)) == 1:
            raise Fault(504, "Too large resource version", "Timeout")

    with following(api, watch_seconds=1) as one:
        one.next(Listed)
        one.next(Connected)
        api.before.append(ahead)
        one.next(Failed)
        assert one.next(Listed)
        api.put(f"{NAMESPACES}/a", {})
        assert one.changed() == ("a", True)


def test_it_is_stopped_in_the_middle_of_a_watch_at_once(api: FakeApi) -> None:
    with following(api) as one:
        one.next(Listed)
        one.next(Connected)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert one.is_silent

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import logging
import os
import pathlib
import socket
import tempfile
import threading
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube, _Heard
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import ApiError, Unreachable
from fake_api import FakeApi, Fault
from fake_ocm import FakeAuthority

NAMESPACES = "/api/v1/namespaces"


def kube_of(config: dict[str, t.Any], **settings: t.Any) -> Kube:
    found = connection.resolve(connection.ITS, {"its_kubeconfig": config}, {}, lambda path: (path, b""))
    return Kube(found, **settings)


@pytest.fixture
def api() -> t.Iterator[FakeApi]:
    server = FakeApi()
    yield server
    server.close()


@pytest.fixture
def kube(api: FakeApi) -> t.Iterator[Kube]:
    with kube_of(api.kubeconfig()) as client:
        yield client


def fail_times(api: FakeApi, times: int, fault: Fault) -> None:
    left = [times]

    def hook(*_request: t.Any) -> None:
        if left[0]:
            left[0] -= 1
            raise fault

    api.before.append(hook)


def test_objects_are_read_and_written(api: FakeApi, kube: Kube) -> None:
    kube.create(NAMESPACES, {"metadata": {"name": "a", "labels": {"x": "1"}}})
    kube.merge(f"{NAMESPACES}/a", {"metadata": {"labels": {"x": None, "y": "2"}}})
    assert kube.get(f"{NAMESPACES}/a")["metadata"]["labels"] == {"y": "2"}
    assert kube.delete(f"{NAMESPACES}/a")
    assert not kube.delete(f"{NAMESPACES}/a")
    assert kube.find(f"{NAMESPACES}/a") is None


def test_long_lists_come_page_by_page(api: FakeApi, kube: Kube) -> None:
    for number in range(1200):
        api.put(f"{NAMESPACES}/n{number}", {})
    assert len(kube.items(NAMESPACES)) == 1201
    assert api.requests.count(("GET", NAMESPACES)) == 3


def test_lists_are_narrowed_by_selectors(api: FakeApi, kube: Kube) -> None:
    api.put(f"{NAMESPACES}/a", {"metadata": {"labels": {"x": "1"}}})
    assert [one["metadata"]["name"] for one in kube.items(NAMESPACES, label_selector="x=1")] == ["a"]
    assert [one["metadata"]["name"] for one in kube.items(NAMESPACES, field_selector="metadata.name=a")] == ["a"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_errors_are_retried(api: FakeApi, kube: Kube, status: int) -> None:
    fail_times(api, 2, Fault(status, "a moment please"))
    assert kube.get(f"{NAMESPACES}/kube-system")
    assert len(api.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_other_errors_are_not_retried(api: FakeApi, kube: Kube, status: int) -> None:
    fail_times(api, 1, Fault(status, "this is final"))
    with pytest.raises(ApiError) as raised:
        kube.get(f"{NAMESPACES}/kube-system")
    assert raised.value.status == status
    assert [path for _method, path in api.requests if path != "/readyz"] == [f"{NAMESPACES}/kube-system"]


def test_a_refusal_of_an_api_server_that_has_just_started_is_not_taken_for_an_answer(api: FakeApi, kube: Kube) -> None:
    """It does not know anybody's rights yet: not even whether it is ready may be asked."""
    fail_times(api, 4, Fault(403, "cannot get resource", "Forbidden"))
    assert kube.get(f"{NAMESPACES}/kube-system")
    own = f"{NAMESPACES}/kube-system"
    assert [path for _method, path in api.requests] == [own, "/readyz", own, "/readyz", own]


def test_a_refusal_is_asked_for_again_of_an_api_server_that_has_become_ready_meanwhile(
    api: FakeApi, kube: Kube
) -> None:
    fail_times(api, 1, Fault(403, "cannot get resource", "Forbidden"))
    assert kube.get(f"{NAMESPACES}/kube-system")


def test_a_refusal_of_an_api_server_that_is_ready_is_final(api: FakeApi, kube: Kube) -> None:
    own = f"{NAMESPACES}/kube-system"

    def refuse(_method: str, path: str, *_more: t.Any) -> None:
        if path == own:
            raise Fault(403, "cannot get resource", "Forbidden")

    api.before.append(refuse)
    with pytest.raises(ApiError) as raised:
        kube.get(own)
    assert raised.value.status == 403
    assert [path for _method, path in api.requests] == [own, "/readyz", own]


def test_where_nobody_may_ask_for_readiness_a_refusal_is_one_after_a_while(api: FakeApi, kube: Kube) -> None:
    fail_times(api, 99, Fault(403, "cannot get resource", "Forbidden"))
    for _attempt in range(2):
        with pytest.raises(ApiError):
            kube.items(NAMESPACES)
    assert len(api.requests) < 16
    before = len(api.requests)
    with pytest.raises(ApiError):
        kube.items(NAMESPACES)
    assert len(api.requests) == before + 1, "it is known by now"


def test_an_answer_that_is_no_json_is_no_api_servers(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kube, "_send", lambda *_request: b"<html>welcome</html>")
    with pytest.raises(Unreachable, match="does not answer as an API server does") as raised:
        kube.get(f"{NAMESPACES}/kube-system")
    assert "Check the address in" in raised.value.message


def test_retrying_ends(api: FakeApi, kube: Kube) -> None:
    fail_times(api, 1000, Fault(503, "never"))
    with pytest.raises(ApiError, match="503"):
        kube.get(f"{NAMESPACES}/kube-system")
    assert len(api.requests) < 10


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_address_that_never_answered_fails_at_once(api: FakeApi) -> None:
    config = api.kubeconfig()
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{closed_port()}"
    with kube_of(config) as kube, pytest.raises(Unreachable, match="refused.*Check the address in its_kubeconfig"):
        kube.get("/version")


def test_a_listener_that_never_answers_costs_the_connect_timeout(api: FakeApi) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        config = api.kubeconfig()
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{mute.getsockname()[1]}"
        began = time.monotonic()
        with kube_of(config, connect_timeout=0.5) as kube, pytest.raises(Unreachable, match="does not answer.*0.5 s"):
            kube.get("/version")
        assert time.monotonic() - began < 2


def test_an_address_that_answered_before_is_given_time_to_come_back(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            api.start()

    with kube_of(api.kubeconfig()) as kube:
        kube.get("/version")
        api.close()
        monkeypatch.setattr(time, "sleep", sleep)
        assert kube.get("/version")
    assert len(slept) == 3


@pytest.mark.parametrize("status", [403, 503])
def test_errors_of_an_api_server_that_comes_back_after_a_long_outage_are_not_its_answer(
    api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    assert kube.get(f"{NAMESPACES}/kube-system")
    api.close()
    pauses: list[int] = []

    def pause(_kube: Kube, failures: int) -> None:
        pauses.append(failures)
        if len(pauses) == 12:
            fail_times(api, 4, Fault(status, "not yet"))
            api.start()

    monkeypatch.setattr(Kube, "_pause", pause)
    assert kube.get(f"{NAMESPACES}/kube-system")
    assert pauses[:12] == list(range(1, 13))


def test_an_address_that_answered_somebody_else_is_given_time_too(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = api.kubeconfig()
    api.close()
    monkeypatch.setattr(time, "sleep", lambda _seconds: api.start())
    with kube_of(config, has_answered=True) as kube:
        assert kube.get("/version")


def test_an_outage_that_does_not_end_is_told(api: FakeApi) -> None:
    with kube_of(api.kubeconfig(), outage=0.05) as kube:
        kube.get("/version")
        api.close()
        with pytest.raises(Unreachable):
            kube.get("/version")
    api.start()


KINDS = {"client-certificate-data": b"CERTIFICATE-----", "client-key-data": b"EC PRIVATE KEY-----"}


def test_inline_keys_leave_no_file_behind(
    api: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    config = api.kubeconfig(ca=b"-----BEGIN CERTIFICATE-----")
    config["users"][0]["user"].update(
        {
            "client-certificate-data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
            "client-key-data": "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCg==",
        }
    )
    with kube_of(config) as kube:
        kube.get("/version")
        assert list(tmp_path.iterdir()) == []
        assert len(kube._files) == 3
    links = [os.readlink(path) for path in pathlib.Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [link for link in links if "memfd:private" in link]


def test_a_credential_plugin_that_fails_is_named(api: FakeApi) -> None:
    config = api.kubeconfig()
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "/nonexistent/plugin",
            "interactiveMode": "Never",
            "installHint": "Install it with the cloud's own tools.",
        }
    }
    with (
        kube_of(config) as kube,
        pytest.raises(Unreachable, match="credential.*nonexistent.*Install it with the cloud's own tools"),
    ):
        kube.get("/version")


def test_whom_to_act_as_is_sent_with_every_group(api: FakeApi) -> None:
    seen: list[t.Any] = []
    handler = api._handler
    original = handler._serve

    def spy(self: t.Any) -> None:
        seen.append((self.headers.get("Impersonate-User"), self.headers.get_all("Impersonate-Group")))
        original(self)

    handler.do_GET = spy
    found = connection.resolve(
        connection.ITS,
        {"its_kubeconfig": api.kubeconfig(), "its_impersonate_user": "alice", "its_impersonate_groups": ["a", "b"]},
        {},
        lambda path: (path, b""),
    )
    with Kube(found) as kube:
        kube.get("/version")
    assert seen == [("alice", ["a", "b"])]


def test_an_outage_may_be_long(kube: Kube) -> None:
    began = time.monotonic()
    kube._pause(5000)
    assert time.monotonic() - began < 10


def test_what_the_library_logs_of_another_threads_cluster_is_not_heard() -> None:
    with _Heard() as heard:
        other = threading.Thread(target=logging.getLogger("kubernetes").error, args=["of another cluster"])
        other.start()
        other.join()
        logging.getLogger("kubernetes").error("of this one")
    assert heard.text == "of this one"


def with_certificate(authority: FakeAuthority, days: float, folder: pathlib.Path) -> dict[str, t.Any]:
    pem = folder / "client.pem"
    pem.write_bytes(authority.client("edge-admin", days))
    return {"client-certificate": str(pem), "client-key": str(pem)}


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (-1, r"its client certificate \(of \S*edge-admin:agent0\) ended on \d{4}-"),
        (5, "may trust another CA for clients"),
    ],
)
def test_a_refused_certificate_is_named_with_its_end(
    api: FakeApi, tmp_path: pathlib.Path, days: float, sentence: str
) -> None:
    config = api.kubeconfig()
    config["users"][0]["user"] = with_certificate(FakeAuthority(), days, tmp_path)
    api.before.append(refuse(401, "Unauthorized"))
    with kube_of(config) as kube, pytest.raises(ApiError, match=sentence) as caught:
        kube.get(NAMESPACES)
    assert caught.value.problem is not None
    assert caught.value.problem.code == "credentials_refused"
    assert "its_kubeconfig" in caught.value.message


def refuse(status: int, message: str) -> t.Callable[..., None]:
    def hook(*_request: t.Any) -> None:
        raise Fault(status, message, "Forbidden" if status == 403 else "Unauthorized")

    return hook


def test_nobody_is_told_to_grant_a_right_to_somebody_unknown(api: FakeApi) -> None:
    config = api.kubeconfig()
    config["users"][0]["user"] = {"username": "me", "password": "of-mine"}
    api.before.append(refuse(403, 'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces"'))
    with kube_of(config) as kube, pytest.raises(ApiError, match="a user and a password, which API servers") as caught:
        kube.get(NAMESPACES)
    assert caught.value.problem is not None
    assert caught.value.problem.code == "credentials_refused"
    assert "rant the right" not in str(caught.value.problem)


def test_an_expired_token_is_named_with_its_end(api: FakeApi) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1577836800}).encode()).decode().rstrip("=")
    config = api.kubeconfig()
    config["users"][0]["user"] = {"token": f"e30.{claims}.c2ln"}
    api.before.append(refuse(401, "Unauthorized"))
    with kube_of(config) as kube, pytest.raises(ApiError, match="its token ended on 2020-01-01T00:00:00Z") as caught:
        kube.get(NAMESPACES)
    assert claims not in caught.value.message

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

import pytest
from sandbox.flavours import KIND
from sandbox.simulated.api import Answer, Api, Request
from sandbox.simulated.resources import AGGREGATED, NAMESPACE
from sandbox.simulated.store import Store

Json = dict[str, t.Any]
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def api() -> Api:
    store = Store("edge-1", lambda _kind, _namespace: None)
    store.create(NAMESPACE, "", {"metadata": {"name": "default"}})
    return Api(store, KIND, "https://127.0.0.1:1")


def ask(api: Api, method: str, target: str, body: t.Any = None, **more: str) -> tuple[int, t.Any]:
    answer: Answer = api.answer(Request(method, target, json.dumps(body).encode() if body is not None else b"", **more))
    return answer.status, json.loads(answer.body) if answer.content_type.startswith("application/json") else answer.body


def test_the_life_of_an_object(api: Api) -> None:
    assert ask(api, "POST", CONFIG_MAPS, {"metadata": {"name": "one"}})[0] == 201
    path = f"{CONFIG_MAPS}/one"
    patched = ask(api, "PATCH", path, {"data": {"a": "b"}}, content_type="application/merge-patch+json")
    assert patched[1]["data"] == {"a": "b"}
    assert ask(api, "GET", CONFIG_MAPS)[1]["items"][0]["data"] == {"a": "b"}
    assert ask(api, "DELETE", path, {"preconditions": {"uid": "other"}})[0] == 409
    assert ask(api, "DELETE", path)[0] == 200
    status, body = ask(api, "GET", path)
    assert (status, body["reason"], body["kind"]) == (404, "NotFound", "Status")


def test_long_lists_come_in_pages(api: Api) -> None:
    for number in range(5):
        ask(api, "POST", CONFIG_MAPS, {"metadata": {"name": f"map-{number}"}})
    first = ask(api, "GET", f"{CONFIG_MAPS}?limit=3")[1]
    second = ask(api, "GET", f"{CONFIG_MAPS}?limit=3&continue={first['metadata']['continue']}")[1]
    assert [len(first["items"]), len(second["items"])] == [3, 2]
    assert "continue" not in second["metadata"]


@pytest.mark.parametrize("path", ["/apis/example.com/v1/things", "/openapi/v2", "/api/v1/things", "/nowhere"])
def test_what_is_not_served_is_not_found(api: Api, path: str) -> None:
    assert ask(api, "GET", path)[0] == 404


@pytest.mark.parametrize("body", ["nonsense", [1], {"metadata": 5}])
def test_a_body_that_is_no_object_is_a_bad_request(api: Api, body: t.Any) -> None:
    assert ask(api, "POST", CONFIG_MAPS, body)[0] == 400


def test_discovery_is_plain_or_aggregated_as_it_is_asked_for(api: Api) -> None:
    plain = ask(api, "GET", "/apis")[1]
    assert {"apps", "apiextensions.k8s.io"} <= {group["name"] for group in plain["groups"]}
    answer = api.answer(Request("GET", "/apis?timeout=32s", accept=f"{AGGREGATED},application/json"))
    assert answer.content_type == AGGREGATED
    assert api.answer(Request("GET", "/apis", accept=AGGREGATED, if_none_match=answer.etag)).status == 304
    core = json.loads(api.answer(Request("GET", "/api", accept=AGGREGATED)).body)
    assert "configmaps" in {one["resource"] for one in core["items"][0]["versions"][0]["resources"]}


def test_who_is_let_in_may_do_everything(api: Api) -> None:
    reviews = "/apis/authorization.k8s.io/v1"
    assert ask(api, "POST", f"{reviews}/selfsubjectrulesreviews", {"spec": {}})[1]["status"]["resourceRules"]
    assert ask(api, "POST", f"{reviews}/selfsubjectaccessreviews", {"spec": {}})[1]["status"]["allowed"]


def test_version_and_health(api: Api) -> None:
    assert ask(api, "GET", "/version")[1]["gitVersion"] == KIND.version
    assert ask(api, "GET", "/readyz") == (200, b"ok")


@pytest.mark.parametrize(
    ("method", "target", "verb"),
    [
        ("GET", CONFIG_MAPS, "list"),
        ("GET", f"{CONFIG_MAPS}?watch=1", "watch"),
        ("GET", f"{CONFIG_MAPS}/one", "get"),
        ("GET", "/version", "get"),
        ("POST", CONFIG_MAPS, "create"),
        ("DELETE", f"{CONFIG_MAPS}/one", "delete"),
    ],
)
def test_verbs_are_those_of_audit_logs(method: str, target: str, verb: str) -> None:
    assert Request(method, target).verb == verb

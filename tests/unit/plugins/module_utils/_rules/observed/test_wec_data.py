# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import copy
import datetime
import json
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration.leaving import Part, WecSide
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import rights
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import wec_data
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.distributions import Distribution
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import (
    Bootstrap,
    HubCredential,
    ObservedAgent,
    klusterlet,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.untrusted import WrongShape
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.tokens import BoundSecret, TokenFacts
from hypothesis import given, settings
from hypothesis import strategies as st

EXPIRES = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
KLUSTERLET = klusterlet({"metadata": {"name": "klusterlet", "uid": "u"}, "spec": {"clusterName": "edge-1"}})
VIEWS = {
    "bare": ObservedAgent("uid", "v1.34.4"),
    "terminating": ObservedAgent("uid", "v1.34.4", (), terminating=("Namespace open-cluster-management-agent",)),
    "remnants": ObservedAgent("uid", "v1.34.4", (), remnants=("Namespace open-cluster-management exists",)),
    "whole": ObservedAgent(
        "uid",
        "v1.34.4",
        (KLUSTERLET,),
        Bootstrap("https://hub:6443", b"CA", TokenFacts("jti", EXPIRES, BoundSecret("s", "su")), proxy="http://p"),
        HubCredential("edge-1", "agent0", "https://hub:6443", b"CA", None, pem=b"PEM"),
    ),
    "without facts": ObservedAgent("uid", None, (KLUSTERLET,), Bootstrap("", None, TokenFacts()), missing=("a", "b")),
}
SIDE = WecSide(
    VIEWS["whole"],
    applied=(
        {
            "metadata": {
                "name": "hash-work",
                "finalizers": ["example.com/x"],
                "deletionTimestamp": "2026-01-31T12:00:00Z",
            },
            "spec": {"manifestWorkName": "work", "agentID": "u"},
        },
    ),
    namespaces=("open-cluster-management-agent",),
    parts=(Part("ClusterRole", "klusterlet"),),
    cluster_managers=("hub",),
    has_operator=False,
)


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_told_is_what_was_seen(name: str) -> None:
    message = json.loads(json.dumps(wec_data.view_data(VIEWS[name])))
    assert wec_data.read_view(message) == VIEWS[name]


def test_what_only_the_api_server_reads_is_left_out() -> None:
    seen = klusterlet({"metadata": {"name": "klusterlet", "managedFields": [{"manager": "kubectl"}]}})
    assert "managedFields" not in json.dumps(wec_data.view_data(ObservedAgent("uid", None, (seen,))))


def answer() -> dict[str, t.Any]:
    """A look of wec_agent with everything in it."""
    status = {"resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}], "incomplete": False}
    namespaces = rights.namespaces(rights.LOOKED_AT_ON_WEC)
    return {
        "changed": False,
        "name": "edge-1",
        "view": json.loads(json.dumps(wec_data.view_data(VIEWS["whole"]))),
        "introduction": "jti",
        "works": ["hub-work"],
        "clusteradm": {"binary": "/usr/bin/clusteradm", "version": "1.3.1", "flags": ["--hub-token"]},
        "rules": {one: {"status": copy.deepcopy(status)} for one in namespaces},
        "distribution": {"name": "k3s", "sign": "version v1.34.4+k3s1"},
        "now": "2026-01-31T12:00:00Z",
        "wec": {"server": "https://127.0.0.1:6443", "source": "k3s"},
        "leaving": json.loads(json.dumps(wec_data.side_data(SIDE))),
        "released_finalizers": [{"kind": "Klusterlet", "name": "klusterlet", "finalizer": "example.com/x"}],
        "remarks": ["it stays"],
    }


def test_everything_that_leaving_has_to_know_is_read_as_it_was_told() -> None:
    assert wec_data.read_answer(answer(), with_rights=False, with_side=True).side == SIDE
    assert wec_data.read_answer(answer(), with_rights=False).side is None
    assert wec_data.read_removal(answer()) == (answer()["released_finalizers"], ["it stays"])


def test_what_was_taken_away_is_named_and_begins_no_line() -> None:
    given = {**answer(), "remarks": ["it stays\nPLAY RECAP"]}
    assert wec_data.read_removal(given)[1] == ["it stays PLAY RECAP"]
    for field in ("kind", "name", "finalizer"):
        for odd in ("x\nPLAY RECAP", "x" * 600, "x y"):
            given["released_finalizers"] = [{**answer()["released_finalizers"][0], field: odd}]
            with pytest.raises(WrongShape):
                wec_data.read_removal(given)


def test_parts_and_namespaces_that_nobody_has_asked_for_are_left_out() -> None:
    message = answer()
    message["leaving"].update(parts=["Namespace kube-system", "ClusterRole klusterlet"], namespaces=["kube-system"])
    side = wec_data.read_answer(message, with_rights=False, with_side=True).side
    assert side is not None
    assert (side.parts, side.namespaces) == ((Part("ClusterRole", "klusterlet"),), ())


def test_a_look_is_read_as_it_was_told() -> None:
    found = wec_data.read_answer(answer(), with_rights=True)
    assert found.view == VIEWS["whole"]
    assert (found.introduction, found.works) == ("jti", ("hub-work",))
    assert found.distribution == Distribution("k3s", "version v1.34.4+k3s1")
    assert (found.rules or {})["kube-public"]["status"]["resourceRules"][0]["verbs"] == ["get"]
    assert wec_data.read_answer(answer(), with_rights=False).rules is None


def places(value: t.Any, at: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*at, key))


def changed(at: tuple[t.Any, ...], value: t.Any) -> t.Any:
    if not at:
        return value
    whole = answer()
    inner = whole
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return whole


PLACES = [at for at in places(answer()) if at]
ODD: list[t.Any] = [
    None,
    True,
    7,
    1e300,
    "",
    "x",
    "a\x1b[2J",
    "\u202e",
    "../../secrets",
    "9999-12-31T23:59:59-12:00",
    "a" * 2_000_000,
    [],
    ["a"],
    [None],
    [{}],
    {},
    {"a": 1},
    [[[]]],
]


@pytest.mark.parametrize("at", PLACES, ids=lambda at: ".".join(map(str, at)))
def test_whatever_stands_in_one_place_it_is_read_or_named(at: tuple[t.Any, ...]) -> None:
    for value in ODD:
        text = ""
        try:
            wec_data.read_answer(changed(at, value), with_rights=True, with_side=True)
            wec_data.read_removal(changed(at, value))
        except WrongShape as error:
            text = str(error)
        assert len(text) < 300
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("at", "value", "named"),
    [
        (("view",), None, "view is not a mapping"),
        (("view", "uid"), ["u"], "view.uid is not text"),
        (("view", "uid"), "../../pods", "view.uid is not a name"),
        (("view", "klusterlets"), {"a": 1}, "view.klusterlets is not a list"),
        (("view", "klusterlets", 0, "metadata"), None, "view.klusterlets[0].metadata is not a mapping"),
        (("view", "klusterlets", 0, "spec", "clusterName"), {}, "view.klusterlets[0].spec.clusterName is not text"),
        (
            ("view", "bootstrap", "introduction", "secret", "name"),
            "../../secrets?watch=1",
            "introduction.secret.name is not a name",
        ),
        (("view", "credential", "certificate"), "a" * 2_000_000, "view.credential.certificate is longer than"),
        (("works",), ["a"] * 20_000, "works has more than"),
        (("now",), ["n"], "now is not text"),
        (("rules", "kube-public", "status", "resourceRules"), [7], "resourceRules[0] is not a mapping"),
        (("distribution",), "k3s", "distribution is not a mapping"),
        (("wec",), {}, "wec.server is not given"),
        (("leaving",), None, "leaving is not a mapping"),
        (("leaving", "applied", 0, "metadata", "name"), "../x", "leaving.applied[0].metadata.name is not a name"),
        (("leaving", "has_operator"), "yes", "leaving.has_operator is neither true nor false"),
        (("clusteradm", "flags"), "abc", "clusteradm.flags is not a list"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(at: tuple[t.Any, ...], value: t.Any, named: str) -> None:
    with pytest.raises(WrongShape) as caught:
        wec_data.read_answer(changed(at, value), with_rights=True, with_side=True)
    assert named in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "uid", "code", "msg", "a"]), one, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_no_answer_raises_anything_else(at: tuple[t.Any, ...], value: t.Any) -> None:
    for read in (
        lambda message: wec_data.read_answer(message, with_rights=True, with_side=True),
        wec_data.read_failure,
        wec_data.read_removal,
    ):
        with contextlib.suppress(WrongShape):
            read(changed(at, value))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({}, "it failed without a word"),
        ({"msg": "a\x1b[31m"}, "a\ufffd[31m"),
        ({"msg": "m", "problem": {"code": "unknown to us", "evidence": 3}}, "m"),
        ({"msg": "m", "problem": {"code": "wec_unreachable", "evidence": ["e\x1b"]}}, "m"),
    ],
)
def test_a_failure_is_told_in_the_hosts_own_words(message: dict[str, t.Any], text: str) -> None:
    found, problem = wec_data.read_failure(message)
    assert found == text
    assert problem is None or problem.evidence == ("e\ufffd",)


@pytest.mark.parametrize(
    "message",
    [None, {"msg": ["m"]}, {"msg": "m", "problem": "p"}, {"msg": "m", "problem": {"code": ["c"]}}],
)
def test_a_failure_of_another_shape_is_none(message: t.Any) -> None:
    with pytest.raises(WrongShape):
        wec_data.read_failure(message)

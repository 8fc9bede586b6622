# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.kubeconfigs import KubeconfigError

Json = dict[str, t.Any]


def config(**changes: t.Any) -> dict[str, t.Any]:
    return {
        "clusters": [{"name": "c", "cluster": {"server": "https://c:6443", "certificate-authority": "ca.crt"}}],
        "users": [{"name": "u", "user": {"token": "a-long-secret-token", "client-key": "/abs/key"}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "one",
        **changes,
    }


def test_one_context_is_selected_with_its_cluster_and_user() -> None:
    chosen = kubeconfigs.select(config(), "one")
    assert chosen["current-context"] == "one"
    assert kubeconfigs.the_cluster(chosen)["server"] == "https://c:6443"
    assert kubeconfigs.the_user(chosen)["token"] == "a-long-secret-token"


@pytest.mark.parametrize(
    ("changes", "context", "message"),
    [
        ({}, "two", "no context 'two', only one"),
        ({"current-context": ""}, None, "no current context"),
        ({"clusters": []}, "one", "no server"),
        ({"users": []}, "one", "no user"),
        ({"contexts": []}, "one", "only none"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, t.Any], context: str | None, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        kubeconfigs.select(config(**changes), context)


@pytest.mark.parametrize("content", [None, [], "text", {}, {"kind": "Config"}])
def test_what_is_no_kubeconfig_is_refused(content: t.Any) -> None:
    with pytest.raises(KubeconfigError, match="not a kubeconfig"):
        kubeconfigs.check_shape(content)


def test_files_are_relative_to_the_kubeconfig() -> None:
    absolute = kubeconfigs.with_absolute_files(config(), "/home/ops/.kube")
    assert kubeconfigs.the_cluster(absolute)["certificate-authority"] == "/home/ops/.kube/ca.crt"
    assert kubeconfigs.the_user(absolute)["client-key"] == "/abs/key"


def test_the_first_of_several_files_has_the_current_context() -> None:
    other = config(**{"current-context": "other"})
    assert kubeconfigs.select_of([("a", config()), ("b", other)], None)["current-context"] == "one"


@pytest.mark.parametrize(("part", "entry"), [("cluster", {"server": "https://other"}), ("user", {"token": "other"})])
def test_a_name_that_is_two_things_in_two_files_is_refused_where_the_context_leads_to_it(
    part: str, entry: Json
) -> None:
    """k3s calls everything ``default``: the other file's cluster was registered under the name."""
    one, other = config(), config()
    other[f"{part}s"] = [{"name": one[f"{part}s"][0]["name"], part: entry}]
    other["contexts"] = [{**other["contexts"][0], "name": "elsewhere"}]
    for context in ("one", "elsewhere"):
        with pytest.raises(KubeconfigError) as caught:
            kubeconfigs.select_of([("/a", one), ("/b", other)], context)
        assert f"leads to {part} " in str(caught.value)
        assert "is one thing in /a and another in /b" in str(caught.value)
    same = kubeconfigs.select_of([("/a", one), ("/b", config())], "one")
    assert kubeconfigs.the_cluster(same)["server"] == "https://c:6443"


def test_a_name_that_is_two_things_harms_no_context_that_does_not_lead_to_it() -> None:
    other = config(clusters=[{"name": "x", "cluster": {"server": "https://x"}}], contexts=[])
    third = config(clusters=[{"name": "x", "cluster": {"server": "https://y"}}], contexts=[])
    found = kubeconfigs.select_of([("/a", config()), ("/b", other), ("/c", third)], "one")
    assert kubeconfigs.the_cluster(found)["server"] == "https://c:6443"


def test_every_secret_is_known() -> None:
    user = {
        "token": "t",
        "password": "p",
        "client-key-data": "k",
        "exec": {"env": [{"name": "A", "value": "e"}]},
        "auth-provider": {"config": {"id-token": "i", "client-secret": "s", "idp-issuer-url": "shown"}},
    }
    assert sorted(kubeconfigs.secrets(config(users=[{"name": "u", "user": user}]))) == sorted("tpkeis")


@pytest.mark.parametrize(
    "text",
    [
        b"clusters:\n- cluster:\n    certificate-authority-data: eA==\n    server: %s\n  name: hub\nkind: Config\n",
        b'{"clusters": [{"name": "hub", "cluster": {"server": "%s", "tls-server-name": "x"}}]}',
    ],
)
def test_an_address_is_replaced_and_nothing_else(text: bytes) -> None:
    old, new = b"https://old.example:6443", b"https://new.example:443"
    assert kubeconfigs.with_server(text % old, new.decode()) == text % new


@pytest.mark.parametrize("text", [b"", b"kind: Config", b"- server: https://a\n- server: https://b\n"])
def test_an_address_is_not_replaced_where_it_is_not_clear_which(text: bytes) -> None:
    assert kubeconfigs.with_server(text, "https://new.example") is None

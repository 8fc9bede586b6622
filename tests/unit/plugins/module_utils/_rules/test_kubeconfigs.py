# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfigs import KubeconfigError


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
    ("changes", "context", "told"),
    [
        ({}, "two", "no context 'two', only one"),
        ({"current-context": ""}, None, "no current context"),
        ({"clusters": []}, "one", "no server"),
        ({"users": []}, "one", "no user"),
        ({"contexts": []}, "one", "only none"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, t.Any], context: str | None, told: str) -> None:
    with pytest.raises(KubeconfigError, match=told):
        kubeconfigs.select(config(**changes), context)


@pytest.mark.parametrize("content", [None, [], "text", {}, {"kind": "Config"}])
def test_what_is_no_kubeconfig_is_refused(content: t.Any) -> None:
    with pytest.raises(KubeconfigError, match="no kubeconfig"):
        kubeconfigs.check_shape(content)


def test_files_are_relative_to_the_kubeconfig() -> None:
    absolute = kubeconfigs.with_absolute_files(config(), "/home/ops/.kube")
    assert kubeconfigs.the_cluster(absolute)["certificate-authority"] == "/home/ops/.kube/ca.crt"
    assert kubeconfigs.the_user(absolute)["client-key"] == "/abs/key"


def test_the_first_entry_of_a_name_wins_when_merging() -> None:
    other = config(clusters=[{"name": "c", "cluster": {"server": "https://other"}}], **{"current-context": "other"})
    merged = kubeconfigs.merge([config(), other])
    assert merged["current-context"] == "one"
    assert kubeconfigs.the_cluster(kubeconfigs.select(merged, "one"))["server"] == "https://c:6443"


def test_every_secret_is_known() -> None:
    user = {
        "token": "t",
        "password": "p",
        "client-key-data": "k",
        "exec": {"env": [{"name": "A", "value": "e"}]},
        "auth-provider": {"config": {"id-token": "i", "client-secret": "s", "idp-issuer-url": "shown"}},
    }
    assert sorted(kubeconfigs.secrets(config(users=[{"name": "u", "user": user}]))) == sorted("tpkeis")

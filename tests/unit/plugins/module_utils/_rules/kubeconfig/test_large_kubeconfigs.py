# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One context of a large kubeconfig is what reading all of it would give, or nothing."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.kubeconfigs import KubeconfigError
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.large_kubeconfigs import LARGE, excerpt

Json = dict[str, t.Any]
COUNT = 60


KEY = base64.b64encode(b"-----BEGIN EC PRIVATE KEY-----\n" + b"ABC" * 400).decode()


def config() -> Json:
    names = [f"edge-{number}" for number in range(COUNT)]
    exec_plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["- name: edge-7", "eks"],
        "env": [{"name": "edge-8", "value": "name: x"}],
    }
    users = [{"name": f"{name}-admin", "user": {"client-key-data": KEY}} for name in names]
    users[5]["user"] = {"exec": exec_plugin, "password": "multi\nline\n- name: edge-9\n"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [
            {"cluster": {"server": f"https://{name}:6443", "insecure-skip-tls-verify": True}, "name": name}
            for name in names
        ],
        "users": users,
        "contexts": [{"context": {"cluster": name, "user": f"{name}-admin"}, "name": name} for name in names],
        "current-context": "edge-0",
    }


def written(content: Json, **options: t.Any) -> bytes:
    return yaml.safe_dump(content, **options).encode()


@pytest.mark.parametrize("name", ["edge-0", "edge-5", "edge-6", f"edge-{COUNT - 1}"])
@pytest.mark.parametrize("options", [{}, {"sort_keys": False}, {"width": 40}])
def test_a_context_is_what_the_whole_file_says(name: str, options: Json) -> None:
    content = written(config(), **options)
    assert len(content) > LARGE
    found = excerpt(content, name)
    assert found is not None
    assert kubeconfigs.select(found, name) == kubeconfigs.select(yaml.safe_load(content), name)


def test_of_two_entries_of_a_name_none_is_cut_out() -> None:
    twice = config()
    twice["clusters"].append({"name": "edge-3", "cluster": {"server": "https://another:6443"}})
    assert excerpt(written(twice), "edge-3") is None
    assert excerpt(written(twice), "edge-4") is not None
    with pytest.raises(KubeconfigError, match=r"clusters\[3\] and clusters\[\d+\] have one name, 'edge-3'"):
        kubeconfigs.select(twice, "edge-3")


def indented(content: bytes) -> bytes:
    return b"".join(b"  " + line if line.startswith((b"- ", b"  ")) else line for line in content.splitlines(True))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (written(config()), "edge-99"),
        (written(config()), None),
        (written(config(), default_flow_style=True), "edge-1"),
        (json.dumps(config()).encode(), "edge-1"),
        (indented(written(config())), "edge-1"),
        (written(config()).replace(b"name: edge-1\n", b"name: 'edge-1'\n"), "edge-1"),
        (written(config()).replace(b"name: edge-1\n", b"name: &anchor edge-1\n"), "edge-1"),
        (written(config()).replace(b"\n", b"\r\n"), "edge-1"),
        (written(config()) + b"\xff", "edge-1"),
        (written({**config(), "users": []}), "edge-1"),
        (written(config()).replace(b"user: edge-1-admin", b"user: nobody"), "edge-1"),
        (written(config()).replace(b"    server: https://edge-1:6443", b"    server: [broken"), "edge-1"),
        (written({**config(), "clusters": config()["clusters"][:3]})[:1000], "edge-1"),
    ],
    ids=[
        "no such context",
        "current context",
        "flow style",
        "JSON",
        "indented lists",
        "quoted name",
        "anchors",
        "carriage returns",
        "no text",
        "no users",
        "no such user",
        "broken entry",
        "small",
    ],
)
def test_what_cannot_be_told_for_sure_is_left_to_whoever_reads_the_whole(content: bytes, name: str | None) -> None:
    assert excerpt(content, name) is None

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of tasks: whatever stands in their place, a task gives a result, and no secret of them is in it or on the screen."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from fake_ocm import FakeAuthority
from front_ends import FRONT_ENDS, FrontEnd
from fuzzing import JSON_VALUES, SECRET, Json, check_result, mutated
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemoryIts, asked_in_process

VALUES = JSON_VALUES | TEXTS.filter(lambda text: len(text) < 1000)
WRITTEN: tuple[t.Callable[[Json], t.Any], ...] = (dict, json.dumps, lambda config: yaml.safe_dump(config) + "\n#")


def kubeconfig(server: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, "proxy-url": f"http://me:{SECRET}@127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": SECRET, "password": SECRET, "client-key-data": SECRET}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }


def connection(prefix: str, config: t.Any) -> Json:
    found: Json = {
        "kubeconfig": config,
        "context": "c",
        "host": "https://127.0.0.1:1",
        "api_key": SECRET,
        "ca_cert": "/nonexistent",
        "validate_certs": True,
        "proxy": f"http://me:{SECRET}@127.0.0.1:1",
        "impersonate_user": "me",
        "impersonate_groups": ["a"],
    }
    return {f"{prefix}{key}": value for key, value in found.items()}


ENTRY: Json = {"name": "edge-1", "host": "a", "labels": {"a": "b"}, "properties": {"a": "b"}, "cluster_set": "default"}
OF_WEC = connection("", {})
OPTIONS: dict[str, Json] = {
    "wec_status": {
        "wecs": [ENTRY],
        "inventory": ["edge-1"],
        "fail_on": ["drift"],
        "certificate_days": 1.0,
        "wait_timeout": 1,
    },
    "wec_plan": {"wecs": [ENTRY], "expected_plan": "a"},
    "wec_export": {"group": "wecs", "host_prefix": "a", "states": ["joined"], "protected": ["a"]},
    "wec_leftovers": {"names": ["edge-1"]},
    "wec_accept": {"wecs": [{"name": "edge-1", "uid": "u", "token_id": "t"}], "wait_timeout": 1},
    "wec_label": {"wecs": [ENTRY], "protected": ["a"]},
    "wec_properties": {"name": "edge-1", "properties": {"a": "b"}},
    "wec_configure": {"name": "edge-1", "labels": {"a": "b"}, "stop_on_violation": True},
    "wec_agent": {"name": "edge-1", "hub_token": SECRET, "image_pull_credential": SECRET, **OF_WEC},
    "wec_join": {"wecs": [{"name": "edge-1", "clusteradm_binary": "/nonexistent", **OF_WEC}], "wait_timeout": 1},
    "wec_upgrade": {"wecs": [{"name": "edge-1", "clusteradm_binary": "/nonexistent", **OF_WEC}], "wait_timeout": 1},
}


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = InMemoryIts(authority)
    with asked_in_process():
        yield found
    found.close()


@st.composite
def options(draw: st.DrawFn, server: str, module: str) -> Json:
    config = kubeconfig(server)
    if draw(st.booleans()):
        config = draw(mutated(config, VALUES))
    given = json.loads(json.dumps(OPTIONS[module]))
    written = draw(st.sampled_from(WRITTEN))(config)
    for side in ("its_", *([""] if OF_WEC.keys() <= given.keys() else [])):
        given.update(connection(side, written))
        # Most of these may not be given at once.
        for key in draw(st.sets(st.sampled_from(sorted(connection(side, 0))[:-1]), min_size=3)):
            given.pop(key)
    if isinstance(given.get("wecs"), list) and module in ("wec_join", "wec_upgrade"):
        given["wecs"][0]["kubeconfig"] = written
    return draw(mutated(given, VALUES))


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: one.name)
@given(data=st.data(), module=st.sampled_from(sorted(OPTIONS)))
def test_a_task_with_them(its: InMemoryIts, front_end: type[FrontEnd], module: str, data: st.DataObject) -> None:
    given = data.draw(options(its.url, module))
    # Ansible takes these for itself, or runs it elsewhere.
    given = {key: value for key, value in given.items() if key.isidentifier() and key != "run_on"}
    run = front_end()
    result = run(module, check_mode=True, **given)
    check_result(result, run.lines, run.warnings)

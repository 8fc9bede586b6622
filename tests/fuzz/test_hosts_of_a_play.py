# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts of a play, one of which has odd variables: tasks for all hosts do their work for the other four."""

from __future__ import annotations

import json
import typing as t

import pytest
from fake_ocm import FakeAuthority
from front_ends import AsAction
from fuzzing import SECRET, VALUES, Json, check_result, mutated
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemoryIts, asked_in_process

NAMES = [f"edge-{number}" for number in range(1, 6)]
ODD = "edge-3"
OTHERS = [name for name in NAMES if name != ODD]


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = InMemoryIts(authority)
    for name in NAMES:
        found.join(name, f"uid-of-{name}")
    with asked_in_process():
        yield found
    found.close()


def of_host(its: InMemoryIts) -> Json:
    return {
        "its_kubeconfig": its.kubeconfig(SECRET),
        "its_context": "fake",
        "its_outage_timeout": 0,
        "wec_labels": {"region": "us"},
        "wec_annotations": {"a": "b"},
        "configure_labels_state": "present",
        "configure_schema": {"labels": {"region": {"required": True}}},
        "wec_cluster_set": "default",
        "register_verify": "available",
        "wec_context": "edge-1",
        "group_names": ["wecs"],
    }


@given(st.data(), st.sampled_from(["wec_plan", "wec_status"]))
def test_one_odd_host(its: InMemoryIts, data: st.DataObject, module: str) -> None:
    more = {"wec_name": "edge-3", "configure_labels": {"c": "d"}, "wec_run_on": "controller", "wec_kubeconfig": "/x"}
    odd = data.draw(mutated({**of_host(its), **more}, VALUES | TEXTS))
    hosts: Json = {name: of_host(its) for name in OTHERS}
    hosts[ODD] = odd
    play = {"ansible_play_batch": NAMES, "hostvars": hosts, "inventory_hostname": NAMES[0], "groups": {"all": NAMES}}
    run = AsAction(**play)
    result = run(module, show_table=True, its_kubeconfig=its.kubeconfig(SECRET), its_context="fake")
    check_result(json.loads(json.dumps(result)), run.lines, run.warnings)
    lost = {host for one in result.get("unseen") or () for host in one["hosts"]}
    lost |= {one["host"] for one in result["wecs"] if one["name"] is None}
    assert lost <= {ODD}, result["msg"]
    if module == "wec_plan":
        planned = {one["host"]: one["action"] for one in result["wecs"]}
        # Two hosts may not be one WEC: then both are told so.
        twin = odd.get("wec_name") if isinstance(odd.get("wec_name"), str) else None
        assert {planned[name] for name in OTHERS if name != twin} == {"configure"}
        assert set(planned) | lost == set(NAMES)
    else:
        assert set(OTHERS) - {odd.get("wec_name") if isinstance(odd.get("wec_name"), str) else None} <= {
            one["host"] for one in result["drift"]
        }

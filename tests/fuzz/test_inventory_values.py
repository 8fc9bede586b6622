# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of hosts: whatever one of them is, it is that host's failure, by host and variable."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_plan
from ansible_collections.kubestellar.wec.plugins.plugin_utils._hosts import HostVariables, by_connection
from fuzzing import VALUES, Json, check_names, check_told, mutated
from hypothesis import given
from hypothesis import strategies as st

ENTRIES = ArgumentSpecValidator(wec_plan.SPEC["argument_spec"]["wecs"]["options"])
DOCUMENT: Json = {
    "wec_name": "edge-1",
    "wec_labels": {"a": "b"},
    "wec_annotations": {"a": "b"},
    "wec_properties": {"a": "b"},
    "wec_cluster_set": "x",
    "its_kubeconfig": "/a",
    "its_context": "c",
    "its_api_key": "k",
    "wec_kubeconfig": "/b",
    "wec_context": "edge-1",
    "register_wait_addon": "auto",
    "configure_schema": {"labels": {}},
    "group_names": ["wecs"],
}


class Variables(dict[str, t.Any]):
    """As the action hands them over."""

    @property
    def declared(self) -> t.Collection[str]:
        return self.keys()

    def is_null(self, name: str) -> bool:
        return name in self and self[name] is None


@given(mutated(DOCUMENT))
def test_they_are_read_or_named(variables: t.Any) -> None:
    host = HostVariables("host-1", Variables(variables))
    for read in (
        lambda: host.desired(ENTRIES),
        lambda: host.wec,
        lambda: host.entry(["context"], "register"),
    ):
        try:
            read()
        except WecError as error:
            check_told(error)
            check_names(error, "host-1")


@given(st.lists(mutated(DOCUMENT), min_size=1, max_size=4))
def test_no_host_is_lost_and_none_stops_the_others(variables: list[t.Any]) -> None:
    hosts = {f"host-{number}": one for number, one in enumerate(variables)}
    hosts["good"] = DOCUMENT
    task_vars = {"ansible_play_batch": list(hosts), "inventory_hostname": "good", "groups": {}}
    parts, lost = by_connection(task_vars, hosts, {}, with_wds=True)
    found = [host.host for _connection, own in parts for host in own]
    assert "good" in found
    assert sorted([*found, *(one["hosts"][0] for one in lost)]) == sorted(hosts)


@given(VALUES)
def test_variables_that_are_none(variables: t.Any) -> None:
    task_vars = {"ansible_play_batch": ["x"], "inventory_hostname": "x", "groups": {}}
    parts, lost = by_connection(task_vars, {"x": variables}, {}, with_wds=False)
    assert len(parts) + len(lost) == 1

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An odd ManagedCluster is a host in the state unknown, and never an inventory without hosts."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from fake_ocm import FakeIts
from odd_clusters import INVALID, NAMES, ODD, VALID, fleet

Json = dict[str, t.Any]
CASES = {**VALID, **INVALID}


def read(folder: pathlib.Path, its: FakeIts) -> InventoryData:
    (folder / "its1.kubeconfig").write_text(json.dumps(its.kubeconfig()))
    path = folder / "its1.its.yml"
    path.write_text(yaml.safe_dump({"plugin": "kubestellar.wec.its", "its_kubeconfig": "its1.kubeconfig"}))
    data = InventoryData()
    inventory_loader.get("kubestellar.wec.its").parse(data, DataLoader(), str(path), cache=False)
    data.reconcile_inventory()
    return data


@pytest.mark.parametrize("case", CASES)
def test_all_are_hosts_and_the_odd_one_says_so(tmp_path: pathlib.Path, its: FakeIts, case: str) -> None:
    fleet(its, CASES[case])
    data = read(tmp_path, its)
    assert {host.name for host in data.groups["wecs"].get_hosts()} == set(NAMES)
    for name in NAMES:
        variables = data.hosts[name].get_vars()
        assert variables["wec_name"] == name
        if name != ODD:
            assert (variables["wec_state"], variables["wec_labels"]) == ("joined", {"region": "us"})
    if case in INVALID:
        odd = data.hosts[ODD].get_vars()
        assert (odd["wec_state"], odd["wec_problems"]) == ("unknown", ["managed_cluster_unreadable"])
        assert [host.name for host in data.groups["state_unknown"].get_hosts()] == [ODD]

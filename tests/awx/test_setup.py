# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx_setup makes on a controller what extensions/awx has, changes nothing the second time, and removes all of it."""

from __future__ import annotations

import itertools
import json
import pathlib
import re
import sys
import typing as t

import awx_data
import pytest
from awx_setup import PROJECT, SECRET, from_the_page, recap, run, write_kubeconfigs
from fake_awx import FakeAwx


# So many modules take minutes to start.
@pytest.mark.long
def test_it_makes_all_changes_nothing_again_and_removes_all(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    commands = from_the_page()
    write_kubeconfigs(tmp_path)

    checked = run(f"{commands['make']} --check", awx, tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (awx.writes, awx.faults) == ([], [])
    for items in awx_data.lists().values():
        for item in items:
            message = rf"^changed: \[localhost\] => \(item={re.escape(item['name'])}\)"
            assert re.search(message, checked.stdout, re.MULTILINE), f"{item['name']}: {checked.stdout}"

    first = run(f"{commands['make']} -vvv", awx, tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert awx.faults == []
    wanted = awx_data.lists(awx_project_url=PROJECT)
    for kind, key in KINDS.items():
        assert awx.names(kind) == sorted(
            {"Default"} if kind == "organizations" else {one["name"] for one in wanted[key]}
        )
    assert recap(first.stdout)["changed"] > 0
    assert SECRET not in first.stdout + first.stderr
    assert SECRET in awx.get("credentials", "KubeStellar ITS")["inputs"]["kubeconfig"]
    assert awx.get("credentials", "KubeStellar ITS")["inputs"]["context"] == "its1"
    see_the_workflow(awx)

    mark = len(awx.writes)
    again = run(commands["make"], awx, tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert awx.writes[mark:] == []
    assert recap(again.stdout)["changed"] == 0

    # Something that is not ours stays.
    awx._insert("credential_types", {"name": "Somebody's", "kind": "cloud"})
    removed = run(commands["remove"], awx, tmp_path)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    left = {kind: awx.names(kind) for kind in awx.objects if awx.names(kind)}
    assert left == {"organizations": ["Default"], "credential_types": ["Somebody's"]}
    mark = len(awx.writes)
    gone = run(commands["remove"], awx, tmp_path)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert (recap(gone.stdout)["changed"], awx.writes[mark:], awx.faults) == (0, [], [])


def see_the_workflow(awx: FakeAwx) -> None:
    """Sync, plan, somebody's approval, register, and status however that ends."""
    order = ["sync", "plan", "approve", "register", "status"]
    nodes = "workflow_job_template_nodes"
    assert awx.names(nodes) == sorted(order)
    for one, following in itertools.pairwise(order):
        association = "always_nodes" if one == "register" else "success_nodes"
        assert awx.linked(nodes, one, association) == [following]
    started = awx.get(nodes, "approve")["unified_job_template"]
    approval = awx.objects["workflow_approval_templates"][started]
    assert approval["timeout"] == 86400
    template = awx.get("job_templates", "WEC register")
    assert awx.get(nodes, "register")["unified_job_template"] == template["id"]
    assert awx.linked("job_templates", "WEC register", "credentials") == ["KubeStellar ITS", "KubeStellar WECs"]
    survey = awx.surveys[f"job_templates/{template['id']}"]
    assert {"wec_hosts", "wec_waves", "expected_plan"} <= {question["variable"] for question in survey["spec"]}


def test_what_is_missing_is_told(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    without = run("ansible-playbook kubestellar.wec.awx_setup", awx, tmp_path)
    assert without.returncode != 0
    assert "awx_project_url: it must be the address of the git repository" in " ".join(without.stdout.split())
    wrong = run("ansible-playbook kubestellar.wec.awx_setup -e awx_state=gone", awx, tmp_path)
    assert "awx_state: 'gone' is neither present nor absent." in " ".join(wrong.stdout.split())
    # As if awx.awx were not installed: a Python that does not see the bundle.
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "ansible-galaxy").write_text("#!/bin/sh\nexit 1\n")
    (shims / "ansible-galaxy").chmod(0o755)
    path = f"{shims}:{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"
    missing = run(f"ansible-playbook kubestellar.wec.awx_setup -e awx_project_url={PROJECT}", awx, tmp_path, PATH=path)
    assert missing.returncode != 0
    assert "ansible-galaxy collection install awx.awx" in missing.stdout
    assert awx.writes == []


KINDS: t.Final = {
    "credential_types": "controller_credential_types",
    "credentials": "controller_credentials",
    "execution_environments": "controller_execution_environments",
    "projects": "controller_projects",
    "inventories": "controller_inventories",
    "inventory_sources": "controller_inventory_sources",
    "job_templates": "controller_templates",
    "workflow_job_templates": "controller_workflows",
    "schedules": "controller_schedules",
}


def test_nothing_in_the_data_is_left_out() -> None:
    """Each key of each item is one that a task passes on, or it would be lost without a word."""
    text = json.dumps(awx_data.tasks_of("present"))
    for key, items in awx_data.lists().items():
        for item in items:
            for field in set(item) - {"simplified_workflow_nodes"}:
                assert re.search(rf"\bawx_item\.{field}\b", text) or field == "name", f"{key}: {field}"
        for node in [node for item in items for node in item.get("simplified_workflow_nodes", [])]:
            for field in node:
                assert f"awx_node.{field}" in text, field

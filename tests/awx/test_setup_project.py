# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project of the fleet: an update that fails, playbooks that are missing, a repository that wants a credential."""

from __future__ import annotations

import pathlib

from awx_kinds import Json
from awx_setup import SETUP, run, sentences
from fake_awx import FakeAwx

GONE = "Failed to download remote objects and refs: fatal: repository 'https://git.example.com/fleet.git/' not found"


def test_the_reason_of_a_failed_update_is_told_and_the_next_run_goes_on(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    awx.repository.fault = GONE
    for _attempt in range(2):
        failed = run(SETUP, awx, tmp_path)
        assert failed.returncode != 0
        message = sentences(failed.stdout)
        assert (
            f"of the project 'KubeStellar WECs' is failed: {GONE}. Check awx_project_url, awx_project_branch and"
            in message
        )
        assert awx.names("job_templates") == []
    assert awx.faults == []
    awx.repository.fault = ""
    mended = run(SETUP, awx, tmp_path)
    assert mended.returncode == 0, mended.stdout
    assert len(awx.names("job_templates")) == 6


def test_missing_playbooks_are_told_and_looked_for_again(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    awx.repository.playbooks = [one for one in awx.repository.playbooks if one not in ("leftovers.yml", "plan.yml")]
    for _attempt in range(2):
        updates = len(awx.jobs.every)
        refused = run(SETUP, awx, tmp_path)
        assert refused.returncode != 0
        assert "The project 'KubeStellar WECs' lacks leftovers.yml, plan.yml:" in sentences(refused.stdout)
        assert len(awx.jobs.every) == updates + 1
    assert awx.faults == []


def test_the_project_gets_its_credential(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    awx.repository.playbooks = []
    organization = awx.get("organizations", "Default")["id"]
    kind = awx.add_managed_type("Source Control", "scm")
    credential = awx.add("credentials", name="git", organization=organization, credential_type=kind["id"])
    unknown = run(f"{SETUP} -e awx_project_credential=gti", awx, tmp_path)
    assert unknown.returncode != 0
    assert "the organization 'Default' has no credential 'gti' of the type Source Control" in sentences(unknown.stdout)
    assert awx.names("projects") == []

    assert "lacks configure.yml" in sentences(run(f"{SETUP} -e awx_project_credential=git", awx, tmp_path).stdout)
    project: Json = awx.get("projects", "KubeStellar WECs")
    assert project["credential"] == credential["id"]
    # Without the variable, one that was set by hand stays.
    run(SETUP, awx, tmp_path)
    assert project["credential"] == credential["id"]

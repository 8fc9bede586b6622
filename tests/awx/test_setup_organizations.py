# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two organizations of one controller, and users who are not superusers."""

from __future__ import annotations

import pathlib

import pytest
from awx_kinds import Json
from awx_setup import SETUP, previous_version, run, sentences
from fake_awx import FakeAwx

ABSENT = "ansible-playbook kubestellar.wec.awx_setup -e awx_state=absent -e awx_organization=Fleet"
FLEET = f"{SETUP} -e awx_organization=Fleet"
OWN_NAME = "-e awx_ee_name=KubeStellar-WECs-Fleet"


def two_organizations(awx: FakeAwx) -> dict[str, list[Json]]:
    """The first one as the version before has set it up, the second one empty."""
    awx.restore(previous_version())
    awx.add("organizations", name="Fleet")
    return awx.of_organization("Default")


def test_removal_for_an_organization_that_has_nothing_touches_no_other(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    default = two_organizations(awx)
    removed = run(ABSENT, awx, tmp_path)
    assert removed.returncode == 0, removed.stdout
    assert awx.of_organization("Default") == default
    assert awx.writes == []
    assert "other credentials are of these credential types. They stay." in sentences(removed.stdout)


def test_the_name_of_an_execution_environment_that_another_has_is_told(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    default = two_organizations(awx)
    wanted = "a controller can have only one of each name. Set awx_ee_name to another name, for example KubeStellar-WECs-Fleet."
    for environment in (awx.environment, awx.administrator("Fleet")):
        refused = run(FLEET, awx, tmp_path, **environment)
        assert refused.returncode != 0
        assert wanted in sentences(refused.stdout)
    assert awx.of_organization("Default") == default


def test_one_of_two_organizations_is_set_up_and_removed(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    """And the other one can be set up again while both are there."""
    two_organizations(awx)
    for command in (f"{FLEET} {OWN_NAME}", SETUP):
        done = run(command, awx, tmp_path)
        assert done.returncode == 0, done.stdout
    default, fleet = awx.of_organization("Default"), awx.of_organization("Fleet")
    for kind in default:
        names = [sorted(item.get("name", item.get("identifier")) for item in each[kind]) for each in (default, fleet)]
        if kind not in ("organizations", "execution_environments", "credential_types"):
            assert names[0] == names[1], kind
    assert [one["name"] for one in fleet["execution_environments"]] == ["KubeStellar-WECs-Fleet"]
    for template in fleet["job_templates"]:
        assert template["execution_environment"] == fleet["execution_environments"][0]["id"]
        ids = awx.links[f"job_templates/{template['id']}/credentials"]
        assert set(ids) <= {one["id"] for one in fleet["credentials"]}

    removed = run(f"{ABSENT} {OWN_NAME}", awx, tmp_path)
    assert removed.returncode == 0, removed.stdout
    assert awx.of_organization("Default") == default
    assert {kind: items for kind, items in awx.of_organization("Fleet").items() if items} == {}
    assert len(awx.objects["credential_types"]) == 3


def test_an_administrator_needs_a_superuser_for_the_types(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    awx.add("organizations", name="Fleet")
    refused = run(FLEET, awx, tmp_path, **awx.administrator("Fleet"))
    assert refused.returncode != 0
    message = sentences(refused.stdout)
    assert (
        "KubeStellar ITS, KubeStellar WEC bundle, KubeStellar WDS. Only a superuser may create or change them"
        in message
    )
    assert "'admin-of-Fleet' is not one. Ask a superuser to run kubestellar.wec.awx_setup" in message
    assert (awx.writes, awx.faults) == ([], [])


@pytest.mark.long
def test_an_administrator_sets_up_and_removes_an_organization(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    two_organizations(awx)
    environment = awx.administrator("Fleet")
    made = run(f"{FLEET} {OWN_NAME}", awx, tmp_path, **environment)
    assert made.returncode == 0, made.stdout
    removed = run(f"{ABSENT} {OWN_NAME}", awx, tmp_path, **environment)
    assert removed.returncode == 0, removed.stdout
    assert "only a superuser may remove credential types. They stay." in sentences(removed.stdout)
    assert {kind: items for kind, items in awx.of_organization("Fleet").items() if items} == {}
    assert awx.faults == []


def test_removal_takes_nothing_while_a_job_runs(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    two_organizations(awx)
    stored = awx.of_organization("Default")
    command = ABSENT.replace("=Fleet", "=Default")
    own = awx.start("workflow_job_templates", "WEC onboarding")
    refused = run(command, awx, tmp_path)
    assert refused.returncode != 0
    assert f"Jobs are still using what would be removed: WEC onboarding, job {own['id']}." in sentences(refused.stdout)
    assert awx.of_organization("Default") == stored
    assert (awx.writes, awx.faults) == ([], [])
    awx.jobs.end(own)
    # A job of a template of somebody else, which uses the inventory.
    plan = awx.get("job_templates", "WEC plan")
    more = {field: plan[field] for field in ("project", "playbook", "inventory")}
    awx.add("job_templates", name="Somebody's", organization=awx.get("organizations", "Fleet")["id"], **more)
    other = awx.start("job_templates", "Somebody's")
    assert f"Somebody's, job {other['id']}." in sentences(run(command, awx, tmp_path).stdout)
    assert awx.of_organization("Default") == stored
    awx.jobs.end(other)
    removed = run(command, awx, tmp_path)
    assert removed.returncode == 0, removed.stdout
    assert {kind for kind, items in awx.of_organization("Default").items() if items} == set()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that has no host to work on fails, and says why. Ansible itself skips the play and ends well."""

from __future__ import annotations

import pathlib

import awx_data
import pytest
from awx_job import Controller, Launch

TEMPLATES = [template["name"] for template in awx_data.lists()["controller_templates"]]
NOBODY = "wec_hosts: '{}' matches no host"
CASES = {
    # Before the first update of the inventory, with what the survey offers.
    "empty inventory": (Launch([]), "wecs", NOBODY.format("wecs")),
    "empty inventory and a limit": (
        Launch([], limit="edge-1"),
        "wecs",
        "The inventory has no hosts. Update it, or run",
    ),
    "a pattern that matches nothing": (Launch(["edge-1", "edge-2"]), "edge-9", NOBODY.format("edge-9")),
    "a limit without the pattern": (Launch(["edge-1", "edge-2"], limit="edge-1"), "edge-2", "edge-2"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_job_without_hosts_fails(tmp_path: pathlib.Path, template: str, case: str) -> None:
    launch, pattern, reason = CASES[case]
    job = Controller(None, tmp_path).job(template, launch, wec_hosts=pattern)
    assert job.status == "failed", job.stdout
    assert reason in job.text

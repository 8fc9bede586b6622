# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops awx_setup is told once, and without the data of what was to be created."""

from __future__ import annotations

import pathlib

import pytest
from awx_rights import User
from awx_setup import SETUP, previous_version, run, sentences
from fake_awx import FakeAwx


def test_an_organization_that_is_not_there(awx: FakeAwx, tmp_path: pathlib.Path) -> None:
    refused = run(f"{SETUP} -e awx_organization=Fleet", awx, tmp_path)
    assert refused.returncode != 0
    assert "awx_organization: the controller has no organization 'Fleet', or the user 'admin'" in sentences(
        refused.stdout
    )
    assert (awx.writes, awx.faults) == ([], [])


CASES = {
    "token": ({"CONTROLLER_OAUTH_TOKEN": "expired"}, "Invalid authentication credentials for"),
    "address": ({"CONTROLLER_HOST": "http://127.0.0.1:9"}, "Connection refused"),
    "scope": ({"CONTROLLER_OAUTH_TOKEN": "read-only"}, "You don't have permission to POST to"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_it_ends_with_the_first_error(awx: FakeAwx, tmp_path: pathlib.Path, case: str, state: str) -> None:
    environment, reason = CASES[case]
    awx.users["read-only"] = User("reader", may_write=False)
    if state == "absent":
        awx.restore(previous_version())
        reason = reason.replace("POST", "DELETE")
    refused = run(f"{SETUP} -e awx_state={state}", awx, tmp_path, **environment)
    assert refused.returncode != 0
    assert reason in refused.stdout
    assert refused.stdout.count("[ERROR]") == 1
    assert len([line for line in refused.stdout.splitlines() if line.startswith(("failed:", "fatal:"))]) <= 1
    assert '"inputs"' not in refused.stdout
    assert "injectors" not in refused.stdout

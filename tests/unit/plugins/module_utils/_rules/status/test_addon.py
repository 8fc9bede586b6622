# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import addon
from fake_ocm import condition


def made(*conditions: dict[str, t.Any], **metadata: t.Any) -> dict[str, t.Any]:
    return {"metadata": {"name": "addon-status", **metadata}, "status": {"conditions": list(conditions)}}


REGISTERED = condition("RegistrationApplied", reason="SetPermissionApplied")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, "addon_absent"),
        (made(deletionTimestamp="2026-01-01T00:00:00Z"), "addon_absent"),
        (made(), "addon_registering"),
        (made(condition("RegistrationApplied", "False", "SetPermissionFailed")), "addon_registering"),
        (made(REGISTERED), "addon_unavailable"),
        (made(REGISTERED, condition("Available", "False", "ProbeUnavailable")), "addon_unavailable"),
        (made(REGISTERED, condition("Available", "Unknown", "WorkNotApplied")), "addon_unavailable"),
        (made(REGISTERED, condition("Progressing", "True", "Completed")), "addon_unavailable"),
    ],
)
def test_an_addon_that_does_not_work_says_why(found: dict[str, t.Any] | None, code: str) -> None:
    state = addon.examine(found, is_offered=True)
    assert not state.available
    assert state.problem is not None
    assert state.problem.code == code


def test_an_available_addon_is_available() -> None:
    assert addon.examine(made(REGISTERED, condition("Available")), True) == addon.AddonState(True)


RUNNING: dict[str, t.Any] = {
    "metadata": {"name": "status-agent", "generation": 2},
    "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
}


@pytest.mark.parametrize(
    ("changed", "is_running"),
    [
        ({}, True),
        ({"status": {**RUNNING["status"], "readyReplicas": 0}}, False),
        ({"status": {"observedGeneration": 2, "updatedReplicas": 1}}, False),
        # What is ready is of the version before.
        ({"status": {**RUNNING["status"], "observedGeneration": 1}}, False),
        ({"status": {"observedGeneration": 2, "readyReplicas": 1}}, False),
        ({"status": None}, False),
        ({"status": {**RUNNING["status"], "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}}, True),
        # The old pod is ready, and the new one crashes.
        ({"status": {**RUNNING["status"], "replicas": 2, "unavailableReplicas": 1}}, False),
        ({"status": {**RUNNING["status"], "updatedReplicas": 2, "replicas": 2}}, False),
        ({"status": dict.fromkeys(RUNNING["status"], "2")}, False),
        ({"status": {**RUNNING["status"], "readyReplicas": "0"}}, False),
        ({"status": {**RUNNING["status"], "readyReplicas": True}}, False),
        ({"metadata": {**RUNNING["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}, False),
    ],
)
def test_its_deployment_on_the_wec_shows_whether_it_runs(changed: dict[str, t.Any], is_running: bool) -> None:
    assert addon.is_running({**RUNNING, **changed}) is is_running


def test_without_a_deployment_it_does_not_run() -> None:
    assert not addon.is_running(None)


def test_only_an_addon_that_has_registered_waits_for_the_poll_of_its_state() -> None:
    assert addon.examine(made(REGISTERED), True).waits_for_its_poll
    for found in (None, made(), made(REGISTERED, deletionTimestamp="x"), made(REGISTERED, condition("Available"))):
        assert not addon.examine(found, True).waits_for_its_poll

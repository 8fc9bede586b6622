# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of clusters on the screen: tables, progress lines and warnings."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, condition, csr
from fake_wds import PROPERTIES
from front_ends import AsAction
from hostile import ODD, is_quiet

Json = dict[str, t.Any]
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mOK: all is well\r\u202e\u2066\u200b\x9b"
WIDEST = 4 * (limits.CELL + 2) + limits.LINE


@pytest.fixture
def run() -> AsAction:
    return AsAction()


def put(its: FakeIts, name: str, text: str) -> None:
    its.join(name, f"uid of {name}")
    conditions = [
        condition("ManagedClusterJoined"),
        {**condition("ManagedClusterConditionAvailable", "False"), "reason": text, "message": text},
    ]
    change = {
        "metadata": {"labels": {"region": text, "own": text}, "annotations": {"note": text}},
        "status": {"version": {"kubernetes": text}, "conditions": conditions},
    }
    its.change(f"{MANAGED_CLUSTERS}/{name}", change)
    its.put(f"{PROPERTIES}/{name}", {"data": {"maxPods": text}})


@pytest.mark.parametrize("text", [ESCAPES, "x" * 200_000, "two\nPLAY RECAP\nlines", *ODD[-12:]])
def test_tables_are_quiet_and_not_endless(run: AsAction, its: FakeIts, text: str) -> None:
    names = ["edge-1", "edge-2", "three---dashes", "all"]
    for name in names:
        put(its, name, text)
    its.put(f"{CSRS}/edge-2-x", {**csr("edge-2"), "spec": {"username": text, "request": "x"}})
    options: Json = {"its_kubeconfig": its.kubeconfig()}
    wecs = [{"name": name, "labels": {"region": "us"}, "properties": {"maxPods": "1"}} for name in names[:2]]
    run("wec_status", all=True, show_table=True, **options)
    count = len(run.lines)
    assert count == len(names) + 1
    run("wec_plan", wecs=wecs, show_table=True, **options)
    assert len(run.lines) > count
    run("wec_status", wecs=wecs, show_table=True, **options)
    run("wec_export", **options)
    assert run.warnings
    for line in run.lines:
        assert is_quiet(line)
        assert "\n" not in line
        assert len(line) <= WIDEST
    assert all(map(is_quiet, run.warnings))
    assert not any("\n" in warning for warning in run.warnings)


def test_a_failure_is_one_quiet_line(run: AsAction, its: FakeIts) -> None:
    """From ansible-core 2.19 on, the message of a failure is shown as it is."""
    put(its, "edge-1", f"{ESCAPES}\nPLAY RECAP")
    result = run("wec_status", all=True, wait_for="joined", wait_timeout=1, its_kubeconfig=its.kubeconfig())
    assert result["failed"]
    assert "OK: all is well" in result["msg"]
    assert is_quiet(result["msg"])
    assert "\n" not in result["msg"]

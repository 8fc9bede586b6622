# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs that are of a newer Kubernetes than their ITS."""

from __future__ import annotations

import typing as t

import pytest
from fleet import Fleet
from sandbox.binaries import KUBERNETES_VERSIONS, minor_version

NEWEST = KUBERNETES_VERSIONS[-1]


@pytest.fixture
def newer(fleet: Fleet) -> t.Iterator[str]:
    """A WEC of the newest version, as the sandbox's command makes it."""
    name = "edge-137"
    added = fleet.command(["sandbox", "add", name, "--kubernetes", minor_version(NEWEST)], timeout=3600)
    assert added.code == 0, added.output
    yield name
    fleet.release([name])


@pytest.mark.long
def test_one_of_the_newest_version_is_registered_shown_and_deregistered(fleet: Fleet, newer: str) -> None:
    wec = fleet.wec(newer)
    assert (wec.get("/version") or {})["gitVersion"].startswith(NEWEST)
    before = wec.objects()

    first = fleet.register([newer])
    assert first.code == 0, first.output
    assert fleet.is_available(newer)
    mark = fleet.mark()
    second = fleet.register([newer], wec_ask_all=True)
    assert second.code == 0, second.output
    assert second.recap[newer].changed == 0
    assert fleet.writes(mark) == []

    status = fleet.playbook("status", [newer])
    (row,) = [line.split() for line in status.output.splitlines() if line.split()[:2] == [newer, "joined"]]
    assert any(word.startswith(NEWEST) for word in row), row

    left = fleet.deregister([newer], deregister_purge=True)
    assert left.code == 0, left.output
    assert fleet.managed_cluster(newer) is None
    assert wec.objects() ^ before == set()

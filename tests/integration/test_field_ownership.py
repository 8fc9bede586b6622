# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub records who has set which label and property, and lets go what is applied no more."""

from __future__ import annotations

import typing as t

import real_hub
from fleet import Fleet

Take = t.Callable[..., "list[str]"]


def test_a_real_hub_tells_the_story_of_the_fake_one(fleet: Fleet, take: Take) -> None:
    (name,) = take(1)
    assert fleet.register([name]).code == 0
    before = fleet.managed_cluster(name) or {}
    real_hub.tell(fleet, name)
    after = fleet.managed_cluster(name) or {}
    assert after["spec"] == before["spec"], "an apply of labels leaves what was accepted"
    identity = "wec.kubestellar.io/kube-system-uid"
    assert after["metadata"]["annotations"][identity] == before["metadata"]["annotations"][identity]
    assert fleet.is_available(name)

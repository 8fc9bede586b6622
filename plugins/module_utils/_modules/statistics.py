# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves for the jobs that follow: AWX makes artifacts of it, which are their extra variables."""

from __future__ import annotations

import typing as t

from .._rules.fleet.variables import OUTCOME

Json = dict[str, t.Any]


def of(outcome: Json, **more: t.Any) -> Json:
    """In the result of an action, as ansible.builtin.set_stats has it. ``outcome`` is small, and one name for everything."""
    return {"ansible_stats": {"data": {OUTCOME: outcome, **more}, "per_host": False, "aggregate": False}}


def planned(playbook: str, count: int, message: str, *, check_mode: bool) -> Json:
    """The outcome of a playbook that has planned, and not begun: what follows says how it ended."""
    return {
        "playbook": playbook,
        "finished": False,
        "check_mode": check_mode,
        "wecs": count,
        "planned": message,
        "failed": 0,
        "failed_hosts": [],
    }

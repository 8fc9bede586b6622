# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a batch in one task of wec_configure: the plans of one or several ITSs are carried out."""

from __future__ import annotations

import typing as t

from .. import _wording
from .._errors import Refused
from .._operations.planning import FleetPlan
from .._rules.fleet import wec_results
from .._rules.fleet.fleet_plan import Forecast
from .task import Task, each_its

Json = dict[str, t.Any]


def finish(task: Task, plans: t.Sequence[FleetPlan], unseen: list[Json]) -> Json:
    """Carry the plans out; ``unseen`` are hosts whose ITS could not be asked, and why.

    Raises Refused, with nothing changed, for desired states that are invalid.
    """
    planned = [forecast for plan in plans for forecast in plan.forecasts]
    if task.params["stop_on_violation"]:
        _refuse_violations(planned)
    for warning in (warning for plan in plans for warning in plan.warnings):
        task.warn(warning)
    found = planned
    lost: list[Json] = []
    if not task.check_mode:
        # Each ITS takes in changes at its own pace.
        done, lost = each_its(FleetPlan.configure, plans, lambda plan: [one.host for one in plan.forecasts])
        found = [forecast for one in done for forecast in one]
    records = [one.as_result(task.check_mode) for one in found]
    return wec_results.of_task(records, [*unseen, *lost], "would be changed" if task.check_mode else "changed")


def _refuse_violations(planned: t.Sequence[Forecast]) -> None:
    wrong = [one for one in planned if one.problem and one.problem.code == "invalid_desired_state"]
    violations = [one.message if f"{one.host}: " in one.message else f"{one.host}: {one.message}" for one in wrong]
    if violations:
        others = f"To change the other hosts all the same, set {_wording.option('stop_on_violation')} to false."
        raise Refused(
            f"Nothing was changed. {' '.join(violations)}{f' {others}' if len(planned) > len(wrong) else ''}",
            violations,
        )

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Labels of WECs on the ITS: one patch for each WEC that differs."""

from __future__ import annotations

import dataclasses
import typing as t

from .._apis.its import Its
from .._errors import ApiError
from .._rules import labels as rules
from .._rules import problems
from .._rules.its_view import ItsView
from .._rules.plan import Plan, Step
from .._rules.problems import Problem

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Wish:
    """The labels that one WEC shall have, by the rule of ``state``."""

    name: str
    labels: t.Mapping[str, str]
    state: str
    protected: tuple[str, ...] = ()


@dataclasses.dataclass
class Verdict:
    """How it is for one WEC. ``labels`` are those afterwards (foreseen, in check mode)."""

    name: str
    changes: rules.Changes
    labels: dict[str, str]
    plan: Plan
    problem: Problem | None = None

    def as_data(self) -> Json:
        return {
            "name": self.name,
            "changed": self.plan.changes and self.problem is None,
            "failed": self.problem is not None,
            "msg": f"{self.name}: {self.problem}" if self.problem else "",
            "labels": self.labels,
            "steps": self.plan.as_data(),
            "problem": self.problem.as_data() if self.problem else None,
        }


def plan(its: Its, wishes: t.Sequence[Wish]) -> list[Verdict]:
    """What has to change for each WEC; a WEC that the ITS does not know is a problem of its own."""
    views = its.views([wish.name for wish in wishes])
    return [_plan_one(wish, views[wish.name]) for wish in wishes]


def _plan_one(wish: Wish, view: ItsView) -> Verdict:
    if not view.exists:
        problem = problems.of("not_registered", f"the ITS has no ManagedCluster {wish.name}")
        return Verdict(wish.name, {}, {}, Plan(), problem)
    found = rules.changes(wish.state, view.labels, wish.labels, wish.protected)
    after = {key: value for key, value in {**view.labels, **found}.items() if value is not None}
    steps = []
    if found:
        before = {key: view.labels.get(key) for key in found}
        reason = "its labels shall be as the inventory says"
        steps.append(
            Step("ITS", "update", f"ManagedCluster {wish.name}", reason, {"labels": before}, {"labels": found})
        )
    return Verdict(wish.name, found, after, Plan(steps))


def apply(its: Its, verdicts: t.Iterable[Verdict]) -> None:
    """Write the changes. What the ITS made of them (webhooks may add labels) is compared with what was asked for."""
    for verdict in verdicts:
        if not verdict.plan.changes:
            continue
        try:
            after = its.patch_labels(verdict.name, verdict.changes)
        except ApiError as error:
            verdict.problem = problems.of("webhook_down" if error.is_webhook_down else "forbidden", error.message)
            continue
        verdict.labels = dict(after["metadata"].get("labels") or {})
        undone = [key for key, value in verdict.changes.items() if verdict.labels.get(key) != value]
        if undone:
            verdict.problem = problems.of("labels_not_effective", f"the ITS did not keep {', '.join(sorted(undone))}")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done, as data. Check mode, diff, progress, result and the doing itself all read the same steps."""

from __future__ import annotations

import dataclasses
import typing as t

from ..outside import screen

Json = dict[str, t.Any]
_LONGEST = 60
"""Characters of a value that are shown."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One change. ``before`` and ``after`` hold only what the step changes, without secrets; None is "not there".

    ``side`` is ITS or WEC; ``verb`` one of create, update, delete, approve, accept, join, restart.
    ``do`` names the operation that carries it out, where that is not plain from the rest.
    """

    side: str
    verb: str
    object: str
    reason: str
    before: t.Any = None
    after: t.Any = None
    do: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.object} on the {self.side}: {self.reason}"

    def as_data(self) -> Json:
        return {"side": self.side, "verb": self.verb, "object": self.object, "reason": self.reason}


@dataclasses.dataclass
class Plan:
    """Steps in their order. ``done`` counts those that were carried out."""

    steps: list[Step] = dataclasses.field(default_factory=list)

    @property
    def changes(self) -> bool:
        return bool(self.steps)

    def add(self, *steps: Step) -> None:
        self.steps += steps

    def __str__(self) -> str:
        return "; ".join(f"{step.verb} {step.object}" for step in self.steps)

    @property
    def changed_fields(self) -> str:
        """Key by key, for people."""
        return "; ".join(filter(None, (changed_fields(step.before, step.after) for step in self.steps)))

    def as_data(self) -> list[Json]:
        return [step.as_data() for step in self.steps]

    def diff(self) -> Json:
        """Ansible's diff: what each touched object is before and after."""
        before: Json = {}
        after: Json = {}
        for step in self.steps:
            key = f"{step.side}: {step.object}"
            before[key] = _merged(step.before, before[key]) if key in before else step.before
            after[key] = _merged(after.get(key), step.after)
        return {"before": before, "after": after}


def _merged(earlier: t.Any, later: t.Any) -> t.Any:
    if isinstance(earlier, dict) and isinstance(later, dict):
        return {**earlier, **later}
    return later


def changed_fields(old_side: t.Any, new_side: t.Any) -> str:
    """Both sides of a change of labels and the like, for people: ``tier gold -> silver; +zone=us-east-1; -team``."""
    before = _flat(old_side)
    texts = []
    for key, value in _flat(new_side).items():
        old = before.get(key)
        if value is None:
            texts.append(f"-{key}")
        elif old is None:
            texts.append(f"+{key}={_short(value)}")
        else:
            texts.append(f"{key} {_short(old)} -> {_short(value)}")
    return "; ".join(texts)


def _short(value: t.Any) -> str:
    """Annotations and properties can be long."""
    return screen.shortened(screen.line(str(value)), _LONGEST) or "''"


def _flat(side: t.Any) -> dict[str, t.Any]:
    """Labels and annotations come one level deeper than properties."""
    found: dict[str, t.Any] = {}
    for key, value in (side or {}).items():
        found.update(value if isinstance(value, dict) else {key: value})
    return found

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of the inventory plugin: the hosts of an ITS with their variables."""

from __future__ import annotations

import os
import typing as t

from .._apis import connection
from .._errors import InvalidOption
from .._operations import hub_state
from .._operations.hub_state import Known, Selection
from .._rules.status import states
from .task import Task, its_of

Json = dict[str, t.Any]
Host = tuple[str, Json]


def hosts(task: Task) -> list[Host]:
    """Every selected WEC and its variables, JSON types only and no secret among them. Raises WecError.

    The options are those of the ITS, and label_selector, field_selector, states, protected, desired_state.
    """
    found = known(task)
    # Its files have been read by now, and are there.
    where = its_variables(task)
    return [(one.name, {**where, **_variables(task, one)}) for one in found]


def known(task: Task) -> list[Known]:
    """The same before it is put into variables."""
    given = task.params
    unknown = sorted(set(given["states"]) - set(states.ALL))
    if unknown:
        raise InvalidOption("states", ", ".join(unknown), "is not a state", f"There are {', '.join(states.ALL)}")
    for option in ("connect_timeout", "read_timeout"):
        if given[option] <= 0:
            raise InvalidOption(option, given[option], "must be more than 0 seconds")
    selection = Selection(given["label_selector"], given["field_selector"], given["states"])
    with its_of(task) as its:
        return hub_state.look(its, selection, given["protected"])


def its_variables(task: Task) -> Json:
    """How to reach the same ITS again, as far as that is no secret."""

    def absolute(path: str) -> str:
        return path if path.startswith("~") or os.path.isabs(path) else task.read_file(path)[0]

    return connection.shareable(connection.ITS, task.params, absolute)


def _variables(task: Task, one: Known) -> Json:
    return {**one.as_facts(), **(one.adopted.as_variables() if task.params["desired_state"] else {})}

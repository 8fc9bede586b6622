# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_configure."""

from __future__ import annotations

import typing as t

from . import configure_options
from .task import Task

Json = dict[str, t.Any]
_STATES = {part: f"{part}_state" for part in configure_options.PARTS}
SPEC: Json = configure_options.spec(
    {
        "labels": {"type": "dict"},
        "annotations": {"type": "dict"},
        "properties": {"type": "dict"},
        "cluster_set": {"type": "str"},
    },
    set(_STATES.values()),
)


def run(task: Task) -> Json:
    return configure_options.run(task, _STATES)

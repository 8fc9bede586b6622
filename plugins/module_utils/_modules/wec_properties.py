# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_properties."""

from __future__ import annotations

import typing as t

from . import configure_options
from .task import Task

Json = dict[str, t.Any]
_STATES = {"properties": "state"}
SPEC: Json = configure_options.spec({"properties": {"type": "dict"}}, set(_STATES.values()))


def run(task: Task) -> Json:
    return configure_options.run(task, _STATES)

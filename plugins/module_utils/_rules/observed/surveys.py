# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at an ITS has shown a moment ago."""

from __future__ import annotations

import dataclasses
import typing as t

from .observed_managed_cluster import ObservedManagedCluster

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Survey:
    """``known`` is what was read of the hub as a whole (None: not there), by what was asked for.

    ``clock_offset``: seconds by which the ITS's clock is ahead.
    """

    known: t.Mapping[str, Json | None]
    clock_offset: float
    view: ObservedManagedCluster

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records in the result of a task that was for many WECs."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


def by_host(result: Json) -> dict[str, Json]:
    return {record["host"]: record for record in result["wecs"]}


def in_order(result: Json, *, failed: bool) -> list[str]:
    """The hosts that have failed, or that have not."""
    return [record["host"] for record in result["wecs"] if record["failed"] is failed]

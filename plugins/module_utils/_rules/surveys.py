# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""What a look at an ITS has shown a moment ago, as data that tasks hand on to each other."""

from __future__ import annotations

import dataclasses
import typing as t

from .its_view import ItsView

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Survey:
    """``known`` is what was read of the hub as a whole (None: not there), by what was asked for.

    ``clock_offset``: seconds by which the ITS's clock is ahead.
    """

    server: str
    known: t.Mapping[str, Json | None]
    clock_offset: float
    view: ItsView


def hub_data(server: str, known: t.Mapping[str, Json | None], clock_offset: float) -> Json:
    objects = {key: _slim(item) for key, item in known.items()}
    return {"server": server, "objects": objects, "clock_offset": clock_offset}


def view_data(view: ItsView) -> Json:
    return {
        "name": view.name,
        "managed_cluster": _slim(view.managed_cluster),
        "csrs": [_slim(csr) for csr in view.csrs],
        "lease": _slim(view.lease),
        "mailbox": _slim(view.mailbox),
        "token_ids_are_recorded": view.token_ids_are_recorded,
    }


def read(data: t.Mapping[str, t.Any]) -> Survey:
    """The inverse of both. Raises KeyError, TypeError, ValueError, AttributeError for what is no survey."""
    hub, view = data["hub"], data["view"]
    return Survey(
        str(hub["server"]),
        {str(key): item for key, item in hub["objects"].items()},
        float(hub["clock_offset"]),
        ItsView(
            str(view["name"]),
            view["managed_cluster"],
            tuple(view["csrs"]),
            view["lease"],
            view["mailbox"],
            bool(view["token_ids_are_recorded"]),
        ),
    )


def _slim(item: Json | None) -> Json | None:
    """Without what only the API server reads."""
    if item is None or "managedFields" not in (item.get("metadata") or {}):
        return item
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "managedFields"}}

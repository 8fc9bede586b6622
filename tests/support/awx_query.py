# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated controller finds for the parameters of a list: exact values, ``__in``, and alternatives with ``or__``."""

from __future__ import annotations

import typing as t

from awx_kinds import Json, RefusedError


def page(items: t.Iterable[Json], query: t.Mapping[str, str], known: t.Collection[str]) -> Json:
    """Raises RefusedError for a field that there is none of."""
    found = list(items)
    alternatives: list[int] = []
    asked = {key: value for key, value in query.items() if key not in ("page_size", "page")}
    for key, value in asked.items():
        field, _separator, lookup = key.removeprefix("or__").partition("__")
        if field not in known:
            raise RefusedError(f"{key}: there is no such field to look for")
        wanted = value.split(",") if lookup == "in" else [value]
        if wanted == [""]:
            raise RefusedError(f"{key}: cannot provide empty value for __in")
        name = field if lookup in ("", "in") else key
        matching = [item["id"] for item in found if _is_among(item.get(name), wanted)]
        if key.startswith("or__"):
            alternatives += matching
        else:
            found = [item for item in found if item["id"] in matching]
    if any(key.startswith("or__") for key in asked):
        found = [item for item in found if item["id"] in alternatives]
    # What was only there to be looked for.
    shown = [{key: value for key, value in item.items() if "__" not in key} for item in found]
    return {"count": len(shown), "next": None, "previous": None, "results": shown}


def _is_among(value: t.Any, wanted: t.Sequence[str]) -> bool:
    return str(value) in (
        ("True" if one.lower() == "true" else "False") if isinstance(value, bool) else one for one in wanted
    )

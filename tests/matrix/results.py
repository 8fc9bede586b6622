# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps which cells passed, and the table that is made of it."""

from __future__ import annotations

import json
import pathlib
import typing as t

from .cells import cells

Json = dict[str, t.Any]
FILE = pathlib.Path(__file__).parent / "results.json"
PARTS = {"unit": "Unit tests", "demo": "Demo", "integration": "Integration tests"}


def read(file: pathlib.Path = FILE) -> dict[str, Json]:
    return t.cast("dict[str, Json]", json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def record(name: str, row: Json | None, file: pathlib.Path = FILE) -> None:
    """Note what was proved of a cell, beside its other parts. Without a row, it has failed, and nothing is proved."""
    before = read(file)
    known = before.get(name)
    if row and known and known["versions"] == row["versions"]:
        row = {**row, "parts": {**known["parts"], **row["parts"]}}
    rows = {**before, name: row}
    order = [cell.name for cell in cells()]
    kept = {one: rows[one] for one in order if rows.get(one)}
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def table(rows: t.Mapping[str, Json]) -> str:
    """In Markdown."""
    versions = ("ansible-core", "Python", "kubernetes", "PyYAML", "cryptography", "Python of hosts")
    heads = [*versions, *PARTS.values()]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in rows.values():
        proved = [row["parts"].get(part, "") for part in PARTS]
        values = [row["versions"].get(name, "") for name in versions]
        lines.append(f"| {' | '.join([*values, *proved])} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(lines)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the parts of docs/ that are made of the code's own tables: ``python tests/generate_docs.py``."""

from __future__ import annotations

import pathlib

from ansible_collections.kubestellar.wec.plugins.module_utils._rules import problems

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def problems_page() -> str:
    """docs/problems.md."""
    lines = [
        "# What can go wrong, how it shows, and what to do",
        "",
        "Every problem has a code. Modules return it as `problem.code` (or in `problems`), and messages have it in brackets.",
        "This page is made of the table in the code (`make docs`).",
    ]
    for title, kinds in problems.SECTIONS:
        lines += ["", f"## {title}"]
        for kind in kinds:
            lines += [
                "",
                f"### `{kind.code}`",
                "",
                f"{kind.summary[0].upper()}{kind.summary[1:]}.",
                "",
                f"- Shows as: {kind.signs}.",
                f"- What to do: {kind.remedy}.",
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (DOCS / "problems.md").write_text(problems_page(), encoding="utf-8")

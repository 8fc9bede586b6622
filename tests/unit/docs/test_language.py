# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and pages are in plain English: these forms were the worst of those that were not."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest

ROOT = pathlib.Path(__file__).parents[3]
WORST = re.compile(
    r"(?<!there )\b(is|are) no (?!longer|more)|(?<!there )\bis none\b|\btold\b|\bas wanted\b|\bwhoever\b|\bshall\b",
    re.IGNORECASE,
)
CODE = sorted((ROOT / "plugins").rglob("*.py")) + sorted((ROOT / "extensions").rglob("*.py"))
YAML = [
    *sorted((ROOT / "playbooks").rglob("*.yml")),
    *sorted((ROOT / "roles").rglob("*.yml")),
    *sorted((ROOT / "extensions").rglob("*.yml")),
]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "roles").glob("*/README.md")),
    *sorted((ROOT / "docs" / "docsite").rglob("*.rst")),
]


def texts(source: str) -> t.Iterator[tuple[int, str]]:
    """What is no docstring, no key, and long enough to be a part of a sentence."""
    tree = ast.parse(source)
    # Docstrings, of attributes too, stand alone.
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in described
        ):
            yield node.lineno, node.value


def found(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if WORST.search(line)]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_and_documentation_of_plugins(path: pathlib.Path) -> None:
    faults = [f"{number}: {line}" for number, text in texts(path.read_text()) for line in found(text)]
    assert faults == []


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_tasks_and_descriptions(path: pathlib.Path) -> None:
    assert found(path.read_text()) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages(path: pathlib.Path) -> None:
    assert found(path.read_text()) == []


def test_a_bad_sentence_is_found() -> None:
    (one,) = texts("def f():\n    '''It shall be told.'''\n    return 'The ITS is no hub'\n")
    assert found(one[1]) == ["The ITS is no hub"]
    assert found("it is no longer there") == []

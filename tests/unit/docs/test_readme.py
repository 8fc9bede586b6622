# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md is short and has the same first steps as docs/getting-started.md; links of all pages work in the artifact, too."""

from __future__ import annotations

import fnmatch
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STARTED = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
IGNORED = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])


def test_it_is_one_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 105


def test_its_inventory_and_commands_are_those_that_the_integration_tests_run() -> None:
    blocks = re.findall(r"^```\w+\n.*?^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    assert [block for block in blocks if block not in STARTED] == []


def _ignored(path: pathlib.Path) -> bool:
    names = [part.as_posix() for part in (path, *path.parents)]
    return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in IGNORED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_work_in_the_artifact(page: pathlib.Path) -> None:
    # Code is not Markdown.
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^()\s]+)\)", text):
        target = (page.parent / link.partition("#")[0]).resolve()
        if not link.startswith(("https://", "#")):
            assert target.exists(), link
            assert not _ignored(target.relative_to(ROOT)), link


def test_the_repository_is_the_one_of_galaxy_yml() -> None:
    repository = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
    assert f"git+{repository}.git" in README
    assert f"git clone {repository}.git" in README

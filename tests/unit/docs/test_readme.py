# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md: short, the same first steps as in docs/getting-started.md, and no link that leads nowhere in the artifact."""

from __future__ import annotations

import fnmatch
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STARTED = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", README)))


def test_it_is_one_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 105


def test_its_inventory_and_commands_are_those_that_the_integration_tests_run() -> None:
    blocks = re.findall(r"^```\w+\n.*?^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    assert [block for block in blocks if block not in STARTED] == []


@pytest.mark.parametrize("link", LINKS)
def test_a_link_works_in_the_artifact(link: str) -> None:
    if link.startswith("https://"):
        return
    path = link.partition("#")[0]
    assert (ROOT / path).is_file()
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    parts = [path, *map(str, pathlib.PurePath(path).parents)]
    assert not [one for one in parts for pattern in ignored if fnmatch.fnmatch(one, pattern)]


def test_the_repository_is_the_one_of_galaxy_yml() -> None:
    repository = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
    assert f"git+{repository}.git" in README
    assert f"git clone {repository}.git" in README

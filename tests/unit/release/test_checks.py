# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a version from being released, and what a release changes."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from release import checks


def git(folder: pathlib.Path, *arguments: str) -> None:
    own = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run([*own, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    (tmp_path / "changelogs" / "changelog.yaml").write_text("releases: {1.2.0: {}, 1.10.0: {}}\n")
    (tmp_path / "changelogs" / "fragments" / "one.yml").write_text("bugfixes: [x]\n")
    (tmp_path / "galaxy.yml").write_text("name: wec\nversion: 1.10.0\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


def test_a_newer_version_of_a_clean_tree_is_ready(tree: pathlib.Path) -> None:
    checks.check(tree, "1.11.0")


@pytest.mark.parametrize("version", ["1.11", "v1.11.0", "1.11.0-rc1", "01.11.0", "", "latest", "1.11.0\n"])
def test_what_is_not_a_version(tree: pathlib.Path, version: str) -> None:
    with pytest.raises(checks.NotReady, match=r"is not a version\. Write it as X\.Y\.Z"):
        checks.check(tree, version)


@pytest.mark.parametrize("version", ["1.10.0", "1.9.9"])
def test_a_version_must_be_newer_by_number(tree: pathlib.Path, version: str) -> None:
    with pytest.raises(checks.NotReady, match=r"is not newer than 1\.10\.0"):
        checks.check(tree, version)


def test_a_tag_is_not_made_again(tree: pathlib.Path) -> None:
    git(tree, "tag", "1.11.0")
    with pytest.raises(checks.NotReady, match=r"There is a tag 1\.11\.0"):
        checks.check(tree, "1.11.0")


@pytest.mark.parametrize("name", ["galaxy.yml", "new.txt"])
def test_what_is_not_committed_is_named(tree: pathlib.Path, name: str) -> None:
    with (tree / name).open("a") as file:
        file.write("more: 1\n")
    with pytest.raises(checks.NotReady, match=rf"1 changes that are not committed: {name}\."):
        checks.check(tree, "1.11.0")


def test_without_a_fragment_there_is_nothing_to_release(tree: pathlib.Path) -> None:
    git(tree, "rm", "-q", "changelogs/fragments/one.yml")
    git(tree, "commit", "-qm", "y")
    with pytest.raises(checks.NotReady, match="has no fragment"):
        checks.check(tree, "1.11.0")


def test_the_version_is_set_and_nothing_else(tree: pathlib.Path) -> None:
    checks.set_version(tree, "1.11.0")
    assert (tree / "galaxy.yml").read_text() == "name: wec\nversion: 1.11.0\n"


def test_what_the_importer_does_not_like_is_found() -> None:
    log = "Loading role x\nERROR: Timeout on call\nWARNING: No tag\nImporter processing completed successfully\n"
    assert checks.complaints(log) == ["ERROR: Timeout on call", "WARNING: No tag"]

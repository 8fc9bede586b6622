# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project on GitHub has beside its code: workflows that run this repository's own targets, and files that name what is there."""

from __future__ import annotations

import itertools
import pathlib
import re
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
Json = dict[str, t.Any]


def _called(workflow: Json) -> set[str]:
    """The targets of make that its jobs call, with all values of a matrix."""
    found: set[str] = set()
    for job in workflow["jobs"].values():
        values = job.get("strategy", {}).get("matrix", {}).get("target", [])
        for step in job["steps"]:
            for line in re.findall(
                r"make((?: +[^\s|=']+(?=\s|$))+)", step.get("run", "").replace("${{ matrix.target }}", "%")
            ):
                words = [word for word in line.split() if not word.startswith("-")]
                found |= set(itertools.chain.from_iterable(values if word == "%" else [word] for word in words))
    return {one for one in found if "=" not in one and not one.isupper()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_that_there_are(path: pathlib.Path) -> None:
    called = _called(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert called
    assert called <= TARGETS


def test_the_workflows_run_all_of_make_test() -> None:
    everything = re.search(r"^test:.*\n\t@tests/run (.*)$", MAKEFILE, re.MULTILINE)
    assert everything
    called = set().union(*(_called(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in WORKFLOWS))
    # The unit tests run in each cell of the matrix, and each suite is called as its target is.
    run = {"unit"} if "test-matrix" in called else set()
    run |= {name.removeprefix("test-") for name in called}
    assert set(everything[1].split()) - run == set()


def test_dependabot_looks_at_folders_that_there_are() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    for update in updates:
        for folder in update.get("directories", [update.get("directory")]):
            found = list(ROOT.glob(folder.strip("/"))) if folder != "/" else [ROOT]
            assert found, folder
            if update["package-ecosystem"] == "gomod":
                assert all((one / "go.mod").is_file() for one in found if one.is_dir())


def test_hooks_call_tools_that_are_locked() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    locked = re.findall(
        r"^([\w-]+)==", (ROOT / "tests" / "requirements" / "dev.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    for hook in itertools.chain.from_iterable(repo["hooks"] for repo in config["repos"]):
        assert hook["language"] == "system"
        tools = re.findall(r'\$\(tests/venv dev\)/bin/([\w-]+)"', hook["entry"])
        targets = re.findall(r"^make ([\w-]+)", hook["entry"])
        assert tools or targets
        assert set(tools) <= set(locked)
        assert set(targets) <= TARGETS


@pytest.mark.parametrize("name", ["CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS.md", "SECURITY.md"])
def test_links_of_a_project_file_lead_to_files(name: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            assert (ROOT / link.partition("#")[0]).exists(), link

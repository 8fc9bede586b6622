# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's artifact: what is in it, and that what is installed from it works by name."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TOP = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MAINTAINERS.md",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "extensions",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("artifact")
    subprocess.run(
        ["ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(folder)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("kubestellar-wec-*.tar.gz")
    return built


def test_it_holds_what_runs_and_nothing_else(artifact: pathlib.Path) -> None:
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == TOP
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".log"))]
    # What the report's page is made of, and what describes the report.
    assert {f"plugins/plugin_utils/_report/page.{kind}" for kind in ("html.j2", "css", "js")} <= set(names)
    assert "docs/report.schema.json" in names
    assert artifact.stat().st_size < 550_000


def test_installed_it_runs_by_name(artifact: pathlib.Path, tmp_path: pathlib.Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
    }
    environment["NO_COLOR"] = "1"
    install = ["ansible-galaxy", "collection", "install", str(artifact), "-p", str(tmp_path / "collections")]
    subprocess.run(install, env=environment, cwd=tmp_path, check=True, capture_output=True)
    inventory = tmp_path / "fleet.yml"
    inventory.write_text(
        "wecs: {vars: {its_kubeconfig: /nonexistent}, hosts: {edge-1: {wec_kubeconfig: /nonexistent}}}"
    )
    run = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "kubestellar.wec.register"],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "its_kubeconfig: '/nonexistent' cannot be read" in " ".join(run.stdout.split()), run.stdout + run.stderr
    doc = subprocess.run(
        ["ansible-doc", "-t", "role", "kubestellar.wec.register"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "register_wait_timeout" in doc.stdout

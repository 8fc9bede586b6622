# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is rehearsed on a copy: the checkout stays as it is, and the artifact is one that Galaxy takes and that runs."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tarfile

import yaml

ROOT = pathlib.Path(__file__).parents[2]
# Newer than any.
VERSION = "99.0.0"


def test_the_next_release_can_be_made(tmp_path: pathlib.Path) -> None:
    clone = tmp_path / "clone"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    # What is not committed yet is tested, too.
    changes = subprocess.run(["git", "diff", "--binary", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    if changes:
        subprocess.run(["git", "apply", "--index"], cwd=clone, check=True, input=changes)
        subprocess.run([*git, "commit", "-qm", "what is not committed"], cwd=clone, check=True)
    run = subprocess.run(
        ["make", "release", f"VERSION={VERSION}"],
        cwd=clone,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Nothing was published." in run.stdout
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True)
    assert status.stdout == ""
    with tarfile.open(clone / "release" / f"kubestellar-wec-{VERSION}.tar.gz") as archive:
        changelog = archive.extractfile("changelogs/changelog.yaml")
        assert changelog is not None
        assert VERSION in yaml.safe_load(changelog.read())["releases"]
        assert not [name for name in archive.getnames() if name.startswith("changelogs/fragments")]

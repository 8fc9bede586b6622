# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a version can be released, and how the files of a release are changed."""

from __future__ import annotations

import pathlib
import re
import subprocess
import typing as t

import yaml

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_LINE = re.compile(r"^version: *\S+$", re.MULTILINE)


class NotReady(Exception):
    """This version cannot be released; the text says why, and what to do."""


def check(root: pathlib.Path, version: str) -> None:
    """Raises NotReady."""
    if not _VERSION.fullmatch(version):
        raise NotReady(f"VERSION={version!r} is not a version. Write it as X.Y.Z, for example 1.0.0.")
    known = _released(root)
    newer = [one for one in known if _number(one) >= _number(version)]
    if newer:
        raise NotReady(
            f"VERSION={version} is not newer than {newer[0]}, which changelogs/changelog.yaml has. Choose a newer one."
        )
    if _git(root, "tag", "--list", version):
        raise NotReady(f"There is a tag {version} already. Choose a newer version.")
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        files = ", ".join(line[3:] for line in changed[:5])
        raise NotReady(
            f"The tree has {len(changed)} changes that are not committed: {files}. Commit them, or put them aside."
        )
    if not list((root / "changelogs" / "fragments").glob("*.y*ml")):
        raise NotReady("changelogs/fragments has no fragment: nothing has changed since the last release.")


def set_version(root: pathlib.Path, version: str) -> None:
    """In galaxy.yml."""
    file = root / "galaxy.yml"
    text, count = _LINE.subn(f"version: {version}", file.read_text(encoding="utf-8"))
    if count != 1:
        raise NotReady(f"galaxy.yml has {count} lines with a version, and needs one.")
    file.write_text(text, encoding="utf-8")


def complaints(log: str) -> list[str]:
    """What galaxy-importer does not like: it ends well with errors of the programs that it calls, too."""
    return [line for line in log.splitlines() if line.startswith(("ERROR", "WARNING", "CRITICAL"))]


def _released(root: pathlib.Path) -> list[str]:
    content = yaml.safe_load((root / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))
    return sorted(content["releases"], key=_number, reverse=True)


def _number(version: str) -> t.Any:
    return tuple(int(one) for one in re.findall(r"\d+", version)[:3])


def _git(root: pathlib.Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.rstrip("\n")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds Python interpreters by their version."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

VARIABLE = "WEC_PYTHONS"


class MissingPython(Exception):
    """The text says how to get it."""


def find(version: str) -> str:
    """The interpreter of this version, below $WEC_PYTHONS or on PATH. Raises MissingPython."""
    for candidate in _candidates(f"python{version}"):
        if _version(candidate) == version:
            return candidate
    raise MissingPython(
        f"There is no Python {version}. Install it so that python{version} is on PATH (a package of your distribution, pyenv, "
        f"or 'uv python install {version}'), or set {VARIABLE} to the folder that it is in."
    )


def _candidates(name: str) -> t.Iterator[str]:
    folder = os.environ.get(VARIABLE)
    if folder:
        # The folder itself, that of one installation, or that in which pyenv or uv has one for each version.
        for pattern in (name, f"bin/{name}", f"*/bin/{name}"):
            yield from map(str, sorted(pathlib.Path(folder).expanduser().glob(pattern), reverse=True))
    found = shutil.which(name)
    if found:
        yield found


def _version(interpreter: str) -> str:
    """Empty for what does not run, such as the shim of a version that is not chosen."""
    command = [interpreter, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""

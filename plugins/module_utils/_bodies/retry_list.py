# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the hosts that a run in waves has not come to, or that have failed, for --limit."""

from __future__ import annotations

import os
import tempfile
import typing as t

from .._errors import InvalidOption


def write(path: str, hosts: t.Iterable[str]) -> None:
    """All of it or nothing, as a run may be killed. Raises InvalidOption."""
    target = os.path.abspath(os.path.expanduser(path))
    try:
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(target), delete=False) as file:
            file.write("\n".join(hosts) + "\n")
        os.chmod(file.name, 0o644)
        os.replace(file.name, target)
    except OSError as error:
        why = f"cannot be written: {error.strerror or error}"
        raise InvalidOption("retry_file", path, why, "Set wec_remaining_file to a file that can be written") from error

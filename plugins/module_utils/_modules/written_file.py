# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a run leaves on the controller: the hosts that it has not come to or that have failed, for --limit, and the plan."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t

from .._errors import InvalidOption


def write_hosts(path: str, hosts: t.Iterable[str]) -> None:
    """Raises InvalidOption."""
    _write("retry_file", path, "\n".join(hosts) + "\n", "wec_remaining_file")


def write_plan(path: str, digest: str, wecs: t.Sequence[dict[str, t.Any]]) -> None:
    """Raises InvalidOption."""
    text = json.dumps({"digest": digest, "wecs": wecs}, indent=4, sort_keys=True, ensure_ascii=False)
    _write("plan_file", path, f"{text}\n", "wec_plan_file")


def _write(option: str, path: str, text: str, variable: str) -> None:
    """All of it or nothing, as a run may be killed."""
    target = os.path.abspath(os.path.expanduser(path))
    try:
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(target), delete=False, encoding="utf-8") as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, target)
    except OSError as error:
        why = f"cannot be written: {error.strerror or error}"
        raise InvalidOption(option, path, why, f"Set {variable} to a file that can be written") from error

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can run a sandbox, before anything is started or built."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

from . import processes
from .control import SandboxError

_INOTIFY_LIMIT = pathlib.Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY = {"hub": 18, "wds": 7, "wec": 10}
"""What each has in use once everything is registered: API server 3, its controllers 4 or 5, each Open Cluster Management process 1."""


def check(mark: str, wecs: int, kubestellar: bool, second_hub: bool = False) -> None:
    """``mark`` is that of a sandbox that will be replaced. Raises SandboxError."""
    if not sys.platform.startswith("linux"):
        raise SandboxError("the sandbox needs Linux: its pods are processes in namespaces of their own")
    _check_namespaces()
    _check_inotify(mark, inotify_needed(wecs, kubestellar, second_hub))


def _check_namespaces() -> None:
    probe = "import sys; sys.path[:0] = [sys.argv[1]]; import container; container.enter_namespaces('probe')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", probe, str(pathlib.Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(
            f"this machine does not let us make namespaces: {done.stderr.strip().splitlines()[-1]}\n"
            "Allow them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces, "
            "kernel.apparmor_restrict_unprivileged_userns=0), or run as root."
        )


def inotify_needed(wecs: int, kubestellar: bool, second_hub: bool = False) -> int:
    """How many inotify instances a sandbox of this shape uses. Simulated WECs use none."""
    return _INOTIFY["hub"] * (2 if second_hub else 1) + wecs * _INOTIFY["wec"] + (_INOTIFY["wds"] if kubestellar else 0)


def inotify_in_use(besides: t.Collection[int] = (), proc: pathlib.Path = pathlib.Path("/proc")) -> int:
    """How many inotify instances this user's processes have open, but for these processes."""
    found = 0
    for folder in proc.glob("[0-9]*"):
        try:
            if int(folder.name) in besides or folder.stat().st_uid != os.getuid():
                continue
            descriptors = list((folder / "fd").iterdir())
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                found += os.readlink(descriptor) == "anon_inode:inotify"
            except OSError:
                continue
    return found


def _check_inotify(mark: str, needed: int, limit_file: pathlib.Path = _INOTIFY_LIMIT) -> None:
    """Without enough of them, API servers only log, but webhooks die, which looks like a fault of what is tested.

    Whoever may raise the limit (root) is told that it was raised. Raises SandboxError for others.
    """
    try:
        limit = int(limit_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    used = inotify_in_use({one.pid for one in processes.running(mark)})
    if used + needed <= limit:
        return
    wanted = max(1024, 2 * (used + needed))
    try:
        limit_file.write_text(str(wanted), encoding="ascii")
    except OSError:
        raise SandboxError(
            f"this sandbox needs about {needed} inotify instances, and this user has {used} of {limit} in use: "
            "its webhooks would die of 'too many open files'.\n"
            f"Raise the limit (sysctl fs.inotify.max_user_instances={wanted}), start fewer WECs, or end another sandbox of this user."
        ) from None
    print(
        f"Raised fs.inotify.max_user_instances from {limit} to {wanted}: this sandbox needs {needed}, and {used} are in use",
        file=sys.stderr,
        flush=True,
    )

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and measures what it costs: its own processes, and whatever they start."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import pathlib
import platform
import subprocess
import threading
import time
import typing as t

_EVERY = 0.3
"""Seconds between two looks at the memory. To look costs some of the time that is measured."""
_PROC = pathlib.Path("/proc")
_KCMP = {"x86_64": 312, "aarch64": 272}.get(platform.machine())
_KCMP_VM = 1
_LIBC = ctypes.CDLL(None)


@dataclasses.dataclass(frozen=True)
class Cost:
    """``wall`` and ``cpu`` are seconds, ``memory`` and ``own_memory`` (that of Python alone) are MiB.

    ``stolen`` is the percentage of all cores' time that the machine's host gave to other machines.
    """

    code: int
    output: str
    wall: float
    cpu: float
    memory: float
    own_memory: float
    stolen: float


class _Memory(threading.Thread):
    """Looks at a process and all its descendants now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.most = self.most_of_python = 0.0

    def run(self) -> None:
        while not self._ended.wait(_EVERY):
            looked_at = [_share(pid) for pid, parent in _family(self._pid).items() if not _is_double(pid, parent)]
            shares = [share for share in looked_at if share is not None]
            self.most = max(self.most, sum(share for _is_python, share in shares))
            self.most_of_python = max(self.most_of_python, sum(share for is_python, share in shares if is_python))

    def end(self) -> None:
        self._ended.set()
        self.join()


def _family(pid: int) -> dict[int, int]:
    """A process and its descendants, with the parent of each."""
    parents: dict[int, int] = {}
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            try:
                stat = (_PROC / entry / "stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found, grows = {pid}, True
    while grows:
        more = {child for child, parent in parents.items() if parent in found and child not in found}
        found |= more
        grows = bool(more)
    return {one: parents.get(one, 0) for one in found}


def _is_double(pid: int, parent: int) -> bool:
    """Whether it has its parent's very memory: after vfork(2), until it runs a program. Source: kcmp(2)."""
    return _KCMP is not None and _LIBC.syscall(_KCMP, pid, parent, _KCMP_VM, 0, 0) == 0


def _share(pid: int) -> tuple[bool, float] | None:
    """Whether it is Python, and its memory in MiB, with its share of what it shares; None for one that has ended."""
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii")
        program = os.readlink(_PROC / str(pid) / "exe")
    except OSError:
        return None
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return "python" in program, int(line.split()[1]) / 1024
    return None


def _core_times() -> tuple[int, int]:
    """What was stolen of all cores' time, and all of it, since the machine started. Source: proc(5), /proc/stat."""
    # User, nice, system, idle, iowait, irq, softirq, steal; what guests had is part of user and nice.
    times = [int(one) for one in (_PROC / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return times[7], sum(times)


def measure(
    arguments: t.Sequence[str | os.PathLike[str]], environment: t.Mapping[str, str], timeout: float, log: pathlib.Path
) -> Cost:
    """Run a command to its end. ``timeout`` is in seconds. Raises TimeoutError."""
    began, (stolen_before, all_before) = time.monotonic(), _core_times()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [os.fspath(one) for one in arguments],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    memory = _Memory(process.pid)
    memory.start()
    killer = threading.Timer(timeout, os.killpg, (process.pid, 9))
    killer.start()
    try:
        # Of this child and of all of its that it has waited for.
        _pid, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, 9)
        raise
    finally:
        killer.cancel()
        memory.end()
    wall, (stolen_after, all_after) = time.monotonic() - began, _core_times()
    process.returncode = os.waitstatus_to_exitcode(status)
    if wall >= timeout:
        raise TimeoutError(f"{arguments[0]} took more than {timeout:.0f} s: see {log}")
    output = log.read_text(encoding="utf-8", errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    stolen = 100 * (stolen_after - stolen_before) / max(1, all_after - all_before)
    return Cost(process.returncode, output, wall, cpu, memory.most, memory.most_of_python, stolen)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that never outlive their sandbox.

Two nets, because a parent can be killed with SIGKILL: every process asks the kernel to die with its parent, and every
process carries the sandbox's mark in its environment, by which ``down`` finds whatever is left.
"""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import os
import pathlib
import signal
import time
import traceback
import typing as t

MARK = "WEC_SANDBOX_MARK"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def spawn(
    arguments: t.Sequence[str | os.PathLike[str]],
    *,
    mark: str,
    log: pathlib.Path,
    environment: t.Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start a process that dies with this one. Call it from the main thread: the death signal is tied to the thread."""
    with open(log, "ab") as sink:
        return await asyncio.create_subprocess_exec(
            *[os.fspath(argument) for argument in arguments],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**(os.environ if environment is None else environment), MARK: mark},
            preexec_fn=_die_with_parent,
        )


def in_background(work: t.Coroutine[t.Any, t.Any, t.Any]) -> asyncio.Task[t.Any]:
    """A task that nobody awaits: its end by an exception goes to the log, not unseen."""
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_of_crash)
    return task


async def end_tasks(tasks: t.Collection[asyncio.Task[t.Any]]) -> None:
    """Cancel until they are over: asyncio.wait_for swallows a cancellation that comes with what it waits for."""
    open_ones = set(tasks)
    while open_ones:
        for task in open_ones:
            task.cancel()
        _done, open_ones = await asyncio.wait(open_ones, timeout=1)


def _tell_of_crash(task: asyncio.Task[t.Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        print("a part of the sandbox crashed:", flush=True)
        traceback.print_exception(task.exception())


async def stop(process: asyncio.subprocess.Process, grace: float) -> None:
    """SIGTERM, then SIGKILL after ``grace`` seconds; returns when the process is gone."""
    if process.returncode is not None:
        return
    try:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await asyncio.wait_for(process.wait(), grace)
    except ProcessLookupError:
        pass
    except asyncio.TimeoutError:
        process.kill()
    await process.wait()


@dataclasses.dataclass(frozen=True)
class Running:
    """One process of a sandbox. ``memory`` is its resident set in bytes."""

    pid: int
    command: str
    memory: int


def running(mark: str) -> list[Running]:
    """Every live process that carries this sandbox's mark, except the caller."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) == os.getpid() or wanted not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            pages = int((folder / "statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if command:
            found.append(Running(int(folder.name), command, pages * os.sysconf("SC_PAGE_SIZE")))
    return found


def kill_all(mark: str, deadline: float = 20.0) -> int:
    """SIGKILL every marked process until none is left; returns how many there were. Raises TimeoutError."""
    end = time.monotonic() + deadline
    killed: set[int] = set()
    while left := running(mark):
        if time.monotonic() > end:
            raise TimeoutError(f"these processes could not be killed: {', '.join(str(one.pid) for one in left)}")
        for one in left:
            try:
                os.kill(one.pid, signal.SIGKILL)
                killed.add(one.pid)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
    return len(killed)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that something is done to, or seen of, while they go on."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time
import typing as t

from fleet import Fleet, Run

Json = dict[str, t.Any]


class Going:
    """An ansible-playbook that is under way, in a process group of its own."""

    def __init__(
        self, fleet: Fleet, limit: t.Sequence[str], *arguments: str, playbook: str = "register", **environment: str
    ) -> None:
        command = fleet.playbook_command(playbook, limit, *arguments)
        self._log = fleet.state / f"going-{time.monotonic_ns()}.log"
        self._began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={**fleet.environment(), **environment},
                cwd="/",
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    @property
    def processes(self) -> list[int]:
        """The run's processes, also those that it started in sessions of their own."""
        found = {self._process.pid}
        parents = dict(_parents())
        for pid in parents:
            line = [pid]
            while line[-1] in parents and line[-1] not in found:
                line.append(parents[line[-1]])
            if line[-1] in found:
                found.update(line)
        return sorted(found)

    def kill(self) -> None:
        """As when the machine goes down: nothing of it gets a chance to tidy up."""
        for pid in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=10)

    def wait(self, timeout: float = 300) -> Run:
        code = self._process.wait(timeout=timeout)
        return Run(code, self._log.read_text(errors="replace"), time.monotonic() - self._began)


def _parents() -> t.Iterator[tuple[int, int]]:
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])


class Watch(threading.Thread):
    """Looks again and again until told to stop, or until a look says True. Errors end it, and ``stop`` raises them."""

    def __init__(self, look: t.Callable[[], t.Any], every: float = 0.02, limit: float = 300) -> None:
        super().__init__(daemon=True)
        self._look, self._every, self._end = look, every, time.monotonic() + limit
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self.held = False
        self.start()

    def run(self) -> None:
        try:
            while not self._stopped.is_set() and time.monotonic() < self._end:
                if self._look() is True:
                    self.held = True
                    return
                self._stopped.wait(self._every)
        except BaseException as error:
            self._error = error

    def stop(self) -> bool:
        """Whether a look said True."""
        self._stopped.set()
        self.join(timeout=60)
        if self._error is not None:
            raise self._error
        return self.held


@contextlib.contextmanager
def watching(look: t.Callable[[], t.Any], every: float = 0.02) -> t.Iterator[Watch]:
    watch = Watch(look, every)
    try:
        yield watch
    finally:
        watch.stop()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs is that of all that it starts."""

from __future__ import annotations

import os
import pathlib
import platform
import sys

import pytest
from bench.measuring import measure

CHILD = "import sys; kept = bytearray(60 * 2**20); end = __import__('time').process_time() + 0.4\n"
CHILD += "while __import__('time').process_time() < end: pass\n__import__('time').sleep(1)"
PARENT = "import subprocess, sys; print('said'); sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode + 3)"


def test_time_memory_and_end_of_a_command_and_its_children(tmp_path: pathlib.Path) -> None:
    cost = measure([sys.executable, "-c", PARENT, CHILD], {}, 60, tmp_path / "log")
    assert cost.code == 3
    assert cost.output == "said\n"
    assert cost.cpu >= 0.4
    assert cost.wall >= 1.0
    assert cost.memory >= 60
    assert cost.own_memory == cost.memory
    assert 0 <= cost.stolen <= 100


SPAWNS = "import os, sys; kept = bytearray(60 * 2**20); read = (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)\n"
SPAWNS += "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}, file_actions=[read]), 0)"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="kcmp(2) has another number elsewhere")
def test_the_memory_of_who_is_about_to_run_a_program_counts_once(tmp_path: pathlib.Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The child has its parent's memory until it can read what is written late.
    script = '(sleep 1.5; : >$0) & exec "$1" -c "$2" $0'
    cost = measure(
        ["/bin/sh", "-c", script, fifo, sys.executable, SPAWNS], {"PATH": "/usr/bin:/bin"}, 60, tmp_path / "log"
    )
    assert cost.code == 0, cost.output
    assert 60 <= cost.own_memory < 110


def test_what_takes_too_long_is_ended(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TimeoutError, match="took more than 1 s"):
        measure(["sleep", "60"], {"PATH": "/usr/bin:/bin"}, 1, tmp_path / "log")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs is that of all that it starts."""

from __future__ import annotations

import pathlib
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
    assert cost.tools_memory == 0


def test_what_takes_too_long_is_ended(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TimeoutError, match="took more than 1 s"):
        measure(["sleep", "60"], {"PATH": "/usr/bin:/bin"}, 1, tmp_path / "log")

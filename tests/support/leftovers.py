# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is killed, the next one finishes, and nothing is left of the first."""

from __future__ import annotations

import pathlib

from fleet import ITS, Fleet
from watching import Going, Watch


def assert_converges(fleet: Fleet, name: str, moment: int, temporary: pathlib.Path) -> str:
    """Kill a registration after its ``moment``-th write (of any kind, anywhere) and repeat it.

    Gives the write after which it was killed, or an empty text if the run was over before.
    """
    mark = fleet.mark()
    folder = temporary / "tmp"
    folder.mkdir()
    places = {"TMPDIR": str(folder), "ANSIBLE_LOCAL_TEMP": str(folder), "ANSIBLE_HOME": str(temporary / "ansible")}
    going = Going(fleet, [name], **places)
    came = Watch(lambda: True if len(fleet.writes(mark)) >= moment else None)
    while not came.held and not going.is_over:
        came.join(timeout=0.02)
    was_over = going.is_over
    last = "" if was_over else fleet.writes(mark)[moment - 1]
    going.kill()
    came.stop()
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert not [path for path in left if "ansible-local" not in path], f"files that nobody removes: {left}"
    for path in folder.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes(), f"a key in {path}"

    again = fleet.register([name])
    assert again.code == 0, f"killed after {last}\n{again.output}"
    assert fleet.is_available(name), last
    writes = fleet.writes(mark)
    approvals = [one for one in writes if one.startswith(f"{ITS} update") and "/approval" in one]
    assert len(approvals) == 1, f"killed after {last}: {approvals}"
    assert fleet.bootstrap_secrets(name) == [], last
    third = fleet.register([name])
    assert third.recap[name].changed == 0, third.output
    return last

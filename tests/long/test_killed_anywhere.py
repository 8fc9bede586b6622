# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registration that is killed after its first write, its second, and so on to the last, is simply repeated."""

from __future__ import annotations

import pathlib

import pytest
from fleet import Fleet
from leftovers import assert_converges

pytestmark = pytest.mark.long
_MOMENTS = range(1, 31)
"""More than a registration writes: what is left over is killed when it is done."""


@pytest.mark.parametrize("moment", _MOMENTS)
def test_killed_and_repeated(fleet: Fleet, wec: str, tmp_path: pathlib.Path, moment: int) -> None:
    last = assert_converges(fleet, wec, moment, tmp_path)
    print(f"killed after write {moment}: {last or '(it was over)'}")

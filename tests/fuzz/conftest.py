# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import faulthandler
import os
import resource
import typing as t

import pytest
from fake_ocm import FakeAuthority
from fuzzing import settings

if "HYPOTHESIS_PROFILE" not in os.environ:
    settings.load_profile("short")
_SECONDS = 300 if settings.default is settings.get_profile("short") else 1800
_MEBIBYTES = 400


@pytest.fixture(autouse=True)
def _bounded() -> t.Iterator[None]:
    """Whatever is read takes bounded time and memory: a test that hangs ends the run with a trace, in C code too."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    faulthandler.dump_traceback_later(_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < _MEBIBYTES, f"it has taken {grown:.0f} MiB"


@pytest.fixture(scope="session")
def authority() -> FakeAuthority:
    return FakeAuthority()

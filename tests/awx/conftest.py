# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from clusters import fleet, take, wec
from fake_awx import FakeAwx


@pytest.fixture
def awx() -> t.Iterator[FakeAwx]:
    running = FakeAwx()
    try:
        yield running
    finally:
        running.close()


__all__ = ["awx", "fleet", "take", "wec"]

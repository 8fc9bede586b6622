# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from unittest import mock

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import acceptance
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.acceptance import WaitOptions


@pytest.mark.parametrize(
    ("idle", "longest", "seconds"), [(0, 1.5, 0.5), (3, 1.5, 0.75), (60, 1.5, 1.5), (60, 0.01, 0.01)]
)
def test_a_batch_is_looked_at_less_often_the_longer_nobody_gets_further(
    idle: float, longest: float, seconds: float
) -> None:
    batch = acceptance._Batch(mock.Mock(), [], WaitOptions(300, tick=longest), mock.Mock(), acceptance._NoArrivals())
    batch._moved_at = time.monotonic() - idle
    assert batch._tick == pytest.approx(seconds, abs=0.05)

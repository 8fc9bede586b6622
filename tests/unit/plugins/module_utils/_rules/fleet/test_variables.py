# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet.variables import wave_fault


@pytest.mark.parametrize("value", ["1,10%,50%", "1, 10%", 5, "25%", [1, "50%"], "", None, []])
def test_what_ansible_takes_as_sizes_of_waves_is_good(value: t.Any) -> None:
    assert wave_fault("wec_waves", value) is None


@pytest.mark.parametrize("value", ["ten", "1,,2", "1;2", "-1", [1, "x"], "10 %", True])
def test_other_sizes_are_not(value: t.Any) -> None:
    assert wave_fault("wec_waves", value) is not None


@pytest.mark.parametrize(
    ("value", "is_good"), [(10, True), ("10", True), (12.5, True), ("10%", False), (101, False), ("x", False)]
)
def test_a_limit_of_failures_is_a_number_of_percent(value: t.Any, is_good: bool) -> None:
    assert (wave_fault("wec_max_fail_percentage", value) is None) == is_good

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import times

UTC = datetime.timezone.utc


def test_both_forms_of_kubernetes_times_are_read() -> None:
    assert times.parse("2026-11-23T21:11:01Z") == datetime.datetime(2026, 11, 23, 21, 11, 1, tzinfo=UTC)
    assert times.parse("2026-11-23T21:11:01.500000Z") == datetime.datetime(2026, 11, 23, 21, 11, 1, 500000, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_nonsense_is_no_time(text: str | None) -> None:
    assert times.parse(text) is None


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200000, "2 d"), (86400, "24 h")]
)
def test_lengths_are_told_as_people_do(seconds: float, told: str) -> None:
    assert times.show_seconds(seconds) == told

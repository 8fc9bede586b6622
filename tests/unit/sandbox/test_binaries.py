# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from sandbox import binaries
from sandbox.binaries import remaining


def test_a_build_takes_what_it_took_elsewhere_until_that_is_over() -> None:
    assert remaining(200, 50, 10, 1000) == 150


def test_a_build_that_takes_longer_goes_on_at_its_own_pace() -> None:
    assert remaining(200, 400, 800, 1000) == 100


def test_packages_that_were_compiled_before_do_not_count_as_a_slow_pace() -> None:
    assert remaining(200, 400, 10, 1000) == 200


@pytest.mark.parametrize("done", [0, 1000, 1200])
def test_something_remains_while_it_links(done: int) -> None:
    assert remaining(200, 560, done, 1000) == 56


@pytest.mark.parametrize("elapsed", range(0, 1200, 30))
def test_nothing_is_ever_shown_as_no_time_left(
    elapsed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = binaries._Progress("[1/1] kubernetes", 250, 0)
    progress.total = 1500
    monkeypatch.setattr(progress, "_elapsed", lambda: float(elapsed))
    progress._shown -= 60
    progress.compiled("k8s.io/one")
    line = capsys.readouterr().out.splitlines()[-1]
    assert re.search(r"1 of 1500 packages compiled, (about [1-9]\d*\.\d min|less than a minute) left in all$", line)

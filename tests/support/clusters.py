# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clusters that integration tests and long campaigns run on."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from fleet import Fleet, start
from sandbox import lifecycle
from sandbox.layout import Layout


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """One sandbox for all tests. ``$WEC_TEST_SANDBOX`` names the state folder of one that is up already, to save time."""
    given = os.environ.get("WEC_TEST_SANDBOX")
    if given:
        yield Fleet(Layout(given))
        return
    state: pathlib.Path = tmp_path_factory.mktemp("fleet") / "sandbox"
    running = start(3, state)
    try:
        yield running
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture
def take(fleet: Fleet) -> t.Iterator[t.Callable[..., list[str]]]:
    """Gives WECs that nobody else uses, and ends them after the test."""
    taken: list[str] = []

    def some(count: int = 1, flavour: str | None = None) -> list[str]:
        names = fleet.take(count, flavour)
        taken.extend(names)
        return names

    yield some
    fleet.release(taken)


@pytest.fixture
def wec(take: t.Callable[..., list[str]]) -> str:
    """A WEC that nobody else uses."""
    return take()[0]

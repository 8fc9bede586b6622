# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pathlib
import time
import typing as t

import pytest
from fake_api import FakeApi
from fake_ocm import FakeAuthority, FakeIts, fake_clusteradm
from fake_wds import FakeWds
from front_ends import FRONT_ENDS, FrontEnd
from fuzzing import settings

assert settings, "importing it chooses how property tests search"


@pytest.fixture(params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def run(request: pytest.FixtureRequest) -> FrontEnd:
    """Runs a module by its name, once as a module and once as an action."""
    return t.cast(FrontEnd, request.param())


@pytest.fixture(scope="session")
def authority() -> FakeAuthority:
    return FakeAuthority()


@pytest.fixture
def its(authority: FakeAuthority) -> t.Iterator[FakeIts]:
    server = FakeIts(authority)
    yield server
    server.close()


@pytest.fixture
def wec() -> t.Iterator[FakeApi]:
    server = FakeApi()
    yield server
    server.close()


@pytest.fixture
def wds(its: FakeIts) -> t.Iterator[FakeWds]:
    server = FakeWds(its)
    yield server
    server.close()


@pytest.fixture
def clusteradm(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The program, and the log of its calls."""
    return fake_clusteradm(tmp_path)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run must not matter."""
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBESTELLAR_ITS_", "KUBESTELLAR_WDS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fast_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits looks again after some milliseconds; deadlines stay real."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))


@pytest.fixture(autouse=True)
def _quick_kubestellar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake KubeStellar needs no seconds to notice a change."""
    delivering = "ansible_collections.kubestellar.wec.plugins.module_utils._operations.delivering"
    monkeypatch.setattr(f"{delivering}._NOTICED_WITHIN", 0.05)
    monkeypatch.setattr(f"{delivering}._TICK", 0.02)

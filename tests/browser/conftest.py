# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest
from browser import Page, chromium


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Page]:
    """A page of a browser that cannot reach anything."""
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The report of a run on three WECs, of which one failed."""
    return _written(tmp_path_factory, 3, [1], [])


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The report of a run on a thousand WECs: five failed, thirty had nothing to do."""
    return _written(tmp_path_factory, 1000, [3, 77, 500, 501, 777], range(100, 130))


def _written(
    factory: pytest.TempPathFactory, count: int, failing: t.Collection[int], wanted: t.Collection[int]
) -> pathlib.Path:
    # The collection can be imported only when pytest has been set up for it.
    import reporting
    from ansible_collections.kubestellar.wec.plugins.plugin_utils import _report_page

    report = reporting.registration(count, failing, wanted)
    path: pathlib.Path = factory.mktemp("report") / "report.html"
    path.write_text(_report_page.html(reporting.data(report)), encoding="utf-8")
    return path

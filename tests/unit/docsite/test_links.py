# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link that leads nowhere, and what a page would load from the network, are found."""

from __future__ import annotations

import pathlib

import pytest
from docsite.links import broken

GOOD = (
    '<a href="b.html#there">b</a><a href="https://example.com/x">out</a><img src="p.svg"><a href="#top" id="top">up</a>'
)


def _site(folder: pathlib.Path, page: str) -> pathlib.Path:
    (folder / "a.html").write_text(page)
    (folder / "b.html").write_text('<h2 id="there">There</h2>')
    (folder / "p.svg").write_text("<svg/>")
    return folder


def test_a_site_whose_links_lead_somewhere(tmp_path: pathlib.Path) -> None:
    assert broken(_site(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html leads to no file"),
        ('<a href="b.html#here">b</a>', "a.html: b.html#here leads to no place in that page"),
        ('<a href="#below">b</a>', "a.html: #below leads to no place in that page"),
        ('<img src="q.svg">', "a.html: q.svg leads to no file"),
        (
            '<script src="https://example.com/x.js"></script>',
            "a.html: https://example.com/x.js is loaded from the network",
        ),
        (
            '<link rel="stylesheet" href="//example.com/x.css">',
            "a.html: //example.com/x.css is loaded from the network",
        ),
    ],
)
def test_what_is_broken(tmp_path: pathlib.Path, page: str, said: str) -> None:
    assert broken(_site(tmp_path, GOOD + page)) == [said]

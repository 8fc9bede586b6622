# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the links between the pages of a built site, without a network."""

from __future__ import annotations

import html.parser
import pathlib
import urllib.parse

_OUTSIDE = ("http", "https", "mailto", "data", "javascript")


class _Reader(html.parser.HTMLParser):
    """``loaded``: what a browser loads by itself to show the page."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and {"stylesheet", "icon"} & set(given.get("rel", "").split()):
            self.loaded.append(given.get("href", ""))
        elif tag in ("img", "script", "iframe", "source") and "src" in given:
            self.loaded.append(given["src"])


def broken(folder: pathlib.Path) -> list[str]:
    """A sentence for each link that leads nowhere, and for each thing of the network that a page needs to be shown."""
    pages: dict[pathlib.Path, _Reader] = {}
    for path in sorted(folder.rglob("*.html")):
        pages[path] = _Reader()
        pages[path].feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        for link in (*page.links, *page.loaded):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme in _OUTSIDE or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    found.append(f"{name}: {link} is loaded from the network")
                continue
            target = path if not parts.path else (path.parent / urllib.parse.unquote(parts.path)).resolve()
            if not target.is_file():
                found.append(f"{name}: {link} leads to no file")
            elif (
                parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].anchors
            ):
                found.append(f"{name}: {link} leads to no place in that page")
    return found

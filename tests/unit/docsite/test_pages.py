# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files become pages of the site, and what becomes of the links in them."""

from __future__ import annotations

import pathlib

import pytest
from docsite import pages

ROOT = pathlib.Path(__file__).parents[3]
REPOSITORY = "https://example.com/own"


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pages.Site:
    files = {
        "galaxy.yml": f"repository: {REPOSITORY}\n",
        "README.md": "",
        "CONTRIBUTING.md": "",
        "docs/edge.md": "",
        "docs/new.md": "",
        "docs/rbac/reader.yml": "",
        "docs/contributing/architecture.md": "",
        "roles/register/README.md": "",
        "plugins/x.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return pages.site(tmp_path)


@pytest.mark.parametrize(
    ("source", "target", "becomes"),
    [
        ("docs/edge.md", "new.md#part", "new.md#part"),
        ("docs/edge.md", "../README.md", "index.md"),
        ("docs/edge.md", "../roles/register/README.md", "roles/register.md"),
        ("roles/register/README.md", "../../docs/edge.md", "../edge.md"),
        ("docs/contributing/architecture.md", "../edge.md#part", "../edge.md#part"),
        ("CONTRIBUTING.md", "docs/contributing/architecture.md", "architecture.md"),
        ("docs/edge.md", f"{REPOSITORY}/blob/main/docs/new.md", "new.md"),
        ("docs/edge.md", "rbac/reader.yml", "docs/rbac/reader.yml"),
        ("docs/edge.md", "../plugins/x.py", f"{REPOSITORY}/blob/main/plugins/x.py"),
        ("docs/edge.md", "rbac", f"{REPOSITORY}/tree/main/docs/rbac"),
        ("docs/edge.md", "https://example.com/other", "https://example.com/other"),
        ("docs/edge.md", "#below", "#below"),
    ],
)
def test_a_link_leads_to_the_same_thing(site: pages.Site, source: str, target: str, becomes: str) -> None:
    (site.root / source).write_text(f"See [`it`]({target}).\n")
    assert site.staged(source)[0] == f"See [`it`]({becomes}).\n"


def test_a_file_beside_a_page_comes_with_it(site: pages.Site) -> None:
    (site.root / "docs/edge.md").write_text("[rights](rbac/reader.yml)")
    assert site.staged("docs/edge.md")[1] == {"docs/rbac/reader.yml"}


@pytest.mark.parametrize("target", ["gone.md", "../../outside.md"])
def test_a_link_to_nothing_is_an_error(site: pages.Site, target: str) -> None:
    (site.root / "docs/edge.md").write_text(f"[it]({target})")
    with pytest.raises(pages.BrokenLink, match=r"docs/edge\.md: .* is not there"):
        site.staged("docs/edge.md")


def test_code_is_left_as_it_is(site: pages.Site) -> None:
    text = "`[a](gone.md)`\n```python\nx[0](gone.md)\n```\n"
    (site.root / "docs/edge.md").write_text(text)
    assert site.staged("docs/edge.md")[0] == text


def test_a_page_that_no_list_has_is_a_guide(site: pages.Site) -> None:
    assert site.sections["Guides"] == ["edge", "new"]


def test_every_page_of_this_repository_is_in_the_table_of_contents() -> None:
    site = pages.site(ROOT)
    listed = [entry for entries in site.sections.values() for entry in entries]
    names = [entry.partition("<")[2].rstrip(">") or entry for entry in listed]
    assert sorted(names) == sorted({*site.pages.values(), "collection/index"} - {"index"})
    assert len(set(site.pages.values())) == len(site.pages)
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} <= set(site.pages)


def test_a_link_of_ansibles_own_documentation_leads_to_the_page(site: pages.Site) -> None:
    text = f"`Edge <{REPOSITORY}/blob/main/docs/edge.md>`__"
    assert pages.with_links_inside(text, site) == ":doc:`Edge </edge>`"
    with pytest.raises(pages.BrokenLink, match=r"docs/gone\.md"):
        pages.with_links_inside(text.replace("edge.md", "gone.md"), site)

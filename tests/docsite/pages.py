# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the repository are pages of the site, under which names, and how links between them become links of the site."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import typing as t
import urllib.parse

import yaml

_GUIDES = (
    "getting-started",
    "inventory",
    "edge",
    "kubestellar",
    "statuses",
    "drift",
    "report",
    "events",
    "awx",
    "connections",
    "security",
    "upgrade",
    "day2",
    "performance",
)
_REFERENCE = ("reference", "playbooks", "variables", "problems")
_PROJECT = ("compatibility",)
_ROLES = ("register", "configure", "deregister")
_CONTRIBUTING = ("architecture", "release", "inclusion")
_LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
_FENCE = re.compile(r"^\s*```")
_CODE = re.compile(r"(`[^`]*`)")


class BrokenLink(Exception):
    """A page names a file that is not there."""


@dataclasses.dataclass(frozen=True)
class Site:
    """``pages``: docname by the path of its file. ``sections``: the entries of each part of the table of contents."""

    root: pathlib.Path
    pages: dict[str, str]
    sections: dict[str, list[str]]

    @property
    def repository(self) -> str:
        """The address of the repository, as galaxy.yml has it."""
        return str(yaml.safe_load((self.root / "galaxy.yml").read_text(encoding="utf-8"))["repository"])

    def staged(self, source: str) -> tuple[str, set[str]]:
        """The text of a page with its links as the site has them, and the files that it needs beside it. Raises BrokenLink."""
        files: set[str] = set()
        lines, fenced = [], False
        for line in (self.root / source).read_text(encoding="utf-8").splitlines():
            fenced ^= bool(_FENCE.match(line))
            parts = [line] if fenced else _CODE.split(line)
            # A link may have code as its text: only its target counts, which is never in code.
            lines.append(
                line
                if fenced
                else "".join(
                    part if part.startswith("`") else _LINK.sub(lambda found: self._link(source, found[1], files), part)
                    for part in parts
                )
            )
        return "\n".join(lines) + "\n", files

    def _link(self, source: str, target: str, files: set[str]) -> str:
        address, hash_, anchor = target.partition("#")
        own = f"{self.repository}/blob/main/"
        if address.startswith(own):
            path = address.removeprefix(own)
        elif not address or urllib.parse.urlsplit(address).scheme:
            return target
        else:
            path = os.path.normpath(pathlib.PurePosixPath(source).parent / address)
        page = pathlib.PurePosixPath(self.pages[source]).parent
        if path in self.pages:
            return os.path.relpath(self.pages[path] + ".md", page) + hash_ + anchor
        here = self.root / path
        if not here.exists() or path.startswith(".."):
            raise BrokenLink(f"{source}: {target} leads to {path}, which is not there")
        if path.startswith("docs/") and here.is_file():
            files.add(path)
            return os.path.relpath(path, page)
        return f"{self.repository}/{'tree' if here.is_dir() else 'blob'}/main/{path}{hash_}{anchor}"


def site(root: pathlib.Path) -> Site:
    """The site of a checkout: what the lists name, as far as it is there, and any other page of docs/."""
    here = {path.stem: f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md"))}
    listed = {*_GUIDES, *_REFERENCE, *_PROJECT}
    guides = [name for name in (*_GUIDES, *(one for one in here if one not in listed)) if name in here]
    reference = [name for name in _REFERENCE if name in here]
    project = [name for name in _PROJECT if name in here]
    pages = {here[name]: name for name in (*guides, *reference, *project)}
    roles = {f"roles/{name}/README.md": f"roles/{name}" for name in _ROLES}
    contributing = {"CONTRIBUTING.md": "contributing/index"}
    inside = {path.stem: f"docs/contributing/{path.name}" for path in sorted((root / "docs/contributing").glob("*.md"))}
    names = (
        *(name for name in _CONTRIBUTING if name in inside),
        *(name for name in inside if name not in _CONTRIBUTING),
    )
    contributing |= {inside[name]: f"contributing/{name}" for name in names}
    contributing |= {"tests/sandbox/README.md": "contributing/sandbox"}
    about = {"CHANGELOG.md": "changelog"}
    about |= {
        f"{name}.md": f"project/{name.lower().replace('_', '-')}"
        for name in ("SECURITY", "CODE_OF_CONDUCT", "MAINTAINERS")
    }
    about = {source: name for source, name in about.items() if (root / source).exists()}
    sections = {
        "Guides": guides,
        "Reference": [
            *reference,
            "Modules, plugins and roles <collection/index>",
            *(f"Role {name.partition('/')[2]} <{name}>" for name in roles.values()),
            "report-schema",
        ],
        "Versions": [*project, "changelog"],
        "Contributing": list(contributing.values()),
        "Project": [name for name in about.values() if name.startswith("project/")],
    }
    made = {"README.md": "index", "docs/report.schema.json": "report-schema"}
    return Site(root, {**pages, **roles, **contributing, **about, **made}, sections)


def index(front: str, sections: t.Mapping[str, t.Sequence[str]]) -> str:
    """The first page: a text, and the table of contents."""
    parts = [front]
    for title, names in sections.items():
        parts += ["```{toctree}", ":maxdepth: 1", f":caption: {title}", "", *names, "```", ""]
    return "\n".join(parts)


def with_links_to_modules(overview: str) -> str:
    """The overview, each module and plugin leading to its page, which antsibull-docs makes."""
    linked = re.sub(r"^\| `(wec_\w+)` \|", r"| [`\1`](collection/\1_module.rst) |", overview, flags=re.MULTILINE)
    linked = linked.replace("| `kubestellar.wec.its` |", "| [`kubestellar.wec.its`](collection/its_inventory.rst) |")
    return linked.replace("| `report` |", "| [`report`](collection/report_callback.rst) |")


def with_links_inside(text: str, site: Site) -> str:
    """A page in RST for Ansible's own documentation, its links to pages of the repository leading to those of the site. Raises BrokenLink."""

    def inside(found: re.Match[str]) -> str:
        if found[2] not in site.pages:
            raise BrokenLink(f"docs/docsite: there is no page {found[2]}")
        return f":doc:`{found[1]} </{site.pages[found[2]]}>`"

    return re.sub(rf"`([^`<]+) <{re.escape(site.repository)}/blob/main/([^>]+)>`__", inside, text)

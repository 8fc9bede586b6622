# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the site: ``python -m docsite FOLDER``. Needs the collection on ANSIBLE_COLLECTIONS_PATH, and no network."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from . import links, pages

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parents[1]
_SCHEMA = """# Schema of report.json

The callback [`kubestellar.wec.report`](report.md) writes `report.json` by this JSON Schema.

```{literalinclude} report.schema.json
:language: json
```
"""


def _stage(site: pages.Site, folder: pathlib.Path) -> None:
    """All sources of the site in one folder. Raises BrokenLink."""
    for source, name in site.pages.items():
        if source in ("README.md", "docs/report.schema.json"):
            continue
        text, files = site.staged(source)
        if name == "reference":
            text = pages.with_links_to_modules(text)
        _write(folder / f"{name}.md", text)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(site.root / file, folder / file)
    shutil.copyfile(site.root / "docs" / "report.schema.json", folder / "report.schema.json")
    _write(folder / "report-schema.md", _SCHEMA)
    (folder / "docs" / "pictures").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(site.root / "docs" / "pictures" / "status.svg", folder / "docs" / "pictures" / "status.svg")
    _write(folder / "index.md", pages.index((_HERE / "index.md").read_text(encoding="utf-8"), site.sections))
    shutil.copyfile(_HERE / "conf.py", folder / "conf.py")


def _write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _run(program: str, *arguments: str) -> None:
    # antsibull-docs calls programs of Ansible by their names.
    programs = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run([str(programs / program), *arguments], check=True, env=environment)


def build(target: pathlib.Path) -> int:
    """How many links lead nowhere. Raises BrokenLink, and CalledProcessError if a program failed or Sphinx had a warning."""
    began = time.monotonic()
    site = pages.site(_ROOT)
    with tempfile.TemporaryDirectory(prefix="kubestellar-wec-site.") as temporary:
        sources, built = pathlib.Path(temporary, "sources"), pathlib.Path(temporary, "html")
        _stage(site, sources)
        collection = sources / "collection"
        collection.mkdir()
        _run(
            "antsibull-docs",
            "collection",
            "--use-current",
            "--squash-hierarchy",
            "--fail-on-error",
            "--no-add-antsibull-docs-version",
            "--dest-dir",
            str(collection),
            "kubestellar.wec",
        )
        for page in (collection / "docsite").glob("*.rst"):
            _write(page, pages.with_links_inside(page.read_text(encoding="utf-8"), site))
        _run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "-j", "2", str(sources), str(built))
        found = links.broken(built)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(built, target, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    for one in found:
        print(f"Broken link: {one}", file=sys.stderr)
    count = len(list(target.rglob("*.html")))
    print(f"{count} pages in {target}, {len(found)} broken links, 0 warnings, {time.monotonic() - began:.0f} s")
    return len(found)


if __name__ == "__main__":
    try:
        sys.exit(min(build(pathlib.Path(sys.argv[1]).absolute()), 1))
    except pages.BrokenLink as error:
        sys.exit(f"Broken link: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{pathlib.Path(error.cmd[0]).name} failed: see above")

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which version of the collection this is."""

from __future__ import annotations

import json
import pathlib
import re

_ROOT = pathlib.Path(__file__).parents[2]
_LINE = re.compile(r"^version: *(\S+)", re.MULTILINE)


def collection_version() -> str:
    """That of the manifest of what was installed, or of the sources."""
    manifest, sources = _ROOT / "MANIFEST.json", _ROOT / "galaxy.yml"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = _LINE.search(sources.read_text(encoding="utf-8")) if sources.exists() else None
    return found[1] if found else "unknown"

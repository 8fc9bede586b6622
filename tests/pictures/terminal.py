# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command has printed, as a small SVG of a terminal."""

from __future__ import annotations

import html
import textwrap

_WIDE, _LINE, _CHARACTER, _MARGIN = 108, 18, 7.83, 14
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>{title}</title>
<rect width="{width}" height="{height}" rx="8" fill="#1e2329"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#d9dde2">
"""


def picture(command: str, output: str, title: str) -> str:
    """Each character has its place, whatever font shows it: columns stay columns."""
    lines = [f"$ {command}", *(part for line in output.strip("\n").splitlines() for part in _wrapped(line))]
    width = round(max(map(len, lines)) * _CHARACTER) + 2 * _MARGIN
    parts = [_HEAD.format(width=width, height=len(lines) * _LINE + 2 * _MARGIN, title=html.escape(title))]
    for number, line in enumerate(lines):
        if line:
            weight = "" if number else ' font-weight="bold"'
            length = f'textLength="{len(line) * _CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs"'
            place = f'x="{_MARGIN}" y="{_MARGIN + 13 + number * _LINE}"'
            parts.append(f"<text {place} {length}{weight}>{html.escape(line).replace(' ', '&#160;')}</text>\n")
    return "".join([*parts, "</g>\n</svg>\n"])


def _wrapped(line: str) -> list[str]:
    """As a terminal breaks it, but between words."""
    return textwrap.wrap(
        line.rstrip(), _WIDE, drop_whitespace=False, replace_whitespace=False, subsequent_indent="    "
    ) or [""]

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one page of HTML, from the template beside this file. It needs nothing that is not in it."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import re
import typing as t

import jinja2
from markupsafe import Markup

from ..module_utils._rules.reporting import report_view

Json = dict[str, t.Any]
_FOLDER = pathlib.Path(__file__).parent / "_report"


def html(data: Json) -> str:
    """The whole page. Everything that comes from outside is escaped, and no script but the page's own may run."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=report_view.shown, value=_value, moment=_moment, clock=_clock, slug=_slug)
    script = _own("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template("page.html.j2")
    return page.render(
        report_view.of(data), style=Markup(_own("page.css")), script=Markup(script), script_hash=f"sha256-{digest}"
    )


def _own(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _value(value: t.Any) -> str:
    """What was or is there; nothing at all is not the same as an empty text."""
    if value is None:
        return Markup('<span class="none">not set</span>')
    return report_view.shown(value) if value != "" else Markup('<span class="none">empty</span>')


def _moment(time: str) -> str:
    return time.replace("T", " ").replace("Z", " UTC")


def _clock(time: str, in_run: bool) -> str:
    """The time of the day in a run, the day of what was before."""
    return time[11:19] if in_run else time[:10]


def _slug(text: str) -> str:
    """For a class of the style sheet."""
    return re.sub(r"[^a-z_]", "", text.lower())

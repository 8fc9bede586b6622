# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events as they leave: texts of clusters in them are no templates.

ansible-rulebook gives each event to a playbook as an extra variable, and to Ansible extra variables are templates that it trusts.
"""

from __future__ import annotations

import math
import re
import typing as t

from ..outside import limits, screen

Json = dict[str, t.Any]
_OPENS = re.compile(r"\{(?!\s)")
_HEADER = re.compile(r"#(?=jinja2:)")
_LEADING = re.compile(r"^(\s*#)(?!\s)")
_CUT = "…"


def harmless(event: Json) -> Json:
    """The same event in JSON's types, with every text and key in it made harmless; what is endless ends."""
    return {_text(key): _value(value, 1) for key, value in event.items()}


def _value(value: t.Any, depth: int) -> t.Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (t.Mapping, list, tuple)) and depth >= limits.NESTING:
        return _CUT
    if isinstance(value, t.Mapping):
        return {_text(key): _value(one, depth + 1) for key, one in list(value.items())[: limits.ITEMS]}
    if isinstance(value, (list, tuple)):
        return [_value(one, depth + 1) for one in value[: limits.ITEMS]]
    return _text(value)


def _text(value: t.Any) -> str:
    """No brace that anything but a blank follows, also where a rulebook puts texts together, and no header of a template."""
    given = str(value)
    text = _OPENS.sub("{ ", screen.shown(given[: limits.TEXT]))
    text = _LEADING.sub(r"\1 ", _HEADER.sub("# ", text))
    if max(len(given), len(text)) <= limits.TEXT:
        return text
    return text[: limits.TEXT - 1].rstrip("{") + _CUT

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""Reading and writing YAML. The only place that imports ``yaml``."""

from __future__ import annotations

import traceback
import typing as t

from .._errors import MissingLibrary

try:
    import yaml

    IMPORT_TRACE = None
    # A kubeconfig of a thousand contexts takes the one written in Python more than a second.
    _Loader: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _Dumper: t.Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:
    IMPORT_TRACE = traceback.format_exc()


_TEMPLATES = ("{{", "{%", "{#")
"""What makes Ansible take a text for a template."""


class NotYamlError(Exception):
    """The text is no YAML. ``line`` counts from 1, or is None. The parser's own words are left out: they quote the text."""

    def __init__(self, line: int | None) -> None:
        super().__init__("is no YAML" + (f" (line {line})" if line else ""))


def parse(content: bytes | str) -> t.Any:
    """Raises NotYamlError, MissingLibrary."""
    if IMPORT_TRACE is not None:
        raise MissingLibrary("PyYAML", "to read kubeconfigs", IMPORT_TRACE)
    try:
        return yaml.load(content, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotYamlError(mark.line + 1 if mark else None) from None


def write(content: t.Any) -> str:
    """Block style, keys in their order, long texts on one line. Texts that look like templates are marked ``!unsafe``, which
    is Ansible's own way to say that they are none. Raises MissingLibrary.
    """
    if IMPORT_TRACE is not None:
        raise MissingLibrary("PyYAML", "to write inventories", IMPORT_TRACE)

    class Dumper(_Dumper):
        def ignore_aliases(self, data: t.Any) -> bool:
            return True

    def of_text(dumper: t.Any, value: str) -> t.Any:
        if any(mark in value for mark in _TEMPLATES):
            return dumper.represent_scalar("!unsafe", value, style='"')
        return dumper.represent_str(value)

    Dumper.add_representer(str, of_text)
    found = yaml.dump(
        content, Dumper=Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=10**9
    )
    return str(found)

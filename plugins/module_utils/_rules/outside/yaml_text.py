# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing YAML. The only place that imports ``yaml``."""

from __future__ import annotations

import re
import traceback
import typing as t

from ..._errors import MissingLibrary
from . import limits

try:
    import yaml

    IMPORT_TRACE = None
    # A kubeconfig of a thousand contexts takes the one written in Python more than a second.
    _Loader: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _Dumper: t.Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:
    IMPORT_TRACE = traceback.format_exc()


_HARMLESS = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~:,@+= -]*")
"""Texts that are no templates, whatever the delimiters: Ansible reads these from the header of a text that begins with ``#jinja2:``."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_TEXT = "tag:yaml.org,2002:str"
_TOO_DEEP = "is nested too deeply"


class NotYamlError(Exception):
    """The text is not YAML. ``line`` counts from 1, or is None. The parser's own words are left out: they quote the text."""

    def __init__(self, line: int | None, why: str = "is not YAML") -> None:
        super().__init__(why + (f" (line {line})" if line else ""))


def parse(content: bytes | str) -> t.Any:
    """A document of the user's own. Raises NotYamlError, MissingLibrary."""
    return _parse(content, with_aliases=True)


def parse_first(content: str) -> t.Any:
    """The first of the documents of the user's own. Raises NotYamlError, MissingLibrary."""
    return _parse(content, with_aliases=True, load=lambda text: next(yaml.load_all(text, Loader=_Loader), None))


def parse_untrusted(content: bytes | str) -> t.Any:
    """A document from a cluster or a node, with a limit of its size and without aliases.

    Ten levels of aliases in 600 bytes make a text that no memory holds. Raises NotYamlError, MissingLibrary.
    """
    if len(content) > limits.DOCUMENT:
        raise NotYamlError(None, f"is longer than {limits.DOCUMENT} bytes")
    return _parse(content, with_aliases=False)


def _parse(content: bytes | str, with_aliases: bool, load: t.Callable[[t.Any], t.Any] | None = None) -> t.Any:
    if IMPORT_TRACE is not None:
        raise MissingLibrary("PyYAML", "to read kubeconfigs", IMPORT_TRACE)
    try:
        _check_nesting(content, with_aliases)
        return load(content) if load else yaml.load(content, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        if "nesting depth" in str(getattr(error, "problem", "")):
            # The parser in C of newer releases has a limit of its own, and reads on some way before it gives the first event.
            raise NotYamlError(line, _TOO_DEEP) from None
        raise NotYamlError(line) from None
    except (ValueError, TypeError, OverflowError, AttributeError):
        # Its constructors raise these for values such as the thirtieth of February.
        raise NotYamlError(None) from None


def _check_nesting(content: bytes | str, with_aliases: bool) -> None:
    """PyYAML's parser in C calls itself for each collection in another, and ends the process on some ten thousand of them.

    Events come one after the other, however deep they are.
    """
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > limits.NESTING:
            raise NotYamlError(_line(event), _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent) and not with_aliases:
            raise NotYamlError(_line(event), "has aliases")


def _line(event: t.Any) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None


def write(content: t.Any) -> str:
    """Block style, keys in their order, long texts on one line.

    Every text that does not consist of harmless characters is marked ``!unsafe``, keys too, which is Ansible's own way to say that it
    is no template. What is no character, half of a surrogate pair, is written as U+FFFD: YAML has no way to write it.
    Raises MissingLibrary.
    """
    if IMPORT_TRACE is not None:
        raise MissingLibrary("PyYAML", "to write inventories", IMPORT_TRACE)

    class Dumper(_Dumper):
        def ignore_aliases(self, data: t.Any) -> bool:
            return True

    def of_text(dumper: t.Any, value: str) -> t.Any:
        value = _SURROGATES.sub("\ufffd", value)
        # Marked, a text such as 12 or yes would be a number or a boolean. None that could be one can be a template.
        if _HARMLESS.fullmatch(value) or dumper.resolve(yaml.ScalarNode, value, (True, False)) != _TEXT:
            return dumper.represent_scalar(_TEXT, value)
        return dumper.represent_scalar("!unsafe", value, style='"')

    # Texts with tags of Ansible are texts as well.
    Dumper.add_representer(str, of_text)
    Dumper.add_multi_representer(str, of_text)
    found = yaml.dump(
        content, Dumper=Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=10**9
    )
    return str(found)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message calls an option: by its name, or by the inventory's variable if the task is for hosts of a play.

The process has one task at a time, whose threads all speak to the same reader.
"""

from __future__ import annotations

import contextlib
import re
import types
import typing as t

_PLACE = re.compile(r"\{(\w+)\}")
_variables: t.Mapping[str, str] = types.MappingProxyType({})


@contextlib.contextmanager
def variables(of_options: t.Mapping[str, str]) -> t.Iterator[None]:
    """Within this, messages name the variables that ``of_options`` has for options."""
    global _variables
    before, _variables = _variables, of_options
    try:
        yield
    finally:
        _variables = before


def option(name: str) -> str:
    """The option ``name``, or its variable."""
    return _variables.get(name, name)


def of_wec(name: str) -> str:
    """The same for an option whose variable begins with ``wec_``; both where it is not known who reads it."""
    return _variables.get(name) or f"{name} (wec_{name} in an inventory)"


def filled(text: str) -> str:
    """The text with options in place of ``{option}``."""
    return _PLACE.sub(lambda found: option(found[1]), text)

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever one WEC, ITS, host or row raises, as that one's own failure."""

from __future__ import annotations

from ..._errors import MissingLibrary, WecError
from ..status import problems
from . import screen

_LONGEST = 300
"""Characters of an error's own text."""


def as_wec_error(error: Exception, what: str) -> WecError:
    """The error itself if it is one of ours, or one that says of ``what`` (such as "edge-1") that it could not be handled.

    A missing library concerns all, and is raised again. Callers scrub the text before they show it: it may quote what a stranger sent.
    """
    if isinstance(error, MissingLibrary):
        raise error
    if isinstance(error, WecError):
        return error
    problem = problems.of("unexpected_answer", screen.shortened(f"{type(error).__name__}: {error}", _LONGEST))
    found = WecError(f"{what}: {problem}", problem)
    found.__cause__ = error
    return found

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of exceptions. Each carries a sentence for the user; front ends turn them into failures in one place."""

from __future__ import annotations

import re
import typing as t

from . import _wording

if t.TYPE_CHECKING:
    from ._rules.status.problems import Problem


_EXPLAINED = re.compile(r" \(wec_\w+ in an inventory\)$")
"""What follows the name of an option (_wording.py)."""


class WecError(Exception):
    """Something that the user must hear about. ``problem`` says it in a form that programs can read."""

    def __init__(self, message: str, problem: Problem | None = None, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.problem = problem
        self.details = details
        """More for the result, JSON types only."""

    def copy(self) -> WecError:
        """The same for somebody else, whose details are its own."""
        found = self.__class__.__new__(self.__class__)
        found.args = self.args
        found.__dict__.update(self.__dict__, details=dict(self.details))
        return found


class InvalidOption(WecError):
    """An option's value cannot be used. Nothing has been changed."""

    def __init__(self, option: str, value: t.Any, why: str, remedy: str = "") -> None:
        shown = "" if value is None else f" {value!r}" if isinstance(value, str) else f" {value}"
        text = f"{_wording.option(option)}:{shown} {why.rstrip('.')}." + (f" {remedy}." if remedy else "")
        super().__init__(text, option=_EXPLAINED.sub("", option))


class InvalidOptions(WecError):
    """Several options cannot be used; all of them are named."""

    def __init__(self, faults: t.Sequence[InvalidOption]) -> None:
        super().__init__(
            " ".join(fault.message for fault in faults),
            options=list(dict.fromkeys(fault.details["option"] for fault in faults)),
        )

    @classmethod
    def raise_for(cls, faults: t.Sequence[InvalidOption]) -> None:
        """Raise for one or more faults; do nothing for none."""
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise cls(faults)


class Unreachable(WecError):
    """An API server could not be talked to: no answer came. ``kind``: name, refused, timeout, tls, closed or proxy."""

    def __init__(self, message: str, kind: str, problem: Problem | None = None) -> None:
        super().__init__(message, problem, kind=kind)
        self.kind = kind


class ApiError(WecError):
    """An API server answered a request with an error."""

    def __init__(self, side: str, method: str, path: str, status: int, reason: str, server_message: str) -> None:
        super().__init__(f"The {side} answered {method} {path} with {status} {reason}: {server_message}".rstrip(": "))
        self.method, self.status, self.reason, self.server_message = method, status, reason, server_message

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed a little later: overload, restarts, and webhooks that are down."""
        return self.status == 429 or self.status >= 500

    @property
    def is_webhook_down(self) -> bool:
        return "failed calling webhook" in self.server_message


class Refused(WecError):
    """The request is clear and possible, and dangerous: it was refused. ``evidence`` says what speaks against it."""

    def __init__(self, message: str, evidence: t.Sequence[str], problem: Problem | None = None) -> None:
        super().__init__(message, problem, evidence=list(evidence))


class TimedOut(WecError):
    """A deadline passed. The message names what was being waited for and the most likely cause."""


class ClusteradmError(WecError):
    """clusteradm is missing, too old, or failed; its output is part of the message, without secrets."""


class MissingLibrary(WecError):
    """A Python library is missing where this runs."""

    def __init__(self, library: str, reason: str, trace: str) -> None:
        super().__init__(f"The Python library {library} is required {reason}.")
        self.library, self.trace = library, trace

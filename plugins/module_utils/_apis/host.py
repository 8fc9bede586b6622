# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that a task is for, such as a cluster's own node, as far as we ask anything of it."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


class Host(t.Protocol):
    """``address`` is what others reach it by; None if this is the very machine, whose loopback is our own."""

    @property
    def address(self) -> str | None: ...

    def read(self, path: str) -> bytes:
        """Read a file there. Raises OSError (FileNotFoundError for none), ValueError."""

    def run(self, module: str, options: Json) -> Json:
        """Run another module of this collection there, with nothing but these options; gives its result, also if it failed.

        Raises WecError where that cannot be.
        """

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that the code itself runs on, for a task that is for no other."""

from __future__ import annotations

import pathlib
import typing as t

from .._errors import InvalidOption
from .._rules.outside import limits


class ThisHost:
    """A module runs on the host itself: what is loopback there is loopback here."""

    address: str | None = None

    def read(self, path: str) -> bytes:
        with pathlib.Path(path).open("rb") as file:
            return file.read(limits.DOCUMENT + 1)

    def run(self, module: str, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        raise InvalidOption(
            "wec_run_on",
            "host",
            "has a meaning only with run_on=controller: this runs on the host already",
            "Leave it out",
        )

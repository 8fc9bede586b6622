# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files for secrets that a library or program takes only as files. They vanish with the process, however it ends."""

from __future__ import annotations

import os
import tempfile


class PrivateFile:
    """A file that only this process (and a child that is given ``descriptor``) can read.

    On Linux it lives in memory and has no name, so that even SIGKILL leaves nothing behind. Elsewhere it is a
    temporary file with mode 0600, removed by ``close``.
    """

    def __init__(self, content: bytes) -> None:
        self.descriptor = -1
        self._named: str | None = None
        if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
            self.descriptor = os.memfd_create("private", os.MFD_CLOEXEC)
            self.path = f"/proc/self/fd/{self.descriptor}"
            with os.fdopen(os.dup(self.descriptor), "wb") as file:
                file.write(content)
        else:
            descriptor, self._named = tempfile.mkstemp()
            self.path = self._named
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        if self._named is not None:
            os.unlink(self._named)
            self._named = None

    def __enter__(self) -> PrivateFile:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

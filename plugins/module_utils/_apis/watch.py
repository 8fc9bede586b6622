# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watch: the changes of a kind's objects, as the API server tells them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import typing as t

from .._errors import ApiError, Unreachable
from .._rules.outside import limits
from . import shapes
from .bounded_http import LargeAnswerError

if t.TYPE_CHECKING:
    from .kube import Kube

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Change:
    """One line of a watch. ``kind``: ADDED, MODIFIED, DELETED or BOOKMARK, which only tells how far the watch is."""

    kind: str
    item: Json

    @property
    def version(self) -> str:
        return str(self.item["metadata"]["resourceVersion"])


class Watch:
    """The changes as they come. It ends when the server ends it, or by ``stop``, which any thread may call.

    Going through it raises ApiError (410 where what was asked for is too long ago) and Unreachable.
    """

    def __init__(self, kube: Kube, path: str, answer: t.Any) -> None:
        self._kube, self._path, self._answer = kube, path, answer
        self._stopped = False

    def __iter__(self) -> t.Iterator[Change]:
        try:
            with self._kube.errors_translated("get", self._path):
                for line in self._lines():
                    yield self._change(line)
        except Unreachable:
            if not self._stopped:
                raise
        finally:
            self._answer.close()

    def _lines(self) -> t.Iterator[bytes]:
        pieces: list[bytes] = []
        size = 0
        for chunk in self._answer.stream(amt=None, decode_content=False):
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                whole = b"".join([*pieces, line])
                pieces, size = [], 0
                if whole:
                    yield whole
            pieces.append(rest)
            size += len(rest)
            if size > limits.WATCH_LINE:
                raise LargeAnswerError(f"a change in a watch is larger than {limits.WATCH_LINE} bytes")

    def _change(self, line: bytes) -> Change:
        try:
            event = json.loads(line)
            kind, item = str(event["type"]), event["object"]
            item = item if kind == "ERROR" else shapes.change(kind, item)
            status = int(item.get("code") or 500) if kind == "ERROR" else 0
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, shapes.OddShape):
            raise self._kube.no_api_server(f"a watch of {self._path}") from None
        if kind == "ERROR":
            side, reason = self._kube.connection.side, str(item.get("reason") or "")
            raise ApiError(side, "WATCH", self._path, status, reason, str(item.get("message") or ""))
        return Change(kind, item)

    def stop(self) -> None:
        """End it now, also while somebody waits for its next change."""
        self._stopped = True
        own = getattr(getattr(self._answer, "_connection", None), "sock", None)
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            if own is not None:
                own.shutdown(socket.SHUT_RDWR)
            else:
                # The connection was given up by its pool, and only the answer still has it (urllib3 2.3 and later).
                self._answer.shutdown()

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that end: a deadline for a whole answer, headers and all, and a limit of its size.

A read timeout counts from one byte to the next, and a server that sends a byte each second never exceeds it.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
import threading
import time
import typing as t

from .._rules.outside import limits

_PIECE = 256 * 1024


class SlowAnswerError(OSError):
    """An answer took longer in all than it may."""


class LargeAnswerError(OSError):
    """An answer is larger than it may be, or says that it is something else than what was asked for."""


class Bounds:
    """What is done to one pool of connections (urllib3's PoolManager). ``wrap`` makes a response of what was read."""

    def __init__(self, pool: t.Any, wrap: t.Callable[..., t.Any]) -> None:
        self._wrap = wrap
        self._streams = threading.local()
        pool.pool_classes_by_scheme = {
            scheme: _bounded_pool(pool_class) for scheme, pool_class in pool.pool_classes_by_scheme.items()
        }
        self._request = pool.request
        pool.request = self.request

    @contextlib.contextmanager
    def streaming(self) -> t.Iterator[None]:
        """What this thread asks for meanwhile is read by its caller, piece by piece."""
        self._streams.is_one = True
        try:
            yield
        finally:
            self._streams.is_one = False

    def request(self, method: str, url: str, **details: t.Any) -> t.Any:
        """Raises SlowAnswerError and LargeAnswerError, by themselves or as the cause of an error of urllib3."""
        response = self._request(method, url, **details)
        if getattr(self._streams, "is_one", False) and response.status < 300:
            return response
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # Nobody has asked for it, and half a megabyte of it may be a gigabyte.
            response.close()
            raise LargeAnswerError(f"it is encoded as {response.headers['Content-Encoding'][:20]!r}")
        pieces, size = [], 0
        for piece in response.stream(_PIECE, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > limits.BODY:
                response.close()
                raise LargeAnswerError(f"it is larger than {limits.BODY} bytes")
        return self._wrap(
            body=b"".join(pieces),
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            preload_content=True,
            decode_content=False,
        )


@functools.lru_cache(maxsize=16)
def _bounded_pool(pool_class: t.Any) -> t.Any:
    connection = type("BoundedConnection", (pool_class.ConnectionCls,), {"response_class": _TimedResponse})
    return type("BoundedConnectionPool", (pool_class,), {"ConnectionCls": connection})


class _TimedResponse(http.client.HTTPResponse):
    """It may take so many times the timeout that its socket has for a single read."""

    def __init__(self, sock: socket.socket, *arguments: t.Any, **more: t.Any) -> None:
        timeout = sock.gettimeout()
        # http.client asks it for a file, and for nothing else.
        timed: t.Any = sock if timeout is None else _TimedFile.Maker(sock, timeout)
        super().__init__(timed, *arguments, **more)


class _TimedFile(io.RawIOBase):
    """What a socket receives, until a moment."""

    class Maker:
        def __init__(self, sock: socket.socket, timeout: float) -> None:
            self._sock, self._timeout = sock, timeout

        def makefile(self, _mode: str) -> io.BufferedReader:
            return io.BufferedReader(_TimedFile(self._sock, self._timeout))

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        super().__init__()
        self._sock, self._timeout = sock, timeout
        self._end = time.monotonic() + limits.REQUEST_READS * timeout
        # It keeps the socket open for as long as it is read.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._too_slow()
        self._sock.settimeout(min(self._timeout, left))
        try:
            return self._file.readinto(buffer)
        except TimeoutError:
            if left < self._timeout:
                raise self._too_slow() from None
            raise

    def _too_slow(self) -> SlowAnswerError:
        return SlowAnswerError(f"it took longer than {limits.REQUEST_READS * self._timeout:g} s in all")

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

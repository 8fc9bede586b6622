# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that answers with whatever bytes a test gives it, at whatever pace."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import typing as t

Json = dict[str, t.Any]
Answer = t.Callable[[str], t.Iterable[bytes]]
"""Of the request's first line, the pieces to send one after the other; the connection is closed after the last."""


def http(body: bytes | str | Json | list[t.Any], *headers: str, status: str = "200 OK", sized: bool = True) -> bytes:
    """One answer as a whole. Without ``sized``, its end is that of the connection."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if sized:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


class RawServer:
    """It serves until ``close``. ``requests`` are what was asked for, whole."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, **user: t.Any) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "raw", "cluster": {"server": self.url}}],
            "users": [{"name": "raw", "user": user or {"token": "token-for-the-raw-server"}}],
            "contexts": [{"name": "raw", "context": {"cluster": "raw", "user": "raw"}}],
            "current-context": "raw",
        }

    def close(self) -> None:
        self._listening.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listening.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with connection, contextlib.suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                piece = connection.recv(65536)
                if not piece:
                    return
                received += piece
            self.requests.append(received)
            for piece in self.answer(received.split(b"\r\n", 1)[0].decode()):
                connection.sendall(piece)
        self._open.discard(connection)


def bomb(size: int) -> bytes:
    """So many spaces as gzip."""
    import gzip

    return gzip.compress(b" " * size, 9)


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()

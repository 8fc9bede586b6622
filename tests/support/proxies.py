# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxies on this machine: HTTP CONNECT and SOCKS5, without anything that a test does not need."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
import typing as t

USER, PASSWORD = "proxy-user", "proxy-pass word"


class _Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def _connect(self, host: str, port: int) -> socket.socket:
        self.server.asked.append(f"{host}:{port}")
        return socket.create_connection((host, port), timeout=10)

    def _carry(self, far: socket.socket) -> None:
        """Both ways, until one side ends."""
        near = self.connection
        other = threading.Thread(target=_pump, args=(far, near), daemon=True)
        other.start()
        _pump(near, far)
        other.join(5)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class _Http(_Tunnel):
    def handle(self) -> None:
        asked = self.rfile.readline().decode().split()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            key, _colon, value = line.partition(":")
            headers[key.lower()] = value.strip()
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.server.with_password and headers.get("proxy-authorization") != wanted:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _colon, port = asked[1].rpartition(":")
        with self._connect(host, int(port)) as far:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._carry(far)


class _Socks(_Tunnel):
    """RFC 1928."""

    def handle(self) -> None:
        _version, count = self.rfile.read(2)
        methods = self.rfile.read(count)
        if self.server.with_password:
            if 2 not in methods:
                self.wfile.write(b"\x05\xff")
                return
            self.wfile.write(b"\x05\x02")
            _version, length = self.rfile.read(2)
            user = self.rfile.read(length).decode()
            password = self.rfile.read(self.rfile.read(1)[0]).decode()
            is_known = (user, password) == (USER, PASSWORD)
            self.wfile.write(b"\x01\x00" if is_known else b"\x01\x01")
            if not is_known:
                return
        else:
            self.wfile.write(b"\x05\x00")
        _version, _connect, _reserved, kind = self.rfile.read(4)
        if kind == 1:
            host = socket.inet_ntoa(self.rfile.read(4))
        elif kind == 3:
            host = self.rfile.read(self.rfile.read(1)[0]).decode()
        else:
            host = socket.inet_ntop(socket.AF_INET6, self.rfile.read(16))
        with self._connect(host, int.from_bytes(self.rfile.read(2), "big")) as far:
            self.wfile.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            self._carry(far)


class Proxy(socketserver.ThreadingTCPServer):
    """``asked`` are the addresses that it was asked to connect to."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, kind: t.Literal["http", "socks5"], with_password: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Http if kind == "http" else _Socks)
        self.with_password, self.asked = with_password, list[str]()
        self._kind = kind
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def url(self, user: str = USER, password: str = PASSWORD.replace(" ", "%20")) -> str:
        credential = f"{user}:{password}@" if self.with_password else ""
        return f"{self._kind}://{credential}127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_details: object) -> None:
        self.shutdown()
        self.server_close()

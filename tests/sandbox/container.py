# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container as a process in user, network and PID namespaces of its own. Standard library only: run as a script.

This program stays outside the container's PID namespace but inside its network namespace. There it listens on loopback
for each API server that the container may reach and carries the bytes over Unix sockets to the host, answers every DNS
query with "no such name", and lets the host connect to the container's own ports. The container's process is PID 1 of
its namespace, chrooted into its root folder, and cannot outlive this program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import typing as t

_CLONE_NEWUTS, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x04000000, 0x10000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP_LOOPBACK = 0x8914, 0x1 | 0x8
_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces(hostname: str) -> None:
    """Become root of a new user namespace with an empty network. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), "unprivileged user namespaces are not allowed on this machine")
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as mapping:
            mapping.write(text)
    socket.sethostname(hostname[:64])
    with socket.socket() as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _IFF_UP_LOOPBACK, b"\0" * 14))


def start_container(root: str, command: list[str], environment: dict[str, str]) -> int:
    """Fork PID 1 of the namespace; returns its PID as seen from here."""
    child = os.fork()
    if child:
        return child
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chroot(root)
        os.chdir("/")
        os.execve(command[0], command, environment)
    except OSError as error:
        print(f"cannot run {command[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


async def connect_both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opening: t.Awaitable[t.Any]) -> None:
    try:
        onward_reader, onward_writer = await opening
    except OSError:
        writer.transport.abort()
        return
    await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer))


async def keep_link(port: int, path: str) -> t.NoReturn:
    """Listen on loopback for as long as the host offers the link: without it, connections are refused."""
    listener: asyncio.Server | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await connect_both(reader, writer, asyncio.open_unix_connection(path))

    while True:
        offered = os.path.exists(path)
        if offered and listener is None:
            listener = await asyncio.start_server(serve, "127.0.0.1", port)
        elif not offered and listener is not None:
            listener.close()
            listener = None
        await asyncio.sleep(0.2)


async def serve_entry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The host names a port of the container on the first line; one byte says whether it answered."""
    port = int(await reader.readline())
    try:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.write(b"-")
        writer.close()
        return
    writer.write(b"+")
    await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer))


class NoSuchName(asyncio.DatagramProtocol):
    """A name server that knows nothing: NXDOMAIN for every question (RFC 1035, response code 3)."""

    def connection_made(self, transport: t.Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: t.Any) -> None:
        if len(data) >= 12:
            self._transport.sendto(data[:2] + b"\x81\x83" + data[4:6] + b"\0" * 6 + data[12:], addr)


async def main(spec: dict[str, t.Any]) -> int:
    loop = asyncio.get_running_loop()
    links = [asyncio.create_task(keep_link(int(port), path)) for port, path in spec["links"].items()]
    await asyncio.start_unix_server(serve_entry, spec["entry"])
    await loop.create_datagram_endpoint(NoSuchName, local_addr=("127.0.0.1", 53))
    await asyncio.sleep(0)
    exited: asyncio.Future[int] = loop.create_future()
    terminated = asyncio.Event()
    child = 0

    def reap() -> None:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid and not exited.done():
            exited.set_result(os.waitstatus_to_exitcode(status))

    def terminate() -> None:
        terminated.set()
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    loop.add_signal_handler(signal.SIGTERM, terminate)
    if not spec["command"]:
        await terminated.wait()
        return 0
    loop.add_signal_handler(signal.SIGCHLD, reap)
    child = start_container(spec["root"], spec["command"], spec["environment"])
    code = await exited
    for link in links:
        link.cancel()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as spec_file:
        container = json.load(spec_file)
    enter_namespaces(container["hostname"])
    sys.exit(asyncio.run(main(container)))

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An edge node: a network of its own, in which alone a WEC's API is to be found at the address in its kubeconfig."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import typing as t

from sandbox import container

Json = dict[str, t.Any]
CONNECTION_PLUGINS = pathlib.Path(__file__).parent / "connection_plugins"


@contextlib.contextmanager
def relays(*opening: t.Callable[[], t.Coroutine[t.Any, t.Any, asyncio.AbstractServer]]) -> t.Iterator[None]:
    """Keep these servers going, in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers = [asyncio.run_coroutine_threadsafe(one(), loop).result(10) for one in opening]
    try:
        yield
    finally:

        async def stop() -> None:
            for server in servers:
                server.close()
            own = asyncio.current_task()
            for task in asyncio.all_tasks():
                if task is not own:
                    task.cancel()

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await container.connect_both(reader, writer, asyncio.open_connection("127.0.0.1", port))


@contextlib.contextmanager
def forwarded(address: str, port: int, to: int) -> t.Iterator[None]:
    """A port of another address of this machine leads to one of loopback."""
    with relays(lambda: asyncio.start_server(lambda reader, writer: _carry(reader, writer, to), address, port)):
        yield


@contextlib.contextmanager
def edge_node(folder: pathlib.Path, ports: t.Mapping[int, int]) -> t.Iterator[int]:
    """A network whose loopback has these ports, each leading to one of this machine's loopback. Gives a process in it."""
    # Paths of sockets are short.
    sockets = {port: str(folder / f"{port}.sock") for port in ports}
    spec = folder / "node.json"
    entry = folder / "entry.sock"
    details = {
        "hostname": "edge-node",
        "links": sockets,
        "entry": str(entry),
        "command": [],
        "root": "",
        "environment": {},
    }
    spec.write_text(json.dumps(details))

    def link(port: int) -> t.Callable[[], t.Coroutine[t.Any, t.Any, asyncio.AbstractServer]]:
        return lambda: asyncio.start_unix_server(
            lambda reader, writer: _carry(reader, writer, ports[port]), sockets[port]
        )

    with relays(*(link(port) for port in ports)):
        node = subprocess.Popen([sys.executable, container.__file__, str(spec)])
        try:
            end = time.monotonic() + 30
            while not all(_listens(node.pid, port) for port in ports):
                assert node.poll() is None, "the edge node has ended"
                assert time.monotonic() < end, "the edge node does not listen within 30 s"
                time.sleep(0.1)
            yield node.pid
        finally:
            node.terminate()
            node.wait(10)


def _listens(pid: int, port: int) -> bool:
    """Whether a port of its loopback is served, as the kernel tells of its network."""
    wanted = f" 0100007F:{port:04X} 00000000:0000 0A "
    try:
        return os.path.exists(f"/proc/{pid}") and wanted in pathlib.Path(f"/proc/{pid}/net/tcp").read_text()
    except OSError:
        return False

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire between the pods of one cluster and one API server, with the faults that a wire can have."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import pathlib

CHUNK = 65536


class Wire(enum.Enum):
    """``DROP`` swallows everything in silence; ``REFUSE`` answers each new connection with a refusal."""

    OPEN = "open"
    DROP = "drop"
    REFUSE = "refuse"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then end the destination too."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


class Link:
    """A Unix socket that leads to an API server on this host. Pods see the refusal when the socket's file is gone."""

    def __init__(self, path: pathlib.Path, port: int) -> None:
        self._path, self._port = path, port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.wire = Wire.OPEN
        self.delay = 0.0
        """Seconds that each piece of data takes longer, in both directions."""

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def set(self, wire: Wire) -> None:
        """Change the state of the wire; what was held back while dropping flows on when it opens again."""
        if wire is Wire.REFUSE:
            await self.stop()
        elif self._server is None:
            await self.start()
        if wire is Wire.OPEN:
            self._flowing.set()
        else:
            self._flowing.clear()
        self.wire = wire

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._path.unlink(missing_ok=True)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            try:
                onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                writer.transport.abort()
                return
            self._writers.add(onward_writer)
            try:
                await asyncio.gather(self._carry(reader, onward_writer), self._carry(onward_reader, writer))
            finally:
                self._writers.discard(onward_writer)
        finally:
            self._writers.discard(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._flowing.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()

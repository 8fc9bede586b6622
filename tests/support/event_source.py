# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the event source as ansible-rulebook does: by its path, with a queue and arguments."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import runpy
import typing as t

from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition

Json = dict[str, t.Any]
SOURCE = pathlib.Path(__file__).parents[2] / "extensions" / "eda" / "plugins" / "event_source" / "fleet.py"
MODULE = runpy.run_path(str(SOURCE))


class Heard:
    """The queue, and what was put into it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Json] = asyncio.Queue()

    async def put(self, event: Json) -> None:
        await self._queue.put(event)

    async def next(self) -> Json:
        return await asyncio.wait_for(self._queue.get(), 60)

    async def kinds(self, count: int) -> list[tuple[str, str | None]]:
        events = [await self.next() for _number in range(count)]
        return [(event["type"], event["name"]) for event in events]

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


def heard_of(
    its: FakeIts, script: t.Callable[[Heard], t.Awaitable[None]], made: type[Heard] = Heard, **args: t.Any
) -> None:
    """Run the source while a script goes on, then cancel it: it must end at once."""

    async def both() -> None:
        heard = made()
        source = asyncio.create_task(MODULE["main"](heard, {"its_kubeconfig": its.kubeconfig(), **args}))
        talk = asyncio.create_task(script(heard))
        done, _pending = await asyncio.wait({source, talk}, return_when=asyncio.FIRST_COMPLETED, timeout=120)
        source.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(source, 10)
        assert talk in done
        talk.result()
        assert heard.is_empty

    asyncio.run(both())


def unavailable(its: FakeIts, name: str) -> None:
    conditions = [condition("ManagedClusterJoined"), condition("ManagedClusterConditionAvailable", "Unknown")]
    its.change(f"{MANAGED_CLUSTERS}/{name}", {"status": {"conditions": conditions}})

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one process that is a whole fleet: it makes the WECs, tells how to reach them, and obeys the supervisor.

Requests come over a Unix socket, each a line of JSON, as with the supervisor itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import ssl
import sys
import traceback
import typing as t

from .. import processes
from ..api import Api, client_tls
from ..layout import ITS, Layout
from ..outputs import write_private
from ..pki import Authority
from . import FOLDER
from .endpoint import AuditLog
from .faults import Fault, FaultError, choose, distribute, fault
from .hub import Feed
from .wec import Wec

Json = dict[str, t.Any]


class Fleet:
    """All simulated WECs of a sandbox, by their names."""

    def __init__(self, layout: Layout, hub: Api) -> None:
        self._layout = layout
        self._folder = layout.state / FOLDER
        self._feed = Feed(hub)
        self._log = AuditLog(self._folder / "audit.log")
        self.wecs: dict[str, Wec] = {}

    async def start(self, first: int, count: int, faults: str) -> None:
        """Make the WECs edge-FIRST and so on, and serve them. Raises FaultError."""
        authority = Authority(self._folder, "simulated-ca")
        authority.issue("server", "simulated", names=["127.0.0.1", "localhost"])
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self._folder / "ca.crt"))
        tls.load_cert_chain(self._folder / "server.crt", self._folder / "server.key")
        # Who has none is told so by an answer.
        tls.verify_mode = ssl.CERT_OPTIONAL
        for number in range(first, first + count):
            wec = Wec(number, authority, tls, self._log, self._feed)
            self.wecs[wec.name] = wec
        chosen = distribute(faults, list(self.wecs))
        for name, wec in self.wecs.items():
            await wec.set_fault(chosen.get(name, Fault.NONE))
        processes.in_background(self._feed.run())
        kubeconfigs = [wec.kubeconfig() for wec in self.wecs.values()]
        write_private(self._folder / "kubeconfigs.json", json.dumps(kubeconfigs))

    async def set_fault(self, kind: str, wecs: str) -> list[str]:
        """Let these WECs fail like this from now on; returns their names. Raises FaultError."""
        chosen, wanted = choose(wecs, list(self.wecs)), fault(kind)
        for name in chosen:
            await self.wecs[name].set_fault(wanted)
        return chosen

    def hide_name(self, name: str, hidden: bool) -> None:
        """Let no agent resolve one name of a hub, or let them resolve it again."""
        self._feed.hide_name(name, hidden)

    def status(self) -> Json:
        by_fault: dict[str, list[str]] = {}
        for name, wec in self.wecs.items():
            if wec.fault is not Fault.NONE:
                by_fault.setdefault(wec.fault.value, []).append(name)
        registered = sum(wec.is_registered for wec in self.wecs.values())
        return {"names": list(self.wecs), "registered": registered, "faults": by_fault}

    # -- commands ------------------------------------------------------------------------------------------------

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            if request["command"] == "fault":
                reply: Json = {"result": await self.set_fault(**request["arguments"])}
            elif request["command"] == "hide-name":
                self.hide_name(**request["arguments"])
                reply = {"result": None}
            else:
                reply = {"result": self.status()}
        except FaultError as error:
            reply = {"error": str(error)}
        except Exception as error:  # the supervisor must hear of it, and the fleet must go on
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
            writer.close()


async def _run(arguments: argparse.Namespace) -> None:
    layout = Layout(arguments.state)
    its = layout.cluster(ITS)
    hub = Api(arguments.hub, client_tls(its / "ca.crt", its / "sandbox-kubelet.crt", its / "sandbox-kubelet.key"))
    fleet = Fleet(layout, hub)
    await fleet.start(arguments.first, arguments.count, arguments.faults)
    # What has been made by now stays: it need not be looked at again and again.
    gc.collect()
    gc.freeze()
    server = await asyncio.start_unix_server(fleet.answer, layout.simulated)
    async with server:
        await server.serve_forever()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--hub", required=True, help="URL of the hub's API server")
    parser.add_argument("--first", type=int, required=True, help="number of the first WEC")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--faults", default="")
    try:
        asyncio.run(_run(parser.parse_args()))
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

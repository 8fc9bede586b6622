# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium without a screen and without a network, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import pathlib
import shutil
import subprocess
import typing as t

import aiohttp

Json = dict[str, t.Any]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 60.0
"""Seconds that a browser on a busy machine may take to answer."""


def executable() -> str:
    """``$WEC_BROWSER``, or a Chromium on the path. Raises RuntimeError that tells how to get one."""
    given = os.environ.get("WEC_BROWSER")
    found = shutil.which(given) if given else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        what = f"WEC_BROWSER={given} is no program" if given else "There is no Chromium"
        raise RuntimeError(
            f"{what}: install one (Debian, Ubuntu: apt-get install --no-install-recommends chromium), or set WEC_BROWSER to "
            "the path of a Chromium or Chrome."
        )
    return found


class Page:
    """One page. ``requests`` are the addresses that it asked for, ``complaints`` what the console has of errors."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket = loop, socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._reader = loop.create_task(self._read())
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    async def _read(self) -> None:
        async for message in self._socket:
            event = message.json()
            if "id" in event:
                self._answers.pop(event["id"]).set_result(event)
            else:
                self._note(event["method"], event["params"])

    def _note(self, method: str, event: Json) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(event["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(f"{event['entry']['level']}: {event['entry']['text']}")
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{event['type']}: {event['args']}")
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialogue: {event['message']}")

    def command(self, method: str, **parameters: t.Any) -> Json:
        async def call() -> Json:
            self._number += 1
            answer = self._answers[self._number] = self._loop.create_future()
            await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
            return await asyncio.wait_for(answer, _PATIENCE)

        answer = self._loop.run_until_complete(call())
        assert "error" not in answer, (method, answer)
        return t.cast(Json, answer["result"])

    def open(self, path: pathlib.Path, fragment: str = "") -> None:
        """And wait until it is there."""
        self._loaded.clear()
        self.requests.clear()
        self.complaints.clear()
        self.command("Page.navigate", url=path.as_uri() + fragment)
        self._loop.run_until_complete(asyncio.wait_for(self._loaded.wait(), _PATIENCE))

    def evaluate(self, expression: str) -> t.Any:
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def show(self, scheme: str = "light", width: int = 1280, height: int = 1000, media: str = "screen") -> None:
        """The colours, the size and the medium that it is shown with."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", media=media, features=features)
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def screenshot(self, **form: t.Any) -> bytes:
        """As PNG, or as ``form`` says: ``format`` and ``quality``."""
        return base64.b64decode(self.command("Page.captureScreenshot", **{"format": "png", **form})["data"])

    def pixels(self) -> list[tuple[int, int, int]]:
        """Some of the picture, as red, green and blue: decoded by the browser itself, in a page of its own."""
        picture = base64.b64encode(self.screenshot()).decode()
        script = f"""(async () => {{
            const bits = Uint8Array.from(atob("{picture}"), (one) => one.charCodeAt(0));
            const image = await createImageBitmap(new Blob([bits], {{type: "image/png"}}));
            const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0);
            const data = pen.getImageData(0, 0, image.width, image.height).data, found = [];
            for (let at = 0; at < data.length; at += 4 * 97) found.push([data[at], data[at + 1], data[at + 2]]);
            return found;
        }})()"""
        return [tuple(pixel) for pixel in self.evaluate(script)]


@contextlib.contextmanager
def chromium(folder: pathlib.Path) -> t.Iterator[Page]:
    """A browser with an empty profile in ``folder``, and a page of it. No name can be resolved, and no proxy is used."""
    arguments = [
        executable(),
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-proxy-server",
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--hide-scrollbars",
    ]
    if os.geteuid() == 0:
        # Chromium does not run as root with it.
        arguments.append("--no-sandbox")
    log = folder / "browser.log"
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    with log.open("wb") as output:
        browser = subprocess.Popen([*arguments, "about:blank"], stdout=output, stderr=output)
    try:
        session, socket = loop.run_until_complete(_connect(folder, browser, log))
        try:
            yield Page(loop, socket)
        finally:
            loop.run_until_complete(socket.close())
            loop.run_until_complete(session.close())
    finally:
        browser.terminate()
        try:
            browser.wait(20)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.close()


async def _connect(
    folder: pathlib.Path, browser: subprocess.Popen[bytes], log: pathlib.Path
) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    port = folder / "DevToolsActivePort"
    for _attempt in range(int(_PATIENCE / 0.1)):
        if browser.poll() is not None:
            break
        # The first line is the port, and the second one is there when both are written.
        if port.exists() and len(port.read_text().splitlines()) == 2:
            address = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
            session = aiohttp.ClientSession()
            async with session.get(f"{address}/json/list") as answer:
                (page,) = [one for one in await answer.json(content_type=None) if one["type"] == "page"]
            return session, await session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        await asyncio.sleep(0.1)
    raise RuntimeError(f"The browser did not start: {log.read_text(errors='replace')[-2000:]}")

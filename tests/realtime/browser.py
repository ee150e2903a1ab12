"""A headless Chromium, driven by its own protocol (Chrome DevTools) over a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
START_S = 60


class Tab:
    """One page of the browser."""

    def __init__(self, link: aiohttp.ClientWebSocketResponse) -> None:
        self.problems: list[str] = []
        """What its console says is wrong, and what it asked for elsewhere."""
        self.asked: list[str] = []
        self._link = link
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.ensure_future(self._read())

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._link.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], START_S)
        assert "error" not in answer, answer
        return answer["result"]

    async def look(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str, timeout_s: float = 20) -> None:
        until_s = time.monotonic() + timeout_s
        while not await self.look(expression):
            assert time.monotonic() < until_s, f"waited in vain: {expression}"
            await asyncio.sleep(0.05)

    async def show(self, address: str, width: int, height: int, scheme: str = "dark") -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 700,
        )  # fmt: skip
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        await self.call("Page.navigate", url=address)

    async def picture(self, path: Path) -> None:
        answer = await self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(answer["data"]))

    async def _read(self) -> None:
        async for message in self._link:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(told["params"]))


@contextlib.asynccontextmanager
async def tab() -> AsyncIterator[Tab]:
    """A fresh browser with one empty tab."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                f"--user-data-dir={folder}", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [one for one in await answer.json() if one["type"] == "page"]
                address = pages[0]["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as link:
                    made = Tab(link)
                    for domain in ("Page", "Runtime", "Network", "Log"):
                        await made.call(f"{domain}.enable")
                    yield made
        finally:
            process.kill()
            process.wait()


async def _port(path: Path) -> int:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(path.read_text().splitlines()[0])
        await asyncio.sleep(0.1)
    raise AssertionError("the browser did not start")

"""The meters in a browser, their WebSocket, and Prometheus' text, from a thread of its own.

``/`` is the page, ``/live`` a WebSocket with a JSON document a window (``tutti listen --format
jsonl``'s), ``/about.json`` what the documents' names are, ``/metrics`` for Prometheus.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import WSCloseCode, web

from realtime.errors import TuttiError
from realtime.live_outputs import metrics
from realtime.live_outputs.about import about, colours_css
from realtime.live_outputs.address import Address, parse_address
from realtime.live_outputs.output import Setting
from realtime.live_outputs.web_guard import COOKIE, Guard, token_for
from realtime.log import LOGGER
from realtime.postprocess import Tags
from realtime.timeline import live_document

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}
MAX_CLIENTS = 32
FRESH_S = 3.0
"""Whoever comes is shown the newest window at once, unless it is older."""
OPEN_S = 5.0
END_S = 0.15
"""How long each step of the end may take; a browser that hangs is left behind."""
HEARTBEAT_S = 15.0
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def open_output(where: str, setting: Setting) -> WebOutput:
    """Serve at HOST:PORT.

    Raises:
        TuttiError: that is no address, it needs a token, or the port is in use.
    """
    address = parse_address(where, "--web")
    return WebOutput(address, token_for(address, setting.args.web_token), setting)


class Client:
    """One WebSocket: it is sent the newest window of each sound, as fast as it takes them."""

    def __init__(self, live: web.WebSocketResponse) -> None:
        self.live = live
        self.lost = 0
        self._waiting: dict[str, str] = {}
        self._wake = asyncio.Event()

    def offer(self, name: str, document: str) -> None:
        if name in self._waiting:
            self.lost += 1
        self._waiting[name] = document
        self._wake.set()

    async def write(self) -> None:
        """Send until the socket closes."""
        with contextlib.suppress(ConnectionError):  # it has closed, which its reader sees
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self.live.send_str(self._waiting.pop(next(iter(self._waiting))))


class WebOutput:
    """The server. Its clients are its own thread's; what ``send`` is told is handed over."""

    def __init__(self, address: Address, token: str | None, setting: Setting) -> None:
        shown = Address(socket.gethostname(), address.port) if address.is_any else address
        self.where = f"Page at http://{shown}/" + ("?token=..." if token else "")
        self.clients: set[Client] = set()
        self._address = address
        self._token = token
        self._guard = Guard(address, token)
        self._setting = setting
        self._newest: dict[str, tuple[float, Tags, str]] = {}
        self._runner: web.AppRunner | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="tutti-page", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(OPEN_S)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                reason = error.strerror or str(error)
                raise TuttiError(
                    f"The page cannot be served at {address} ({reason.lower()}): name another "
                    "port or address with --web."
                ) from None
            raise

    def send(self, name: str, tags: Tags) -> None:
        document = live_document(tags, self._setting.spec) | ({"sound": name} if name else {})
        text = json.dumps(document, separators=(",", ":"))
        self._loop.call_soon_threadsafe(self._publish, name, tags, text)

    def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(3 * END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_S)

    def _serve(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application(middlewares=[self._answer], client_max_size=1024)
        app.add_routes(
            [
                *(web.get(path, self._file(name)) for path, name in FILES.items()),
                web.get("/colours.css", _text(colours_css(), "text/css")),
                web.get(
                    "/about.json",
                    _text(json.dumps(about(self._setting)), "application/json"),
                ),
                web.get("/live", self._live),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, logger=LOGGER, handle_signals=False, shutdown_timeout=END_S
        )
        await self._runner.setup()
        failures = []
        found = self._address.found(socket.SOCK_STREAM)
        for _, (number, port) in found:
            try:
                await web.TCPSite(self._runner, number, port).start()
            except OSError as error:
                failures.append(error)
        # "localhost" may stand for IPv6 too, where a system has none.
        grave = [error for error in failures if error.errno not in NOT_HERE]
        if grave or len(failures) == len(found):
            raise (grave or failures)[0]

    async def _end(self) -> None:
        closing = [
            asyncio.ensure_future(one.live.close(code=WSCloseCode.GOING_AWAY))
            for one in self.clients
        ]
        if closing:
            await asyncio.wait(closing, timeout=END_S)
        if self._runner is not None:
            await asyncio.wait([asyncio.ensure_future(self._runner.cleanup())], timeout=END_S)

    def _publish(self, name: str, tags: Tags, document: str) -> None:
        self._newest[name] = (time.monotonic(), tags, document)
        for client in self.clients:
            client.offer(name, document)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = self._guard.refusal(request.headers, request.query, request.cookies)
        if refused is not None:
            status, sentence = refused
            return web.Response(status=status, text=f"{sentence}\n", headers=HEADERS)
        return await handler(request)

    def _file(self, name: str) -> Handler:
        kind = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
        answer = _text((PAGE / name).read_text(encoding="utf-8"), kind[name.rsplit(".", 1)[1]])
        if name != "index.html" or self._token is None:
            return answer

        async def page(request: web.Request) -> web.StreamResponse:
            if "token" not in request.query:
                return await answer(request)
            # The token goes out of the address bar, and into what the browser sends by itself.
            response = web.Response(status=303, headers=HEADERS | {"Location": "./"})
            response.set_cookie(COOKIE, self._token or "", httponly=True, samesite="Strict")
            return response

        return page

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if len(self.clients) >= MAX_CLIENTS:
            return web.Response(status=503, text="Too many watch already.\n", headers=HEADERS)
        live = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024, compress=False)
        await live.prepare(request)
        client = Client(live)
        self.clients.add(client)
        for name, (came_s, _, document) in self._newest.items():
            if time.monotonic() - came_s < FRESH_S:
                client.offer(name, document)
        writer = asyncio.ensure_future(client.write())
        try:
            async for _ in live:
                pass  # nothing is asked for here: only the end is waited for
        finally:
            self.clients.discard(client)
            writer.cancel()
        return live

    async def _metrics(self, _: web.Request) -> web.StreamResponse:
        now_s = time.monotonic()
        newest = {name: (now_s - came, tags) for name, (came, tags, _) in self._newest.items()}
        text = metrics.text(self._setting.spec, newest, self._setting.counts())
        headers = HEADERS | {"Content-Type": metrics.CONTENT_TYPE}
        return web.Response(body=text.encode(), headers=headers)


def _text(text: str, content_type: str) -> Handler:
    """Answers always the same."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type, headers=HEADERS)

    return answer

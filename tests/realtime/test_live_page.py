"""The page's server: WebSocket and HTTP as independent clients see them, and who is let in."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from live_tags import SPEC, arguments, tags
from prometheus_client.parser import text_string_to_metric_families

from desktop.heard import count
from realtime.colours import DARK, LIGHT
from realtime.errors import TuttiError
from realtime.live_outputs.table import LiveOutputs
from realtime.live_outputs.web import PAGE
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.timeline import live_document

DEMO = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"
TOKEN = "correct-horse-battery"
WAIT_S = 20


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def page(*more: str, host: str = "127.0.0.1", names: tuple[str, ...] = ("",)) -> Iterator:
    """Outputs with a page, and its port."""
    port = free_port()
    given = arguments("--web", f"{host}:{port}", *more)
    with LiveOutputs(given, SPEC, lambda text: None, names) as outputs:
        yield outputs, port


def get(port: int, path: str = "/", host: str = "127.0.0.1", **headers: str):
    request = urllib.request.Request(f"http://{host}:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return answer, answer.read().decode()


def status(port: int, path: str = "/", **headers: str) -> int:
    """Of a request with just these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def watch(port: int, count: int, told, **options) -> list[dict]:
    """What an aiohttp client reads from the WebSocket; ``told`` is called once it is open."""

    async def run() -> list[dict]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{port}/live", **options) as live,
        ):
            told()
            return [json.loads(await live.receive_str(timeout=WAIT_S)) for _ in range(count)]

    return asyncio.run(run())


def test_the_websocket_has_the_documents_of_json_lines():
    window = tags(7, piano=0.75, key=0.5, rms_dbfs=-21.5)
    with page() as (outputs, port):
        (document,) = watch(port, 1, lambda: outputs.listener()(window))
    assert document == live_document(window, SPEC)
    assert document["instruments"]["piano"] == 0.75
    assert document["level"]["rms_dbfs"] == -21.5
    assert "sound" not in document


def test_whoever_comes_is_shown_the_newest_window_of_every_sound(wait_until):
    with page(names=("before", "after")) as (outputs, port):
        for number in range(5):
            outputs.listener("before")(tags(number))
            outputs.listener("after")(tags(number))
        wait_until(lambda: sum(vars(outputs.counts()["web"]).values()) == 10, WAIT_S, "it all")
        outputs.listener("after")(tags(9))
        documents = watch(port, 2, lambda: None)
        _, about = get(port, "/about.json")
    newest = {one["sound"]: one["start_s"] for one in documents}
    assert set(newest) == {"before", "after"}
    assert newest["before"] == 2.0
    assert json.loads(about)["sounds"] == ["before", "after"]


def test_a_browser_that_hangs_costs_nobody_a_window(wait_until, capfd):
    """Two WebSockets: one is never read. The other gets the newest; of the one that hangs, once
    the system's buffers are full, each window takes the place of the one before."""
    handshake = (
        "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with page() as (outputs, port), socket.socket() as hung:
        output = outputs._senders["web"]._output
        hung.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        hung.connect(("127.0.0.1", port))
        hung.sendall(handshake.encode())
        assert hung.recv(12) == b"HTTP/1.1 101"
        wait_until(lambda: output.clients, WAIT_S, "the handshake")
        (stuck,) = output.clients
        sent = 0
        name = "long" * 50_000  # so that the system's buffers are full soon

        def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                sent += 1
                output.send(name, tags(sent))
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.02), output._loop).result(WAIT_S)

        def is_stuck() -> bool:
            send(1)
            return bool(stuck._waiting)  # though its writer has had the time to send it

        wait_until(lambda: is_stuck() and is_stuck(), WAIT_S, "all buffers to be full")
        lost = stuck.lost
        send(500)
        assert stuck.lost == lost + 500
        documents = watch(port, 2, lambda: send(1))
        assert [one["start_s"] for one in documents] == [(sent - 1) / 2, sent / 2]
        outputs.close()  # while it hangs
        gc.collect()
    assert capfd.readouterr() == ("", "")


def test_the_page_and_all_it_needs_come_from_here():
    with page() as (_, port):
        answer, html = get(port)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        wanted = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html)
        assert set(wanted) == {"colours.css", "page.css", "page.js"}
        kinds = {"css": "text/css", "js": "text/javascript"}
        texts = {}
        for name in wanted:
            answer, texts[name] = get(port, f"/{name}")
            assert answer.headers.get_content_type() == kinds[name.rsplit(".", 1)[1]]
        assert status(port, "/nothing") == 404
        assert status(port, "/../web.py") == 404
    for text in (html, *texts.values()):
        addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+", text))
        assert addresses <= {"http://www.w3.org"}, "the name of SVG, which nobody fetches"
    assert {path.name for path in PAGE.iterdir()} == {"index.html", "page.css", "page.js"}


def test_the_page_has_the_monitors_colours():
    with page() as (_, port):
        _, css = get(port, "/colours.css")
        _, used = get(port, "/page.css")
        _, script = get(port, "/page.js")
    dark, light = css.split("@media (prefers-color-scheme: light)")
    for part, colours in ((dark, DARK), (light, LIGHT)):
        has = dict(re.findall(r"--([\w-]+): (#\w{6});", part))
        assert {has[f"family-{name.replace('_', '-')}"] for name in FAMILIES} == set(
            colours.families.values()
        )
        assert has["text"] == colours.text
        assert has["on-accent"] == colours.on_accent
        own = {"v", "peak", "threshold", "colour", "of-family", "size"}
        assert set(re.findall(r"var\(--([\w-]+)", used)) - own <= set(has)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?=[;\s,)])", used + script), "a colour of its own"


def test_the_page_has_the_monitors_range_of_counts():
    """The browser's tests hold the whole rule; these are its figures, where there is none."""
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    figures = re.search(r"\[COVERAGE, LET_GO, TOO_WIDE, WORTH\] = (\[.*\]);", script)
    assert json.loads(figures.group(1)) == [
        count.COVERAGE, count._LET_GO, count._TOO_WIDE, count._WORTH,
    ]  # fmt: skip


def test_about_tells_names_thresholds_and_order():
    with page() as (_, port):
        _, text = get(port, "/about.json")
    about = json.loads(text)
    assert [one["id"] for one in about["families"]] == list(FAMILIES)
    named = [one["id"] for family in about["families"] for one in family["instruments"]]
    assert sorted(named) == sorted(INSTRUMENTS)
    assert about["sounds"] == [""]
    assert about["families"][3]["instruments"][1] == {
        "id": "acoustic_guitar", "name": "Acoustic guitar", "threshold": 0.5,
    }  # fmt: skip


def test_prometheus_reads_the_metrics(wait_until):
    with page(names=('"wet"\\',)) as (outputs, port):
        _, text = get(port, "/metrics")
        assert list(text_string_to_metric_families(text))  # before anything was heard
        window = tags(piano=0.75, rms_dbfs=-21.5, count=2.6)
        outputs.listener('"wet"\\')(window)
        wait_until(lambda: outputs.counts()["web"].sent == 1, WAIT_S, "the window")
        answer, text = get(port, "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {one.name: one for one in text_string_to_metric_families(text)}
    piano = [
        sample
        for sample in families["tutti_instrument_probability"].samples
        if sample.labels["instrument"] == "piano"
    ]
    assert [(one.value, one.labels["sound"]) for one in piano] == [(0.75, '"wet"\\')]
    assert len(families["tutti_instrument_probability"].samples) == len(INSTRUMENTS)
    assert len(families["tutti_family_probability"].samples) == len(FAMILIES)
    assert families["tutti_polyphony"].samples[0].value == pytest.approx(2.6)
    assert families["tutti_level_rms_dbfs"].samples[0].value == -21.5
    assert families["tutti_windows_sent"].type == "counter"
    assert families["tutti_windows_lost"].samples[0].value == 0
    assert 0 <= families["tutti_window_age_seconds"].samples[0].value < WAIT_S


def test_without_a_token_other_sites_and_bent_names_see_nothing():
    """What a page of another site, or a name that leads here (DNS rebinding), would send."""
    with page() as (_, port):
        here = f"127.0.0.1:{port}"
        upgrade = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip
        for path in ("/", "/about.json", "/metrics", "/live"):
            assert status(port, path, Host="evil.example") == 403
            assert status(port, path, Host=here, Origin="https://evil.example") == 403
            assert status(port, path, Host=here, Origin="null") == 403
            assert status(port, path, Host=here, Origin="http://[") == 403
        assert status(port, "/live", Host=here, Origin="http://evil.example", **upgrade) == 403
        assert status(port, "/live", Host=here, Origin=f"http://{here}", **upgrade) == 101
        assert status(port, "/", Host=f"localhost:{port}") == 200
        assert status(port, "/", Host="[") == 403


def test_with_a_token_nothing_is_seen_without_it():
    with page("--web-token", TOKEN, host="0.0.0.0") as (outputs, port):
        for path in ("/", "/page.js", "/about.json", "/live", "/metrics"):
            assert status(port, path) == 401
            assert status(port, f"{path}?token={TOKEN}x") == 401
            assert status(port, path, Cookie="tutti_token=") == 401
        assert status(port, "/metrics", Authorization=f"Bearer {TOKEN}") == 200
        assert status(port, "/metrics", Authorization="Bearer \xff\xfe") == 401
        assert status(port, "/metrics?token=%ff%fe") == 401
        assert status(port, "/about.json", Cookie=f"tutti_token={TOKEN}") == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        documents = watch(port, 1, lambda: outputs.listener()(tags(4)), headers=headers)
        assert documents[0]["start_s"] == 2.0
        # A browser is led to the page with the token out of sight.
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"http://127.0.0.1:{port}/?token={TOKEN}", timeout=WAIT_S) as answer:
            assert answer.url == f"http://127.0.0.1:{port}/"
            assert b"<h1>Tutti</h1>" in answer.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1"])
def test_a_wider_address_without_a_token_is_refused(host, monkeypatch):
    monkeypatch.delenv("TUTTI_WEB_TOKEN", raising=False)
    with pytest.raises(TuttiError, match=r"Others can reach a page at .*--web-token"):
        LiveOutputs(arguments("--web", f"{host}:8080"), SPEC, lambda text: None)


@pytest.mark.parametrize("token", ["", "short", "twelve chars with space", "ünicode-ünicode"])
def test_a_weak_token_is_refused(token, monkeypatch):
    monkeypatch.setenv("TUTTI_WEB_TOKEN", token)
    with pytest.raises(TuttiError, match="12 or more letters and digits"):
        LiveOutputs(arguments("--web", "0.0.0.0:8080"), SPEC, lambda text: None)


def test_a_port_in_use_is_one_sentence_and_leaves_nothing_open():
    with page() as (_, port):
        given = arguments("--osc", "9000", "--web", f"127.0.0.1:{port}")
        with pytest.raises(TuttiError) as told:
            LiveOutputs(given, SPEC, lambda text: None)
    assert re.fullmatch(
        rf"The page cannot be served at 127\.0\.0\.1:{port} \(.*address.*in use.*\): name another "
        "port or address with --web.",
        str(told.value),
    )


def test_noise_instead_of_a_request_is_answered_and_said_nowhere(capfd):
    with page() as (_, port):
        for noise in (b"\x16\x03\x01\x02\x00\x01\xfc" * 30, b"GET " + b"/" * 20_000, b"\0" * 999):
            with socket.create_connection(("127.0.0.1", port), WAIT_S) as one:
                one.sendall(noise + b"\r\n\r\n")
                one.shutdown(socket.SHUT_WR)
                while one.recv(4096):
                    pass
        assert status(port) == 200
    assert capfd.readouterr() == ("", "")


def test_listening_is_seen_by_a_browser_that_hangs_and_by_one_that_does_not(tmp_path):
    """The command itself: its JSON lines are those of a file without any output, all of them."""
    port = free_port()
    command = [
        sys.executable, "-m", "realtime.cli", "listen", "--file", str(DEMO), "--duration", "4",
        "--format", "jsonl", "--web", str(port), "--osc", "127.0.0.1:9",
    ]  # fmt: skip
    with (tmp_path / "lines").open("w") as lines, socket.socket() as hung:
        child = subprocess.Popen(command, stdout=lines, stderr=subprocess.PIPE, text=True)
        try:
            until_s = time.monotonic() + 60
            while hung.connect_ex(("127.0.0.1", port)) and time.monotonic() < until_s:
                time.sleep(0.05)
            hung.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # and never the rest
            documents = watch(port, 2, lambda: None)
            _, metrics = get(port, "/metrics")
            _, errors = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 0, errors
    told = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    starts = [one["start_s"] for one in told]
    assert starts[:-1] == [n / 2 for n in range(len(starts) - 1)]  # the last one is cut short
    assert len(starts) >= 5
    for document in documents:
        assert document in told
    assert "tutti_windows_sent_total" in metrics
    said = errors.splitlines()
    assert f"tutti listen: Page at http://127.0.0.1:{port}/." in said
    assert all(line.startswith("tutti listen: ") for line in said)



"""The window's live outputs: what the meters show arrives, and nothing while nothing is heard."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer

from desktop.controllers.sending import Sending
from realtime.live_outputs.table import add_live_outputs

DEMO = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"


@pytest.fixture
def sending(opened):
    """``make("--osc", "9000")``: attached to the open window, closed after the test."""
    made: list[Sending] = []

    def make(*given: str) -> Sending:
        parser = argparse.ArgumentParser()
        add_live_outputs(parser)
        made.append(Sending(parser.parse_args(given), opened.window.model.result().spec))
        made[-1].attach(opened.window)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def receiver():
    """python-osc's own server: its port, and the newest value of each address."""
    newest: dict[str, float] = {}
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, value: newest.update({address: value}))
    server = ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], newest
    server.shutdown()
    server.server_close()


def test_what_plays_is_sent_and_a_paused_file_is_not(
    opened, sending, receiver, qtbot, write_sound
):
    port, newest = receiver
    made = sending("--osc", str(port))
    assert f"OSC to 127.0.0.1:{port}." in opened.window.status.message.text()
    path = write_sound("song.wav", [(["flute"], 8.0), (["piano"], 8.0)])
    assert opened.window.open_file(path)
    session = opened.window.session
    qtbot.waitUntil(lambda: session.analysis.done, timeout=30_000)
    opened.window.tick()
    assert opened.window.reading.values is not None  # the meters show the place it stands at
    made.tick()
    assert made._outputs.counts()["osc"].sent == 0
    session.player.play()
    qtbot.waitUntil(lambda: newest.get("/tutti/instrument/flute", 0) > 0.5, timeout=10_000)
    qtbot.waitUntil(lambda: "/tutti/level" in newest, timeout=10_000)  # the bundle's last
    assert newest["/tutti/instrument/piano"] < 0.5
    assert newest["/tutti/polyphony/count"] == 1
    assert -60 < newest["/tutti/level"] < 0
    session.player.seek(10.0)
    qtbot.waitUntil(lambda: newest["/tutti/instrument/piano"] > 0.5, timeout=10_000)
    opened.window.reset_session()
    made.tick()  # nothing is open: nothing is told, and nothing raised


def test_a_peer_that_is_gone_is_told_in_the_status_bar(opened, sending, qtbot, write_sound):
    if sys.platform != "linux":
        pytest.skip("others need not tell that nobody listens")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        port = peer.getsockname()[1]
    sending("--osc", str(port))
    assert opened.window.open_file(write_sound("song.wav", [(["flute"], 8.0)]), play=True)
    message = opened.window.status.message
    qtbot.waitUntil(lambda: "is not received" in message.text(), timeout=30_000)


def home(folder: Path) -> dict[str, str]:
    return os.environ | {
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "HOME": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
    }


def monitor(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "realtime.cli", "monitor", *arguments]


def test_a_bad_address_ends_it_before_there_is_a_window(tmp_path):
    done = subprocess.run(
        monitor(str(DEMO), "--web", "0.0.0.0:8080"), env=home(tmp_path), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("tutti: Others can reach a page at 0.0.0.0:8080: give a token")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_the_program_serves_its_page_and_ends_in_order(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    child = subprocess.Popen(
        monitor(str(DEMO), "--web", str(port)), env=home(tmp_path), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + 60
        about = None
        while about is None and time.monotonic() < until_s:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/about.json") as answer:
                    about = json.load(answer)
            except OSError:
                time.sleep(0.1)
        assert about is not None
        assert about["sounds"] == [""]
        logs = tmp_path / "state" / "tutti" / "sessions"
        while time.monotonic() < until_s:  # until the window looks at what it plays
            if any('"state"' in log.read_text() for log in logs.glob("*.jsonl")):
                break
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=30)
    finally:
        child.kill()
    assert child.returncode == 0
    assert "Traceback" not in errors

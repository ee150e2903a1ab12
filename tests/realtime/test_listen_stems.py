"""``tutti listen --stem``: several inputs, a stream of tags each, one network, one thread."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime.bench import Bench
from realtime.engine import Engine
from realtime.host.reastream_sender import ReaStreamSender
from realtime.model import TagModel
from realtime.sources.paced import PacedSource
from realtime.sources.synthetic import SyntheticSource, tone
from realtime.tagger import Tagger

TUTTI = [sys.executable, "-m", "realtime.cli", "listen"]
DEMO = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TUTTI, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stems") / "tone.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(3 * 22_050) * 0.1), 22_050)
    return path


def test_each_stem_has_the_tags_it_has_alone(other):
    """Two files at once: every line names its stem, and holds what ``tutti tag`` says of it."""
    done = run(
        "--stem", f"band=file:{DEMO}", "--stem", f"to ne=file:{other}", "--duration", "2.7",
        "--format", "jsonl",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["stem"] for line in lines} == {"band", "to ne"}
    for name, path in (("band", DEMO), ("to ne", other)):
        heard = [line for line in lines if line["stem"] == name]
        offline = Tagger().tag(path).to_document()["windows"]
        assert len(heard) >= 3
        assert "level" in heard[0]
        for line, window in zip(heard[:-1], offline, strict=False):
            assert line["instruments"] == pytest.approx(window["instruments"], abs=2e-3)
            assert line["end_s"] - line["start_s"] == pytest.approx(1.0, abs=1e-3)


def test_stems_of_a_daw_on_one_clock(port, is_bound, wait_until):
    """ReaStreams by their names, one port; what sounds later in the session has a later time."""
    over = threading.Event()

    def play(name: str, after_s: float) -> None:
        sender = ReaStreamSender(name, port=port)
        over.wait(after_s)
        block = np.random.default_rng(0).normal(0, 0.1, (2_205, 2)).astype(np.float32)
        while not over.wait(0.05):
            sender.send(block, 44_100)
        sender.close()

    threads = [threading.Thread(target=play, args=each) for each in (("drums", 0), ("bass", 1.0))]
    command = [
        *TUTTI, "--stem", "drums=reastream", "--stem", "low=reastream:bass", "--duration", "2",
        "--format", "jsonl", "--reastream-address", f"127.0.0.1:{port}",
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: is_bound(port), 30, "the port to be bound")
        for thread in threads:
            thread.start()
        stdout, stderr = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
        over.set()
        for thread in threads:
            thread.join()
    assert (child.returncode, stderr) == (0, b"")
    first: dict[str, float] = {}
    for line in map(json.loads, stdout.splitlines()):
        first.setdefault(line["stem"], line["start_s"])
    assert set(first) == {"drums", "low"}
    assert first["low"] - first["drums"] == pytest.approx(1.0, abs=0.5)


@pytest.mark.slow
def test_stems_go_out_by_osc_under_their_names(port, other):
    """A live output tells of each stem: the page, OSC and MIDI know them as they know taps."""
    pytest.importorskip("pythonosc")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        done = run(
            "--stem", f"band=file:{DEMO}", "--stem", f"tone=file:{other}", "--duration", "2",
            "--osc", f"127.0.0.1:{port}",
        )  # fmt: skip
        receiver.setblocking(False)
        received = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                received += receiver.recv(65_536)
    assert done.returncode == 0, done.stderr
    assert b"/tutti/band/level" in received
    assert b"/tutti/tone/level" in received


def test_one_thread_hears_for_all():
    """Engines that share a bench: each gets all its windows, none on a thread of its own."""
    model, bench = TagModel(), Bench()
    threads: set[int] = set()
    engines = []
    for number in range(3):
        source = PacedSource(SyntheticSource(tone(200 * (number + 1), 16_000), 16_000, speed=0,
                                             duration_s=1.6))  # fmt: skip
        engine = Engine(model, source, hop_s=0.1, bench=bench)
        engine.subscribe(lambda tags: threads.add(threading.get_ident()))
        engines.append(engine)
    for engine in engines:
        engine.start()
    assert all(engine.wait(20) for engine in engines)
    counts = [engine.latest().stats.windows for engine in engines]
    for engine in engines:
        engine.stop()
        assert not engine.abandoned
    assert len(threads) == 1
    assert counts == [counts[0]] * 3
    assert counts[0] >= 7
    with engines[0] as again:  # the thread has ended, and begins anew
        assert again.wait(20)
    assert not [each for each in threading.enumerate() if each.name == "tutti-analysis"]


def test_a_stem_that_never_rests_lets_the_others_hear(monkeypatch):
    """A file as fast as it goes beside live sound: turns are taken, one window at a time."""
    model, bench = TagModel(), Bench()
    busy = Engine(
        model, SyntheticSource(tone(100, 16_000), 16_000, speed=0), hop_s=0.05, bench=bench
    )
    live = Engine(model, SyntheticSource(tone(300, 16_000), 16_000), hop_s=0.2, bench=bench)
    with busy, live:
        until_s = time.monotonic() + 20
        while live.latest().stats.windows < 5:
            assert time.monotonic() < until_s
            time.sleep(0.02)
        assert live.latest().stats.windows_dropped == 0
        live.stop()
        assert not live.abandoned
        before = busy.latest().stats.windows
        time.sleep(0.3)
        assert busy.latest().stats.windows > before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stem", "drums"], "NAME=KIND:WHAT"),
        (["--stem", "=file:x.wav"], "NAME=KIND:WHAT"),
        (["--stem", "a=tape:x"], "the kinds are"),
        (["--stem", "a=file"], "names no file"),
        (["--stem", "a=file:x.wav", "--file", "y.wav"], "not allowed with"),
        (["--stem", f"a=file:{DEMO}", "--stem", f"a=file:{DEMO}"], "Two stems are called 'a'"),
        (["--stem", f"a=file:{DEMO}", "--stem", "b=file:nowhere.wav"], "nowhere.wav does not"),
    ],
)
def test_stems_that_cannot_be_are_one_sentence(arguments, told, capsys):
    from realtime.cli import main

    try:
        status = main(["listen", *arguments])
    except SystemExit as usage:
        status = usage.code
    assert status == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_in_a_terminal_each_stem_has_a_line(other):
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*TUTTI, "--stem", f"band=file:{DEMO}", "--stem", f"tone=file:{other}", "--duration", "2"],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24"},
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65_536):
            drawn += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert child.wait(10) == 0
    last = drawn.decode().rsplit("band", 1)[1]
    assert "piano" in last.splitlines()[0]
    assert last.splitlines()[1].lstrip("\x1b[2K\r").startswith("tone")

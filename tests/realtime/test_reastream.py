"""ReaStream over real UDP: what a DAW's track sends is heard, and everything else is counted."""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from realtime.cli import main
from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.host.reastream_sender import ReaStreamSender
from realtime.model import TagModel
from realtime.sources.device import DeviceGone, DeviceSource
from realtime.sources.reastream import ReaStream, device, parse_address
from realtime.sources.reastream_packet import Kind, packets
from realtime.sources.reastream_receiver import Receiver, receiving
from realtime.stats import EngineState
from realtime.tagger import Tagger

RATE_HZ = 48_000
DEMO = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"
TUTTI = [sys.executable, "-m", "realtime.cli"]
BLOCK_S = 0.02


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


def tone(seconds: float, amplitude: float = 0.5, rate_hz: int = RATE_HZ) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * 440 / rate_hz * np.arange(round(seconds * rate_hz)))
    return np.stack([wave, -wave], 1).astype(np.float32)


class Plugin:
    """Sends a piece over and over, at the pace of its rate.

    While ``held`` it stands still, and then makes up for it; while ``lose``, nothing leaves.
    """

    def __init__(self, name: str, port: int, sound: np.ndarray, rate_hz: int = RATE_HZ) -> None:
        self.sender = ReaStreamSender(name, port=port)
        self.sound, self.rate_hz = sound, rate_hz
        self.blocks = 0
        self.held = threading.Event()
        self.lose = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        frames = round(BLOCK_S * self.rate_hz)
        began_s = time.monotonic()
        while not self._over.is_set():
            due_s = began_s + self.blocks * frames / self.rate_hz
            if self._over.wait(max(0.0, due_s - time.monotonic())):
                return
            if self.held.is_set():
                time.sleep(0.005)
                continue
            at = self.blocks * frames % len(self.sound)
            if not self.lose.is_set():
                self.sender.send(self.sound[at : at + frames], self.rate_hz)
            self.blocks += 1

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        self.sender.close()


@pytest.fixture
def plays(port: int) -> Iterator[Callable[..., Plugin]]:
    """``plays(name, sound, rate)``: a plug-in that sends to the port."""
    started: list[Plugin] = []

    def start(name: str, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Plugin:
        started.append(Plugin(name, port, sound, rate_hz))
        return started[-1]

    yield start
    for plugin in started:
        plugin.end()


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def listen(children, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [*TUTTI, "listen", "--reastream-address", f"127.0.0.1:{port}", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    children.append(child)
    return child


def opened(name: str, port: int, channels: int = 2) -> ReaStream:
    return ReaStream(device(name, port=port), channels)


def read_for(stream: ReaStream, seconds: float) -> np.ndarray:
    until_s = time.monotonic() + seconds
    blocks = [np.zeros((0, stream.channels), np.float32)]
    while time.monotonic() < until_s:
        blocks.append(stream.read(0.1))
    return np.concatenate(blocks)


def receiver_of(port: int) -> psutil.Process:
    (found,) = [
        each
        for each in psutil.Process().children()
        if "realtime.sources.datagrams" in each.cmdline() and str(port) in each.cmdline()
    ]
    return found


# -- what is heard ---------------------------------------------------------------------


def test_the_demo_piece_is_heard_as_from_the_file(port, children, wait_until, is_bound):
    """``tutti listen --reastream`` gives window for window what ``tutti tag`` names in the file."""
    sound, rate_hz = soundfile.read(DEMO, dtype="float32", always_2d=True, frames=15 * 48_000)
    child = listen(children, port, "--reastream", "demo", "--format", "jsonl", "--duration", "4.2")
    wait_until(lambda: is_bound(port), 30, "the port to be bound")
    plugin = Plugin("demo", port, sound, rate_hz)
    stdout, stderr = child.communicate(timeout=40)
    plugin.end()
    assert (child.returncode, stderr) == (0, b"")
    lines = [json.loads(line) for line in stdout.splitlines()]
    offline = Tagger().tag(DEMO).to_document()["windows"]
    assert len(lines) >= 4
    for line, window in zip(lines[:-1], offline, strict=False):  # the last one is cut short
        assert (line["start_s"], line["end_s"]) == (window["start_s"], window["end_s"])
        assert line["instruments"] == pytest.approx(window["instruments"], abs=0.02)
    first = max(lines[1]["instruments"].items(), key=lambda each: each[1])
    assert first == ("piano", pytest.approx(0.9, abs=0.1))


def test_every_sample_arrives(plays, port):
    """A second of a ramp, in and out: nothing is lost, doubled, turned or scaled."""
    ramp = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    plays("ramp", np.stack([ramp, ramp - 1], 1))
    stream = opened("ramp", port)
    try:
        heard = read_for(stream, 1.0)
    finally:
        stream.close()
    assert (stream.sample_rate_hz, stream.channels) == (RATE_HZ, 2)
    assert len(heard) > 0.9 * RATE_HZ
    steps = np.diff(np.round(heard[:, 0] * RATE_HZ).astype(int)) % RATE_HZ
    assert set(steps.tolist()) == {1}
    np.testing.assert_allclose(heard[:, 1], heard[:, 0] - 1, atol=1e-6)


@pytest.mark.slow
def test_64_channels_come_side_by_side(plays, port):
    """12,000 packets a second, the most there is: a busy machine may lose some, mixes up none."""
    ramp = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    plays("wide", ramp[:, np.newaxis] + np.arange(64, dtype=np.float32))
    stream = opened("wide", port, 64)
    try:
        heard = read_for(stream, 1.0)
    finally:
        stream.close()
    assert len(heard) > 0.3 * RATE_HZ
    np.testing.assert_allclose(heard - heard[:, :1], np.tile(np.arange(64), (len(heard), 1)),
                               atol=1e-5)  # fmt: skip


def test_two_listeners_share_a_port(plays, port, is_bound):
    """A system gives a port out once: sources of one process hear by one receiver."""
    plays("loud", tone(1.0, 0.5))
    plays("soft", tone(1.0, 0.05))
    loud, soft = opened("loud", port), opened("soft", port)
    try:
        assert read_for(loud, 0.3).max() == pytest.approx(0.5, abs=0.01)
        loud.close()
        assert read_for(soft, 0.3).max() == pytest.approx(0.05, abs=0.001)
    finally:
        loud.close()
        soft.close()
    assert not is_bound(port)  # the last one to leave has closed it


def test_senders_are_listed_with_levels(plays, port, children):
    """``tutti listen --reastream`` without a name, and MIDI and what is not ReaStream's beside."""
    plays("loud [bus]", tone(1.0, 0.5))
    plays("soft", tone(1.0, 0.05, 44_100)[:, :1], 44_100)
    stop = threading.Event()

    def disturb() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            while not stop.wait(0.05):
                for datagram in (b"hello", b"mRSR" + bytes(36)):
                    other.sendto(datagram, ("127.0.0.1", port))

    thread = threading.Thread(target=disturb)
    thread.start()
    child = listen(children, port, "--reastream")
    stdout, stderr = child.communicate(timeout=40)
    stop.set()
    thread.join()
    assert (child.returncode, stderr) == (0, b"")
    _, loud, soft, ignored = stdout.decode().splitlines()
    assert "loud [bus]" in loud
    assert loud.split()[-7:] == ["2", "48000", "Hz", "-9.0", "dBFS", "-6.0", "dBFS"]
    assert soft.split()[-7:] == ["1", "44100", "Hz", "-29.0", "dBFS", "-26.0", "dBFS"]
    assert "of MIDI" in ignored
    assert "not ReaStream's" in ignored


# -- what is not -----------------------------------------------------------------------


def test_disturbances_are_counted_and_not_heard(plays, port):
    """MIDI, foreign and damaged packets amid the stream: every frame still comes, once."""
    ramp = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    plays("drums", np.stack([ramp, ramp], 1))
    (packet,) = packets("drums", np.zeros((4, 2), np.float32), RATE_HZ)
    wide = packet[:40] + b"\x41" + packet[41:]
    with receiving("127.0.0.1", port) as receiver:
        stream = opened("drums", port)
        heard = [read_for(stream, 0.2)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for datagram in (b"", b"x" * 9_000, b"mRSR" + packet[4:], wide, packet[:-1]):
                for _ in range(3):
                    other.sendto(datagram, ("127.0.0.1", port))
        heard.append(read_for(stream, 0.6))
        overflows, refused = stream.overflows, dict(receiver.refused)
        stream.close()
    steps = np.diff(np.round(np.concatenate(heard)[:, 0] * RATE_HZ).astype(int)) % RATE_HZ
    assert set(steps.tolist()) == {1}
    assert refused == {Kind.FOREIGN: 6, Kind.MIDI: 3, Kind.DAMAGED: 6}
    assert overflows == 6


def test_a_second_sender_of_the_name_is_refused_or_not_mixed_in(plays, port):
    """Two at the start: neither is taken. One that comes later: the first is heard on, alone."""
    ramp = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    first = plays("bus", np.stack([ramp, ramp], 1))
    stream = opened("bus", port)
    second = plays("bus", tone(1.0, 0.01))
    heard = read_for(stream, 0.6)
    stream.close()
    assert set((np.diff(np.round(heard[:, 0] * RATE_HZ).astype(int)) % RATE_HZ).tolist()) == {1}
    with pytest.raises(TuttiError, match="2 ReaStreams send as 'bus'") as refused:
        opened("bus", port)
    for plugin in (first, second):
        assert f"127.0.0.1:{plugin.sender._socket.getsockname()[1]}" in str(refused.value)


def test_two_senders_on_one_socket_are_told_by_their_pace(plays, port):
    """Plug-ins of one DAW may share a socket: twice the sound of the time is not taken for it."""
    plugin = plays("bus", tone(1.0))
    stream = opened("bus", port)
    try:
        read_for(stream, 0.2)
        for _ in range(200):  # four seconds more at once, as a render would
            plugin.sender.send(tone(BLOCK_S), RATE_HZ)
            time.sleep(0.001)
        with pytest.raises(TuttiError, match="more sound than time passes"):
            read_for(stream, 2.0)
    finally:
        stream.close()


def test_a_rate_that_changes_ends_the_stream_after_what_came_before(plays, port):
    plugin = plays("bus", tone(1.0))
    stream = opened("bus", port)
    read_for(stream, 0.1)
    plugin.held.set()
    read_for(stream, 0.2)
    plugin.sender.send(tone(0.01), RATE_HZ)
    plugin.sender.send(tone(0.01, rate_hz=44_100), 44_100)
    heard: list[int] = []
    with pytest.raises(TuttiError, match="from 2 channels at 48000 Hz to 2 channels at 44100 Hz"):
        heard.extend(len(stream.read(1.0)) for _ in range(10))
    stream.close()
    assert sum(heard) == 480


def test_nobody_of_that_name(plays, port, monkeypatch, is_bound):
    """Said with who does send; a name of another case is another name."""
    from realtime.sources import reastream

    monkeypatch.setattr(reastream, "FIRST_S", 0.6)
    plays("drums", tone(1.0))
    with pytest.raises(DeviceGone, match="senders heard: 'drums'") as gone:
        opened("Drums", port)
    assert "identifier" in str(gone.value)
    assert not is_bound(port)


def test_a_port_that_is_taken_is_one_sentence(port, capsys):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        with pytest.raises(TuttiError, match=f"127.0.0.1 port {port}"):
            Receiver("127.0.0.1", port)
        arguments = ["--reastream", "drums", "--reastream-address", f"127.0.0.1:{port}"]
        assert main(["listen", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "another Tutti" in told


@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.1:0", "127.0.0.1:70000", "::1", "1.2"])
def test_an_address_is_numbers(text):
    """Names would have to be looked up: nothing leaves."""
    with pytest.raises(ValueError, match=".*"):
        parse_address(text)
    assert parse_address("0.0.0.0") == ("0.0.0.0", 58_710)


# -- faults under the engine -----------------------------------------------------------


@pytest.fixture
def heard_live(model, port, wait_until) -> Iterator[Callable[[], Engine]]:
    started: list[Engine] = []

    def start() -> Engine:
        engine = Engine(model, DeviceSource(device("bus", port=port)), hop_s=0.1)
        started.append(engine)
        engine.start()
        wait_until(lambda: engine.latest().stats.windows > 0, 10, "the first window")
        return engine

    yield start
    for engine in started:
        engine.stop()
        assert not engine.abandoned


def test_lost_packets_are_lost_sound(plays, heard_live, wait_until, record_property):
    """Half a second of packets lost on the way: counted by the clock, no window spans it."""
    plugin = plays("bus", tone(1.0))
    engine = heard_live()
    time.sleep(1.0)
    plugin.lose.set()
    time.sleep(0.5)
    plugin.lose.clear()
    wait_until(lambda: engine.latest().stats.frames_missing > 0, 5, "the loss to be counted")
    stats = engine.latest().stats
    assert stats.missing_s == pytest.approx(0.5, abs=0.15)
    assert (stats.reopenings, stats.stalls) == (0, 0)
    record_property("seconds missing", f"{stats.missing_s:.2f} of 0.5")


@pytest.mark.slow
def test_late_packets_are_no_loss(plays, heard_live):
    """Half a second that comes late and all at once is heard: nothing is missing in the end."""
    plugin = plays("bus", tone(1.0))
    engine = heard_live()
    time.sleep(1.0)
    plugin.held.set()
    time.sleep(0.5)
    plugin.held.clear()
    time.sleep(2.2)
    stats = engine.latest().stats
    assert (stats.frames_missing, stats.windows_dropped, stats.stalls) == (0, 0, 0)


@pytest.mark.slow
def test_a_sender_that_goes_and_comes_back_at_another_rate(
    plays, heard_live, wait_until, record_property
):
    """The DAW closed and opened with another rate, from another port: found again by name."""
    plugin = plays("bus", tone(1.0))
    engine = heard_live()
    plugin.end()
    wait_until(
        lambda: engine.latest().stats.state == EngineState.RECONNECTING, 5, "the loss to be seen"
    )
    plays("bus", tone(1.0, rate_hz=44_100), 44_100)
    before = engine.latest().stats.windows
    wait_until(lambda: engine.latest().stats.windows > before, 15, "windows to come")
    stats = engine.latest().stats
    assert stats.missing_s > 1.0
    assert stats.state == EngineState.RUNNING
    record_property("reopenings", stats.reopenings)


@pytest.mark.slow
def test_a_receiver_that_dies_is_started_again(plays, heard_live, port, wait_until):
    plays("bus", tone(1.0))
    engine = heard_live()
    receiver_of(port).kill()
    wait_until(lambda: engine.latest().stats.reopenings > 0, 5, "the loss to be seen")
    before = engine.latest().stats.windows
    wait_until(lambda: engine.latest().stats.windows > before + 1, 15, "windows to come")


@pytest.mark.slow
def test_interpreter_held(port, heard_live):
    """GIL held for 1.5 s by native code: the receiver's process records on."""
    script = (
        "import sys, time, numpy as np\n"
        "from realtime.host.reastream_sender import ReaStreamSender\n"
        "sender = ReaStreamSender('bus', port=int(sys.argv[1]))\n"
        "began_s, block = time.monotonic(), np.full((960, 2), 0.1, np.float32)\n"
        "for number in range(10**6):\n"
        "    time.sleep(max(0, began_s + number / 50 - time.monotonic()))\n"
        "    sender.send(block, 48_000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(port)]) as daw:
        try:
            engine = heard_live()
            ctypes.PyDLL(None).usleep(1_500_000)  # calls through PyDLL keep the interpreter locked
            time.sleep(2.2)
            stats = engine.latest().stats
        finally:
            daw.kill()
    assert (stats.frames_missing, stats.windows_dropped, stats.stalls) == (0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_receiver(plays, port, children, wait_until, number, is_bound):
    plays("bus", tone(1.0))
    child = listen(children, port, "--reastream", "bus", "--format", "jsonl")
    json.loads(child.stdout.readline())
    child.send_signal(number)
    child.wait(10)
    wait_until(lambda: not is_bound(port), 10, "the port to be free")


def test_what_does_not_go_together_is_one_sentence(capsys):
    assert main(["listen", "--file", "x.wav", "--reastream-address", "127.0.0.1"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--reastream" in told

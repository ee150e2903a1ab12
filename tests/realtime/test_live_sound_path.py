"""What is played into a real sound server is what the engine hears, sample for sample."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime.engine import Engine
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.sources.base import Block
from realtime.sources.device import DeviceSource, find_device, list_devices
from realtime.sources.file import FileSource
from realtime.tagger import Tagger

DEMO = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"
SECONDS = 5
LEAD_IN_S = 1
"""Silence first: PulseAudio rewinds its sink when a player joins, and its monitor cannot."""


class Recorded(DeviceSource):
    """A device source that keeps what it gave out."""

    blocks: list[Block]

    def open(self) -> None:
        self.blocks = []
        super().open()

    def read(self, timeout_s: float) -> Block | None:
        block = super().read(timeout_s)
        if block is not None and len(block):
            self.blocks.append(block.copy())
        return block

    @property
    def heard(self) -> Block:
        return np.concatenate(self.blocks)


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


def music(rate_hz: int) -> Block:
    """Some seconds of the demo piece (or, without it, of noise), stereo, as 16-bit values."""
    if DEMO.exists():
        with FileSource(DEMO) as file:
            block = next(iter(file))
            from_hz = file.sample_rate_hz
        import soxr

        sound = soxr.resample(block, from_hz, rate_hz)
        sound = np.repeat(sound, 2, axis=1)[:, :2] if sound.shape[1] == 1 else sound[:, :2]
    else:
        sound = np.random.default_rng(5).normal(0, 0.1, (SECONDS * rate_hz, 2))
    sound = np.round(np.clip(sound[: SECONDS * rate_hz], -1, 1) * 32767) / 32768
    sound[: LEAD_IN_S * rate_hz] = 0.0
    sound[LEAD_IN_S * rate_hz :][:32] = 0.5  # the mark by which the start is found
    return sound.astype(np.float32)


def assert_heard_in_one_piece(heard: Block, played: Block, rate_hz: int, atol: float) -> int:
    """All that was played after the lead-in is in ``heard``, frame for frame; how many."""
    expected = played[LEAD_IN_S * rate_hz :]
    loud = np.flatnonzero(np.abs(heard[:, 0]) > 0)
    assert len(loud), "nothing was heard"
    np.testing.assert_allclose(heard[loud[0] : loud[0] + len(expected)], expected, atol=atol)
    return len(expected)


def assert_matches_offline(tags: list[Tags], heard: Block, rate_hz: int, model: TagModel) -> None:
    """Live tags are those of the same sound tagged as a whole."""
    offline = Tagger(model).tag(heard, rate_hz)
    whole = [each for each in tags if each.end_s - each.start_s > 0.999]
    assert len(whole) >= len(offline.tags) - 2
    for live, other in zip(whole, offline.tags, strict=False):
        assert live.end_s - live.start_s == pytest.approx(other.end_s - other.start_s)
        np.testing.assert_allclose(live.instruments, other.instruments, atol=2e-3)
        np.testing.assert_allclose(live.polyphony, other.polyphony, atol=2e-3)


def test_pulse_music_is_heard_without_gap(
    pulse_server, tmp_path, model, wait_until, record_property
):
    """PulseAudio at 48 kHz: every sample played arrives once, and gets the tags it should."""
    played = music(48_000)
    path = tmp_path / "played.wav"
    soundfile.write(path, played, 48_000, subtype="PCM_16")
    source = Recorded()
    engine = Engine(model, source)
    tags: list[Tags] = []
    engine.subscribe(tags.append)
    with engine:
        wait_until(lambda: engine.latest().stats.frames_in > 0, 10, "the first frames")
        player = pulse_server.play(path)
        assert player.wait(30) == 0
        time.sleep(0.5)
    stats = engine.latest().stats
    assert source.name == "Monitor of Null Output"
    assert source.sample_rate_hz == 48_000
    heard = source.heard
    count = assert_heard_in_one_piece(heard, played, 48_000, atol=1 / 32768)
    assert stats.frames_in == len(heard)
    assert (stats.frames_missing, stats.windows_dropped, stats.reopenings) == (0, 0, 0)
    assert_matches_offline(tags, heard, 48_000, model)
    record_property("frames played and heard in one piece", count)


def test_alsa_default_reaches_the_server_too(pulse_server, tmp_path, model, wait_until):
    """PortAudio and ALSA at 44.1 kHz, as without PulseAudio's tools: all of it, no gap."""
    played = music(44_100)
    path = tmp_path / "played.wav"
    soundfile.write(path, played, 44_100, subtype="PCM_16")
    alsa = [device for device in list_devices() if device.host_api == "ALSA"]
    if not alsa:
        pytest.skip("PortAudio has no ALSA here, or ALSA no pulse plugin")
    source = Recorded(find_device("default", alsa))
    engine = Engine(model, source)
    with engine:
        wait_until(lambda: engine.latest().stats.frames_in > 0, 10, "the first frames")
        assert pulse_server.play(path).wait(30) == 0
        time.sleep(1.0)
    heard, stats = source.heard, engine.latest().stats
    assert (stats.frames_missing, stats.windows_dropped, stats.reopenings) == (0, 0, 0)
    loud = np.flatnonzero(np.abs(heard).max(axis=1) > 1e-3)
    assert (loud[-1] - loud[0]) / source.sample_rate_hz == pytest.approx(
        SECONDS - LEAD_IN_S, abs=0.05
    )


JACK_PLAYER = """
import sys, numpy, soundfile, sounddevice
sound, rate = soundfile.read(sys.argv[1], dtype="float32")
api = next(a for a in sounddevice.query_hostapis() if "JACK" in a["name"])
with sounddevice.OutputStream(rate, device=api["default_output_device"], channels=2,
                              dtype="float32", latency=0.5) as stream:
    print("ready", flush=True)
    sys.stdin.readline()
    stream.write(numpy.ascontiguousarray(sound))
    stream.write(numpy.zeros((rate, 2), "float32"))
"""


@pytest.fixture
def jack_player(jack_server, tmp_path) -> Iterator[tuple[Block, Callable[[], None]]]:
    """A JACK client named PortAudio that plays when told to, at 44.1 kHz."""
    played = music(44_100)
    path = tmp_path / "played.wav"
    soundfile.write(path, played, 44_100, subtype="FLOAT")
    player = subprocess.Popen(
        [sys.executable, "-c", JACK_PLAYER, str(path)],
        env=jack_server.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert player.stdout is not None
        if b"ready" not in player.stdout.readline():
            pytest.skip("PortAudio has no JACK here")

        def play() -> None:
            player.communicate(b"\n", timeout=30)

        yield played, play
    finally:
        player.kill()
        player.wait()


def test_jack_music_is_heard_without_gap(jack_player, model, wait_until, record_property):
    """JACK at 44.1 kHz: every sample played arrives once, and gets the tags it should."""
    played, play = jack_player
    jack = [device for device in list_devices() if "JACK" in device.host_api]
    source = Recorded(find_device("PortAudio", jack))
    engine = Engine(model, source)
    tags: list[Tags] = []
    engine.subscribe(tags.append)
    with engine:
        wait_until(lambda: engine.latest().stats.frames_in > 0, 10, "the first frames")
        play()
        time.sleep(0.5)
    heard, stats = source.heard, engine.latest().stats
    assert source.sample_rate_hz == 44_100
    count = assert_heard_in_one_piece(heard, played, 44_100, atol=1e-6)
    assert (stats.frames_missing, stats.windows_dropped, stats.reopenings) == (0, 0, 0)
    assert_matches_offline(tags, heard, 44_100, model)
    record_property("frames played and heard in one piece", count)


def test_devices_marks_default_and_what_plays(pulse_server):
    """The list of devices: the server's sources first, the default and monitors marked."""
    devices = list_devices()
    assert [d.label for d in devices if d.is_default] == ["Monitor of Null Output"]
    assert devices[0].is_loopback
    assert devices[0].identity == ("mix.monitor", "PulseAudio", 0)
    assert find_device("monitor OF", devices) is devices[0]
    assert find_device("mix.monitor", devices) is devices[0]

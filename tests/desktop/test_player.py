"""The transport against an output whose clock the test turns: position, latency, loop, speed."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from desktop.sessions import player as playing
from desktop.sessions.player import Player

RATE_HZ = 44_100


class CountingSink:
    """Takes frames as fast as they come until ``limit`` frames, then waits."""

    note = ""

    def __init__(self, latency_s: float = 0.0, limit: int = 10**9) -> None:
        self.latency_s = latency_s
        self.limit = limit
        self.blocks: list[np.ndarray] = []
        self.aborts = 0
        self.frames = 0
        self.release = threading.Event()

    def start(self) -> None:
        pass

    def write(self, block: np.ndarray) -> None:
        self.blocks.append(block.copy())
        self.frames += len(block)
        if self.frames >= self.limit:
            self.release.wait(20.0)

    def abort(self) -> None:
        self.aborts += 1
        self.release.set()

    def close(self) -> None:
        pass

    def heard(self) -> np.ndarray:
        return np.concatenate(self.blocks)


@pytest.fixture
def ramp(tmp_path):
    """A file whose sample value is its own position, 10 s long."""
    from pedalboard.io import AudioFile

    path = tmp_path / "ramp.wav"
    audio = np.linspace(0, 0.9, 10 * RATE_HZ, dtype=np.float32)
    with AudioFile(str(path), "w", RATE_HZ, 2, bit_depth=32) as file:
        file.write(np.stack([audio, audio]))
    return path, audio


def make(path, sink) -> Player:
    return Player(
        path, sample_rate_hz=RATE_HZ, channels=2, duration_s=10.0, sink=lambda rate, channels: sink
    )


def test_plays_every_frame_once_in_order(ramp, wait):
    path, audio = ramp
    sink = CountingSink()
    player = make(path, sink)
    player.play()
    wait(lambda: not player.playing, "the end")
    np.testing.assert_allclose(sink.heard()[:, 0], audio, atol=1e-6)
    assert player.position_s == pytest.approx(10.0)
    player.close()


@pytest.mark.parametrize("claimed_s", [0.0, 4.0, 60.0])
def test_plays_to_the_true_end_whatever_the_header_claims(ramp, wait, claimed_s):
    path, audio = ramp
    sink = CountingSink()
    player = Player(
        path, sample_rate_hz=RATE_HZ, channels=2, duration_s=claimed_s, sink=lambda *_: sink
    )
    player.play()
    wait(lambda: not player.playing, "the end")
    np.testing.assert_allclose(sink.heard()[:, 0], audio, atol=1e-6)
    assert player.duration_s == pytest.approx(10.0)
    player.play()  # from the start again
    wait(lambda: sink.frames >= 11 * RATE_HZ, "the second time")
    assert sink.heard()[10 * RATE_HZ, 0] == pytest.approx(0.0, abs=1e-4)
    player.close()


@pytest.mark.parametrize("kind", ["mp3", "m4a"])
def test_an_encoded_file_is_found_to_the_sample(tmp_path, wait, kind):
    """What the analysis reads and what is played lie in the same place."""
    import soundfile

    from realtime.sources.file import FileSource

    path = tmp_path / f"a.{kind}"
    time_s = np.arange(5 * RATE_HZ) / RATE_HZ
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 100 * time_s) * time_s)  # noise, AAC makes up anew
    audio = np.stack((sweep, sweep), axis=1).astype(np.float32)
    if kind == "mp3":
        soundfile.write(path, audio, RATE_HZ)
    else:
        import av

        with av.open(str(path), "w", format="mp4") as out:
            stream = out.add_stream("aac", rate=RATE_HZ, layout="stereo")
            frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1), "flt", "stereo")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            for packet in (*stream.encode(frame), *stream.encode(None)):
                out.mux(packet)
    with FileSource(path) as source:
        whole = np.concatenate(list(source))
    sink = CountingSink(limit=RATE_HZ // 2)
    player = Player(path, sample_rate_hz=RATE_HZ, channels=2, duration_s=5.0, sink=lambda *_: sink)
    player.seek(3.0)
    player.play()
    wait(lambda: sink.frames >= sink.limit, "half a second")
    start = 3 * RATE_HZ
    np.testing.assert_allclose(sink.heard(), whole[start : start + sink.frames], atol=0.02)
    player.close()


def test_seek_goes_exactly_there(ramp, wait):
    path, audio = ramp
    sink = CountingSink(limit=RATE_HZ // 2)
    player = make(path, sink)
    player.seek(3.0)
    player.play()
    wait(lambda: sink.frames >= sink.limit, "half a second")
    assert sink.heard()[0, 0] == pytest.approx(audio[3 * RATE_HZ], abs=1e-6)
    player.close()


def test_position_is_what_is_heard_not_what_was_written(ramp, wait):
    """A sink that has swallowed 1 s but holds back 1 s has let nothing be heard yet."""
    path, _ = ramp
    sink = CountingSink(latency_s=1.0, limit=RATE_HZ)
    player = make(path, sink)
    player.seek(2.0)
    player.play()
    wait(lambda: sink.frames >= sink.limit, "a second written")
    assert player.position_s < 2.0 + 0.9
    player.close()


def test_pause_keeps_what_was_not_heard_for_later(ramp, wait):
    path, _ = ramp
    sink = CountingSink(latency_s=5.0, limit=RATE_HZ)
    player = make(path, sink)
    player.play()
    wait(lambda: sink.frames >= sink.limit, "a second written")
    player.pause()
    assert player.position_s < 0.5
    assert not player.playing
    player.close()


def test_loop_repeats_its_region(ramp, wait):
    path, audio = ramp
    sink = CountingSink(limit=4 * RATE_HZ)
    player = make(path, sink)
    player.set_loop((2.5, 2.0))
    assert player.loop == (2.0, 2.5)
    player.seek(2.0)
    player.play()
    wait(lambda: sink.frames >= sink.limit, "four seconds")
    heard = sink.heard()[:, 0]
    assert heard.min() >= audio[2 * RATE_HZ] - 1e-6
    assert heard.max() <= audio[int(2.5 * RATE_HZ)] + 1e-6
    returns = np.sum(np.diff(heard) < -0.01)
    assert returns in (7, 8)
    player.close()


def test_too_short_a_loop_is_none(ramp):
    player = make(ramp[0], CountingSink())
    player.set_loop((1.0, 1.01))
    assert player.loop is None
    player.close()


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_stretches_time(ramp, wait, speed):
    path, _ = ramp
    sink = CountingSink()
    player = make(path, sink)
    player.set_speed(speed)
    player.play()
    wait(lambda: not player.playing, "the end")
    assert sink.frames == pytest.approx(10 * RATE_HZ / speed, rel=0.02)
    player.close()


def test_volume_is_a_gain(ramp, wait):
    path, audio = ramp
    sink = CountingSink()
    player = make(path, sink)
    player.set_volume(-20.0)
    player.play()
    wait(lambda: not player.playing, "the end")
    np.testing.assert_allclose(sink.heard()[:, 0], audio * 0.1, atol=1e-5)
    player.close()


def test_play_at_the_end_starts_over(ramp, wait):
    sink = CountingSink()
    player = make(ramp[0], sink)
    player.seek(10.0)
    player.play()
    wait(lambda: sink.frames >= 9 * RATE_HZ, "a second round")
    player.close()


def test_an_output_that_breaks_is_told(ramp, wait):
    class Broken(CountingSink):
        def write(self, block: np.ndarray) -> None:
            raise OSError("the device was unplugged")

    player = make(ramp[0], Broken())
    player.play()
    wait(lambda: bool(player.error), "the error")
    assert "unplugged" in player.error
    assert "ramp.wav" in player.error
    assert not player.playing
    player.close()


def test_without_sound_devices_it_plays_by_the_clock(monkeypatch):
    class NoDevice:
        def __init__(self, *args: object) -> None:
            raise RuntimeError("Error querying device -1")

    monkeypatch.setattr(playing, "DeviceSink", NoDevice)
    sink = playing.open_sink(RATE_HZ, 2)
    assert "Silent" in sink.note
    sink.start()
    began_s = time.monotonic()
    for _ in range(10):
        sink.write(np.zeros((441, 2), np.float32))
    assert time.monotonic() - began_s >= 0.09


def test_without_portaudio_it_says_so(monkeypatch):
    class NoLibrary:
        def __init__(self, *args: object) -> None:
            raise OSError("PortAudio library not found")

    monkeypatch.setattr(playing, "DeviceSink", NoLibrary)
    assert "PortAudio" in playing.open_sink(RATE_HZ, 2).note

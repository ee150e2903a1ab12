"""Faults of sources, listeners and models: capture runs on, or one clear message says why not."""

from __future__ import annotations

import ast
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from realtime import analysis, capture, reader
from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.model import Scores, TagModel
from realtime.postprocess import Tags
from realtime.sources.base import Block
from realtime.sources.synthetic import Signal, SyntheticSource, tone
from realtime.stats import EngineState
from realtime.tagger import Tagger

RATE_HZ = 16_000
BUNDLED = Path(reader.__file__).parent / "assets" / "tutti.int8.onnx"


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, shorter."""
    monkeypatch.setattr(capture, "BACKOFF_S", (0.05, 0.1))
    monkeypatch.setattr(reader, "STALL_S", 0.5)
    monkeypatch.setattr(reader, "FIRST_SOUND_S", 0.7)
    monkeypatch.setattr(reader, "OPEN_TIMEOUT_S", 0.7)


class Flaky(SyntheticSource):
    """A live source whose troubles are set from outside."""

    def __init__(self, signal: Signal | None = None, rate_hz: int = RATE_HZ) -> None:
        super().__init__(signal or tone(440, rate_hz), rate_hz, block_frames=rate_hz // 50)
        self.gone = threading.Event()
        self.quiet = threading.Event()
        self.hang = threading.Event()
        self.hang_in_open = threading.Event()
        self.release = threading.Event()
        self.next_rate_hz = rate_hz
        self.openings = 0
        self.others: list[Flaky] = []

    def open(self) -> None:
        if self.hang_in_open.is_set():
            self.release.wait()
        if self.gone.is_set():
            raise TuttiError("The test device is not connected: connect it.")
        self.openings += 1
        self.sample_rate_hz = self.next_rate_hz
        super().open()

    def read(self, timeout_s: float) -> Block | None:
        if self.hang.is_set():
            self.release.wait()
        if self.gone.is_set():
            raise TuttiError("The test device broke off.")
        if self.quiet.is_set():
            time.sleep(timeout_s)
            return np.zeros((0, 1), np.float32)
        return super().read(timeout_s)

    def renewed(self) -> Flaky:
        self.others.append(Flaky(rate_hz=self.next_rate_hz))
        return self.others[-1]


def whole_windows(frames: int, hop_s: float = 0.5, rate_hz: int = RATE_HZ) -> int:
    return max(0, int((frames / rate_hz - 1.0) / hop_s) + 1)


def resumes(engine: Engine, wait_until) -> None:
    before = engine.latest().stats.windows
    wait_until(
        lambda: (
            engine.latest().stats.windows > before + 1
            and engine.latest().stats.state == EngineState.RUNNING
        ),
        10,
        "windows to come again",
    )


def test_device_removed_and_back(model, impatient, wait_until, record_property):
    """Device removed: reopened with back-off until it is back; the gap is counted."""
    source = Flaky()
    engine = Engine(model, source, hop_s=0.1)
    tags: list[Tags] = []
    engine.subscribe(tags.append)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 2, 10, "windows")
        source.gone.set()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            5,
            "the loss to be seen",
        )
        assert "test device" in (engine.latest().stats.last_error or "")
        wait_until(lambda: engine.latest().stats.reopenings >= 3, 5, "more attempts")
        source.gone.clear()
        resumes(engine, wait_until)
    stats = engine.latest().stats
    assert source.openings == 2
    assert stats.frames_missing > 0
    elapsed_s = tags[-1].end_s - tags[0].start_s
    assert (stats.frames_in + stats.frames_missing) / RATE_HZ == pytest.approx(elapsed_s, abs=0.3)
    starts = np.array([each.start_s for each in tags])
    assert np.diff(starts).min() > 0
    record_property("reopenings", stats.reopenings)
    record_property("frames missing", stats.frames_missing)


def test_silent_device_is_reopened(model, impatient, wait_until, record_property):
    """Stall (no frames, no error): the watchdog reopens the device."""
    source = Flaky()
    engine = Engine(model, source, hop_s=0.1)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 2, 10, "windows")
        source.quiet.set()
        wait_until(lambda: engine.latest().stats.stalls >= 1, 5, "the stall to be seen")
        source.quiet.clear()
        resumes(engine, wait_until)
    assert source.openings >= 2
    record_property("stalls", engine.latest().stats.stalls)


def test_driver_that_never_returns(model, impatient, wait_until, record_property):
    """A read that hangs in the driver: left behind, a fresh stream takes over."""
    source = Flaky()
    engine = Engine(model, source, hop_s=0.1)
    engine.start()
    try:
        wait_until(lambda: engine.latest().stats.windows > 2, 10, "windows")
        source.hang.set()
        wait_until(lambda: source.others, 5, "a renewed source")
        resumes(engine, wait_until)
        frames = engine.latest().stats.frames_in
        source.hang.clear()
        source.release.set()  # the forgotten thread wakes, and must not meddle
        resumes(engine, wait_until)
        assert engine.latest().stats.frames_in > frames
    finally:
        source.release.set()
        engine.stop()
    assert source.others[0].openings == 1
    assert engine.abandoned == 0
    record_property("stalls", engine.latest().stats.stalls)


def test_stop_while_the_driver_hangs(model, impatient, wait_until, record_property):
    """Stop during a hang in the driver: returns within a second."""
    source = Flaky()
    engine = Engine(model, source)
    engine.start()
    wait_until(lambda: engine.latest().stats.frames_in > 0, 10, "frames")
    source.hang.set()
    time.sleep(0.1)
    began_s = time.monotonic()
    engine.stop()
    took_s = time.monotonic() - began_s
    assert engine.latest().stats.state == EngineState.STOPPED
    assert engine.abandoned == 1
    source.release.set()
    assert took_s < 1.0
    record_property("stop took", f"{took_s:.2f} s")


def test_hang_while_opening_is_one_message(model, impatient):
    """A device that hangs while it is opened: one message, the engine stays stopped."""
    source = Flaky()
    source.hang_in_open.set()
    engine = Engine(model, source)
    with pytest.raises(TuttiError, match="did not open in time"):
        engine.start()
    assert engine.latest().stats.state == EngineState.STOPPED
    source.release.set()


def test_missing_device_is_one_message(model):
    """A device that is not there at the start: one message, the engine stays stopped."""
    source = Flaky()
    source.gone.set()
    engine = Engine(model, source)
    with pytest.raises(TuttiError, match="not connected"):
        engine.start()
    source.gone.clear()
    engine.start()  # and it can be started once the device is there
    engine.stop()


def test_sample_rate_changed(model, impatient, wait_until, record_property):
    """Sample rate changed: the new stream is resampled from its new rate, pitch stays right."""
    heard: list[tuple[float, float]] = []

    class Probe:
        spec = model.spec

        def infer(self, windows: np.ndarray) -> Scores:
            spectrum = np.abs(np.fft.rfft(windows[0] * np.hanning(windows.shape[1])))
            heard.append((time.monotonic(), float(spectrum.argmax())))
            return model.infer(windows)

    source = Flaky(tone(440, 48_000), 48_000)
    engine = Engine(Probe(), source, hop_s=0.1)  # type: ignore[arg-type]
    with engine:
        wait_until(lambda: len(heard) > 3, 10, "windows")
        source.next_rate_hz, source._signal = 44_100, tone(440, 44_100)
        source.gone.set()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            5,
            "the loss to be seen",
        )
        source.gone.clear()
        resumes(engine, wait_until)
    assert {pitch for _, pitch in heard} == {440.0}
    record_property("rates", "48000, then 44100 Hz")


@pytest.mark.parametrize("block_frames", [1, 65_536])
def test_block_sizes(model, block_frames, record_property):
    """Blocks of 1 and of 65,536 frames: the tags are those of the file tagged as a whole."""
    rng = np.random.default_rng(1)
    sound = rng.normal(0, 0.1, (3 * RATE_HZ + 123, 1)).astype(np.float32)
    source = SyntheticSource(
        lambda first, count: sound[first : first + count],
        RATE_HZ,
        block_frames=block_frames,
        speed=0,
        duration_s=len(sound) / RATE_HZ,
    )
    tags: list[Tags] = []
    engine = Engine(model, source)
    engine.subscribe(tags.append)
    engine.start()
    assert engine.wait(60)
    engine.stop()
    offline = Tagger(model).tag(sound, RATE_HZ)
    assert engine.latest().stats.frames_in == len(sound)
    assert [each.start_s for each in tags] == [each.start_s for each in offline.tags]
    assert tags[-1].end_s == pytest.approx(len(sound) / RATE_HZ)
    for live, other in zip(tags, offline.tags, strict=True):
        np.testing.assert_allclose(live.instruments, other.instruments, atol=1e-4)
    record_property("frames", len(sound))


def test_consumer_sleeps_three_seconds(model, record_property):
    """A consumer that sleeps 3 s: no sound is lost, and no window either."""
    source = SyntheticSource(tone(440, RATE_HZ), RATE_HZ, block_frames=320)
    engine = Engine(model, source, hop_s=0.25)
    tags: list[Tags] = []

    def listener(each: Tags) -> None:
        tags.append(each)
        if len(tags) == 2:
            time.sleep(3.0)

    engine.subscribe(listener)
    engine.start()
    time.sleep(5.2)
    engine.stop()
    stats = engine.latest().stats
    assert (stats.windows_dropped, stats.frames_missing) == (0, 0)
    assert stats.windows == len(tags) >= whole_windows(stats.frames_in, 0.25)
    assert np.diff([each.start_s for each in tags]) == pytest.approx(0.25)
    record_property("windows", stats.windows)
    record_property("dropped", stats.windows_dropped)


def test_slow_consumer_loses_the_oldest_and_counts_them(
    model, monkeypatch, wait_until, record_property
):
    """A consumer that is too slow for good: oldest windows dropped, every one counted."""
    monkeypatch.setattr(analysis, "BACKLOG_S", 0.5)
    source = SyntheticSource(tone(440, RATE_HZ), RATE_HZ, block_frames=320)
    engine = Engine(model, source, hop_s=0.05)
    tags: list[Tags] = []

    def listener(each: Tags) -> None:
        tags.append(each)
        time.sleep(0.15)

    engine.subscribe(listener)
    engine.start()
    time.sleep(4.0)
    engine.stop()
    every = whole_windows(engine.latest().stats.frames_in, 0.05)

    def balance() -> int:
        stats = engine.latest().stats
        return stats.windows + stats.windows_dropped - every

    # The consumer may have slept through the stop. 1: the padded last window.
    wait_until(lambda: balance() in (0, 1), 2, f"every window to be counted, not {balance()}")
    stats = engine.latest().stats
    assert stats.windows == len(tags)
    assert stats.windows_dropped > 0
    assert tags[-1].end_s > stats.frames_in / RATE_HZ - 1.5, "the newest must be kept"
    total = stats.windows + stats.windows_dropped
    record_property(
        "windows analysed, dropped, in all", f"{stats.windows}, {stats.windows_dropped}, {total}"
    )


def test_consumer_outlasts_the_ring(model, monkeypatch, record_property):
    """A consumer that sleeps longer than the ring holds: the loss is counted, memory bounded."""
    from realtime import feed

    monkeypatch.setattr(feed, "RING_S", 1.0)
    source = SyntheticSource(tone(440, RATE_HZ), RATE_HZ, block_frames=320)
    engine = Engine(model, source, hop_s=0.1)
    tags: list[Tags] = []

    def listener(each: Tags) -> None:
        tags.append(each)
        if len(tags) == 2:
            time.sleep(3.0)

    engine.subscribe(listener)
    engine.start()
    time.sleep(5.2)
    engine.stop()
    stats = engine.latest().stats
    assert stats.windows_dropped >= 10
    every = whole_windows(stats.frames_in, 0.1)
    # Around the gap the last window is padded and a new first second must fill.
    assert every - 12 <= stats.windows + stats.windows_dropped <= every + 12
    record_property("dropped", stats.windows_dropped)


def test_clock_steps_do_not_matter(model, monkeypatch, wait_until, record_property):
    """System clock stepped by a day, both ways, while running: nothing changes."""
    real = time.time
    step_s = [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + step_s[0])
    engine = Engine(model, Flaky(), hop_s=0.1)
    tags: list[Tags] = []
    engine.subscribe(tags.append)
    with engine:
        for step in (0.0, 86_400.0, -86_400.0):
            step_s[0] = step
            resumes(engine, wait_until)
    stats = engine.latest().stats
    assert (stats.frames_missing, stats.stalls, stats.reopenings) == (0, 0, 0)
    assert np.diff([each.start_s for each in tags[:-1]]) == pytest.approx(0.1)
    assert stats.latency_s < 60
    record_property("frames missing", stats.frames_missing)


def test_only_the_log_reads_the_wall_clock():
    """The live engine reads monotonic time; log lines alone carry the date."""
    room = Path(reader.__file__).parent
    used = []
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                if name in ("time.time", "datetime.now", "time.time_ns", "datetime.datetime"):
                    used.append(path.name)
    assert set(used) <= {"log.py"}


def test_model_file_replaced_while_running(model, tmp_path, wait_until, record_property):
    """Model file replaced by rubbish while running: no effect; loading it is one message."""
    path = tmp_path / "model.onnx"
    path.write_bytes(BUNDLED.read_bytes())
    engine = Engine(TagModel(path), Flaky(), hop_s=0.1)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 2, 10, "windows")
        path.write_bytes(b"rubbish" * 10_000)
        resumes(engine, wait_until)
        with pytest.raises(TuttiError, match="not a readable ONNX model"):
            engine.set_model(TagModel(path))
        path.unlink()
        engine.set_model(model)
        resumes(engine, wait_until)
    assert engine.latest().stats.windows_failed == 0
    record_property("windows failed", 0)


def test_bad_model_does_not_stop_capture(model, wait_until, record_property):
    """A model that raises: windows counted as failed, capture runs, a good model takes over."""

    class Broken:
        spec = model.spec

        def infer(self, windows: np.ndarray) -> Scores:
            raise RuntimeError("kernel failed")

    engine = Engine(Broken(), Flaky(), hop_s=0.1)  # type: ignore[arg-type]
    with engine:
        wait_until(lambda: engine.latest().stats.windows_failed > 3, 10, "failures")
        assert "kernel failed" in (engine.latest().stats.last_error or "")
        engine.set_model(model)
        resumes(engine, wait_until)
    stats = engine.latest().stats
    assert stats.frames_missing == 0
    record_property("windows failed", stats.windows_failed)


def test_listener_that_raises(model, wait_until, record_property):
    """A listener that raises: logged and counted, the others are still told."""
    engine = Engine(model, Flaky(), hop_s=0.1)
    tags: list[Tags] = []

    def bad(each: Tags) -> None:
        raise ValueError("not today")

    engine.subscribe(bad)
    engine.subscribe(tags.append)
    with engine:
        wait_until(lambda: len(tags) > 3, 10, "windows")
    assert engine.latest().stats.listener_errors == len(tags)
    record_property("listener errors", len(tags))


def test_listener_may_change_and_stop_the_engine(model, wait_until):
    """A listener that changes the hop and stops the engine: no deadlock."""
    engine = Engine(model, Flaky(), hop_s=0.1)
    tags: list[Tags] = []

    def listener(each: Tags) -> None:
        tags.append(each)
        engine.set_hop(0.2)
        if len(tags) == 4:
            engine.stop()

    unsubscribe = engine.subscribe(listener)
    engine.start()
    wait_until(lambda: engine.latest().stats.state == EngineState.STOPPED, 10, "the engine to stop")
    unsubscribe()
    assert len(tags) >= 4


def test_200_start_stop_cycles(model, record_property):
    """200 start/stop cycles: no thread, file or memory is left behind."""
    engine = Engine(model, Flaky(), hop_s=0.1)
    process = psutil.Process()

    def cycle(count: int) -> None:
        for _ in range(count):
            engine.start()
            engine.stop()

    cycle(20)
    gc.collect()
    threads, files, rss = threading.active_count(), process.num_fds(), process.memory_info().rss
    cycle(200)
    gc.collect()
    growth_mb = (process.memory_info().rss - rss) / 1e6
    assert threading.active_count() == threads
    assert process.num_fds() <= files
    assert growth_mb < 5
    assert engine.latest().stats.state == EngineState.STOPPED
    record_property("memory growth", f"{growth_mb:.1f} MB")


def test_everything_changed_at_once(model, wait_until, record_property):
    """Source, hop, model, smoothing and start/stop changed from three threads: no deadlock."""
    from realtime.smoothing import Smoothing

    engine = Engine(model, Flaky(), hop_s=0.1)
    engine.start()
    until_s = time.monotonic() + 3.0
    rng = np.random.default_rng(0)
    counts = {"switch": 0, "set": 0, "restart": 0}

    def switch() -> None:
        while time.monotonic() < until_s:
            try:
                engine.switch_source(Flaky())
            except TuttiError:
                continue  # it was stopped just then
            counts["switch"] += 1

    def change() -> None:
        while time.monotonic() < until_s:
            engine.set_hop(float(rng.uniform(0.05, 1.0)))
            engine.set_model(model)
            engine.set_smoothing(Smoothing())
            engine.latest()
            engine.history()
            counts["set"] += 1
            time.sleep(0.005)

    def restart() -> None:
        while time.monotonic() < until_s:
            engine.stop()
            engine.start()
            counts["restart"] += 1
            time.sleep(0.2)

    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=guarded, args=(work,), daemon=True)
        for work in (switch, change, restart)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), f"deadlock: {counts}"
    assert not failures
    engine.start()
    engine.set_hop(0.1)
    resumes(engine, wait_until)
    engine.stop()
    assert min(counts.values()) > 0
    record_property("changes", sum(counts.values()))


def test_stream_that_cannot_be_cut_does_not_stop_the_next(model, wait_until):
    """A device that comes back without the chosen channel: said, and over when it has it again."""

    def stereo(first: int, count: int) -> Block:
        return np.repeat(tone(440, RATE_HZ)(first, count), 2, axis=1)

    source = SyntheticSource(stereo, RATE_HZ, channels=2, block_frames=320)
    engine = Engine(model, source, hop_s=0.1, channel=(1, 1))
    with engine:
        resumes(engine, wait_until)
        engine.switch_source(Flaky())  # one channel only
        wait_until(
            lambda: "no channel 2" in (engine.latest().stats.last_error or ""), 5, "the message"
        )
        engine.switch_source(source)
        resumes(engine, wait_until)


def test_switch_goes_back_when_the_new_source_fails(model, wait_until):
    """Switching to a source that cannot be opened: one message, back to the old one."""
    first, second = Flaky(), Flaky()
    second.gone.set()
    engine = Engine(model, first, hop_s=0.1)
    with engine:
        with pytest.raises(TuttiError, match="not connected"):
            engine.switch_source(second)
        resumes(engine, wait_until)
        assert first.openings == 2
        second.gone.clear()
        engine.switch_source(second)
        resumes(engine, wait_until)
        assert engine.latest().source_name == second.name


def test_last_window_survives_stop_and_switch(model):
    """What was captured before a stop is analysed: the last window ends at the last frame."""
    engine = Engine(model, Flaky())
    tags: list[Tags] = []
    engine.subscribe(tags.append)
    engine.start()
    time.sleep(1.7)
    engine.stop()
    frames = engine.latest().stats.frames_in
    assert tags[-1].end_s - tags[0].start_s == pytest.approx(frames / RATE_HZ, abs=1e-6)


def test_exact_zeros_are_named(model, wait_until):
    """Digital silence for three seconds is reported as a missing signal."""
    engine = Engine(model, Flaky(lambda first, count: np.zeros((count, 1), np.float32)))
    with engine:
        wait_until(lambda: engine.latest().stats.state == EngineState.NO_SIGNAL, 10, "the state")
        tags = engine.latest().tags
        assert tags is not None
        assert tags.level.silent
        assert not tags.instruments.any()
        assert tags.polyphony[0] == 1.0

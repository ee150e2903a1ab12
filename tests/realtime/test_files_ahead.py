"""Work on several cores gives what work on one gives, in order, and can be called off."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime import files_ahead
from realtime.cores import several, workers
from realtime.errors import TuttiError
from realtime.files_ahead import FilesAhead
from realtime.hearing import Hearing
from realtime.model import BATCH_WINDOWS, TagModel
from realtime.tagger import Tagger
from realtime.windows import Window, WindowCutter


def music(seconds: float) -> np.ndarray:
    """Noise that swells, with a silence of three seconds in it."""
    rng = np.random.default_rng(5)
    sound = rng.normal(0, 0.1, round(seconds * 16_000)) * np.linspace(0.1, 1, round(seconds * 16e3))
    sound[80_000:128_000] = 0.0
    return sound.astype(np.float32)


def cut(sound: np.ndarray) -> list[Window]:
    cutter = WindowCutter(16_000, 1)
    return [*cutter.push(sound), *cutter.flush()]


def test_scored_ahead_is_scored_in_one_go_within_the_last_bit() -> None:
    model, windows = TagModel(), cut(music(21.3))
    assert len(windows) % BATCH_WINDOWS
    plain = Hearing(model).hear(windows)
    with ThreadPoolExecutor(3) as pool:
        ahead = list(Hearing(model).hear_ahead(windows, pool, 2))
    assert len(ahead) == len(plain)
    for one, other in zip(ahead, plain, strict=True):
        # Batches of other sizes add up in other orders: a unit in the last place of float32.
        np.testing.assert_allclose(one.instruments, other.instruments, rtol=0, atol=3e-7)
        np.testing.assert_allclose(one.polyphony, other.polyphony, rtol=0, atol=3e-7)
        assert (one.start_s, one.end_s, one.level) == (other.start_s, other.end_s, other.level)
    assert sum(tags.level.silent for tags in ahead) >= 3


def test_no_more_windows_are_read_than_wait(tone_model_path: Path) -> None:
    read: list[int] = []

    def counted():
        for number, window in enumerate(cut(music(100.0))):
            read.append(number)
            yield window

    with ThreadPoolExecutor(2) as pool:
        tags = Hearing(TagModel(tone_model_path)).hear_ahead(counted(), pool, 2)
        next(tags)
        assert len(read) == 3 * BATCH_WINDOWS
        tags.close()


def test_a_model_that_fails_ends_the_stream_with_its_error(
    tone_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TagModel(tone_model_path)
    calls: list[int] = []

    def infer(windows: np.ndarray):
        calls.append(len(windows))
        raise TuttiError("it broke")

    monkeypatch.setattr(model, "infer", infer)
    with pytest.raises(TuttiError, match="it broke"):
        Tagger(model).tag(music(200.0), 16_000)
    assert len(calls) <= 2 * workers() + 2


def test_several_keep_their_order_and_their_errors_and_no_more_are_begun() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            gate.wait(10)
        if number == 3:
            raise TuttiError("three")
        return 10 * number

    results = several(work, range(8), 2)
    first = next(results)
    assert max(begun) <= 2
    gate.set()
    assert first.result() == 0
    found = [str(one.exception() or one.result()) for one in results]
    assert found == ["10", "20", "three", "40", "50", "60", "70"]


def test_several_closed_early_begin_nothing_more() -> None:
    begun: list[int] = []
    results = several(begun.append, range(100), 2)
    next(results).result()
    results.close()
    assert len(begun) <= 3
    assert threading.active_count() < 50


def test_files_ahead_are_the_files_one_by_one(tmp_path: Path, tone_model_path: Path) -> None:
    names = []
    for number, seconds in enumerate((2.0, 0.3, 31.0, 4.5, 12.0)):
        names.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(names[-1], music(40.0)[: round(seconds * 16_000)], 16_000)
    names.insert(2, str(tmp_path / "away.wav"))
    tagger = Tagger(tone_model_path)
    ahead = FilesAhead(tagger, names)
    for name in names:
        if "away" in name:
            with pytest.raises(TuttiError, match="does not exist"):
                ahead.next()
        else:
            assert ahead.next().to_document() == tagger.tag(name).to_document()
    ahead.close()


def test_files_that_nobody_waits_for_are_called_off(
    tmp_path: Path, tone_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = tmp_path / "short.wav", tmp_path / "long.wav"
    soundfile.write(short, music(8.0), 16_000)
    soundfile.write(long, music(60.0), 16_000)
    begun, stopped, told = threading.Event(), threading.Event(), []
    tagger = Tagger(tone_model_path)
    tag = tagger.tag

    def slow(file: str, progress):
        def noted(done_s: float, total_s: float) -> None:
            if file == str(long):
                told.append(done_s)
                begun.set()
                stopped.wait(10)
            progress(done_s, total_s)

        return tag(file, progress=noted)

    monkeypatch.setattr(tagger, "tag", slow)
    monkeypatch.setattr(files_ahead, "workers", lambda: 2)
    ahead = FilesAhead(tagger, [str(short), *[str(long)] * 5])
    assert ahead.next().duration_s == 8.0
    assert begun.wait(10)
    ahead._stop.set()
    stopped.set()
    ahead.close()
    assert max(told) < 5.0


def test_there_is_a_worker_for_each_core_within_reason() -> None:
    assert 1 <= workers() <= 4

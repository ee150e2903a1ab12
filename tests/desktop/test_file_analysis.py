"""The background analysis hears what `tutti tag` hears, and smooths anew without a second run."""

from __future__ import annotations

import numpy as np
import pytest

from desktop.heard.waveform import Waveform
from desktop.sessions.analysis import FileAnalysis
from realtime.smoothing import Smoothing
from realtime.tagger import Tagger

PARTS = [(["flute"], 4.0), (["piano", "violin"], 4.0), ([], 3.0)]


def analyse(path, model_future, **options) -> FileAnalysis:
    analysis = FileAnalysis(path, model_future, sample_rate_hz=44_100, duration_s=11.0, **options)
    analysis.start()
    assert analysis.join(60.0)
    return analysis


def test_same_numbers_as_the_tagger(write_sound, model_future):
    path = write_sound("parts.wav", PARTS)
    analysis = analyse(path, model_future)
    assert analysis.done
    assert not analysis.error
    assert analysis.progress == 1.0
    expected = Tagger(model_future.result()).tag(path)
    timeline = analysis.timeline()
    assert len(timeline) == len(expected)
    np.testing.assert_allclose(timeline.instruments, expected.instruments, atol=1e-6)
    np.testing.assert_allclose(timeline.start_s, expected.start_s)
    np.testing.assert_allclose(analysis.track.rows().instruments, expected.instruments, atol=1e-6)
    assert timeline.to_document()["summary"] == expected.to_document()["summary"]


def test_new_smoothing_equals_an_analysis_with_it(write_sound, model_future, wait):
    path = write_sound("parts.wav", PARTS)
    analysis = analyse(path, model_future)
    first = analysis.track
    slow = Smoothing(attack_s=1.0, release_s=3.0, hold_s=1.0)
    analysis.set_smoothing(slow)
    wait(lambda: analysis.track is not first, "the smoothing done anew")
    expected = Tagger(model_future.result(), smoothing=slow).tag(path)
    np.testing.assert_allclose(analysis.timeline().instruments, expected.instruments, atol=1e-6)
    assert analysis.track.version > first.version


def test_a_cut_short_file_keeps_what_was_read_and_says_so(write_sound, model_future, tmp_path):
    whole = write_sound("whole.flac", PARTS).read_bytes()
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole[: len(whole) // 2])
    analysis = analyse(cut, model_future)
    assert analysis.done
    assert "cut.flac" in analysis.error
    assert "Traceback" not in analysis.error
    timeline = analysis.timeline()  # of what was read, not of what the header claims
    assert timeline.tags[-1].start_s < timeline.duration_s < 8.0


def test_a_file_whose_header_says_nothing_shows_no_false_progress(write_sound, model_future):
    path = write_sound("a.wav", PARTS)
    analysis = FileAnalysis(path, model_future, sample_rate_hz=44_100, duration_s=0.0)
    assert analysis.progress == 0.0
    analysis.start()
    assert analysis.join(60.0)
    assert analysis.progress == 1.0
    assert analysis.duration_s == pytest.approx(11.0)


def test_a_failed_model_is_told(write_sound, tmp_path):
    from concurrent.futures import Future

    from realtime.errors import TuttiError

    future: Future = Future()
    future.set_exception(TuttiError("The bundled model is missing."))
    analysis = analyse(write_sound("a.wav", [(["flute"], 2.0)]), future)
    assert analysis.error == "The bundled model is missing."


def test_cancelled_analysis_ends_soon(write_sound, model_future):
    path = write_sound("long.wav", [(["flute"], 60.0)])
    analysis = FileAnalysis(path, model_future, sample_rate_hz=44_100, duration_s=60.0)
    analysis.cancel()
    analysis.start()
    assert analysis.join(10.0)
    assert len(analysis.track) < 20


def test_waveform_of_any_blocks_is_the_same():
    rng = np.random.default_rng(0)
    audio = rng.uniform(-0.5, 0.5, (44_100, 2)).astype(np.float32)
    whole, pieces = Waveform(44_100), Waveform(44_100)
    whole.push(audio)
    whole.flush()
    for block in np.split(audio, [1, 700, 701, 20_000, 43_999]):
        pieces.push(block)
    pieces.flush()
    np.testing.assert_allclose(pieces.buckets(), whole.buckets(), atol=1e-6)
    assert len(whole) == 50


def test_level_of_a_full_scale_sine():
    waveform = Waveform(48_000)
    t = np.arange(48_000) / 48_000
    sine = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    waveform.push(np.stack([sine, sine], axis=1))
    level = waveform.level_at(0.5)
    assert level.known
    assert level.rms_dbfs == pytest.approx(-3.01, abs=0.02)
    assert level.peak_dbfs == pytest.approx(0.0, abs=0.01)
    assert level.clipped
    assert not waveform.level_at(2.0).known


def test_level_survives_damaged_samples():
    waveform = Waveform(48_000)
    waveform.push(np.full((4800, 1), np.nan, np.float32))
    assert waveform.level_at(0.05).rms_dbfs == -120.0

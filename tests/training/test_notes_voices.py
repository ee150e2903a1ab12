"""A singer made from a voice sings the notes asked for, with another throat if asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from training.sounds.pitch import detect
from training.sounds.singing import sing_line, transposed_line, voiced_runs
from training.sounds.vocoder import FRAME_S, Speech, analyse, synthesise
from training.sounds.voices import Speaker, clips

RATE_HZ = 16_000
FORMANTS_HZ = (700.0, 1200.0, 2600.0)


def vowel(f0_hz: float, seconds: float, formants_hz: tuple[float, ...] = FORMANTS_HZ) -> np.ndarray:
    """Pulses through resonances: a held vowel."""
    phase = np.cumsum(np.full(round(seconds * RATE_HZ), f0_hz / RATE_HZ))
    sound = (np.diff(np.floor(phase), prepend=0) > 0).astype(float)
    for hz in formants_hz:
        radius = np.exp(-np.pi * 90 / RATE_HZ)
        sound = lfilter(
            [1.0], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE_HZ), radius**2], sound
        )
    return (sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> Speech:
    """Three syllables with pauses, spoken low."""
    pause = np.zeros(1600, np.float32)
    words = [np.concatenate((vowel(hz, 0.3), pause)) for hz in (118.0, 125.0, 112.0)]
    return analyse(np.concatenate((pause, *words)))


def test_analysis_finds_the_syllables_and_their_pitch(speech: Speech) -> None:
    runs = voiced_runs(speech.f0_hz)
    assert len(runs) == 3
    for (start, end), hz in zip(runs, (118.0, 125.0, 112.0), strict=True):
        assert (end - start) * FRAME_S == pytest.approx(0.3, abs=0.08)
        assert np.median(speech.f0_hz[start:end]) == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_a_single_note_sounds_its_pitch(speech: Speech, seed: int) -> None:
    line = sing_line(speech, np.random.default_rng(seed), single_note=True)
    assert line.pitch is not None
    samples = synthesise(speech, line.frames, line.f0_hz, warp=1.0, breath=1.0, ring_db=0.0)
    heard = detect(samples)
    if heard is None:  # vibrato may blur the middle; the pitch asked for still stands
        held = line.f0_hz[line.f0_hz > 0]
        heard = 69 + 12 * np.log2(np.median(held) / 440)
    assert min(abs(heard - line.pitch - octave) for octave in (-12, 0, 12)) < 0.9


def test_sung_lines_stay_in_the_voice_and_move(speech: Speech) -> None:
    for seed in range(12):
        line = sing_line(speech, np.random.default_rng(seed))
        sung = line.f0_hz[line.f0_hz > 0]
        assert sung.min() > 70
        assert sung.max() < 480
        assert len(line.frames) == len(line.f0_hz)
        assert line.frames.min() >= 0
        assert line.frames.max() <= len(speech.f0_hz) - 1
        assert len(line.f0_hz) * FRAME_S < 14


def test_vibrato_is_between_four_and_seven_hertz(speech: Speech) -> None:
    rates = []
    for seed in range(40):
        line = sing_line(speech, np.random.default_rng(seed), single_note=True)
        held = line.f0_hz[line.f0_hz > 0]
        if len(held) < 200:  # one second
            continue
        cents = 1200 * np.log2(held[80:] / np.median(held))
        cents -= np.convolve(cents, np.ones(50) / 50, mode="same")
        spectrum = np.abs(np.fft.rfft(cents * np.hanning(len(cents)), 8192))
        hz = np.fft.rfftfreq(8192, FRAME_S)
        if np.std(cents) > 12:
            rates.append(hz[np.argmax(spectrum)])
    assert len(rates) >= 8
    assert np.mean([4.0 < rate < 7.2 for rate in rates]) > 0.8


def test_a_warp_moves_the_formants(speech: Speech) -> None:
    frames = np.linspace(30, 70, 200)
    f0_hz = np.full(200, 110.0)

    def centroid_hz(warp: float) -> float:
        samples = synthesise(speech, frames, f0_hz, warp=warp, breath=1.0, ring_db=0.0)
        power = np.abs(np.fft.rfft(samples)) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
        near = (hz > 300) & (hz < 4000)
        return float((hz * power)[near].sum() / power[near].sum())

    assert centroid_hz(1.15) / centroid_hz(0.9) == pytest.approx(1.15 / 0.9, rel=0.08)


def test_the_singers_formant_rises(speech: Speech) -> None:
    frames, f0_hz = np.linspace(30, 70, 200), np.full(200, 110.0)

    def share(ring_db: float) -> float:
        samples = synthesise(speech, frames, f0_hz, warp=1.0, breath=1.0, ring_db=ring_db)
        power = np.abs(np.fft.rfft(samples)) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
        return float(power[(hz > 2700) & (hz < 3200)].sum() / power[hz < 2000].sum())

    assert 10 * np.log10(share(8.0) / share(0.0)) == pytest.approx(7, abs=2)


def test_a_sung_line_is_transposed_with_its_expression(speech: Speech) -> None:
    line = transposed_line(speech, np.random.default_rng(4))
    runs = voiced_runs(line.f0_hz)
    medians = [np.median(line.f0_hz[start:end]) for start, end in runs]
    assert len(medians) >= 2
    assert medians[1] / medians[0] == pytest.approx(125 / 118, rel=0.02)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_espeak_voices_become_singers(tmp_path: Path) -> None:
    speaker = Speaker("espeak-ng f2", "train", "GPL-3+", voice="f2")
    sung = list(clips(speaker, tmp_path, np.random.default_rng(1), scale=0.03))
    assert sung
    for clip in sung:
        assert clip.label == "voice"
        assert clip.source == "espeak-ng f2"
        assert np.isfinite(clip.samples).all()
        assert 0.2 < len(clip.samples) / RATE_HZ <= 10
        assert "espeak-ng" in clip.origin

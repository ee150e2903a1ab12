"""The pitch detector hears what a tone is, and accuses only when sure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from training.sounds.pitch import contradicts, detect

RATE_HZ = 16_000


def tone(pitch: float, weights: list[float], length: int = 16_000) -> np.ndarray:
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(length) / RATE_HZ
    partials = [
        weight * np.sin(2 * np.pi * k * f0 * time)
        for k, weight in enumerate(weights, start=1)
        if k * f0 < 7000
    ]
    return np.sum(partials, axis=0).astype(np.float32)


@given(st.floats(36, 72), st.lists(st.floats(0.05, 1.0), min_size=4, max_size=8))
@example(71.5, [0.125, 0.125, 1.0, 0.0546875])  # seems to repeat at two thirds of its period
@settings(max_examples=100, deadline=None)
def test_harmonic_tones_are_clear_and_not_accused(pitch: float, weights: list[float]) -> None:
    assert detect(tone(pitch, weights)) is not None
    assert not contradicts(tone(pitch, weights), pitch)


@given(st.floats(36, 80))
@settings(max_examples=100, deadline=None)
def test_a_plain_tone_is_heard_at_its_pitch(pitch: float) -> None:
    heard = detect(tone(pitch, [1, 0.6, 0.4, 0.3]))
    assert heard == pytest.approx(pitch, abs=0.3)


@pytest.mark.parametrize("wrong", [-5, -2, 2, 3, 6])
def test_a_wrong_label_is_caught(wrong: int) -> None:
    assert contradicts(tone(60, [1, 0.5, 0.3]), 60 + wrong)


@pytest.mark.parametrize("relative", [-12, 0, 12, 19, 24])
def test_octaves_and_harmonics_are_let_pass(relative: int) -> None:
    assert not contradicts(tone(60, [1, 0.5, 0.3]), 60 + relative)


def test_noise_silence_and_short_sounds_accuse_nobody() -> None:
    rng = np.random.default_rng(0)
    for samples in (rng.standard_normal(16_000), np.zeros(16_000), np.zeros(10)):
        assert detect(samples.astype(np.float32)) is None
        assert not contradicts(samples.astype(np.float32), 60)

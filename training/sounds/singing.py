"""Turns the timing and pitch of speech into a sung line.

Consonants keep their speed; each voiced stretch is held for one to three notes
of a scale, by stretching its middle. The pitch glides from note to note, has
vibrato once a note is held, drifts, and is never quite still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.sounds.vocoder import FRAME_S, Array, Speech

_RANGES_HZ = {"low": (90.0, 400.0), "high": (180.0, 900.0)}
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10))
_SPOKEN_LOW_HZ = 165.0
"""Below this median pitch a speaker sings in the low range."""
_LONGEST_S = 9.0


@dataclass(frozen=True)
class Line:
    """Which frames of the speech to sound (fractional), and at which pitch."""

    frames: Array
    f0_hz: Array
    pitch: float | None = None
    """MIDI number, where the whole line is one note."""


def voiced_runs(f0_hz: Array, shortest: int = 12) -> list[tuple[int, int]]:
    """First frame and end of each voiced stretch of at least ``shortest`` frames."""
    voiced = np.concatenate(([False], f0_hz > 0, [False]))
    edges = np.flatnonzero(np.diff(voiced.astype(int)))
    return [
        (int(start), int(end))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= shortest
    ]


def _range_hz(speech: Speech) -> tuple[float, float]:
    spoken = float(np.median(speech.f0_hz[speech.f0_hz > 0]))
    return _RANGES_HZ["low" if spoken < _SPOKEN_LOW_HZ else "high"]


def _midi(hz: float) -> float:
    return 69 + 12 * float(np.log2(hz / 440))


def sing_line(speech: Speech, rng: np.random.Generator, *, single_note: bool = False) -> Line:
    """A new melody on the words; with ``single_note`` one held syllable."""
    low, high = (_midi(hz) for hz in _range_hz(speech))
    runs = voiced_runs(speech.f0_hz)
    if not runs:
        return Line(np.arange(len(speech.f0_hz), dtype=float), speech.f0_hz)
    span = min(high - low, rng.uniform(9, 17))
    bottom = rng.uniform(low, high - span)
    scale = _SCALES[int(rng.integers(len(_SCALES)))]
    root = int(rng.integers(12))
    steps = [
        key for key in range(int(bottom), int(bottom + span) + 1) if (key - root) % 12 in scale
    ]
    at = int(rng.integers(len(steps)))
    pace_s = float(np.exp(rng.uniform(np.log(0.22), np.log(0.7))))
    frames: list[Array] = []
    semitones: list[Array] = []
    if single_note:
        runs = [max(runs, key=lambda run: run[1] - run[0])]
        gaps_from = runs[0][0]
    else:
        first = int(rng.integers(max(1, len(runs) - 2)))
        runs = runs[first:]
        gaps_from = max(0, runs[0][0] - 16)
    total_s = 0.0
    for start, end in runs:
        gap = _gap(gaps_from, start, rng)
        frames.append(gap)
        semitones.append(np.full(len(gap), np.nan))
        notes = []
        for _ in range(1 if single_note else int(rng.choice([1, 1, 1, 2, 3]))):
            length_s = pace_s * float(rng.choice([0.5, 1, 1, 1.5, 2, 3]))
            if single_note:
                length_s = rng.uniform(0.5, 2.4)
            notes.append((steps[at], float(np.clip(length_s, 0.15, 2.4))))
            move = int(rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3, 4]))
            at = int(np.clip(at + move, 0, len(steps) - 1))
        contour = _contour(notes, rng)
        frames.append(_stretched(start, end, len(contour)))
        semitones.append(contour)
        total_s += (len(gap) + len(contour)) * FRAME_S
        gaps_from = end
        if total_s > _LONGEST_S:
            break
    pitch = np.concatenate(semitones)
    f0_hz = np.where(np.isnan(pitch), 0.0, 440 * 2 ** ((np.nan_to_num(pitch) - 69) / 12))
    return Line(np.concatenate(frames), f0_hz, float(notes[0][0]) if single_note else None)


def _gap(start: int, end: int, rng: np.random.Generator) -> Array:
    """Consonants and short pauses between two sung stretches, long pauses shortened."""
    if end <= start:
        return np.zeros(0)
    count = max(1, min(int((end - start) * rng.uniform(0.8, 1.2)), 60))
    return np.linspace(start, end - 1, count)


def _stretched(start: int, end: int, count: int) -> Array:
    """``count`` frames over a voiced stretch, its first and last 40 ms at their own speed."""
    edge = min(8, (end - start) // 3, count // 3)
    middle = count - 2 * edge
    return np.concatenate(
        (
            np.arange(start, start + edge, dtype=float),
            np.linspace(start + edge, end - edge - 1, middle),
            np.arange(end - edge, end, dtype=float),
        )
    )


def _contour(notes: list[tuple[int, float]], rng: np.random.Generator) -> Array:
    """MIDI pitch by frame over a few notes sung in one breath."""
    counts = [max(8, round(length_s / FRAME_S)) for _, length_s in notes]
    steps = np.concatenate(
        [np.full(count, float(key)) for (key, _), count in zip(notes, counts, strict=True)]
    )
    glide = max(3, round(rng.uniform(0.04, 0.15) / FRAME_S))
    kernel = np.hanning(glide + 2)[1:-1]
    padded = np.concatenate((np.full(glide, steps[0]), steps, np.full(glide, steps[-1])))
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="same")[glide:-glide]
    time = np.arange(len(smooth)) * FRAME_S
    if rng.random() < 0.5:  # scoop into the first note
        smooth -= rng.uniform(0.3, 2.5) * np.exp(-time / rng.uniform(0.02, 0.06))
    held = np.concatenate([np.arange(count) * FRAME_S for count in counts])
    lengths = np.concatenate([np.full(count, count * FRAME_S) for count in counts])
    depth = rng.uniform(0.2, 0.8) if rng.random() < 0.75 else 0.0
    onset = np.clip((held - rng.uniform(0.1, 0.35)) / 0.3, 0, 1) * (lengths > 0.4)
    rate = rng.uniform(4.5, 6.5) * (1 + 0.03 * _slow_noise(len(time), 0.3, rng))
    smooth += depth * onset * np.sin(2 * np.pi * np.cumsum(rate) * FRAME_S)
    smooth += 0.12 * _slow_noise(len(time), 0.4, rng) + 0.03 * _slow_noise(len(time), 0.03, rng)
    return np.asarray(smooth)


def _slow_noise(count: int, period_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    points = max(2, int(count * FRAME_S / period_s) + 2)
    return np.interp(
        np.linspace(0, points - 1, count), np.arange(points), rng.standard_normal(points)
    )


def transposed_line(speech: Speech, rng: np.random.Generator) -> Line:
    """A line that was sung already, in another key and tempo, its own expression kept."""
    low, high = _range_hz(speech)
    sung = speech.f0_hz[speech.f0_hz > 0]
    shift = rng.uniform(-5, 5)
    shift = min(shift, 12 * np.log2(high / np.percentile(sung, 95)))
    shift = max(shift, 12 * np.log2(low / np.percentile(sung, 5)))
    total = len(speech.f0_hz)
    count = int(total * rng.uniform(0.8, 1.3))
    length = min(count, round(_LONGEST_S / FRAME_S))
    frames = np.linspace(0, total - 1, count)
    start = int(rng.integers(count - length + 1))
    frames = frames[start : start + length]
    nearest = np.round(frames).astype(int)
    return Line(frames, speech.f0_hz[nearest] * 2 ** (shift / 12))

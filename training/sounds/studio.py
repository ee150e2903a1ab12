"""Second takes: what the bank holds, sent through the effects of a studio.

A channel strip drawn anew for each part: equaliser, amplifier, compressor, chorus or
phaser, delay, reverb, and now and then a lossy coder; before it, the whole piece may be
played a little higher or lower, faster or slower. The effects are those of pedalboard and
audiomentations; what is cheap enough to be drawn for every window is in
``training.mixing.effects``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import audiomentations
import numpy as np
import pedalboard
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ

Sound = NDArray[np.float32]

MAX_SHIFT_SEMITONES = 2.0
MAX_STRETCH = 1.15
_PEAK = 0.5
"""Effects with a threshold meet every part at this level."""


def retuned(parts: list[Sound], rng: np.random.Generator) -> list[Sound]:
    """The parts of one piece, all moved alike in pitch (half the time) and in tempo (ditto).

    Lengths stay: what is played slower loses its end, what is played faster ends in silence.
    """
    semitones = float(rng.uniform(-MAX_SHIFT_SEMITONES, MAX_SHIFT_SEMITONES))
    rate = float(MAX_STRETCH ** rng.uniform(-1, 1))
    chosen = rng.random(2) < 0.5
    steps = [
        audiomentations.PitchShift(semitones, semitones, p=1.0),
        audiomentations.TimeStretch(rate, rate, leave_length_unchanged=True, p=1.0),
    ]
    for step, wanted in zip(steps, chosen, strict=True):
        if wanted:
            parts = [step(part, SAMPLE_RATE_HZ) for part in parts]
    return parts


def treated(sound: Sound, rng: np.random.Generator, *, amplified: bool = False) -> Sound:
    """One part through a channel strip; same length, peak 0.5.

    ``amplified``: an instrument that is mostly played through an amplifier.
    """
    sound = _levelled(sound)
    with _seeded(rng):
        sound = _BEFORE(sound, SAMPLE_RATE_HZ)
    board = _strip(rng, amplified)
    return _levelled(board(_levelled(sound), SAMPLE_RATE_HZ))


_BEFORE = audiomentations.Compose(
    [
        audiomentations.SevenBandParametricEQ(min_gain_db=-8.0, max_gain_db=8.0, p=0.7),
        audiomentations.TanhDistortion(min_distortion=0.01, max_distortion=0.4, p=0.15),
        audiomentations.BandPassFilter(
            min_center_freq=300.0, max_center_freq=2500.0, min_bandwidth_fraction=1.2,
            max_bandwidth_fraction=1.9, p=0.08,
        ),
        audiomentations.Aliasing(min_sample_rate=6_000, max_sample_rate=14_000, p=0.04),
    ]
)  # fmt: skip


def _strip(rng: np.random.Generator, amplified: bool) -> pedalboard.Pedalboard:
    """Plugins in the order in which they are met on the way from a stage to a record."""

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    plugins: list[pedalboard.Plugin] = []
    if amplified and chance(0.7):
        cabinet = pedalboard.LadderFilter.Mode.LPF24
        plugins += [
            pedalboard.HighpassFilter(between(60, 180)),
            pedalboard.Distortion(between(3, 35)),
            pedalboard.LadderFilter(cabinet, between(2500, 6000), resonance=between(0, 0.4)),
        ]
    if chance(0.5):
        plugins.append(
            pedalboard.Compressor(
                threshold_db=between(-36, -14), ratio=between(2, 10),
                attack_ms=between(1, 30), release_ms=between(50, 300),
            )
        )  # fmt: skip
    if chance(0.25):
        rate_hz, depth = between(0.3, 4.0), between(0.1, 0.7)
        plugins.append(
            pedalboard.Chorus(rate_hz, depth, mix=between(0.2, 0.6))
            if chance(0.6)
            else pedalboard.Phaser(rate_hz, depth, mix=between(0.2, 0.6))
        )
    if chance(0.25):
        plugins.append(pedalboard.Delay(between(0.06, 0.5), between(0, 0.5), between(0.05, 0.4)))
    if chance(0.6):
        plugins.append(
            pedalboard.Reverb(
                room_size=between(0.1, 0.95), damping=between(0, 1),
                wet_level=between(0.05, 0.5), dry_level=between(0.4, 0.8), width=0.0,
            )
        )  # fmt: skip
    if chance(0.12):
        plugins.append(pedalboard.MP3Compressor(between(4.0, 9.9)))
    elif chance(0.03):
        plugins.append(pedalboard.GSMFullRateCompressor())
    return pedalboard.Pedalboard(plugins)


def _levelled(sound: Sound) -> Sound:
    peak = float(np.abs(sound).max(initial=0.0))
    return sound if peak < 1e-6 else (sound * (_PEAK / peak)).astype(np.float32)


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[None]:
    """audiomentations draws from the global generators: lend it ours for a moment."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    seed = int(rng.integers(2**31))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002

"""Sound that is no instrument: rooms, hum, hiss, clicks, fans, rain.

Everything is synthesised from a random generator; each split has its own seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import Clip

LENGTH_S = 8.0
CLIPS = {"train": 51, "val": 12, "test": 12}
"""How many clips of ``LENGTH_S`` a full bank holds: ten minutes in all."""


def _coloured(count: int, slope_db: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose power falls by ``slope_db`` an octave (3 is pink, 6 is brown)."""
    frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
    gain = np.maximum(frequencies, 20.0) ** (-slope_db / 6.02)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * gain
    noise = np.fft.irfft(spectrum, count)
    even: NDArray[np.float64] = noise / noise.std()
    return even


def _peak(
    count: int, centre_hz: float, width_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
    gain = np.exp(-0.5 * ((frequencies - centre_hz) / width_hz) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * gain, count)
    even: NDArray[np.float64] = noise / noise.std()
    return even


def room(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Low-passed noise with a few resonances, its level drifting slowly."""
    sound = _coloured(count, rng.uniform(4, 8), rng)
    for _ in range(int(rng.integers(1, 5))):
        sound += rng.uniform(0.05, 0.3) * _peak(
            count, rng.uniform(60, 900), rng.uniform(5, 60), rng
        )
    drift = np.interp(np.arange(count), np.linspace(0, count, 9), rng.uniform(0.6, 1.4, 9))
    return sound * drift


def hum(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Mains hum of 50 or 60 Hz with harmonics over a little hiss."""
    time = np.arange(count) / SAMPLE_RATE_HZ
    mains = float(rng.choice([50.0, 60.0])) * rng.uniform(0.998, 1.002)
    falling = rng.uniform(0.6, 1.8)
    sound = 0.03 * _coloured(count, 2.0, rng)
    for harmonic in range(1, 25):
        weight = rng.uniform(0.1, 1.0) * harmonic**-falling * (1.0 if harmonic % 2 == 0 else 0.7)
        sound += weight * np.sin(2 * np.pi * (mains * harmonic * time + rng.random()))
    return sound


def hiss(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Flat to rising noise, as of tape and cheap preamplifiers."""
    return _coloured(count, rng.uniform(-3, 2), rng)


def clicks(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Crackle: short damped impulses over faint noise, as of vinyl or a bad cable."""
    sound = 0.02 * _coloured(count, 3.0, rng)
    length = 200
    for start in rng.integers(0, count - length, int(rng.integers(8, 200))):
        decay = np.exp(-np.arange(length) / rng.uniform(2, 40))
        sound[start : start + length] += rng.exponential(0.6) * decay * rng.standard_normal(length)
    return sound


def fan(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Broad noise with a motor's tone and its harmonics, slightly unsteady."""
    turn_hz = rng.uniform(80, 420) * (1 + 0.004 * _peak(count, 0.5, 0.5, rng))
    phase = 2 * np.pi * np.cumsum(turn_hz) / SAMPLE_RATE_HZ
    sound = _coloured(count, rng.uniform(3, 5), rng)
    for harmonic in range(1, 6):
        sound += rng.uniform(0.05, 0.5) / harmonic * np.sin(harmonic * phase)
    return sound


def rain(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Many short bursts of high noise over a wash; applause and water sound alike."""
    sound = rng.uniform(0.1, 0.5) * _coloured(count, rng.uniform(0, 2), rng)
    drops = rng.integers(0, count - 400, int(rng.integers(200, 4000)))
    lengths = rng.integers(20, 400, len(drops))
    levels = rng.exponential(0.5, len(drops))
    grain = rng.standard_normal(count)
    for start, length, level in zip(drops, lengths, levels, strict=True):
        sound[start : start + length] += level * np.hanning(length) * grain[start : start + length]
    return sound


NOISES: dict[str, Callable[[int, np.random.Generator], NDArray[np.float64]]] = {
    "room": room,
    "hum": hum,
    "hiss": hiss,
    "clicks": clicks,
    "fan": fan,
    "rain": rain,
}


def clips(split: str, count: int, rng: np.random.Generator) -> Iterator[Clip]:
    """``count`` clips of ``LENGTH_S``, every kind in turn."""
    names = list(NOISES)
    for number in range(count):
        name = names[number % len(names)]
        samples = NOISES[name](round(LENGTH_S * SAMPLE_RATE_HZ), rng)
        yield Clip(
            samples=(samples / np.abs(samples).max()).astype(np.float32),
            label="",
            source="synthesised noise",
            split=split,
            kind="noise",
            articulation=name,
            sustain=True,
            licence="CC0-1.0",
            origin=f"noise/{split}/{number}",
        )

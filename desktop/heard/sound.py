"""What a block of sound is like: how far its channels agree, and where its energy lies."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
FLOOR_DBFS = -90.0
FFT_FRAMES = 8192
QUIET = 1e-10
"""Mean square below which channels are not compared (-100 dBFS)."""


def correlation(sound: NDArray[np.floating]) -> float | None:
    """Of left and right, -1 (out of phase) to 1 (mono); None for one channel, or silence.

    ``sound`` is ``(frames, channels)``; the first two are compared.
    """
    if sound.shape[1] < 2 or not len(sound):
        return None
    left, right = sound[:, 0], sound[:, 1]
    # Not np.dot: BLAS would wake threads of its own for so little.
    own = np.mean(left * left, dtype=np.float64) * np.mean(right * right, dtype=np.float64)
    if own < QUIET**2:
        return None
    return float(np.mean(left * right, dtype=np.float64) / np.sqrt(own))


def spectrum(sound: NDArray[np.floating], sample_rate_hz: int) -> NDArray[np.float64]:
    """Level of each of ``BANDS`` bands in dBFS, as far as a full-scale sine is 0; (BANDS,).

    Bands are equally wide in octaves from ``LOWEST_HZ`` to ``HIGHEST_HZ``. Where one is narrower
    than what ``FFT_FRAMES`` tell apart, it shares its neighbour's bin.
    """
    levels = np.full(BANDS, FLOOR_DBFS)
    if not len(sound):
        return levels
    mono = sound[-FFT_FRAMES:, :2].mean(axis=1)
    if len(mono) < FFT_FRAMES:
        mono = np.pad(mono, (FFT_FRAMES - len(mono), 0))
    amplitude = np.abs(np.fft.rfft(mono * _window())) * (2.0 / _window().sum())
    power = amplitude**2 / _BLUR
    first, last = _edges(sample_rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(power)))
    band = sums[last] - sums[first]
    with np.errstate(divide="ignore"):
        levels[:] = np.maximum(10.0 * np.log10(band), FLOOR_DBFS)
    return levels


def band_centres_hz() -> NDArray[np.float64]:
    """The middle of each band, ``(BANDS,)``."""
    edges = _edges_hz()
    return np.asarray(np.sqrt(edges[:-1] * edges[1:]))


def _edges_hz() -> NDArray[np.float64]:
    return np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)


@lru_cache(maxsize=1)
def _window() -> NDArray[np.float64]:
    return np.hanning(FFT_FRAMES)


_BLUR = 1.5
"""A sine's power in the bins around it, for a Hann window, against that of its own bin."""


@lru_cache(maxsize=8)
def _edges(sample_rate_hz: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First bin of each band and the one after its last; at least one, none past the highest."""
    bins = FFT_FRAMES // 2 + 1
    place = _edges_hz() * FFT_FRAMES / sample_rate_hz
    first = np.clip(np.round(place[:-1]), 0, bins).astype(np.int64)
    last = np.clip(np.maximum(np.round(place[1:]), first + 1), 0, bins).astype(np.int64)
    return first, last

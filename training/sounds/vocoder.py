"""WORLD analysis and synthesis of one voice at 16 kHz, in frames of 5 ms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ

FRAME_S = 0.005
_F0_FLOOR_HZ, _F0_CEILING_HZ = 70.0, 900.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Speech:
    """Per frame: pitch (0 where unvoiced), power spectrum and aperiodicity by frequency bin."""

    f0_hz: Array
    envelope: Array
    aperiodicity: Array


def analyse(samples: NDArray[np.float32]) -> Speech:
    """Takes a voice apart; frames x frequency bins."""
    import pyworld

    x = samples.astype(np.float64)
    x /= np.abs(x).max(initial=1e-9)
    coarse, times = pyworld.dio(
        x, SAMPLE_RATE_HZ, f0_floor=_F0_FLOOR_HZ, f0_ceil=_F0_CEILING_HZ, frame_period=5.0
    )
    f0 = pyworld.stonemask(x, coarse, times, SAMPLE_RATE_HZ)
    return Speech(
        f0,
        pyworld.cheaptrick(x, f0, times, SAMPLE_RATE_HZ),
        pyworld.d4c(x, f0, times, SAMPLE_RATE_HZ),
    )


def synthesise(
    speech: Speech, frames: Array, f0_hz: Array, *, warp: float, breath: float, ring_db: float
) -> NDArray[np.float32]:
    """Speaks the frames named by ``frames`` (fractional, any order) at a new pitch.

    ``warp`` above 1 moves the formants up (a shorter throat); ``breath`` below 1
    makes the voice breathier, above 1 clearer; ``ring_db`` raises the singer's
    formant near 3 kHz.
    """
    import pyworld

    envelope = np.exp(_at(np.log(speech.envelope + 1e-16), frames))
    aperiodicity = _at(speech.aperiodicity, frames)
    bins = np.arange(envelope.shape[1])
    source_bins = np.clip(bins / warp, 0, bins[-1])
    envelope = _at(envelope.T, source_bins).T
    aperiodicity = _at(aperiodicity.T, source_bins).T
    voiced = f0_hz > 0
    power = envelope.sum(axis=1)
    if voiced.any():
        # Speech swells and fades within every word; a sung line is more even.
        typical = np.median(power[voiced])
        even = np.clip((typical / np.maximum(power, 1e-12)) ** 0.5, 0.2, 4.0)
        envelope[voiced] *= even[voiced, None]
    hz = bins * (SAMPLE_RATE_HZ / 2 / bins[-1])
    envelope *= 10 ** (ring_db / 10 * np.exp(-0.5 * ((hz - 2950) / 350) ** 2))
    aperiodicity = np.clip(aperiodicity, 1e-3, 1 - 1e-6) ** breath
    y = pyworld.synthesize(
        np.ascontiguousarray(f0_hz),
        np.ascontiguousarray(envelope),
        np.ascontiguousarray(aperiodicity),
        SAMPLE_RATE_HZ,
        5.0,
    )
    return np.asarray(y, np.float32)


def _at(rows: Array, positions: Array) -> Array:
    """Rows at fractional positions, linearly interpolated."""
    below = np.clip(np.floor(positions).astype(int), 0, len(rows) - 1)
    above = np.minimum(below + 1, len(rows) - 1)
    part = (positions - below)[:, None]
    return np.asarray(rows[below] * (1 - part) + rows[above] * part)

"""Levels of a window, and the gate that decides what counts as silence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.windows import CLIP_LEVEL, Window

FLOOR_DBFS = -120.0
"""Reported for anything quieter, digital silence included."""
OPEN_DBFS = -70.0
CLOSE_DBFS = -75.0


@dataclass(frozen=True)
class LevelReading:
    """How loud a window (or a block) is, in dB relative to full scale.

    ``rms_dbfs`` is of the signal the model hears, without its mean;
    ``peak_dbfs``, ``clipped`` and ``exact_zeros`` are of the input as it came.
    A full-scale square wave reads 0 dBFS, a full-scale sine -3 dBFS RMS.
    """

    rms_dbfs: float
    peak_dbfs: float
    clipped: bool
    silent: bool
    exact_zeros: bool
    non_finite: int = 0
    """Samples that were NaN, infinite or absurdly large, and were heard as 0."""


def to_dbfs(amplitude: float) -> float:
    """Linear amplitude (full scale 1.0) to dBFS, not below ``FLOOR_DBFS``."""
    return max(FLOOR_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0.0 else FLOOR_DBFS


def rms(samples: NDArray[np.float32]) -> float:
    """Root mean square of (n,) samples; 0.0 for none."""
    return math.sqrt(float(np.dot(samples, samples)) / len(samples)) if len(samples) else 0.0


class SilenceGate:
    """Reads levels window by window; holds the state of the silence gate.

    The gate opens at ``open_dbfs`` and closes below ``close_dbfs``, so that a
    signal around one threshold does not chatter.
    """

    def __init__(self, open_dbfs: float = OPEN_DBFS, close_dbfs: float = CLOSE_DBFS) -> None:
        if close_dbfs > open_dbfs:
            raise ValueError(f"close_dbfs {close_dbfs} must not be above open_dbfs {open_dbfs}")
        self._open_dbfs = open_dbfs
        self._close_dbfs = close_dbfs
        self._is_open = False

    def reset(self) -> None:
        """Close the gate, as at the start."""
        self._is_open = False

    def read(self, window: Window) -> LevelReading:
        """Level of a window; call it once for each window, in order."""
        rms_dbfs = to_dbfs(rms(window.samples[: window.frames]))
        self._is_open = rms_dbfs >= (self._close_dbfs if self._is_open else self._open_dbfs)
        return LevelReading(
            rms_dbfs=rms_dbfs,
            peak_dbfs=to_dbfs(window.input_peak),
            clipped=window.input_clipped,
            silent=not self._is_open,
            exact_zeros=window.input_peak == 0.0 and window.non_finite == 0,
            non_finite=window.non_finite,
        )


def block_level(block: NDArray[np.float32]) -> LevelReading:
    """Level of a block (frames, channels): the loudest channel's RMS, and the peak of all.

    For a meter between windows; a single block has no state, so its gate has one threshold.
    """
    if not block.size:
        return LevelReading(to_dbfs(0.0), to_dbfs(0.0), False, True, True)
    finite = np.isfinite(block)
    bad = int(block.size - np.count_nonzero(finite))
    if bad:
        block = np.where(finite, block, 0.0)
    peak = float(np.abs(block).max())
    rms_dbfs = to_dbfs(float(np.std(block, axis=0, dtype=np.float64).max()))
    return LevelReading(
        rms_dbfs=rms_dbfs,
        peak_dbfs=to_dbfs(peak),
        clipped=peak >= CLIP_LEVEL,
        silent=rms_dbfs < OPEN_DBFS,
        exact_zeros=peak == 0.0 and not bad,
        non_finite=bad,
    )

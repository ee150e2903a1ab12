"""The pitch of one sustained note, to catch mislabelled recordings.

The normalised square difference of McLeod and Wyvill, "A smarter way to find
pitch" (ICMC 2005), on the middle of the note.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ

FRAME = 4096
_CLEAR = 0.93
_HIGHEST = 92
"""Above, a period is under ten samples, too short to be sure of a semitone."""
_HARMONICS = (0, 12, 19, 24, 28, 31, 34, 36)
"""Semitones from a fundamental to its harmonics, which a detector may take for it."""


def nsdf(frame: NDArray[np.float32]) -> NDArray[np.float64]:
    """Normalised square difference by lag, 0 to half the frame; 1 is a perfect repeat."""
    x = frame.astype(np.float64) - frame.mean()
    half = len(x) // 2
    spectrum = np.fft.rfft(x, 2 * len(x))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:half]
    squares = np.concatenate(([0.0], np.cumsum(x**2)))
    lags = np.arange(half)
    energy = squares[len(x) - lags] + squares[-1] - squares[lags]
    curve: NDArray[np.float64] = 2 * correlation / np.maximum(energy, 1e-12)
    return curve


def detect(samples: NDArray[np.float32]) -> float | None:
    """MIDI pitch (float) of the middle of a note, None where it is not clearly periodic."""
    curve = _middle(samples)
    return None if curve is None else _clearest(curve)


def _middle(samples: NDArray[np.float32]) -> NDArray[np.float64] | None:
    if len(samples) < FRAME:
        return None
    middle = (len(samples) - FRAME) // 3
    return nsdf(samples[middle : middle + FRAME])


def _clearest(curve: NDArray[np.float64]) -> float | None:
    below = np.flatnonzero(curve < 0)
    if not len(below):
        return None
    start = max(int(below[0]), 4)
    peaks = (
        1
        + start
        + np.flatnonzero(
            (curve[start + 1 : -1] > curve[start:-2])
            & (curve[start + 1 : -1] >= curve[start + 2 :])
        )
    )
    if not len(peaks) or curve[peaks].max() < _CLEAR:
        return None
    lag = int(peaks[curve[peaks] >= 0.95 * curve[peaks].max()][0])
    a, b, c = curve[lag - 1], curve[lag], curve[lag + 1]
    exact = lag + 0.5 * (a - c) / (a - 2 * b + c)
    return 69 + 12 * float(np.log2(SAMPLE_RATE_HZ / exact / 440))


def contradicts(samples: NDArray[np.float32], pitch: float) -> bool:
    """Whether a note clearly sounds a pitch that is neither ``pitch`` nor a relative of it.

    Octaves and harmonics above or below are let pass: either may be the
    detector's mistake or the library's naming. So is a note that repeats with the
    period of ``pitch``: where one harmonic drowns the rest, a shorter one looks as good.
    """
    curve = _middle(samples) if pitch <= _HIGHEST else None
    heard = None if curve is None else _clearest(curve)
    if curve is None or heard is None or _repeats(curve, pitch):
        return False
    away = abs(heard - pitch)
    return all(abs(away - harmonic) > 1.0 for harmonic in _HARMONICS)


def _repeats(curve: NDArray[np.float64], pitch: float) -> bool:
    """Whether the curve is high within a semitone of a pitch's period, or of twice that.

    Twice, because the peak of a period of ten samples may lie between two of them.
    """
    first, last = (SAMPLE_RATE_HZ / (440 * 2 ** ((pitch + d - 69) / 12)) for d in (1, -1))
    near = (curve[int(n * first) : int(np.ceil(n * last)) + 1] for n in (1, 2))
    return bool(max(part.max(initial=0.0) for part in near) >= _CLEAR)

"""When can a sound be heard beside another: excitation patterns and masked thresholds.

Spectra become excitation patterns on the ERB-number scale through rounded-
exponential filters (Glasberg and Moore, "Derivation of auditory filter shapes
from notched-noise data", Hearing Research 47, 1990). A sound is at its masked
threshold where its excitation is ``THRESHOLD_SNR_DB`` above the masker's in the
same filter (Moore, Glasberg and Baer, "A model for the prediction of thresholds,
loudness, and partial loudness", JAES 45(4), 1997: some -3 dB from the middle
frequencies on; below 500 Hz the ear needs more, which is left out here, so bass
counts as heard a little too readily). The threshold in quiet is Terhardt's
("Calculating virtual pitch", Hearing Research 1, 1979).

Left out: masking before and after the masker, release by stereo position, and
the beats that betray a tone beside a tone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 32_000
FRAME = 4096
"""128 ms: resolves the ear's filters down to 60 Hz, near its integration time of 100 to 200 ms."""
HOP = 1600
STEP_FRAMES = 2
STEP_S = STEP_FRAMES * HOP / SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 50.0, 14_000.0
BAND_STEP_ERB = 0.5
THRESHOLD_SNR_DB = -3.0
LISTENING_LEVEL_DB_SPL = 75.0
"""Where the mix's mean power is taken to be played; only the threshold in quiet depends on it."""
MASKER_LEVEL_DB_SPL = 65.0
"""In one filter; sets how far masking spreads upwards."""

BEARING_DB = 20.0
"""Bands of a sound count if they are at most this far below its strongest, weighted by the ear."""
AUDIBLE_SHARE = 0.1
"""A sound is heard when this share of its bands (one at least) reaches the threshold."""
MAX_MARGIN_DB = 60.0


def erb_number(frequency_hz: NDArray[np.floating]) -> NDArray[np.floating]:
    """Position on the ERB-number scale, some 39 steps from 0 to 15 kHz."""
    number: NDArray[np.floating] = 21.4 * np.log10(1.0 + 0.00437 * frequency_hz)
    return number


def bin_hz() -> NDArray[np.floating]:
    """Frequencies of a frame's spectrum (bins,)."""
    return np.fft.rfftfreq(FRAME, 1.0 / SAMPLE_RATE_HZ)


@cache
def band_hz() -> NDArray[np.floating]:
    """Centre frequencies of the auditory filters (bands,), two to an ERB."""
    lowest, highest = erb_number(np.array([LOWEST_HZ, HIGHEST_HZ])).tolist()
    numbers = np.arange(lowest, highest, BAND_STEP_ERB)
    return (10.0 ** (numbers / 21.4) - 1.0) / 0.00437


@cache
def auditory_filters() -> NDArray[np.float32]:
    """Power weights (bins, bands); spectra times these are excitation patterns.

    The outer and middle ear come first, as the inverse of the threshold in quiet:
    excitation 1 is at that threshold in every filter, were full scale 0 dB SPL.
    """
    centre = band_hz()
    distance = (bin_hz()[:, np.newaxis] - centre) / centre
    sharpness = 4.0 * centre / (24.7 * (1.0 + 0.00437 * centre))
    # At 1 kHz and 51 dB the lower slope is 30.2, and 0.35 less with each dB: a filter
    # takes in more from below when it is loud there, so masking spreads upwards.
    lower = sharpness * (1.0 - 0.35 * (MASKER_LEVEL_DB_SPL - 51.0) / 30.2)
    slope = np.abs(distance) * np.where(distance < 0.0, lower, sharpness)
    ear = 10.0 ** (-quiet_db_spl(np.maximum(bin_hz(), 10.0)) / 10.0)
    weights: NDArray[np.floating] = ear[:, np.newaxis] * (1.0 + slope) * np.exp(-slope)
    return weights.astype(np.float32)


def quiet_db_spl(frequency_hz: NDArray[np.floating]) -> NDArray[np.floating]:
    """Threshold in quiet of a tone."""
    khz = frequency_hz / 1000.0
    bump = 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2)
    level_db: NDArray[np.floating] = 3.64 * khz**-0.8 - bump + 1e-3 * khz**4
    return level_db


def margin_db(
    stem: NDArray[np.floating],
    stem_in_mix: NDArray[np.floating],
    rest: NDArray[np.floating],
    spl_offset_db: float,
) -> NDArray[np.float64]:
    """How far a stem is above (below: negative) its threshold of being heard, (...,).

    All arrays are excitation patterns (..., bands).
    ``stem`` alone, at about its level in the mix, says which bands bear its
    energy; of those, ``AUDIBLE_SHARE`` must reach the threshold, and the last one
    needed gives the margin: by so much must the stem's level change to be just heard.
    ``spl_offset_db``: what to add to dBFS to get dB SPL.
    """
    tiny = 1e-20
    quiet = 10.0 ** (-spl_offset_db / 10.0)
    threshold = rest * 10.0 ** (THRESHOLD_SNR_DB / 10.0) + quiet
    excess = 10.0 * np.log10((stem_in_mix + tiny) / (threshold + tiny))
    bearing = stem >= stem.max(axis=-1, keepdims=True) * 10.0 ** (-BEARING_DB / 10.0)
    ordered = np.sort(np.where(bearing, excess, -np.inf), axis=-1)[..., ::-1]
    needed = np.ceil(AUDIBLE_SHARE * bearing.sum(axis=-1)).astype(int)
    last = needed[..., np.newaxis] - 1
    margin: NDArray[np.float64] = np.take_along_axis(ordered, last, axis=-1)[..., 0]
    return np.clip(margin, -MAX_MARGIN_DB, MAX_MARGIN_DB)

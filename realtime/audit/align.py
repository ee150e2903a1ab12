"""Small constant offsets between stems and mix, by whitened cross-correlation.

Encoders and plug-ins delay a mix by tens of milliseconds. The cross-spectrum of
stem and mix, summed over the session and whitened by both power spectra (the
smoothed coherence transform: Knapp and Carter, IEEE Trans. ASSP 24, 1976), has its
peak at the offset, however many other stems the mix holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.audit.ear import SAMPLE_RATE_HZ
from realtime.audit.streams import AlignedFiles

BLOCK = 1 << 16
MAX_OFFSET_S = 0.5
ENOUGH_BLOCKS = 40
"""Blocks (of 2 s) in which a stem sounds that are enough to find its offset."""
ACTIVE_RMS = 10 ** (-60 / 20)
MIN_PEAK = 8.0
"""Peak over the root mean square of the correlation; chance reaches some 4.5."""
OVER_ZERO = 1.25
"""Periodic sound correlates at many offsets: none is taken unless it is clearly better than 0."""


def offsets(mix: Path, stems: list[Path], progress: Callable[[float], None]) -> list[int]:
    """Samples at 32 kHz by which each stem is late in the mix (negative: early).

    A stem whose offset cannot be told gets the median of the others.
    """
    count = len(stems)
    cross = np.zeros((count, BLOCK // 2 + 1), np.complex128)
    own = np.zeros((count, BLOCK // 2 + 1))
    mixed = np.zeros((count, BLOCK // 2 + 1))
    used = np.zeros(count, int)
    # Without it, the cut edges of a steady tone would correlate like clicks.
    window = np.hanning(BLOCK).astype(np.float32)
    with AlignedFiles(mix, stems, 2, [0] * count) as session:
        for chunk in session.chunks(BLOCK):
            # Unequal weights, so that out-of-phase channels do not cancel.
            mono = chunk[..., 0] + np.float32(0.6) * chunk[..., 1]
            loud = np.sqrt(np.mean(mono**2, axis=1)) > ACTIVE_RMS
            wanted = np.flatnonzero(loud[1:] & (used < ENOUGH_BLOCKS))
            progress(session.files[0].frames / SAMPLE_RATE_HZ)
            if not loud[0] or not len(wanted):
                if (used >= ENOUGH_BLOCKS).all():
                    break
                continue
            mono = mono * window
            heard = np.fft.rfft(mono[0])
            for stem in wanted:
                spectrum = np.fft.rfft(mono[1 + stem])
                cross[stem] += heard * spectrum.conj()
                own[stem] += np.abs(spectrum) ** 2
                mixed[stem] += np.abs(heard) ** 2
                used[stem] += 1
    found = [_peak(cross[i], own[i], mixed[i]) if used[i] else None for i in range(count)]
    known = [offset for offset in found if offset is not None]
    usual = int(np.median(known)) if known else 0
    return [usual if offset is None else offset for offset in found]


def _peak(
    cross: NDArray[np.complex128], own: NDArray[np.float64], mixed: NDArray[np.float64]
) -> int | None:
    """The offset, or None where no peak stands out."""
    floor = 1e-3
    white = cross / np.sqrt((own + floor * own.mean()) * (mixed + floor * mixed.mean()))
    # The envelope: at a tone's zero crossings the correlation itself says nothing.
    correlation = np.abs(np.fft.ifft(white, BLOCK))
    reach = round(MAX_OFFSET_S * SAMPLE_RATE_HZ)
    lags = np.concatenate((np.arange(reach + 1), np.arange(-reach, 0)))
    values = correlation[lags]
    best = int(np.argmax(values))
    if values[best] < MIN_PEAK * np.sqrt(np.mean(correlation**2)):
        return None
    return int(lags[best]) if values[best] > OVER_ZERO * values[0] else 0

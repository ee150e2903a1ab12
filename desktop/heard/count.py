"""How many instruments sound, said as far as it is known: a range of counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime.spec import POLYPHONY_LABELS

COVERAGE = 0.8
"""A range holds at least this much of the model's probability."""
_LET_GO, _TOO_WIDE, _WORTH = 0.72, 0.88, 0.04
"""A range that is shown stays until it holds less than the first, or a shorter one holds the
second, or a count at its end is not worth the third."""

Range = tuple[int, int]


def count_range(distribution: NDArray[np.floating], shown: Range | None = None) -> Range:
    """The shortest run of counts around the likeliest that holds ``COVERAGE``.

    ``distribution``: probabilities ``(7,)``. ``shown`` is kept while it still serves, so that a
    range does not flicker at its border.
    """
    shares = distribution.tolist()
    likely = shares.index(max(shares))
    if shown is not None and shown[0] <= likely <= shown[1]:
        low, high = shown
        shorter = [(low + 1, high)] if low < likely else []
        shorter += [(low, high - 1)] if high > likely else []
        held = _mass(shares, shown)
        if held >= _LET_GO and all(
            _mass(shares, one) < min(_TOO_WIDE, held - _WORTH) for one in shorter
        ):
            return shown
    low = high = likely
    while _mass(shares, (low, high)) < COVERAGE and high - low < len(shares) - 1:
        below = shares[low - 1] if low > 0 else -1.0
        above = shares[high + 1] if high + 1 < len(shares) else -1.0
        if above >= below:
            high += 1
        else:
            low -= 1
    return low, high


def count_ranges(distributions: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The lowest and highest count of many distributions ``(n, 7)``, each by itself."""
    count = distributions.shape[1]
    low = distributions.argmax(axis=1)
    high = low.copy()
    rows = np.arange(len(distributions))
    padded = np.pad(distributions, ((0, 0), (1, 1)), constant_values=-1.0)
    held = distributions[rows, low].astype(float)
    for _ in range(count - 1):
        below, above = padded[rows, low], padded[rows, high + 2]
        short = held < COVERAGE
        up, down = short & (above >= below), short & (above < below)
        held += np.where(up, above, np.where(down, below, 0.0))
        high = np.minimum(high + up, count - 1)
        low = np.maximum(low - down, 0)
    return low, high


def range_text(counts: Range, labels: Sequence[str] = POLYPHONY_LABELS) -> str:
    """As "1 to 2", or one count alone."""
    low, high = counts
    return labels[low] if low == high else f"{labels[low]} to {labels[high]}"


def _mass(shares: Sequence[float], counts: Range) -> float:
    return sum(shares[counts[0] : counts[1] + 1]) + 1e-6

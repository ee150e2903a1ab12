"""Stretches of time in which an instrument sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

JOIN_S = 1e-3
"""Windows this close follow each other: their times are sums of rounded numbers."""


@dataclass(frozen=True)
class Segment:
    """A stretch in which ``instrument`` sounds; ``probability``: mean over its windows."""

    start_s: float
    end_s: float
    instrument: str
    probability: float


def stretches(
    active: NDArray[np.bool_],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    min_s: float,
    hysteresis_s: float,
) -> list[tuple[int, int]]:
    """First and last window of each stretch of active windows (n,), in order.

    A pause shorter than ``hysteresis_s`` ends none; then those shorter than ``min_s`` are left
    out. A gap between windows, where no sound was heard, is a pause too.
    """
    found: list[tuple[int, int]] = []
    for i in np.flatnonzero(active).tolist():
        pause_s = start_s[i] - end_s[found[-1][1]] if found else np.inf
        if pause_s < max(hysteresis_s, JOIN_S):
            found[-1] = found[-1][0], i
        else:
            found.append((i, i))
    return [(a, b) for a, b in found if end_s[b] - start_s[a] >= min_s - JOIN_S]

"""How a meter moves between windows: a short glide, and a peak that holds, then falls.

These only please the eye; attack, release and hold proper belong to the post-processing,
so that what is saved equals what was decided on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

GLIDE_S = 0.09
PEAK_FALL_PER_S = 0.4
_SETTLED = 0.002


class Glide:
    """First-order approach of ``(k,)`` values to their targets."""

    def __init__(self, count: int, time_constant_s: float = GLIDE_S) -> None:
        self.values = np.zeros(count)
        self.time_constant_s = time_constant_s

    def step(self, targets: NDArray[np.floating], dt_s: float) -> NDArray[np.float64]:
        """Move for ``dt_s`` seconds and return the values now shown."""
        share = 1.0 - math.exp(-max(dt_s, 0.0) / self.time_constant_s)
        moved = self.values + share * (targets - self.values)
        self.values = np.where(np.abs(targets - moved) < _SETTLED, targets, moved)
        return self.values


class PeakHold:
    """The largest of the last ``hold_s`` seconds, then a steady fall to the value."""

    def __init__(
        self, count: int, hold_s: float = 3.0, fall_per_s: float = PEAK_FALL_PER_S
    ) -> None:
        self.values = np.zeros(count)
        self.hold_s = hold_s
        self.fall_per_s = fall_per_s
        self._age_s = np.zeros(count)

    def step(self, values: NDArray[np.floating], dt_s: float) -> NDArray[np.float64]:
        """Take in values ``(k,)`` after ``dt_s`` seconds and return the held peaks."""
        self._age_s += dt_s
        fallen = np.where(
            self._age_s > self.hold_s, self.values - self.fall_per_s * dt_s, self.values
        )
        risen = values >= fallen
        self._age_s[risen] = 0.0
        self.values = np.where(risen, values, fallen)
        return self.values

    def reset(self) -> None:
        self.values[:] = 0.0
        self._age_s[:] = 0.0

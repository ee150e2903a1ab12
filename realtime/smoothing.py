"""Attack, release and hold in seconds, the same at any hop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Smoothing:
    """How calmly meters move. Attack and release are time constants (63 % of a step)."""

    attack_s: float = 0.2
    release_s: float = 0.4
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("attack_s", "release_s", "hold_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} must be 0 or more seconds, not {value}")


NO_SMOOTHING = Smoothing(0.0, 0.0, 0.0)


class Smoother:
    """One-pole smoothing of k values, rising with attack, falling with release.

    A value that starts to fall is first held for ``hold_s``. The first step
    after construction or ``reset()`` passes its values through. ``settings`` may
    be replaced at any time.
    """

    def __init__(self, attack_s: float = 0.2, release_s: float = 0.4, hold_s: float = 0.0) -> None:
        self.settings = Smoothing(attack_s, release_s, hold_s)
        self._state: NDArray[np.float64] | None = None
        self._held_s: NDArray[np.float64] = np.zeros(0)

    def reset(self, values: NDArray[np.floating] | None = None) -> None:
        """Forget everything, or go on from ``values`` (k,)."""
        self._state = None if values is None else np.array(values, dtype=np.float64)
        self._held_s = np.zeros(0 if values is None else len(values))

    def step(self, values: NDArray[np.floating], dt_s: float) -> NDArray[np.float32]:
        """Smoothed values (k,) after the input has been ``values`` (k,) for ``dt_s`` seconds."""
        if not dt_s >= 0.0:
            raise ValueError(f"dt_s must be 0 or more seconds, not {dt_s}")
        target = np.asarray(values, dtype=np.float64)
        if self._state is None:
            self.reset(target)
            return target.astype(np.float32)
        falling = target < self._state
        held_before_s = np.where(falling, self._held_s, 0.0)
        self._held_s = np.where(falling, self._held_s + dt_s, 0.0)
        hold_s = self.settings.hold_s
        # Only the part of this step that lies after the hold releases: exact at any hop.
        release_dt_s = np.maximum(0.0, self._held_s - np.maximum(hold_s, held_before_s))
        weight = np.where(
            falling,
            _approach(release_dt_s, self.settings.release_s),
            _approach(np.float64(dt_s), self.settings.attack_s),
        )
        self._state += weight * (target - self._state)
        return self._state.astype(np.float32)


def _approach(
    dt_s: NDArray[np.float64] | np.float64, time_constant_s: float
) -> NDArray[np.float64]:
    """Share of the remaining distance covered in ``dt_s``."""
    if time_constant_s < 1e-9:
        return np.asarray(dt_s > 0.0, dtype=np.float64)
    return -np.expm1(-np.asarray(dt_s) / time_constant_s)

"""From readings to what the meters show: glide, held peaks, activity, the largest count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop.ballistics import Glide, PeakHold
from desktop.track import FAMILY_COUNT, INSTRUMENT_COUNT, POLYPHONY_COUNT, Track, as_columns
from realtime.taxonomy import INSTRUMENTS

ACTIVITY_S = 10.0
"""Time constant of the activity order, how long 'heard lately' lasts, and the largest's span."""
_REORDER_S = 3.0


@dataclass(frozen=True)
class Shown:
    """One frame of the meters."""

    instruments: NDArray[np.float64] | None = None
    families: NDArray[np.float64] | None = None
    polyphony: NDArray[np.float64] | None = None
    peaks: NDArray[np.float64] | None = None
    expected: float | None = None
    largest: int | None = None


class Follower:
    """Keeps the moving state of the meters between frames."""

    def __init__(self) -> None:
        self.thresholds: NDArray[np.float64] = np.full(INSTRUMENT_COUNT, 0.5)
        self.peaks = PeakHold(INSTRUMENT_COUNT)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as for another source."""
        self._glide = Glide(INSTRUMENT_COUNT + FAMILY_COUNT + POLYPHONY_COUNT + 1)
        self.peaks.reset()
        self._activity = np.zeros(INSTRUMENT_COUNT)
        self._heard_ago_s = np.full(INSTRUMENT_COUNT, np.inf)
        self._order: tuple[str, ...] = INSTRUMENTS
        self._order_age_s = np.inf
        self._fresh = True

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        self.thresholds = np.array([thresholds.get(name, 0.5) for name in INSTRUMENTS])

    def step(self, values: NDArray[np.float32] | None, dt_s: float) -> Shown:
        """Move on by ``dt_s`` towards a row of a track; None lets everything fall."""
        targets = np.zeros(len(self._glide.values)) if values is None else values
        if self._fresh and values is not None:
            self._glide.values, self._fresh = np.array(values, float), False
        instruments, families, polyphony, expected = as_columns(self._glide.step(targets, dt_s))
        self._note_activity(targets[:INSTRUMENT_COUNT], dt_s)
        peaks = self.peaks.step(instruments, dt_s)
        if values is None and instruments.max() < 0.01:
            return Shown()
        return Shown(
            instruments, families, polyphony, peaks, expected if values is not None else None
        )

    def _note_activity(self, instruments: NDArray, dt_s: float) -> None:
        share = 1.0 - np.exp(-dt_s / ACTIVITY_S)
        self._activity += share * (instruments - self._activity)
        self._heard_ago_s += dt_s
        self._heard_ago_s[instruments >= self.thresholds] = 0.0
        self._order_age_s += dt_s

    @property
    def heard_ago_s(self) -> NDArray[np.float64]:
        """Seconds since each instrument was last at its threshold; inf if never."""
        return self._heard_ago_s

    @property
    def active(self) -> frozenset[str]:
        """Instruments heard within the last 10 s."""
        return frozenset(
            name
            for name, ago in zip(INSTRUMENTS, self._heard_ago_s, strict=True)
            if ago <= ACTIVITY_S
        )

    @property
    def order(self) -> tuple[str, ...]:
        """Instruments from most to least active; changes every 3 s at most, so nothing jumps."""
        if self._order_age_s >= _REORDER_S:
            self._order_age_s = 0.0
            place = {name: i for i, name in enumerate(self._order)}
            rank = np.round(self._activity, 1)
            self._order = tuple(
                sorted(INSTRUMENTS, key=lambda n: (-rank[INSTRUMENTS.index(n)], place[n]))
            )
        return self._order


def largest_count(track: Track, time_s: float, span_s: float = ACTIVITY_S) -> int | None:
    """The largest most-likely count of the windows centred in the last ``span_s`` seconds."""
    rows = track.between(time_s - span_s, time_s + 0.25)
    return int(rows.polyphony.argmax(axis=1).max()) if len(rows) else None

"""From a track to what the meters show: glide, held peaks, and a look back over 10 s."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from desktop.heard.ballistics import Glide, PeakHold
from desktop.heard.track import FAMILY_COUNT, INSTRUMENT_COUNT, POLYPHONY_COUNT, Track, as_columns
from realtime.spec import WINDOW_S
from realtime.taxonomy import INSTRUMENTS

LATELY_S = 10.0
"""What 'lately' means: the activity order, the only-active view, the largest count."""
MEMORY_S = 900.0
"""How far back 'not heard for' looks."""
_REORDER_S = 3.0


@dataclass(frozen=True)
class Shown:
    """One frame of the meters; None where nothing is known."""

    instruments: NDArray[np.floating] | None = None
    families: NDArray[np.floating] | None = None
    polyphony: NDArray[np.floating] | None = None
    peaks: NDArray[np.floating] | None = None
    expected: float | None = None


class Follower:
    """Keeps the moving state of the meters between frames."""

    def __init__(self) -> None:
        self.peaks = PeakHold(INSTRUMENT_COUNT)
        self.still = False
        """Reduced motion: values jump to where they are instead of gliding there."""
        self.reset()

    def reset(self) -> None:
        """Forget everything, as for another source."""
        self._glide = Glide(INSTRUMENT_COUNT + FAMILY_COUNT + POLYPHONY_COUNT + 1)
        self.peaks.reset()
        self._fresh = True
        self.moving = False
        """Whether the last step changed anything that is shown."""

    def step(self, values: NDArray[np.floating] | None, dt_s: float) -> Shown:
        """Move on by ``dt_s`` towards a row of a track; None lets everything fall."""
        if values is None:
            targets: NDArray[np.floating] = np.zeros(len(self._glide.values))
        else:
            targets = values
            if self._fresh:
                self._glide.values, self._fresh = np.array(values, float), False
        before, peaks_before = self._glide.values, self.peaks.values
        instruments, families, polyphony, expected = as_columns(
            self._glide.step(targets, np.inf if self.still else dt_s)
        )
        peaks = self.peaks.step(instruments, dt_s)
        glided = not np.array_equal(before, self._glide.values)
        self.moving = glided or not np.array_equal(peaks_before, peaks)
        if values is None and instruments.max() < 0.01:
            return Shown()
        return Shown(instruments, families, polyphony, peaks, None if values is None else expected)


@dataclass(frozen=True)
class Lately:
    """What the recent past says of each instrument; arrays are ``(24,)``.

    ``ago_s``: seconds since it was last at its threshold (the time looked back over, if it
    never was). ``share``: part of the last 10 s at the threshold. ``mean``: mean probability of
    the last 10 s. ``largest``: largest most-likely count of the last 10 s.
    """

    ago_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(INSTRUMENT_COUNT))
    share: NDArray[np.float64] = field(default_factory=lambda: np.zeros(INSTRUMENT_COUNT))
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(INSTRUMENT_COUNT))
    ever: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(INSTRUMENT_COUNT, bool))
    largest: int | None = None

    @property
    def active(self) -> frozenset[str]:
        """Instruments heard within the last 10 s."""
        return frozenset(np.array(INSTRUMENTS)[self.share > 0].tolist())


def look_back(track: Track, time_s: float, thresholds: NDArray[np.floating]) -> Lately:
    """Look back from a moment; it depends on the track alone, so a seek needs no reset."""
    rows = track.between(time_s - MEMORY_S, time_s + WINDOW_S / 2)
    if not len(rows):
        return Lately(ago_s=np.full(INSTRUMENT_COUNT, max(time_s, 0.0)))
    at_threshold = rows.instruments >= thresholds
    ever = np.asarray(at_threshold.any(axis=0))
    last = len(rows) - 1 - at_threshold[::-1].argmax(axis=0)
    since_s = np.where(ever, rows.centre_s[last], max(time_s - MEMORY_S, 0.0))
    recent = int(np.searchsorted(rows.centre_s, time_s - LATELY_S))
    recent = min(recent, len(rows) - 1)
    return Lately(
        ago_s=np.maximum(time_s - since_s, 0.0),
        share=at_threshold[recent:].mean(axis=0),
        mean=rows.instruments[recent:].mean(axis=0),
        ever=ever,
        largest=int(rows.polyphony[recent:].argmax(axis=1).max()),
    )


class ActivityOrder:
    """Instruments from most to least active; changes every 3 s at most, so nothing jumps."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = INSTRUMENTS
        self._changed_s = -np.inf

    def update(self, lately: Lately, now_s: float) -> tuple[str, ...]:
        """The order at a moment of the caller's clock; near-equals keep their places."""
        if now_s - self._changed_s >= _REORDER_S:
            self._changed_s = now_s
            place = {name: i for i, name in enumerate(self.names)}
            rank = dict(zip(INSTRUMENTS, np.round(lately.mean, 1).tolist(), strict=True))
            self.names = tuple(sorted(INSTRUMENTS, key=lambda n: (-rank[n], place[n])))
        return self.names

"""From raw scores to what a user sees: the silence gate and smoothing.

``tutti tag``, the live engine and the evaluation all go through here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.levels import LevelReading
from realtime.model import Scores
from realtime.smoothing import Smoother, Smoothing
from realtime.spec import ModelSpec

BLOCK_ROWS = 256


@dataclass(frozen=True, eq=False)
class Tags:
    """What sounds in one window, after smoothing. Arrays are read-only float32."""

    start_s: float
    end_s: float
    instruments: NDArray[np.float32]
    families: NDArray[np.float32]
    polyphony: NDArray[np.float32]
    polyphony_expected: float
    level: LevelReading


def expected_polyphony(polyphony: NDArray[np.floating]) -> float:
    """Mean number of instruments of a distribution (7,); the open last class counts as 6."""
    return float(np.arange(len(polyphony)) @ polyphony)


class Postprocessor:
    """Turns the scores of successive windows into tags; keeps the smoothing's state."""

    def __init__(self, spec: ModelSpec, smoothing: Smoothing | None = None) -> None:
        self.spec = spec
        self._nothing = np.zeros(len(spec.instruments) + len(spec.families))
        self._nobody = np.eye(1, len(spec.polyphony))[0]
        self._rows = np.empty((0, 0), np.float32)
        self._rows_used = 0
        self._labels = Smoother()
        self._polyphony = Smoother()
        self._last_start_s: float | None = None
        self.set_smoothing(smoothing or Smoothing())

    def set_smoothing(self, smoothing: Smoothing) -> None:
        """Change the times while running: the values go on from where they are."""
        self.smoothing = smoothing
        self._labels.settings = smoothing
        # One time constant both ways keeps a distribution's sum at 1.
        self._polyphony.settings = Smoothing(smoothing.release_s, smoothing.release_s)

    def reset(self) -> None:
        """Forget the past, as for a new file."""
        self._labels.reset()
        self._polyphony.reset()
        self._last_start_s = None

    def step(
        self,
        scores: Scores | None,
        level: LevelReading,
        start_s: float,
        end_s: float | None = None,
        index: int = 0,
    ) -> Tags:
        """Tags of the next window.

        ``scores``: row ``index`` is the window's; None is allowed for a silent
        window, whose scores are not looked at: nothing sounds in silence.
        Windows come in order; a gap in ``start_s`` is time that passed.
        """
        dt_s = 0.0 if self._last_start_s is None else max(0.0, start_s - self._last_start_s)
        self._last_start_s = start_s
        labels: NDArray[np.floating]
        polyphony: NDArray[np.floating]
        if level.silent:
            self._labels.reset(self._nothing)
            self._polyphony.reset(self._nobody)
            labels, polyphony = self._nothing, self._nobody
        else:
            if scores is None:
                raise ValueError("a window that is not silent needs its scores")
            raw = np.concatenate((scores.instruments[index], scores.families[index]))
            labels = self._labels.step(raw, dt_s)
            polyphony = self._polyphony.step(scores.polyphony[index], dt_s)
        row = self._new_row()
        row[: len(labels)] = labels
        row[len(labels) :] = polyphony
        row.flags.writeable = False
        split = len(self.spec.instruments)
        return Tags(
            start_s=start_s,
            end_s=start_s + self.spec.window_s if end_s is None else end_s,
            instruments=row[:split],
            families=row[split : len(labels)],
            polyphony=row[len(labels) :],
            polyphony_expected=expected_polyphony(polyphony),
            level=level,
        )

    def _new_row(self) -> NDArray[np.float32]:
        """Room for one window's values.

        Rows share a block: small arrays of their own, kept between the windows of
        audio that are freed, split the heap so that each window needs fresh memory
        (measured on Linux: 90 kB a window instead of 4).
        """
        if self._rows_used == len(self._rows):
            self._rows = np.empty(
                (BLOCK_ROWS, len(self._nothing) + len(self._nobody)), dtype=np.float32
            )
            self._rows_used = 0
        self._rows_used += 1
        row: NDArray[np.float32] = self._rows[self._rows_used - 1]
        return row

"""The last two minutes of tags, in arrays that are allocated once.

Kept as objects, they would lie scattered between the large, short-lived arrays
of analysis, and the heap would grow around them to a multiple of its need.
"""

from __future__ import annotations

import threading
from dataclasses import astuple, fields

import numpy as np

from realtime.levels import LevelReading
from realtime.postprocess import Tags
from realtime.spec import MIN_HOP_S

HISTORY_S = 120.0
CAPACITY = round(HISTORY_S / MIN_HOP_S)
LEVEL_FIELDS = len(fields(LevelReading))


class History:
    """A ring of tags; one thread adds, any thread asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._widths = (0, 0, 0)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._added = 0

    def add(self, tags: Tags) -> None:
        """Append a window's tags; tags of a model with other labels replace all before."""
        widths = (len(tags.instruments), len(tags.families), len(tags.polyphony))
        with self._lock:
            if widths != self._widths:
                self._widths, self._added = widths, 0
                self._scores = np.zeros((CAPACITY, sum(widths)), np.float32)
                self._times_s = np.zeros((CAPACITY, 2))
                self._levels = np.zeros((CAPACITY, LEVEL_FIELDS))
                self._expected = np.zeros(CAPACITY)
            row = self._added % CAPACITY
            np.concatenate((tags.instruments, tags.families, tags.polyphony), out=self._scores[row])
            self._times_s[row] = tags.start_s, tags.end_s
            self._levels[row] = astuple(tags.level)
            self._expected[row] = tags.polyphony_expected
            self._added += 1

    def since(self, start_s: float) -> list[Tags]:
        """Tags of windows that start at ``start_s`` or later, oldest first."""
        with self._lock:
            if not self._added:
                return []
            rows = np.arange(max(0, self._added - CAPACITY), self._added) % CAPACITY
            newest_s = self._times_s[rows[-1], 0]
            rows = rows[self._times_s[rows, 0] >= max(start_s, newest_s - HISTORY_S)]
            return [self._tags(row) for row in rows.tolist()]

    def _tags(self, row: int) -> Tags:
        scores = self._scores[row].copy()
        scores.flags.writeable = False
        first, second = self._widths[0], self._widths[0] + self._widths[1]
        rms_dbfs, peak_dbfs, clipped, silent, exact_zeros, non_finite = self._levels[row].tolist()
        start_s, end_s = self._times_s[row].tolist()
        return Tags(
            start_s=start_s,
            end_s=end_s,
            instruments=scores[:first],
            families=scores[first:second],
            polyphony=scores[second:],
            polyphony_expected=float(self._expected[row]),
            level=LevelReading(
                rms_dbfs=rms_dbfs,
                peak_dbfs=peak_dbfs,
                clipped=bool(clipped),
                silent=bool(silent),
                exact_zeros=bool(exact_zeros),
                non_finite=int(non_finite),
            ),
        )

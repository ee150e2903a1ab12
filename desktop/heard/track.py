"""Windows over time: the numbers behind the roll, the lanes, the meters in file mode.

One writer (an analysis thread) appends, the UI thread reads. Rows are only ever added,
and the count is published last, so a reader needs no lock for the rows it sees.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from realtime.postprocess import Tags
from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, INSTRUMENTS

INSTRUMENT_COUNT = len(INSTRUMENTS)
FAMILY_COUNT = len(FAMILIES)
POLYPHONY_COUNT = len(POLYPHONY_LABELS)
COLUMNS = INSTRUMENT_COUNT + FAMILY_COUNT + POLYPHONY_COUNT + 1
MAX_ROWS = 200_000
"""Over 27 hours at two windows a second; the oldest half is dropped beyond (32 MB)."""

_INSTRUMENTS = slice(0, INSTRUMENT_COUNT)
_FAMILIES = slice(INSTRUMENT_COUNT, INSTRUMENT_COUNT + FAMILY_COUNT)
_POLYPHONY = slice(INSTRUMENT_COUNT + FAMILY_COUNT, COLUMNS - 1)


class Rows:
    """A read-only view of consecutive windows.

    ``centre_s`` is ``(n,)``; ``instruments`` ``(n, 24)``, ``families`` ``(n, 8)`` and
    ``polyphony`` ``(n, 7)`` are probabilities; ``expected`` ``(n,)`` is the expected count.
    """

    def __init__(self, centre_s: NDArray[np.float64], values: NDArray[np.float32]) -> None:
        self.centre_s = centre_s
        self.values = values

    def __len__(self) -> int:
        return len(self.centre_s)

    @property
    def instruments(self) -> NDArray[np.float32]:
        return self.values[:, _INSTRUMENTS]

    @property
    def families(self) -> NDArray[np.float32]:
        return self.values[:, _FAMILIES]

    @property
    def polyphony(self) -> NDArray[np.float32]:
        return self.values[:, _POLYPHONY]

    @property
    def expected(self) -> NDArray[np.float32]:
        return self.values[:, -1]

    def at(self, time_s: float, reach_s: float) -> NDArray[np.float32] | None:
        """One row of values, interpolated between the two window centres around a time.

        None where no window lies within ``reach_s`` of it.
        """
        if not len(self.centre_s):
            return None
        after = int(np.searchsorted(self.centre_s, time_s))
        before = max(after - 1, 0)
        after = min(after, len(self.centre_s) - 1)
        left, right = self.centre_s[before], self.centre_s[after]
        if min(abs(time_s - left), abs(time_s - right)) > reach_s:
            return None
        share = 0.0 if right <= left else float(np.clip((time_s - left) / (right - left), 0, 1))
        if right - left > 2 * reach_s:
            share = round(share)
        row: NDArray[np.float32] = (1 - share) * self.values[before] + share * self.values[after]
        return row


class Track:
    """A growing run of windows."""

    def __init__(self) -> None:
        self._centre_s = np.empty(1024, np.float64)
        self._values = np.empty((1024, COLUMNS), np.float32)
        self._count = 0
        self._lock = threading.Lock()
        self.version = 0
        """Grows with every change; equal versions show the same picture."""

    def __len__(self) -> int:
        return self._count

    def append(
        self,
        centre_s: float,
        instruments: NDArray[np.float32],
        families: NDArray[np.float32],
        polyphony: NDArray[np.float32],
        expected: float,
    ) -> None:
        """Add one window; its centre must not lie before the last one."""
        with self._lock:
            if self._count == len(self._centre_s):
                self._make_room()
            self._centre_s[self._count] = centre_s
            self._values[self._count] = np.concatenate(
                [instruments, families, polyphony, [expected]]
            )
            self._count += 1
            self.version += 1

    def _make_room(self) -> None:
        keep = self._count if self._count < MAX_ROWS else MAX_ROWS // 2
        capacity = min(2 * self._count, MAX_ROWS)
        centre_s = np.empty(capacity, np.float64)
        values = np.empty((capacity, COLUMNS), np.float32)
        centre_s[:keep] = self._centre_s[self._count - keep : self._count]
        values[:keep] = self._values[self._count - keep : self._count]
        self._centre_s, self._values, self._count = centre_s, values, keep

    def rows(self) -> Rows:
        """Every window so far."""
        with self._lock:
            return Rows(self._centre_s[: self._count], self._values[: self._count])

    def between(self, start_s: float, end_s: float) -> Rows:
        """The windows whose centres lie in a span."""
        rows = self.rows()
        first, last = np.searchsorted(rows.centre_s, (start_s, end_s))
        return Rows(rows.centre_s[first:last], rows.values[first:last])


def as_columns(
    values: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating], float]:
    """Split one row of :meth:`Rows.at` into instruments, families, polyphony, expected."""
    return values[_INSTRUMENTS], values[_FAMILIES], values[_POLYPHONY], float(values[-1])


def row_of(
    tags: Tags,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]:
    """A window's tags as :meth:`Track.append` takes them after the time."""
    return tags.instruments, tags.families, tags.polyphony, tags.polyphony_expected

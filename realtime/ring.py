"""A bounded buffer of audio between one writer and one reader."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray


class AudioRing:
    """Holds the newest ``capacity`` frames; older ones give way and are counted.

    Frames are float32 ``(frames, channels)``. The memory is allocated once.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        if capacity < 1 or channels < 1:
            raise ValueError(f"a ring of {capacity} frames and {channels} channels holds nothing")
        self._frames = np.zeros((capacity, channels), np.float32)
        self._written = 0
        self._read = 0
        self._lost = 0
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        return len(self._frames)

    @property
    def written(self) -> int:
        """Frames ever written."""
        return self._written

    @property
    def lost(self) -> int:
        """Frames that gave way before they were read."""
        return self._lost

    @property
    def waiting(self) -> int:
        """Frames written and not yet read."""
        return self._written - self._read

    def write(self, block: NDArray[np.float32]) -> int:
        """Append a block of any length; returns how many unread frames gave way to it."""
        count, capacity = len(block), self.capacity
        with self._lock:
            kept = block[-capacity:]
            start = (self._written + count - len(kept)) % capacity
            first = min(len(kept), capacity - start)
            self._frames[start : start + first] = kept[:first]
            self._frames[: len(kept) - first] = kept[first:]
            self._written += count
            lost = max(0, self._written - capacity - self._read)
            self._read += lost
            self._lost += lost
        return lost

    def read(self, limit: int | None = None) -> tuple[int, NDArray[np.float32]]:
        """The oldest unread frames, all or ``limit``, copied; the index of the first before them.

        Indices count from the first frame ever written.
        """
        with self._lock:
            first, count = self._read, self._written - self._read
            if limit is not None:
                count = min(count, limit)
            start = first % self.capacity
            if start + count <= self.capacity:
                frames = self._frames[start : start + count].copy()
            else:
                frames = np.concatenate(
                    (self._frames[start:], self._frames[: start + count - self.capacity])
                )
            self._read += count
        return first, frames

    def newest(self, count: int) -> NDArray[np.float32]:
        """A copy of the newest frames, ``count`` or as many as there are; reads nothing."""
        with self._lock:
            count = min(count, self._written, self.capacity)
            return np.take(
                self._frames, np.arange(self._written - count, self._written), 0, mode="wrap"
            )

"""A file played at the speed of sound in the air: a source for live analysis."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from realtime.sources.base import Block

BLOCK_S = 0.1


class Stored(Protocol):
    """Stored sound that can be read faster than it plays."""

    name: str
    sample_rate_hz: int
    channels: int

    def open(self) -> None: ...
    def read(self, timeout_s: float) -> Block | None: ...
    def close(self) -> None: ...


class PacedSource:
    """Gives out another source's frames when they are due by the clock.

    ``speed``: 1.0 is real time; more plays a soak in less time.
    """

    live = False
    overflows = 0

    def __init__(self, stored: Stored, speed: float = 1.0) -> None:
        self._stored = stored
        self._speed = speed
        self.name = stored.name
        self.sample_rate_hz = 0
        self.channels = 0

    def open(self) -> None:
        self._stored.open()
        self.sample_rate_hz = self._stored.sample_rate_hz
        self.channels = self._stored.channels
        self._given = 0
        self._pending = np.zeros((0, self.channels), np.float32)
        self._start_s = time.monotonic()

    @property
    def position_s(self) -> float:
        """How much of the sound was given out."""
        return self._given / self.sample_rate_hz if self.sample_rate_hz else 0.0

    def read(self, timeout_s: float) -> Block | None:
        count = max(1, round(BLOCK_S * self.sample_rate_hz))
        if len(self._pending) < count:
            block = self._stored.read(timeout_s)
            if block is not None:
                self._pending = np.concatenate((self._pending, block))
            elif not len(self._pending):
                return None
        due = self._pending[:count]
        due_s = self._start_s + (self._given + len(due)) / self.sample_rate_hz / self._speed
        wait_s = due_s - time.monotonic()
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            return self._pending[:0]
        if wait_s > 0:
            time.sleep(wait_s)
        self._pending = self._pending[len(due) :]
        self._given += len(due)
        return due

    def renewed(self) -> PacedSource:
        return self  # reading a file does not hang

    def close(self) -> None:
        self._stored.close()

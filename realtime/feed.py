"""What capture hands to analysis: takes, each an unbroken stretch of input."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from realtime.ring import AudioRing
from realtime.sources.base import Block

RING_S = 5.0
"""How long analysis may sleep before input is lost."""
MAX_TAKES = 8
"""Takes that may wait for analysis; only a stuck analysis and a broken device reach it."""


class Take:
    """Input from one opening of a source, or from one loss to the next.

    No window spans two takes, so nothing is heard across a gap.
    ``start_s`` is the time of its first frame on the engine's clock. Of a take
    that is not ``live`` nothing gives way: its source waits for analysis.
    """

    def __init__(self, sample_rate_hz: int, channels: int, start_s: float, live: bool) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.channels = channels
        self.start_s = start_s
        self.live = live
        self.ring = AudioRing(round(RING_S * sample_rate_hz), channels)
        self.ended = False

    @property
    def end_s(self) -> float:
        """Time of the end of what was captured so far."""
        return self.start_s + self.ring.written / self.sample_rate_hz


class Feed:
    """The takes that analysis has not finished yet, oldest first; ``wake`` makes it look."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self._takes: deque[Take] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self.wanted_s = 0.1
        """Analysis is woken once this much audio waits; it sets it to suit its hop."""
        self.skipped_s = 0.0
        """Sound in whole takes that gave way."""

    def begin(self, take: Take) -> None:
        """Add a take; the one before it has ended."""
        with self._lock:
            self._end_newest()
            self._takes.append(take)
            if len(self._takes) > MAX_TAKES:
                skipped = self._takes.popleft()
                self.skipped_s += skipped.ring.waiting / skipped.sample_rate_hz

    def write(self, take: Take, block: Block) -> None:
        """Append a block to a take; the oldest frames nobody read give way."""
        take.ring.write(block)
        if take.ring.waiting >= self.wanted_s * take.sample_rate_hz:
            self.wake()

    def end(self, take: Take) -> None:
        """A take gets no more frames: analysis gives out its last windows."""
        take.ended = True
        self.wake()

    def close(self) -> None:
        """Nothing will come any more."""
        with self._lock:
            self._closed = True
            self._end_newest()

    @property
    def exhausted(self) -> bool:
        """Closed, and every take analysed."""
        with self._lock:
            return self._closed and not self._takes

    def oldest(self) -> Take | None:
        """The take to analyse now."""
        with self._lock:
            return self._takes[0] if self._takes else None

    def finish(self, take: Take) -> None:
        """Analysis is done with a take."""
        with self._lock:
            if self._takes and self._takes[0] is take:
                self._takes.popleft()

    def _end_newest(self) -> None:
        if self._takes:
            self._takes[-1].ended = True
        self.wake()

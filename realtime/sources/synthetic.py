"""Sound made on the spot, at real time or faster: for tests, soaks and demonstrations."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from realtime.sources.base import Block

Signal = Callable[[int, int], Block]
"""First frame and count in, frames float32 ``(count, channels)`` out."""


def tone(frequency_hz: float, sample_rate_hz: int, amplitude: float = 0.25) -> Signal:
    """A sine on one channel."""

    def signal(first: int, count: int) -> Block:
        phase = 2 * np.pi * frequency_hz / sample_rate_hz * np.arange(first, first + count)
        samples: Block = (amplitude * np.sin(phase)).astype(np.float32)
        return samples[:, np.newaxis]

    return signal


class SyntheticSource:
    """A source that needs no sound card, live where it keeps real time.

    ``speed``: times real time; 0 gives frames as fast as they are taken.
    ``duration_s``: ends there; None never ends.
    """

    def __init__(
        self,
        signal: Signal,
        sample_rate_hz: int,
        channels: int = 1,
        block_frames: int = 1024,
        speed: float = 1.0,
        duration_s: float | None = None,
        name: str = "synthetic",
    ) -> None:
        self.name = name
        self.sample_rate_hz = sample_rate_hz
        self.channels = channels
        self.overflows = 0
        self.live = speed == 1.0
        self.block_frames = block_frames
        self._signal = signal
        self._speed = speed
        self._frames = None if duration_s is None else round(duration_s * sample_rate_hz)
        self._given = 0

    def open(self) -> None:
        self._given = 0
        self._start_s = time.monotonic()

    def read(self, timeout_s: float) -> Block | None:
        count = self.block_frames
        if self._frames is not None:
            count = min(count, self._frames - self._given)
            if count <= 0:
                return None
        if self._speed:
            due_s = self._start_s + (self._given + count) / self.sample_rate_hz / self._speed
            wait_s = due_s - time.monotonic()
            if wait_s > timeout_s:
                time.sleep(timeout_s)
                return np.zeros((0, self.channels), np.float32)
            time.sleep(max(0.0, wait_s))
        block = self._signal(self._given, count)
        self._given += count
        return block

    def renewed(self) -> SyntheticSource:
        return self  # nothing here can hang

    def close(self) -> None:
        pass

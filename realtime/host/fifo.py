"""A queue of audio frames, addressed by how many frames came before."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray


class FrameFifo:
    """Blocks (channels, frames) in, any number of frames out.

    ``begin`` and ``end`` are absolute: the frame numbers that it holds. Blocks
    are kept without copying: whoever pushes must not change them afterwards.
    """

    def __init__(self, channels: int, begin: int = 0) -> None:
        self.channels = channels
        self.begin = self.end = begin
        self._blocks: deque[NDArray[np.float32]] = deque()

    def __len__(self) -> int:
        return self.end - self.begin

    def push(self, block: NDArray[np.float32]) -> None:
        if block.shape[1]:
            self._blocks.append(block)
            self.end += block.shape[1]

    def pop(self, frames: int) -> NDArray[np.float32]:
        """The oldest ``frames`` frames, or as many as there are."""
        parts = []
        while frames > 0 and self._blocks:
            block = self._blocks.popleft()
            if block.shape[1] > frames:
                self._blocks.appendleft(block[:, frames:])
                block = block[:, :frames]
            parts.append(block)
            frames -= block.shape[1]
            self.begin += block.shape[1]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.channels, 0), np.float32)

    def peek(self, frames: int) -> NDArray[np.float32]:
        """The oldest ``frames`` frames, which stay."""
        begin = self.begin
        block = self.pop(frames)
        if block.shape[1]:
            self._blocks.appendleft(block)
        self.begin = begin
        return block

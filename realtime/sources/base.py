"""What every source of sound offers to the live engine."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]
"""Frames as they came: float32, shape ``(frames, channels)``, full scale 1.0."""


class Source(Protocol):
    """A stream of frames, read by one thread.

    ``open``, ``read`` and ``close`` are called by the capture thread only, in
    that order; after ``close`` a source may be opened again. The three facts
    below are settled once ``open`` has returned.
    """

    name: str
    """What a person calls it: the device's or the file's name."""
    sample_rate_hz: int
    channels: int

    live: bool
    """True for sound that happens now: a failure means "open it again". A file ends instead."""

    @property
    def overflows(self) -> int:
        """How often the system reported lost input since ``open``; it does not report all."""

    def open(self) -> None:
        """Start the stream.

        Raises:
            TuttiError: it cannot be opened; the text says what to do.
        """

    def read(self, timeout_s: float) -> Block | None:
        """The next frames; none (shape ``(0, channels)``) when ``timeout_s`` passed without any.

        ``None`` is the end: nothing will ever come again.

        Raises:
            TuttiError: the stream broke.
        """

    def renewed(self) -> Source:
        """A closed source for the same sound, to use while this one hangs in a driver.

        Only asked of live sources.
        """

    def close(self) -> None:
        """Stop the stream; safe to call twice or after a failed ``open``."""

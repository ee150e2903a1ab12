"""Sound in as it comes, in blocks of any size, and tags out: for a program of one's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.hearing import Hearing
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.windows import Window, WindowCutter

if TYPE_CHECKING:
    from realtime.postprocess import Tags


class TagStream:
    """One stream of sound; made by ``Tagger.stream``. For one thread at a time.

    ``push`` takes a block and is quick; iterating hears what was pushed, gives the ``Tags`` of each
    window that is complete, and ends where more sound is needed: iterate again after the next
    ``push``. The first window is complete after a second of sound. ``finish`` (or leaving the
    ``with`` block) gives out the last, incomplete one.

    Example:
        >>> from tutti import Tagger                              # doctest: +SKIP
        >>> stream = Tagger().stream(48_000)                      # doctest: +SKIP
        >>> for block in blocks:                                  # doctest: +SKIP
        ...     stream.push(block)
        ...     for tags in stream:
        ...         print(tags.start_s, tags.instruments)
    """

    def __init__(
        self,
        model: TagModel,
        sample_rate_hz: float,
        hop_s: float,
        channel: Channel,
        smoothing: Smoothing,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._hop_s = hop_s
        self._window_s = model.spec.window_s
        self._channel: Channel = channel
        WindowCutter(sample_rate_hz, 1, hop_s)  # refuses a rate that cannot be, before any sound
        self._cutter: WindowCutter | None = None
        self._hearing = Hearing(model, smoothing)
        self._waiting: deque[Window] = deque()
        self._finished = False

    def push(self, block: NDArray[Any]) -> None:
        """Take the next block: (frames,) for mono or (frames, channels), of any length, also 0.

        Floats have full scale 1.0; integers that of their type (``uint8`` is centred on 128, as in
        WAV files). The array may be used again at once.

        Raises:
            TuttiError: it is no sound, its number of channels is not that of the blocks before,
                or the stream is finished.
        """
        samples = _samples(block)
        if self._finished:
            raise TuttiError("The stream is finished: begin another with Tagger.stream.")
        channels = samples.shape[1]
        if self._cutter is None:
            self._cutter = WindowCutter(
                self.sample_rate_hz, channels, self._hop_s, self._channel, self._window_s
            )
        if channels != self._cutter.channels:
            raise TuttiError(
                f"The stream began with {self._cutter.channels} channels and a block has "
                f"{channels}: begin another stream where they change."
            )
        self._waiting.extend(self._cutter.push(samples))

    def finish(self) -> None:
        """No more sound comes: the last window is filled up with silence and may be fetched."""
        if self._cutter is not None and not self._finished:
            self._waiting.extend(self._cutter.flush())
        self._finished = True

    @property
    def duration_s(self) -> float:
        """Seconds of sound pushed so far."""
        return 0.0 if self._cutter is None else self._cutter.duration_s

    def __iter__(self) -> Iterator[Tags]:
        return self

    def __next__(self) -> Tags:
        if not self._waiting:
            raise StopIteration
        return self._hearing.hear([self._waiting.popleft()])[0]

    def __enter__(self) -> TagStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish()


def _samples(block: NDArray[Any]) -> NDArray[np.float32]:
    """A block as float32 (frames, channels), a copy."""
    if not isinstance(block, np.ndarray):
        raise TuttiError(f"A block must be a numpy array, not {type(block).__name__}.")
    if block.ndim not in (1, 2) or 0 in block.shape[1:]:
        raise TuttiError(
            f"A block must be (frames,) or (frames, channels), not {block.shape}: turn it round, "
            "or cut it."
        )
    kind = block.dtype
    if kind == np.uint8:
        samples = (block.astype(np.float32) - 128.0) / 128.0
    elif np.issubdtype(kind, np.signedinteger):
        samples = block.astype(np.float32) / np.float32(np.iinfo(kind).max)
    elif np.issubdtype(kind, np.floating):
        samples = np.array(block, dtype=np.float32)
    else:
        raise TuttiError(
            f"A block holds {kind}, which is no sound: give floats, or signed integers."
        )
    return samples[:, np.newaxis] if samples.ndim == 1 else samples

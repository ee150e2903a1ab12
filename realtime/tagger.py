"""A path or an array in, a ``Timeline`` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.cores import workers
from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.hearing import Hearing
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.smoothing import Smoothing
from realtime.sources.file import FileSource
from realtime.sources.stdin import StdinSource
from realtime.spec import DEFAULT_HOP_S
from realtime.stream import TagStream
from realtime.timeline import Timeline
from realtime.windows import Window, WindowCutter

Progress = Callable[[float, float], None]
"""Called with seconds done and seconds in all."""
ARRAY_BLOCK_S = 10.0


class Tagger:
    """Tags files and arrays exactly as the live meter would show them.

    ``model``: a ``TagModel``, a path to one, or None for the bundled one.
    ``hop_s``, ``channel``, ``smoothing``: as live.

    Example:
        >>> timeline = Tagger().tag("mix.flac")              # doctest: +SKIP
        >>> timeline.summary()["piano"].present              # doctest: +SKIP
        True
    """

    def __init__(
        self,
        model: TagModel | Path | str | None = None,
        hop_s: float = DEFAULT_HOP_S,
        channel: Channel = "mono",
        smoothing: Smoothing | None = None,
    ) -> None:
        self.model = model if isinstance(model, TagModel) else TagModel(model)
        self.hop_s = hop_s
        self.channel: Channel = channel
        self.smoothing = smoothing or Smoothing()

    def tag(
        self,
        audio: Path | str | NDArray[Any] | StdinSource,
        sample_rate_hz: float | None = None,
        progress: Progress | None = None,
        name: str = "",
    ) -> Timeline:
        """Tag a file, what comes in on stdin, or an array with its ``sample_rate_hz``.

        Arrays are (frames,) or (frames, channels); integers are scaled to full scale 1.0.
        ``name`` is an array's ``file``.

        Raises:
            TuttiError: the file cannot be read, or there is no sound in it.
        """
        if isinstance(audio, np.ndarray):
            if sample_rate_hz is None:
                raise TypeError("an array needs its sample_rate_hz")
            samples = _as_float(audio)
            step = max(1, int(ARRAY_BLOCK_S * sample_rate_hz))
            blocks = (samples[i : i + step] for i in range(0, len(samples), step))
            total_s = len(samples) / sample_rate_hz
            return self._timeline(blocks, sample_rate_hz, samples.shape[1], total_s, name, progress)
        with audio if isinstance(audio, StdinSource) else FileSource(audio) as source:
            return self._timeline(
                source,
                source.sample_rate_hz,
                source.channels,
                source.duration_s,
                source.name if isinstance(audio, StdinSource) else str(audio),
                progress,
            )

    def tag_stream(
        self, blocks: Iterable[NDArray[np.floating]], sample_rate_hz: float, channels: int
    ) -> Iterator[Tags]:
        """Tags as the blocks (frames, channels) come in; memory does not grow."""
        cutter = self._cutter(sample_rate_hz, channels)
        hearing = Hearing(self.model, self.smoothing)
        return chain.from_iterable(map(hearing.hear, _windows(cutter, blocks)))

    def stream(self, sample_rate_hz: float) -> TagStream:
        """A stream to push blocks of sound into, and to fetch tags from; see ``TagStream``.

        Raises:
            TuttiError: a rate that cannot be.
        """
        return TagStream(self.model, sample_rate_hz, self.hop_s, self.channel, self.smoothing)

    def _cutter(self, sample_rate_hz: float, channels: int) -> WindowCutter:
        window_s = self.model.spec.window_s
        return WindowCutter(sample_rate_hz, channels, self.hop_s, self.channel, window_s)

    def _timeline(
        self,
        blocks: Iterable[NDArray[np.floating]],
        sample_rate_hz: float,
        channels: int,
        total_s: float,
        name: str,
        progress: Progress | None,
    ) -> Timeline:
        try:
            cutter = self._cutter(sample_rate_hz, channels)
        except TuttiError as error:
            raise TuttiError(f"{name or 'The array'}: {error}") from None
        windows = chain.from_iterable(_windows(cutter, blocks))
        hearing, tags = Hearing(self.model, self.smoothing), []
        with ThreadPoolExecutor(workers(), "tutti-scores") as pool:
            for one in hearing.hear_ahead(windows, pool, 2 * workers()):
                tags.append(one)
                if progress is not None:
                    progress(one.end_s, max(total_s, one.end_s))
        if not tags:
            raise TuttiError(f"{name or 'The array'} holds no sound (its length is zero).")
        return Timeline(tuple(tags), self.model.spec, name, cutter.duration_s, cutter.non_finite)


def _windows(
    cutter: WindowCutter, blocks: Iterable[NDArray[np.floating]]
) -> Iterator[list[Window]]:
    for block in blocks:
        yield cutter.push(block)
    yield cutter.flush()


def _as_float(audio: NDArray[Any]) -> NDArray[np.float32]:
    if audio.ndim == 1:
        audio = audio[:, np.newaxis]
    if audio.ndim != 2:
        raise ValueError(f"audio must be (frames,) or (frames, channels), not {audio.shape}")
    if np.issubdtype(audio.dtype, np.integer):
        return audio.astype(np.float32) / np.float32(np.iinfo(audio.dtype).max)
    return audio.astype(np.float32, copy=False)

"""Files as aligned streams of 32 kHz stereo frames, whatever their rate, channels and length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime.audit.ear import FRAME, HOP, SAMPLE_RATE_HZ
from realtime.errors import TuttiError
from realtime.sources.file import FileSource
from realtime.windows import ABSURD_LEVEL

_WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)
_SCALE = np.float32(np.sqrt(2.0 / (FRAME * np.sum(_WINDOW.astype(np.float64) ** 2))))
READ_S = 2.0


class AlignedFile:
    """A sound file at 32 kHz in ``channels`` (1 or 2), moved by ``offset`` samples.

    A positive offset delays it. Before its start and after its end it is silent.
    Mono becomes two equal channels, a pair becomes its mean.

    Raises:
        TuttiError: the file cannot be read, or has more than two channels.
    """

    def __init__(self, path: Path | str, channels: int, offset: int = 0) -> None:
        self._source = FileSource(path, block_s=READ_S)
        if self._source.channels > 2:
            count = self._source.channels
            self._source.close()
            raise TuttiError(
                f"{path} has {count} channels, and the audit compares mono and stereo: "
                "export it as one of them."
            )
        self._channels = channels
        self._resampler = soxr.ResampleStream(
            self._source.sample_rate_hz, SAMPLE_RATE_HZ, channels, dtype="float32"
        )
        self._pending = np.zeros((max(0, offset), channels), np.float32)
        self._skip = max(0, -offset)
        self.frames = 0
        """Samples at 32 kHz got from the file so far."""
        self.non_finite = 0
        self.ended = False

    def read(self, count: int) -> NDArray[np.float32]:
        """The next samples (count, channels)."""
        parts, have = [self._pending], len(self._pending)
        while have < count and not self.ended:
            part = self._next()
            cut = min(self._skip, len(part))
            self._skip -= cut
            parts.append(part[cut:])
            have += len(part) - cut
        if have < count:
            parts.append(np.zeros((count - have, self._channels), np.float32))
        joined = np.concatenate(parts)
        self._pending = joined[count:]
        return joined[:count]

    @property
    def exhausted(self) -> bool:
        """Whether only silence is to come."""
        return self.ended and not len(self._pending)

    def close(self) -> None:
        self._source.close()

    def _next(self) -> NDArray[np.float32]:
        block = self._source.read()
        if block is None:
            self.ended = True
            block = np.zeros((0, self._channels), np.float32)
        bad = ~(np.abs(block) < ABSURD_LEVEL)
        if bad.any():
            self.non_finite += int(bad.sum())
            block = np.where(bad, np.float32(0.0), block)
        if block.shape[1] > self._channels:
            block = block.mean(axis=1, keepdims=True)
        elif block.shape[1] < self._channels:
            block = np.repeat(block, 2, axis=1)
        block = np.ascontiguousarray(block)
        part: NDArray[np.float32] = self._resampler.resample_chunk(block, last=self.ended)
        self.frames += len(part)
        return part


class AlignedFiles:
    """The mix and its stems, read side by side."""

    def __init__(
        self, mix: Path | str, stems: list[Path], channels: int, offsets: list[int]
    ) -> None:
        self.files: list[AlignedFile] = []
        try:
            for path, offset in zip([Path(mix), *stems], [0, *offsets], strict=True):
                self.files.append(AlignedFile(path, channels, offset))
        except TuttiError:
            self.close()
            raise
        self.channels = channels

    def __enter__(self) -> AlignedFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for file in self.files:
            file.close()

    def chunks(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Samples (1 + stems, count, channels), the mix first, until the mix ends."""
        while not self.files[0].exhausted:
            yield np.stack([file.read(count) for file in self.files])

    def spectra(self, frames: int) -> Iterator[NDArray[np.complex64]]:
        """Spectra (1 + stems, channels, frames, bins): sums of squares are mean squares.

        Frame j is centred on (j + 0.5) * HOP samples; the last block is filled with silence.
        """
        lead = (FRAME - HOP) // 2
        shape = (len(self.files), self.channels)
        held = np.zeros((*shape, lead), np.float32)
        first = np.stack([file.read(FRAME - HOP - lead) for file in self.files])
        held = np.concatenate((held, first.transpose(0, 2, 1)), axis=-1)
        done = 0
        while done < self.files[0].frames or not self.files[0].exhausted:
            fresh = np.stack([file.read(frames * HOP) for file in self.files])
            samples = np.concatenate((held, fresh.transpose(0, 2, 1)), axis=-1)
            held = samples[..., frames * HOP :]
            done += frames * HOP
            cut = np.lib.stride_tricks.sliding_window_view(samples, FRAME, axis=-1)[..., ::HOP, :]
            yield (np.fft.rfft(cut * (_WINDOW * _SCALE), axis=-1)).astype(np.complex64)

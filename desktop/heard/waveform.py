"""A file's waveform in buckets of 20 ms: lowest, highest, RMS."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.levels import FLOOR_DBFS, to_dbfs

BUCKET_S = 0.02
_CLIP = 32766 / 32768
_RMS_S = 0.3


@dataclass(frozen=True)
class LevelAt:
    """Level around a moment of the file, in dBFS."""

    rms_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    clipped: bool = False
    known: bool = False


class Waveform:
    """Grows while a file is read; one writer, any reader.

    Each bucket stands for ``BUCKET_S`` seconds: minimum and maximum of all channels, and the
    RMS over channels and time.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._bucket_frames = max(1, round(BUCKET_S * sample_rate_hz))
        self.bucket_s = self._bucket_frames / sample_rate_hz
        self._buckets = np.empty((4096, 3), np.float32)
        self._count = 0
        self._pending: list[NDArray[np.float32]] = []
        self._pending_frames = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def push(self, block: NDArray[np.float32]) -> None:
        """Take in frames ``(frames, channels)``, not more than a few seconds at a time."""
        self._pending.append(block)
        self._pending_frames += len(block)
        if self._pending_frames >= self._bucket_frames:
            audio = np.concatenate(self._pending)
            whole = len(audio) // self._bucket_frames * self._bucket_frames
            self._add(audio[:whole])
            self._pending, self._pending_frames = [audio[whole:]], len(audio) - whole

    def flush(self) -> None:
        """Make a last, short bucket of what is left."""
        audio = np.concatenate(self._pending) if self._pending else np.zeros((0, 1), np.float32)
        if len(audio):
            missing = self._bucket_frames - len(audio)
            self._add(np.pad(audio, ((0, missing), (0, 0))))
        self._pending, self._pending_frames = [], 0

    def _add(self, audio: NDArray[np.float32]) -> None:
        shaped = np.nan_to_num(audio).reshape(-1, self._bucket_frames * audio.shape[1])
        added = np.stack(
            [shaped.min(axis=1), shaped.max(axis=1), np.sqrt(np.mean(shaped**2, axis=1))], axis=1
        )
        with self._lock:
            need = self._count + len(added)
            if need > len(self._buckets):
                grown = np.empty((max(need, 2 * len(self._buckets)), 3), np.float32)
                grown[: self._count] = self._buckets[: self._count]
                self._buckets = grown
            self._buckets[self._count : need] = added
            self._count = need

    def buckets(self) -> NDArray[np.float32]:
        """``(n, 3)``: minimum, maximum, RMS of each bucket so far."""
        with self._lock:
            return self._buckets[: self._count]

    def level_at(self, time_s: float) -> LevelAt:
        """Peak of the bucket at a time and RMS over the 0.3 s before it."""
        buckets, index = self.buckets(), int(time_s / self.bucket_s)
        if not 0 <= index < len(buckets):
            return LevelAt()
        span = buckets[max(0, index + 1 - round(_RMS_S / self.bucket_s)) : index + 1]
        peak = float(np.abs(buckets[max(0, index - 1) : index + 1, :2]).max())
        rms = float(np.sqrt(np.mean(span[:, 2] ** 2)))
        return LevelAt(to_dbfs(rms), to_dbfs(peak), peak >= _CLIP, known=True)

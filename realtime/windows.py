"""Audio blocks of any size, rate and channel count in, one-second windows at 16 kHz out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import soxr
from numpy.typing import NDArray

from realtime.downmix import Channel, Downmix
from realtime.errors import TuttiError
from realtime.spec import DEFAULT_HOP_S, MIN_HOP_S, SAMPLE_RATE_HZ, WINDOW_S, WINDOW_SAMPLES

MAX_HOP_S = 1.0
MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 1_536_000
CLIP_LEVEL = 32766 / 32768
"""At or above it a sample counts as clipped, whatever the file's word length."""
ABSURD_LEVEL = 1e9
"""At or above it a sample is damage, not sound (full scale is 1.0)."""
TICK_S = 0.01


@dataclass(frozen=True, eq=False)
class Window:
    """One window of mono audio for the model, a second as a rule.

    ``samples``: float32, 16,000 of them a second, mean removed; zeros after the first ``frames``.
    ``start_s``: time of the first sample since the stream began.
    ``input_peak``, ``input_clipped``, ``non_finite``: of the input during the
    window, over all its channels, to within 10 ms.
    """

    start_s: float
    samples: NDArray[np.float32]
    frames: int = WINDOW_SAMPLES
    input_peak: float = 0.0
    input_clipped: bool = False
    non_finite: int = 0

    @property
    def end_s(self) -> float:
        """Time of the end of the audio in the window, padding left out."""
        return self.start_s + self.frames / SAMPLE_RATE_HZ


class WindowCutter:
    """Cuts a stream into windows; holds at most one window, one hop and one block.

    ``hop_s``: 0.05 to 1.0 s between the starts of successive windows.
    ``window_s``: their length; with a longer hop than that, what lies between is not heard.
    ``channel``: see ``realtime.downmix``.

    Resampling is by soxr at 16-bit quality: flat to 7.4 kHz, nothing above 8 kHz,
    linear phase with its delay taken out of the time stamps (it holds back some
    40 ms at most rates, and two mixed channels another 8 ms).

    Raises:
        TuttiError: a rate, channel or hop that cannot be.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        channels: int,
        hop_s: float = DEFAULT_HOP_S,
        channel: Channel = "mono",
        window_s: float = WINDOW_S,
    ) -> None:
        if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
            raise TuttiError(
                f"A sample rate of {sample_rate_hz:g} Hz cannot be analysed: "
                f"use {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz."
            )
        self.sample_rate_hz = float(sample_rate_hz)
        self.channels = channels
        self._window_samples = round(window_s * SAMPLE_RATE_HZ)
        self._downmix = Downmix(channels, channel)
        self._resamplers = [
            soxr.ResampleStream(
                self.sample_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="MQ"
            )
            for _ in range(self._downmix.streams)
        ]
        self._input = _InputMarks(self.sample_rate_hz)
        self._pending = np.zeros(0, np.float32)
        self._pending_start = 0
        self._last_start: int | None = None
        self._frames_in = 0
        self._flushed = False
        self.set_hop(hop_s)

    @property
    def duration_s(self) -> float:
        """Seconds of audio pushed so far."""
        return self._frames_in / self.sample_rate_hz

    @property
    def non_finite(self) -> int:
        """Samples so far that were not numbers (or absurdly large), and were heard as 0."""
        return self._input.damaged

    def set_hop(self, hop_s: float) -> None:
        """Change the hop while running; it counts from the last window given out."""
        if not MIN_HOP_S <= hop_s <= MAX_HOP_S:
            raise TuttiError(f"A hop of {hop_s} s is out of range: use {MIN_HOP_S} to {MAX_HOP_S}.")
        self._hop_samples = round(hop_s * SAMPLE_RATE_HZ)
        self.hop_s = hop_s

    def push(self, block: NDArray[np.floating]) -> list[Window]:
        """Windows completed by a block, (frames, channels) or (frames,) for mono; often none."""
        if self._flushed:
            raise RuntimeError("the stream was flushed: make a new WindowCutter")
        block = np.asarray(block, dtype=np.float32)
        if block.ndim == 1:
            block = block[:, np.newaxis]
        if block.ndim != 2 or block.shape[1] != self.channels:
            raise ValueError(f"block must be (frames, {self.channels}), not {block.shape}")
        if not len(block):
            return []
        block = self._input.clean(block, self._frames_in)
        self._frames_in += len(block)
        streams = self._resample(self._downmix.before(block), last=False)
        return self._add(self._downmix.after(streams))

    def flush(self) -> list[Window]:
        """The last windows; audio that no window has covered yet gets one, zero-padded.

        A stream shorter than a window gives one window, an empty stream none.
        """
        if self._flushed:
            return []
        self._flushed = True
        if not self._frames_in:
            return []
        rest = self._resample([np.zeros(0, np.float32)] * self._downmix.streams, last=True)
        windows = self._add(self._downmix.after(rest)) + self._add(self._downmix.flush())
        end = self._pending_start + len(self._pending)
        last = self._last_start
        # A hop longer than a window leaves out what lies between.
        if last is None or end > max(last + self._window_samples, self._next_start):
            windows.append(self._cut(min(self._window_samples, end - self._next_start)))
        return windows

    @property
    def _next_start(self) -> int:
        return 0 if self._last_start is None else self._last_start + self._hop_samples

    def _resample(
        self, streams: list[NDArray[np.float32]], last: bool
    ) -> list[NDArray[np.float32]]:
        if self.sample_rate_hz == SAMPLE_RATE_HZ:
            return streams
        return [
            resampler.resample_chunk(np.ascontiguousarray(stream), last=last)
            for resampler, stream in zip(self._resamplers, streams, strict=True)
        ]

    def _add(self, samples: NDArray[np.float32]) -> list[Window]:
        self._pending = np.concatenate((self._pending, samples))
        windows = []
        while self._pending_start + len(self._pending) >= self._next_start + self._window_samples:
            windows.append(self._cut(self._window_samples))
        self._forget()
        return windows

    def _cut(self, frames: int) -> Window:
        start = self._next_start
        offset = start - self._pending_start
        samples = np.zeros(self._window_samples, np.float32)
        if frames > 0:
            audio = self._pending[offset : offset + frames]
            samples[:frames] = audio - audio.mean(dtype=np.float64)
        start_s = start / SAMPLE_RATE_HZ
        end_s = start_s + self._window_samples / SAMPLE_RATE_HZ
        peak, clipped, non_finite = self._input.between(start_s, end_s)
        self._last_start = start
        return Window(start_s, samples, frames, peak, clipped, non_finite)

    def _forget(self) -> None:
        """Let go of what no later window needs, even if the hop becomes the shortest."""
        if self._last_start is None:
            return
        earliest = self._last_start + round(MIN_HOP_S * SAMPLE_RATE_HZ)
        done = min(earliest - self._pending_start, len(self._pending))
        if done > 0:
            self._pending = self._pending[done:].copy()
            self._pending_start += done
        self._input.forget_before(earliest / SAMPLE_RATE_HZ)


class _InputMarks:
    """What the raw input did, in ticks of 10 ms: peak and damaged samples."""

    def __init__(self, sample_rate_hz: float) -> None:
        self._frames_per_tick = sample_rate_hz * TICK_S
        self._first = 0
        self._peaks = np.zeros(0, np.float32)
        self._bad = np.zeros(0, np.int64)
        self.damaged = 0

    def clean(self, block: NDArray[np.float32], first_frame: int) -> NDArray[np.float32]:
        """Note the peaks of a block (frames, channels); return it without damaged samples."""
        first_tick = int(first_frame / self._frames_per_tick)
        last_tick = int((first_frame + len(block) - 1) / self._frames_per_tick)
        inner = np.arange(first_tick + 1, last_tick + 1) * self._frames_per_tick
        edges = np.concatenate(([0], np.ceil(inner).astype(np.int64) - first_frame))
        loudest = _loudest(block)
        missing = last_tick + 1 - self._first - len(self._peaks)
        if missing > 0:
            self._peaks = np.concatenate((self._peaks, np.zeros(missing, np.float32)))
            self._bad = np.concatenate((self._bad, np.zeros(missing, np.int64)))
        ticks = slice(first_tick - self._first, last_tick + 1 - self._first)
        # A comparison with NaN is false: this catches NaN and infinity too.
        if not (loudest < ABSURD_LEVEL).all():
            bad = ~(np.abs(block) < ABSURD_LEVEL)
            block = np.where(bad, np.float32(0.0), block)
            loudest = _loudest(block)
            self._bad[ticks] += np.add.reduceat(bad.sum(axis=1), edges)
            self.damaged += int(bad.sum())
        self._peaks[ticks] = np.maximum(self._peaks[ticks], np.maximum.reduceat(loudest, edges))
        return block

    def between(self, start_s: float, end_s: float) -> tuple[float, bool, int]:
        """Peak, whether it clipped, and damaged samples of the ticks in [start_s, end_s)."""
        first, last = round(start_s / TICK_S), max(round(end_s / TICK_S), 1)
        ticks = slice(max(first - self._first, 0), max(last - self._first, 0))
        peak = float(self._peaks[ticks].max(initial=0.0))
        return peak, peak >= CLIP_LEVEL, int(self._bad[ticks].sum())

    def forget_before(self, start_s: float) -> None:
        """Drop the ticks that ended before ``start_s``."""
        done = min(round(start_s / TICK_S) - 1 - self._first, len(self._peaks))
        if done > 0:
            self._peaks, self._bad = self._peaks[done:].copy(), self._bad[done:].copy()
            self._first += done


def _loudest(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest magnitude over the channels of (frames, channels), channel by channel:
    numpy's maximum along so short an axis takes four times as long."""
    return reduce(np.maximum, np.abs(block.T))

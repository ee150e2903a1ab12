"""Listens to the sound itself, beside the tags: loudness, correlation, spectrum, last seconds.

Whoever reads or plays the sound hands blocks over and goes on; a thread of its own measures.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from desktop.heard.sound import BANDS, FFT_FRAMES, FLOOR_DBFS, correlation, spectrum
from realtime.loudness import Loudness, LoudnessMeter
from realtime.priority import lower_this_thread

KEPT_S = 8.0
WAITING_S = 2.0
"""Sound that waits to be measured at most; beyond that the oldest is left out."""
PERIOD_S = 0.2
RECENT_S = 0.4
"""What correlation looks back over."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """The newest measurement; ``spectrum_dbfs`` is ``(BANDS,)``, ``correlation`` None in mono."""

    loudness: Loudness = field(default_factory=Loudness)
    correlation: float | None = None
    spectrum_dbfs: NDArray[np.float64] = field(
        default_factory=lambda: np.full(BANDS, FLOOR_DBFS), compare=False
    )


class _Blocks:
    """The newest blocks of sound, ``most_s`` seconds of it or a block more."""

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._blocks: deque[Sound] = deque()
        self.frames = 0

    def add(self, sound: Sound, rate_hz: int) -> None:
        self._blocks.append(sound)
        self.frames += len(sound)
        while self.frames - len(self._blocks[0]) >= self._most_s * rate_hz:
            self.frames -= len(self._blocks.popleft())

    def clear(self) -> None:
        self._blocks.clear()
        self.frames = 0

    def joined(self) -> Sound:
        return np.concatenate(self._blocks) if self._blocks else np.zeros((0, 1), np.float32)


class SoundProbe:
    """Hears one session's sound. ``push`` is called on its audio thread, the rest on any."""

    def __init__(self) -> None:
        self.latest: Measured | None = None
        """None while nothing is measured."""
        self._on = False
        self._rate_hz = 0
        self._channels = 0
        self._kept = _Blocks(KEPT_S)
        self._waiting = _Blocks(WAITING_S)
        self._anew = False
        self._closed = False
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def push(self, block: Sound, sample_rate_hz: int) -> None:
        """Take ``(frames, channels)``; copied, so the caller may use its memory again."""
        sound = np.array(block[:, :2], np.float32)
        if not len(sound):
            return
        with self._news:
            if (sample_rate_hz, sound.shape[1]) != (self._rate_hz, self._channels):
                self._rate_hz, self._channels = sample_rate_hz, sound.shape[1]
                self._kept.clear()
                self._begin_anew()
            self._kept.add(sound, sample_rate_hz)
            if self._on:
                self._waiting.add(sound, sample_rate_hz)
                if self._waiting.frames >= PERIOD_S * sample_rate_hz:
                    self._news.notify()

    def last(self, seconds: float) -> tuple[Sound, int]:
        """The newest sound, ``(frames, channels)``, and its rate in Hz; empty if there is none."""
        with self._news:
            sound, rate_hz = self._kept.joined(), self._rate_hz
        return sound[-max(round(seconds * rate_hz), 1) :], rate_hz

    def measure(self, on: bool) -> None:
        """Begin or end to measure; off, it costs nothing."""
        with self._news:
            if on == self._on or self._closed:
                return
            self._on = on
            self._begin_anew()
            if on and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="loudness", daemon=True)
                self._thread.start()

    def reset(self) -> None:
        """Measure anew: the integrated loudness and the largest peak begin here."""
        with self._news:
            self._begin_anew()

    def close(self) -> None:
        """End to measure; the last sound stays."""
        with self._news:
            self._closed, self._on = True, False
            self._news.notify()

    def _begin_anew(self) -> None:
        self._waiting.clear()
        self._anew = True
        self.latest = Measured() if self._on else None

    def _run(self) -> None:
        lower_this_thread()
        meter: LoudnessMeter | None = None
        recent, loudness = np.zeros((0, 2), np.float32), Loudness()
        while True:
            with self._news:
                while not self._closed and not self._due():
                    self._news.wait()
                if self._closed:
                    return
                sound, rate_hz = self._waiting.joined(), self._rate_hz
                anew, self._anew = self._anew, False
                self._waiting.clear()
            if anew or meter is None:
                meter, loudness, recent = LoudnessMeter(rate_hz, sound.shape[1]), Loudness(), sound
            else:
                recent = np.concatenate((recent, sound))
            recent = recent[-max(FFT_FRAMES, round(RECENT_S * rate_hz)) :]
            loudness = meter.push(sound) or loudness
            measured = Measured(loudness, correlation(recent), spectrum(recent, rate_hz))
            with self._news:
                if self._on and not self._anew:
                    self.latest = measured

    def _due(self) -> bool:
        return self._waiting.frames > 0 and self._waiting.frames >= PERIOD_S * self._rate_hz

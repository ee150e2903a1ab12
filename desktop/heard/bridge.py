"""What the window pulls, 30 times a second, from whatever is being heard.

Sessions (a file, a live input) run on their own threads and publish their newest result;
the window's timer pulls it. No signal crosses threads for audio.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desktop.heard.track import Track
from desktop.heard.waveform import LevelAt, Waveform
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.timeline import Timeline


class SessionState(StrEnum):
    """What a session does; the status bar has the words and the colour of each."""

    IDLE = "idle"
    OPENING = "opening"
    PLAYING = "playing"
    PAUSED = "paused"
    LISTENING = "listening"
    SILENCE = "silence"
    NO_SIGNAL = "no signal"
    RECONNECTING = "reconnecting"
    FAILED = "failed"


@dataclass(frozen=True)
class Reading:
    """What is heard now. ``values``: a row of a ``Track``, None where nothing is known."""

    time_s: float = 0.0
    values: NDArray[np.float32] | None = None
    level: LevelAt = field(default_factory=LevelAt)


@dataclass(frozen=True)
class Health:
    """What the status bar tells; ``latency_s`` is None where there is none."""

    state: SessionState = SessionState.IDLE
    note: str = ""
    error: str = ""
    latency_parts: tuple[tuple[str, float], ...] = ()
    """Named parts in seconds; their sum is the age of what the meters show, at most."""
    output_latency_s: float | None = None
    """Set where meters and sound run together: what was taken off for the output."""
    cpu_fraction: float | None = None
    windows_dropped: int = 0
    frames_missing_s: float = 0.0
    stalls: int = 0
    reopenings: int = 0

    @property
    def latency_s(self) -> float | None:
        return sum(part for _, part in self.latency_parts) if self.latency_parts else None


class Session(Protocol):
    """Something that is heard: a file or a live input."""

    title: str
    is_live: bool

    @property
    def track(self) -> Track: ...
    def reading(self) -> Reading: ...
    def health(self) -> Health: ...
    def set_smoothing(self, smoothing: Smoothing) -> None: ...
    def timeline(self) -> Timeline | None: ...
    def close(self) -> None:
        """Begin to end; returns at once."""

    def ended(self, timeout_s: float) -> bool:
        """After ``close()``: whether every thread and device has ended within the time."""


class Analysed(Protocol):
    """A file that is analysed, and drawn while it is."""

    @property
    def duration_s(self) -> float: ...
    @property
    def hop_s(self) -> float: ...
    @property
    def progress(self) -> float:
        """0 to 1."""

    @property
    def done(self) -> bool: ...
    @property
    def track(self) -> Track: ...
    @property
    def waveform(self) -> Waveform: ...


class ModelLoader:
    """Loads the model beside the first painting of the window, once."""

    def __init__(self, path: Path | str | None = None) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model loader")
        self.future: Future[TagModel] = self._pool.submit(TagModel, path)
        self._pool.shutdown(wait=False)

"""What the engine tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from realtime.levels import LevelReading
from realtime.postprocess import Tags


class EngineState(StrEnum):
    """How the engine does, in words that a person reads."""

    WAITING = "waiting"
    RUNNING = "running"
    RECONNECTING = "reconnecting"
    NO_SIGNAL = "no signal (exact zeros)"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Stats:
    """Counts since the engine was started.

    Every window of audio that came in is in one of ``windows`` (analysed),
    ``windows_dropped`` (analysis was too slow for it) and ``windows_failed``
    (the model raised). Every frame that should have come in is in
    ``frames_in`` or, lost or slept through by the device, in ``frames_missing``.
    """

    windows: int = 0
    windows_dropped: int = 0
    windows_failed: int = 0
    frames_in: int = 0
    frames_missing: int = 0
    """By the clock: lost without a word, or while the device was gone."""
    missing_s: float = 0.0
    """The same in seconds: an input's rate may be another each time it is opened."""
    overflows: int = 0
    """Losses the system reported itself; their frames are in ``frames_missing``."""
    stalls: int = 0
    """Times the source went silent on us: no frames at all."""
    reopenings: int = 0
    listener_errors: int = 0
    cpu_fraction: float = 0.0
    """CPU time of capture and analysis over time passed; 0.01 is one percent of a core."""
    latency_s: float = 0.0
    """From the end of the newest window's audio to its tags."""
    last_error: str | None = None
    state: EngineState = EngineState.STOPPED


@dataclass
class Counters:
    """What the engine's threads count; each field is written by one thread at a time."""

    windows: int = 0
    windows_dropped: int = 0
    windows_failed: int = 0
    frames_in: int = 0
    frames_missing: int = 0
    missing_s: float = 0.0
    overflows: int = 0
    stalls: int = 0
    reopenings: int = 0
    listener_errors: int = 0
    latency_s: float = 0.0
    last_error: str | None = None
    capture_cpu_s: float = 0.0
    analysis_cpu_s: float = 0.0
    cpu_fraction: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """The newest result of everything, for a display that looks 30 times a second."""

    tags: Tags | None = None
    level: LevelReading | None = None
    """Of the newest block of input, all channels."""
    stats: Stats = field(default_factory=Stats)
    source_name: str = ""

"""A file that plays while the meters follow what is heard, and is analysed ahead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop.heard.bridge import Health, Reading, SessionState
from desktop.heard.track import Track
from desktop.heard.waveform import LevelAt
from desktop.sessions.analysis import FileAnalysis
from desktop.sessions.player import OpenSink, Player, open_sink
from desktop.sessions.probe import SoundProbe
from realtime.levels import CLOSE_DBFS
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.spec import WINDOW_S
from realtime.timeline import Timeline


class FileSession:
    """Opens a file; analysis starts at once, playback waits for ``player.play()``.

    The meters show the window whose centre is heard now, so they need no correction for the
    window's own length, and the player takes the output's latency off.

    Raises:
        TuttiError: the file cannot be read.
    """

    is_live = False

    def __init__(
        self,
        path: Path,
        model: Future[TagModel],
        *,
        hop_s: float,
        smoothing: Smoothing,
        on_done: Callable[[], None] = lambda: None,
        sink: OpenSink | None = None,
    ) -> None:
        from realtime.sources.file import FileSource

        with FileSource(path) as source:
            rate_hz, channels = source.sample_rate_hz, source.channels
            duration_s = source.duration_s
        self.path = path
        self.title = path.name
        self.facts = f"{rate_hz / 1000:g} kHz, {_channels(channels)}"
        self.analysis = FileAnalysis(
            path, model, sample_rate_hz=rate_hz, duration_s=duration_s, hop_s=hop_s,
            smoothing=smoothing, on_done=on_done,
        )  # fmt: skip
        self.probe = SoundProbe()
        self.player = Player(
            path, sample_rate_hz=rate_hz, channels=channels, duration_s=duration_s,
            sink=sink or open_sink, tell=self.probe.push,
        )  # fmt: skip
        self.analysis.start()

    @property
    def track(self) -> Track:
        return self.analysis.track

    @property
    def duration_s(self) -> float:
        return self.player.duration_s

    def reading(self) -> Reading:
        # A header may only estimate the length, as an MP3's does, or say nothing of it.
        is_known = self.analysis.done and not self.analysis.error
        if is_known or self.analysis.duration_s > self.player.duration_s:
            self.player.duration_s = self.analysis.duration_s
        time_s = self.player.position_s
        reach_s = max(self.analysis.hop_s, WINDOW_S / 2) + 0.25
        values = self.track.rows().at(time_s, reach_s)
        level = self.analysis.waveform.level_at(time_s) if self.player.playing else LevelAt()
        return Reading(time_s, values, level)

    def sound_before(self, time_s: float, seconds: float) -> tuple[NDArray[np.float32], int]:
        """What lies before a place in the file, ``(frames, channels)``, and its rate in Hz.

        Raises:
            TuttiError: the file cannot be read any more.
        """
        from realtime.sources.file import FileSource

        with FileSource(self.path) as source:
            first = round(max(time_s - seconds, 0.0) * source.sample_rate_hz)
            count = round(time_s * source.sample_rate_hz) - first
            source.seek(first)
            return source.take(count)[:, :2], source.sample_rate_hz

    def health(self) -> Health:
        error = self.analysis.error or self.player.error
        if error:
            return Health(SessionState.FAILED, error=error)
        state = SessionState.PLAYING if self.player.playing else SessionState.PAUSED
        level = self.analysis.waveform.level_at(self.player.position_s)
        if state == SessionState.PLAYING and level.known and level.rms_dbfs < CLOSE_DBFS:
            state = SessionState.SILENCE
        return Health(state, note=self.player.note, output_latency_s=self.player.latency_s)

    def set_smoothing(self, smoothing: Smoothing) -> None:
        self.analysis.set_smoothing(smoothing)

    def timeline(self) -> Timeline | None:
        return self.analysis.timeline()

    def close(self) -> None:
        self.analysis.cancel()
        self.player.close()
        self.probe.close()

    def ended(self, timeout_s: float) -> bool:
        return self.analysis.join(timeout_s) and self.player.join(timeout_s)


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")

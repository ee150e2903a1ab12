"""A live input: the engine on its threads, its windows kept for the roll and for saving."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from desktop.heard.bridge import Health, Reading, SessionState
from desktop.heard.losses import Losses
from desktop.heard.track import Track, row_of
from desktop.heard.waveform import LevelAt
from desktop.sessions.probe import SoundProbe
from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.smoothing import Smoothing
from realtime.sources.base import Source
from realtime.sources.overheard import Overheard
from realtime.spec import WINDOW_S, ModelSpec
from realtime.stats import EngineState
from realtime.timeline import Timeline

KEPT_S = 4 * 3600.0
"""Windows kept for saving; the session log on disk keeps them all."""
STALE_S = 3.0
LOOK_S = 0.05
"""The engine's input meter reads 50 ms; looking more often would tell nothing new."""


class LiveSession:
    """Starts listening in the background; times count from its start.

    ``make_source`` is called on the starting thread, since opening a device may take seconds.
    ``on_tags`` is called on the analysis thread for each window, with the session's time.
    """

    is_live = True

    def __init__(
        self,
        title: str,
        make_source: Callable[[], Source],
        model: Future[TagModel],
        *,
        hop_s: float,
        smoothing: Smoothing,
        channel: Channel,
        on_tags: Callable[[Tags, float], None] = lambda tags, time_s: None,
        started: bool = True,
    ) -> None:
        self.title = title
        self.facts = ""
        self.track = Track()
        self.probe = SoundProbe()
        self.losses = Losses()
        self.hop_s = hop_s
        self.error = ""
        self.device_latency_s = 0.0
        """What the system may hold back; whoever makes the source knows."""
        self._started_s = time.monotonic()
        self._tags: list[tuple[float, Tags]] = []
        self._last_tags_s = 0.0
        self._spec: ModelSpec | None = None
        self._smoothing = smoothing
        self._engine: Any = None
        self._closed = False
        self._looked_s = 0.0
        self._snapshot: Any = None
        self._snapshot_s = 0.0
        self._level = LevelAt()
        self._seen: Tags | None = None
        self.closing: threading.Thread | None = None
        """The end of the device, which may take a moment after ``close()``."""
        self._lock = threading.Lock()
        self._on_tags = on_tags
        self._thread = threading.Thread(
            target=self._start,
            args=(make_source, model, channel),
            name="live start",
            daemon=True,
        )
        if started:
            self.start()

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._thread.start()

    def _start(
        self,
        make_source: Callable[[], Source],
        model: Future[TagModel],
        channel: Channel,
    ) -> None:
        try:
            loaded = model.result()
            from realtime.engine import Engine

            source = Overheard(make_source(), self.probe.push)
            engine = Engine(
                loaded, source, hop_s=self.hop_s, smoothing=self._smoothing, channel=channel
            )
            self._spec = loaded.spec
            engine.subscribe(self._take)
            engine.start()
            self.facts = f"{source.sample_rate_hz / 1000:g} kHz"
        except TuttiError as error:
            self.error = str(error)
            return
        except Exception as error:  # The window must say so rather than wait for ever.
            self.error = f"{self.title} could not be opened ({error})."
            return
        with self._lock:
            self._engine = engine
            closed = self._closed
        if closed:
            engine.stop()

    def _take(self, tags: Tags) -> None:
        """On the analysis thread: keep a window under the session's own clock."""
        engine = self._engine
        latency_s = engine.latest().stats.latency_s if engine is not None else 0.0
        latency_s = max(latency_s, 0.0)
        centre_s = time.monotonic() - self._started_s - latency_s - WINDOW_S / 2
        self.track.append(centre_s, *row_of(tags))
        self._tags.append((centre_s, tags))
        self._last_tags_s = time.monotonic()
        if centre_s - self._tags[0][0] > 1.1 * KEPT_S:
            self._tags = [kept for kept in self._tags if kept[0] > centre_s - KEPT_S]
        self._on_tags(tags, centre_s)

    @property
    def time_s(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._started_s

    def source_name(self) -> str:
        """The device's full name once it is known."""
        return self._latest().source_name if self._engine is not None else self.title

    def _latest(self) -> Any:
        """The engine's newest snapshot, not older than a look: making one reads the input level."""
        now_s = time.monotonic()
        if self._snapshot is None or now_s - self._snapshot_s >= 0.99 * LOOK_S:
            self._snapshot, self._snapshot_s = self._engine.latest(), now_s
        return self._snapshot

    def reading(self) -> Reading:
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look()
        rows, fresh = self.track.rows(), now_s - self._last_tags_s < STALE_S
        values = rows.values[-1] if len(rows) and fresh else None
        return Reading(self.time_s, values, self._level)

    def _look(self) -> None:
        """Read the engine's input meter; the newest window adds what fell between two looks."""
        snapshot = self._latest() if self._engine is not None else None
        if snapshot is not None:
            stats = snapshot.stats
            self.losses.note(
                self.time_s, missing_s=stats.missing_s, windows_dropped=stats.windows_dropped,
                hop_s=self.hop_s, away=stats.state == EngineState.RECONNECTING,
            )  # fmt: skip
        if snapshot is None or snapshot.level is None:
            self._level = LevelAt()
            return
        level, window = snapshot.level, snapshot.tags.level if snapshot.tags else None
        new = window is not None and snapshot.tags is not self._seen
        self._seen = snapshot.tags
        clipped = level.clipped or bool(new and window and window.clipped)
        self._level = LevelAt(level.rms_dbfs, level.peak_dbfs, clipped, known=True)

    def health(self) -> Health:
        if self.error:
            return Health(SessionState.FAILED, error=self.error)
        snapshot = self._latest() if self._engine is not None else None
        if snapshot is None:
            return Health(SessionState.OPENING)
        stats = snapshot.stats
        state = {
            EngineState.WAITING: SessionState.OPENING,
            EngineState.RUNNING: SessionState.LISTENING,
            EngineState.RECONNECTING: SessionState.RECONNECTING,
            EngineState.NO_SIGNAL: SessionState.NO_SIGNAL,
            EngineState.STOPPED: SessionState.FAILED,
        }.get(stats.state, SessionState.LISTENING)
        tags = snapshot.tags
        if state == SessionState.LISTENING and tags is not None and tags.level.silent:
            state = SessionState.SILENCE
        in_trouble = state in (SessionState.FAILED, SessionState.RECONNECTING)
        return Health(
            state=state,
            error=stats.last_error or "" if in_trouble else "",
            latency_parts=(
                ("window", WINDOW_S),
                ("hop", self.hop_s),
                ("device", self.device_latency_s),
                ("analysis", stats.latency_s),
            ),
            cpu_fraction=stats.cpu_fraction,
            windows_dropped=stats.windows_dropped,
            frames_missing_s=stats.missing_s,
            stalls=stats.stalls,
            reopenings=stats.reopenings,
        )

    def set_smoothing(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        if self._engine is not None:
            self._engine.set_smoothing(smoothing)

    def set_hop(self, hop_s: float) -> None:
        self.hop_s = hop_s
        if self._engine is not None:
            self._engine.set_hop(hop_s)

    def timeline(self) -> Timeline | None:
        """The windows kept, on the session's own clock."""
        from dataclasses import replace

        kept = list(self._tags)
        if not kept or self._spec is None:
            return None
        tags = tuple(
            replace(one, start_s=max(0.0, centre - WINDOW_S / 2), end_s=centre + WINDOW_S / 2)
            for centre, one in kept
        )
        return Timeline(tags, self._spec, self.title, tags[-1].end_s)

    def ended(self, timeout_s: float) -> bool:
        """Whether the device is closed; False too if a driver call never came back."""
        self._thread.join(timeout_s)
        if self.closing is not None:
            self.closing.join(timeout_s)
        alive = self._thread.is_alive() or (self.closing is not None and self.closing.is_alive())
        return not alive and not getattr(self._engine, "abandoned", 0)

    def close(self) -> None:
        """Stop listening; returns at once, the device closes in the background."""
        with self._lock:
            self._closed = True
            engine = self._engine
        self.probe.close()
        if engine is not None and self.closing is None:
            self.closing = threading.Thread(target=engine.stop, name="live stop", daemon=True)
            self.closing.start()

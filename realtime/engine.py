"""The live engine: a source in, tags out, for hours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from realtime.analysis import Analysis, Listener
from realtime.bench import Bench
from realtime.capture import Asked, Capture
from realtime.downmix import Channel, Downmix
from realtime.errors import TuttiError
from realtime.feed import Feed
from realtime.history import History
from realtime.levels import LevelReading, block_level
from realtime.log import event
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.reader import OPEN_TIMEOUT_S
from realtime.smoothing import Smoothing
from realtime.sources.base import Source
from realtime.spec import DEFAULT_HOP_S, MIN_HOP_S
from realtime.stats import Counters, EngineState, Snapshot, Stats
from realtime.windows import MAX_HOP_S

METER_S = 0.1
"""How much of the newest input the input meter reads."""
ZEROS_S = 3.0
"""Exact zeros for this long are no silence but a missing signal or permission."""
DRAIN_S = 0.4
"""How long stopping may take to analyse what was captured."""


class Engine:
    """Listens to a source, and tags it window by window.

    ``channel``: see ``realtime.downmix``. Engines that share a ``bench`` hear on one
    thread, in turn; they may share the model, too. All methods may be called from any
    thread, a listener's included. As a context manager it starts and stops.
    """

    def __init__(
        self,
        model: TagModel,
        source: Source,
        *,
        hop_s: float = DEFAULT_HOP_S,
        smoothing: Smoothing | None = None,
        channel: Channel = "mono",
        bench: Bench | None = None,
    ) -> None:
        _check_hop(hop_s)
        self._model = model
        self._source = source
        self._bench = bench
        self._hop_s = hop_s
        self._smoothing = smoothing or Smoothing()
        self._channel: Channel = channel
        self._listeners: list[Listener] = []
        self._control = threading.RLock()  # start and stop, one at a time
        self._lock = threading.Lock()  # the fields below; never held while waiting
        self._counters = Counters()
        self._history = History()
        self._tags: Tags | None = None
        self._zeros_since_s: float | None = None
        self._capture: Capture | None = None
        self._analysis: Analysis | None = None
        self.abandoned = 0
        """Threads that did not end at the last ``stop``: stuck in a driver or in a listener."""

    def start(self) -> None:
        """Open the source and start listening; counts and history begin anew.

        Raises:
            TuttiError: the source cannot be opened, or lacks the channel; the engine stays
                stopped.
        """
        with self._control:
            self.stop()
            self._counters = Counters()
            self._history.clear()
            self._tags = self._zeros_since_s = None
            bench = self._bench or Bench()
            feed = Feed(bench.wake)
            with self._lock:
                capture = Capture(self._source, feed, self._counters)
                analysis = Analysis(
                    bench,
                    feed,
                    self._counters,
                    self._model,
                    self._hop_s,
                    self._smoothing,
                    self._channel,
                    self._publish,
                    lambda: time.monotonic() - (capture.zero_s or 0.0),
                )
                self._capture, self._analysis = capture, analysis
            capture.start()
            analysis.start()
            try:
                _await(capture.started, self._source)
                self._source = capture.source
                Downmix(self._source.channels, self._channel)  # refuses a channel it lacks
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop listening, the last captured window analysed; within a second. Safe to repeat."""
        with self._lock:
            capture = self._capture
        if capture is not None:
            capture.stop()  # ends a start that still waits for its source, too
        with self._control:
            with self._lock:
                capture, analysis = self._capture, self._analysis
            if capture is None or analysis is None:
                return
            capture.stop()
            if not analysis.join(DRAIN_S):
                analysis.give_up()
                analysis.join(DRAIN_S / 4)
            with self._lock:
                self._capture = self._analysis = None
            self.abandoned = capture.abandoned + analysis.alive
            event(logging.INFO, "stopped", source=self._source.name, **vars(self._counters))

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until a file source was analysed to its end; False if it was not yet."""
        analysis = self._analysis
        return analysis is None or analysis.join(timeout_s)

    def switch_source(self, source: Source) -> None:
        """Listen to another source from now on; tags of the old one are finished first.

        Raises:
            TuttiError: it cannot be opened; the engine goes on with the old one.
        """
        with self._lock:
            capture = self._capture
            if capture is None:
                self._source = source
                return
        _await(capture.switch(source), source)
        self._source = capture.source

    def set_hop(self, hop_s: float) -> None:
        """Seconds between windows, 0.05 to 1.0, from the next window on.

        Raises:
            TuttiError: out of range.
        """
        _check_hop(hop_s)
        with self._lock:
            self._hop_s = hop_s
            if self._analysis is not None:
                self._analysis.set_hop(hop_s)

    def set_model(self, model: TagModel) -> None:
        """Use another model from the next window on.

        Raises:
            TuttiError: its windows have another length than those of the model before.
        """
        with self._lock:
            if model.spec.window_s != self._model.spec.window_s:
                raise TuttiError(
                    f"The new model hears windows of {model.spec.window_s:g} s, the one before "
                    f"{self._model.spec.window_s:g} s: make a new engine for it."
                )
            self._model = model
            if self._analysis is not None:
                self._analysis.set_model(model)

    def set_smoothing(self, smoothing: Smoothing) -> None:
        """Change attack, release and hold from the next window on."""
        with self._lock:
            self._smoothing = smoothing
            if self._analysis is not None:
                self._analysis.set_smoothing(smoothing)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each window's tags, on the analysis thread.

        What it raises is logged and counted, no more. Returns a function that
        ends the subscription.
        """
        self._listeners = [*self._listeners, listener]

        def unsubscribe() -> None:
            self._listeners = [each for each in self._listeners if each is not listener]

        return unsubscribe

    def latest(self) -> Snapshot:
        """The newest of everything; cheap, for a display's timer."""
        capture, counters = self._capture, self._counters
        return Snapshot(
            tags=self._tags,
            level=self._input_level(),
            stats=Stats(
                windows=counters.windows,
                windows_dropped=counters.windows_dropped,
                windows_failed=counters.windows_failed,
                frames_in=counters.frames_in,
                frames_missing=counters.frames_missing,
                missing_s=counters.missing_s,
                overflows=counters.overflows,
                stalls=counters.stalls,
                reopenings=counters.reopenings,
                listener_errors=counters.listener_errors,
                cpu_fraction=counters.cpu_fraction,
                latency_s=counters.latency_s,
                last_error=counters.last_error,
                state=self.state,
            ),
            source_name=(capture.source if capture else self._source).name,
        )

    @property
    def zero_s(self) -> float | None:
        """Monotonic time from which its tags' times count, once sound came."""
        capture = self._capture
        return capture.zero_s if capture else None

    @property
    def state(self) -> EngineState:
        """As in ``latest().stats``, without the cost of a snapshot."""
        capture, analysis = self._capture, self._analysis
        if capture is None or analysis is None or not analysis.alive:
            return EngineState.STOPPED
        tags, since_s = self._tags, self._zeros_since_s
        only_zeros = tags and since_s is not None and tags.end_s - since_s >= ZEROS_S
        if only_zeros and capture.state == EngineState.RUNNING:
            return EngineState.NO_SIGNAL
        return capture.state

    def history(self, since_s: float = 0.0) -> list[Tags]:
        """Tags of windows that start at or after ``since_s``, oldest first; up to two minutes."""
        return self._history.since(since_s)

    def _input_level(self) -> LevelReading | None:
        capture = self._capture
        take = capture.reader.take if capture and capture.reader else None
        return block_level(take.ring.newest(round(METER_S * take.sample_rate_hz))) if take else None

    def _publish(self, tags: Tags) -> None:
        self._tags = tags
        self._history.add(tags)
        if not tags.level.exact_zeros:
            self._zeros_since_s = None
        elif self._zeros_since_s is None:
            self._zeros_since_s = tags.start_s
        for listener in self._listeners:
            try:
                listener(tags)
            except Exception as error:
                self._counters.listener_errors += 1
                event(logging.ERROR, "listener failed", error=repr(error))


def _await(asked: Asked, source: Source) -> None:
    try:
        asked.result(OPEN_TIMEOUT_S + 1.0)
    except TimeoutError:
        raise TuttiError(f"{source.name} did not open in time: try it again.") from None


def _check_hop(hop_s: float) -> None:
    if not MIN_HOP_S <= hop_s <= MAX_HOP_S:
        raise TuttiError(f"A hop of {hop_s} s is out of range: use {MIN_HOP_S} to {MAX_HOP_S}.")

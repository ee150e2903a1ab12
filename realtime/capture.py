"""The watchdog of capture: opens the source, and opens it again when it fails or stalls."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future

from realtime.errors import TuttiError
from realtime.feed import Feed
from realtime.log import event
from realtime.reader import Reader
from realtime.sources.base import Source
from realtime.stats import Counters, EngineState

BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Waits before successive attempts to open a source again; the last one repeats."""
MAX_STUCK = 3
"""Hanging openings of one device to put up with at a time."""
CLOSE_TIMEOUT_S = 0.3
LOOK_S = 0.25
PAUSED_S = 1.0
"""Looking so much later than meant, it was this process that stood still."""

Asked = Future[None]
"""Done once a source that somebody waits for was opened, or could not be."""


class Capture:
    """Keeps one source flowing into the feed until told to stop."""

    def __init__(self, source: Source, feed: Feed, counters: Counters) -> None:
        self.source = source
        self.state: EngineState = EngineState.WAITING
        self.started: Asked = Future()
        self._feed = feed
        self._counters = counters
        self._reader: Reader | None = None
        self._stuck: list[Reader] = []
        self._attempt = 0
        self._resumes_s: float | None = None
        self._asked: Asked | None = self.started
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._next: tuple[Source, Asked] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tutti-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End capture; returns within half a second whatever the device does."""
        self._stopping = True
        self._wake.set()
        self._thread.join(CLOSE_TIMEOUT_S + 0.1)

    def switch(self, source: Source) -> Asked:
        """Go over to another source; if it cannot be opened, back to this one."""
        asked: Asked = Future()
        with self._lock:
            if self._stopping:
                asked.set_exception(TuttiError("The engine is not running: start it first."))
                return asked
            overtaken, self._next = self._next, (source, asked)
        if overtaken is not None:
            _refuse(overtaken[1], "Another source was chosen meanwhile.")
        self._wake.set()
        return asked

    @property
    def reader(self) -> Reader | None:
        return self._reader

    @property
    def zero_s(self) -> float | None:
        """Monotonic time of the engine's zero, once sound came."""
        return self._reader.zero_s if self._reader else None

    @property
    def abandoned(self) -> int:
        """Readers the system has not let go of; their threads end with the process."""
        self._stuck = [reader for reader in self._stuck if not reader.finished.is_set()]
        return len(self._stuck)

    def _run(self) -> None:
        try:
            self._supervise()
        finally:
            self.state = EngineState.STOPPED
            self._feed.close()
            with self._lock:
                self._stopping = True
                waiting = [self._asked, self._next[1] if self._next else None]
            for asked in waiting:
                if asked is not None:
                    _refuse(asked, "The engine was stopped.")

    def _supervise(self) -> None:
        before: Source | None = None
        while not self._stopping:
            reader = self._watch()
            if self._stopping:
                return
            with self._lock:
                following, self._next = self._next, None
            if following is not None:
                if self._asked is None:
                    before = self.source
                elif self._asked is self.started:
                    _follow(self._asked, following[1])
                else:
                    _refuse(self._asked, "Another source was chosen meanwhile.")
                self._turn_to(*following)
            elif self._asked is not None:
                error = reader.error or f"{self.source.name} did not open in time: try it again."
                _refuse(self._asked, str(error))
                if before is None:
                    return
                self._turn_to(before, None)
            elif self.source.live:
                self._back_off(reader)
            else:
                if reader.error is not None:
                    self._counters.last_error = str(reader.error)
                return

    def _turn_to(self, source: Source, asked: Asked | None) -> None:
        self.source, self._asked, self.state = source, asked, EngineState.WAITING
        self._attempt, self._resumes_s = 0, None

    def _watch(self) -> Reader:
        """Run one opening of the source to its end, be it good or bad."""
        source, counters = self.source, self._counters
        reader = Reader(source, self._feed, counters, self.zero_s, self._resumes_s, self._wake.set)
        self._reader = reader
        reader.start()
        while not self._stopping and self._next is None:
            looked_s = time.monotonic()
            self._wake.wait(LOOK_S)
            self._wake.clear()
            if time.monotonic() - looked_s > LOOK_S + PAUSED_S:
                # We stood still ourselves, as after Ctrl-Z: what was held comes now.
                reader.heard_s = time.monotonic()
            over = reader.finished.is_set()
            if reader.opened.is_set() and self._asked is not None:
                self._asked.set_result(None)
                self._asked = None
            if reader.take is not None:
                self.state = EngineState.RUNNING
            if over:
                break
            if reader.stalled:
                counters.stalls += 1
                counters.last_error = f"{source.name} stopped giving sound; it is opened again."
                event(logging.WARNING, "stalled", source=source.name)
                break
        if not reader.stop(CLOSE_TIMEOUT_S):
            event(logging.WARNING, "abandoned", source=source.name)
            self._stuck.append(reader)
            if reader.take is not None:
                self._feed.end(reader.take)
        return reader

    def _back_off(self, reader: Reader) -> None:
        """Wait, the longer the more attempts failed, before the source is opened again."""
        if reader.take is not None:
            self._attempt, self._resumes_s = 0, reader.take.end_s
        else:
            self._attempt += 1
        if reader.error is not None:
            self._counters.last_error = str(reader.error)
        self._counters.reopenings += 1
        self.state = EngineState.RECONNECTING
        wait_s = BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)]
        event(
            logging.WARNING,
            "reopening",
            source=self.source.name,
            attempt=self._attempt,
            wait_s=wait_s,
            error=str(reader.error) if reader.error else None,
        )
        until_s = time.monotonic() + wait_s
        while not self._stopping and self._next is None:
            left_s = until_s - time.monotonic()
            if left_s <= 0 and self.abandoned < MAX_STUCK:
                break
            # With so many hanging, one more would only hang as well.
            self._wake.wait(left_s if left_s > 0 else BACKOFF_S[-1])
            self._wake.clear()
        if reader in self._stuck:
            self.source = self.source.renewed()


def _follow(asked: Asked, other: Asked) -> None:
    """Let the engine's start end as the switch ends that overtook it."""

    def settle(done: Asked) -> None:
        error = done.exception()
        if error is None:
            asked.set_result(None)
        else:
            asked.set_exception(error)

    other.add_done_callback(settle)


def _refuse(asked: Asked, reason: str) -> None:
    if not asked.done():
        asked.set_exception(TuttiError(reason))

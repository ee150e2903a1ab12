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
from realtime.stats import RECONNECTING, RUNNING, STOPPED, WAITING, Counters

OPEN_TIMEOUT_S = 5.0
FIRST_SOUND_S = 5.0
"""A sound server that slept may take two seconds to its first frame."""
STALL_S = 2.0
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Waits before successive attempts to open a source again; the last one repeats."""
CLOSE_TIMEOUT_S = 0.3
LOOK_S = 0.25


class Capture:
    """Keeps one source flowing into the feed until told to stop."""

    def __init__(self, source: Source, feed: Feed, counters: Counters) -> None:
        self.source = source
        self.state = WAITING
        self.abandoned = 0
        """Readers the system never let go of; their threads end with the process."""
        self.started: Future[None] = Future()
        """Done once the source was opened for the first time, or failed to."""
        self._feed = feed
        self._counters = counters
        self._reader: Reader | None = None
        self._zero_s: float | None = None
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._next: tuple[Source, Future[None]] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tutti-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End capture; returns within a second whatever the device does."""
        self._stopping = True
        self._wake.set()
        self._thread.join(2 * CLOSE_TIMEOUT_S)

    def switch(self, source: Source) -> Future[None]:
        """Go over to another source; the future fails if it cannot be opened."""
        done: Future[None] = Future()
        with self._lock:
            if self._stopping or not self._thread.is_alive():
                done.set_exception(TuttiError("The engine is not running: start it first."))
                return done
            if self._next is not None:
                self._next[1].cancel()
            self._next = (source, done)
        self._wake.set()
        return done

    @property
    def zero_s(self) -> float | None:
        """Monotonic time of the engine's zero, once sound came."""
        return self._reader.zero_s if self._reader else None

    @property
    def reader(self) -> Reader | None:
        return self._reader

    def _run(self) -> None:
        try:
            self._supervise()
        finally:
            self.state = STOPPED
            self._feed.close()
            with self._lock:
                self._stopping = True
                if self._next is not None:
                    self._next[1].set_exception(TuttiError("The engine was stopped."))
            if not self.started.done():
                self.started.set_exception(TuttiError("The engine was stopped."))

    def _supervise(self) -> None:
        source: Source = self.source
        asked: Future[None] | None = self.started
        before: Source | None = None
        attempt = 0
        resumes_s: float | None = None
        while not self._stopping:
            reader = self._watch(source, asked, resumes_s)
            if self._stopping:
                return
            following = self._take_next()
            if following is not None:
                before = source if reader.opened.is_set() else before
                source, asked = following
                self.source, self.state, attempt, resumes_s = source, WAITING, 0, None
                continue
            if not reader.opened.is_set() and asked is not None:
                # The very first opening of a source somebody is waiting for.
                error = reader.error or TuttiError(f"{source.name} did not open: try it again.")
                asked.set_exception(error)
                if before is None:
                    return
                source, asked, self.source = before, None, before
                continue
            asked = None
            if not source.live:
                if reader.error is not None:
                    self._counters.last_error = str(reader.error)
                return
            if reader.take is not None:
                attempt, resumes_s = 0, reader.take.end_s
            else:
                attempt += 1
            self._back_off(source, reader, attempt)

    def _watch(self, source: Source, asked: Future[None] | None, resumes_s: float | None) -> Reader:
        """Run one opening of a source to its end, be it good or bad."""
        zero_s = self._reader.zero_s if self._reader else None
        reader = Reader(source, self._feed, self._counters, zero_s, resumes_s, self._wake.set)
        self._reader = reader
        began_s = time.monotonic()
        reader.start()
        while not self._stopping and self._next is None:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            now_s = time.monotonic()
            if reader.opened.is_set():
                if asked is not None and not asked.done():
                    asked.set_result(None)
                    event(
                        logging.INFO,
                        "listening",
                        source=source.name,
                        sample_rate_hz=source.sample_rate_hz,
                        channels=source.channels,
                    )
                if reader.take is not None:
                    self.state = RUNNING
            if reader.finished.is_set():
                break
            quiet_s = now_s - (reader.last_frames_s if reader.opened.is_set() else began_s)
            if reader.opened.is_set():
                patience_s = FIRST_SOUND_S if reader.take is None else STALL_S
            else:
                patience_s = OPEN_TIMEOUT_S
            if source.live and quiet_s > patience_s:
                self._counters.stalls += 1
                self._counters.last_error = f"{source.name} gave no sound for {quiet_s:.0f} s."
                event(logging.WARNING, "stalled", source=source.name, quiet_s=quiet_s)
                break
        if not reader.stop(CLOSE_TIMEOUT_S):
            self.abandoned += 1
            event(logging.WARNING, "abandoned", source=source.name)
            if reader.take is not None:
                self._feed.end(reader.take)
        return reader

    def _take_next(self) -> tuple[Source, Future[None]] | None:
        with self._lock:
            following, self._next = self._next, None
            return following

    def _back_off(self, source: Source, reader: Reader, attempt: int) -> None:
        self.state = RECONNECTING
        if reader.error is not None:
            self._counters.last_error = str(reader.error)
        self._counters.reopenings += 1
        wait_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
        event(
            logging.WARNING,
            "reopening",
            source=source.name,
            attempt=attempt,
            wait_s=wait_s,
            error=str(reader.error) if reader.error else None,
        )
        until_s = time.monotonic() + wait_s
        while not self._stopping and self._next is None:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return
            self._wake.wait(left_s)
            self._wake.clear()

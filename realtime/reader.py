"""Reads one opening of a source on a thread of its own, into the feed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from realtime.clock_check import ClockCheck
from realtime.errors import TuttiError
from realtime.feed import Feed, Take
from realtime.log import event
from realtime.sources.base import Block, Source
from realtime.stats import Counters

READ_TIMEOUT_S = 0.1
OPEN_TIMEOUT_S = 5.0
FIRST_SOUND_S = 5.0
"""A sound server that slept may take two seconds to its first frame."""
STALL_S = 2.0


class Reader:
    """One opening of a source, from ``open`` to ``close``.

    ``resumes_s``: where, on the engine's clock, the opening before it broke off.
    ``changed`` is called (on the reader's thread) once the source is open, and
    once it is over.
    """

    def __init__(
        self,
        source: Source,
        feed: Feed,
        counters: Counters,
        zero_s: float | None,
        resumes_s: float | None,
        changed: Callable[[], None],
    ) -> None:
        self._source = source
        self._feed = feed
        self._counters = counters
        self.zero_s = zero_s
        """Monotonic time of the engine's zero; None: the first frame read will set it."""
        self._resumes_s = resumes_s
        self._changed = changed
        self._stop = threading.Event()
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="tutti-capture", daemon=True)
        self.opened = threading.Event()
        self.finished = threading.Event()
        self.error: TuttiError | None = None
        self.take: Take | None = None
        self.heard_s = time.monotonic()
        """Monotonic time of the newest frames; before any, of the opening's last progress."""

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Ask it to close; False if the system does not let go of it, and it is abandoned.

        An abandoned reader writes nothing any more, and its thread dies with the process.
        """
        self._stop.set()
        self._thread.join(timeout_s)
        self._abandoned = self._thread.is_alive()
        return not self._abandoned

    @property
    def stalled(self) -> bool:
        """Whether the source has been quiet for longer than it should."""
        if not self.opened.is_set():
            patience_s = OPEN_TIMEOUT_S
        else:
            patience_s = FIRST_SOUND_S if self.take is None else STALL_S
        return self._source.live and time.monotonic() - self.heard_s > patience_s

    def _run(self) -> None:
        try:
            self._source.open()
            self.heard_s = time.monotonic()
            self.opened.set()
            event(
                logging.INFO,
                "opened",
                source=self._source.name,
                sample_rate_hz=self._source.sample_rate_hz,
                channels=self._source.channels,
            )
            self._changed()
            self._read()
        except TuttiError as error:
            self.error = error
        except Exception as error:
            # Whatever a driver raises, the watchdog must hear of it.
            event(logging.ERROR, "capture failed", source=self._source.name, error=repr(error))
            self.error = TuttiError(f"{self._source.name} failed ({error}): it is opened again.")
        finally:
            if self.take is not None:
                self._feed.end(self.take)
            try:
                self._source.close()
            except Exception as error:
                event(logging.WARNING, "close failed", source=self._source.name, error=repr(error))
            self.finished.set()
            self._changed()

    def _read(self) -> None:
        source, counters = self._source, self._counters
        clock = ClockCheck(source.sample_rate_hz) if source.live else None
        overflows = 0
        while not self._stop.is_set():
            block = source.read(READ_TIMEOUT_S)
            if block is None or self._abandoned:
                return
            if not len(block):
                continue
            now_s = time.monotonic()
            self.heard_s = now_s
            missing = clock.arrived(len(block), now_s) if clock else 0
            if missing:
                self._count_missing(missing)
                event(logging.WARNING, "input lost", source=source.name, frames=missing)
            if source.overflows != overflows:
                counters.overflows += source.overflows - overflows
                overflows = source.overflows
            if self.take is None or missing:
                self.take = self._begin(len(block), clock, now_s)
            self._write(self.take, block)
            counters.frames_in += len(block)
            counters.capture_cpu_s = time.thread_time()

    def _begin(self, frames: int, clock: ClockCheck | None, now_s: float) -> Take:
        rate_hz = self._source.sample_rate_hz
        first_s = (clock.position_s if clock else now_s) - frames / rate_hz
        if self.zero_s is None:
            self.zero_s = first_s
        start_s = first_s - self.zero_s
        if self._resumes_s is not None:
            self._count_missing(max(0, round((start_s - self._resumes_s) * rate_hz)))
            self._resumes_s = None
        take = Take(rate_hz, self._source.channels, start_s, self._source.live)
        self._feed.begin(take)
        return take

    def _count_missing(self, frames: int) -> None:
        self._counters.frames_missing += frames
        self._counters.missing_s += frames / self._source.sample_rate_hz

    def _write(self, take: Take, block: Block) -> None:
        while not take.live and take.ring.waiting > take.ring.capacity // 2:
            # Stored sound can wait; nothing of it is ever dropped.
            if self._stop.wait(0.01):
                break
        self._feed.write(take, block)

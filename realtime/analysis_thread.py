"""The thread that hears: of one engine, or shared by several, which then take turns."""

from __future__ import annotations

import threading
from typing import Protocol

from realtime.priority import lower_this_thread

IDLE_S = 0.5


class Job(Protocol):
    """What the thread works at."""

    def turn(self) -> bool:
        """Do the least there is to do; False if there was nothing."""

    def rest(self) -> bool:
        """Called where ``turn`` had nothing to do; False once there will never be more."""

    def ended(self) -> None:
        """Called at last: it gets no more turns."""


class AnalysisThread:
    """Gives each of its jobs a turn, so that none waits long for another.

    Its thread lives while there are jobs.
    """

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._works = False

    def add(self, job: Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if not self._works:
                self._works = True
                self._thread = threading.Thread(
                    target=self._run, name="tutti-analysis", daemon=True
                )
                self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Let the thread look at once."""
        self._news.set()

    @property
    def is_mine(self) -> bool:
        """Whether the thread itself asks, as in a listener: it cannot wait for itself."""
        return self._thread is threading.current_thread()

    def settle(self) -> None:
        """Wait for the end of the thread, if no job is left."""
        with self._lock:
            thread = None if self._jobs else self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        lower_this_thread()
        while jobs := self._left():
            busy = False
            for job in jobs:
                if job.turn():
                    busy = True
                elif not job.rest():
                    with self._lock:
                        self._jobs.remove(job)
                    job.ended()
                    busy = True
            if not busy:
                self._news.wait(IDLE_S)
                self._news.clear()

    def _left(self) -> list[Job]:
        with self._lock:
            self._works = bool(self._jobs)
            return list(self._jobs)

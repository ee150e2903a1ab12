"""Ctrl-C, SIGTERM and a closed terminal: an orderly end, and an end in any case."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_S = 0.9


def ending_signals() -> list[signal.Signals]:
    """What asks a program to end. SIGHUP is left alone where ``nohup`` has it ignored."""
    found = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        found.append(hang_up)
    return found


class Shutdown:
    """Set once a signal asked for the end."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0
        self.last_resort: threading.Timer | None = None

    def take_time(self) -> None:
        """Let what was heard be written, however long it takes; another signal ends that too."""
        if self.last_resort is not None:
            self.last_resort.cancel()

    @property
    def status(self) -> int:
        """Exit status by the shell's convention: 130 for Ctrl-C, 143 for SIGTERM, else 0."""
        return 128 + self.signal if self.signal else 0


@contextmanager
def on_signals() -> Iterator[Shutdown]:
    """Catch what asks for the end; main thread only.

    Whatever hangs after a signal (a sound driver, a full pipe), the process
    ends 0.9 s later.
    """
    shutdown = Shutdown()

    def handle(number: int, frame: FrameType | None) -> None:
        if shutdown.event.is_set():
            os._exit(128 + number)
        shutdown.signal = number
        shutdown.last_resort = threading.Timer(GRACE_S, os._exit, (128 + number,))
        shutdown.last_resort.daemon = True
        shutdown.last_resort.start()
        shutdown.event.set()

    before = {number: signal.signal(number, handle) for number in ending_signals()}
    try:
        yield shutdown
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

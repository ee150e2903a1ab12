"""A thread between the meters and one output, which may be as slow as it likes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from realtime.live_outputs.output import Counts, LiveOutput
from realtime.log import event
from realtime.postprocess import Tags


class Sender:
    """Hands the newest window of each sound to an output; ``tell`` never waits for it.

    ``complain`` is told in one sentence, once, that windows are not received, on this thread.
    """

    def __init__(self, output: LiveOutput, complain: Callable[[str], None]) -> None:
        self._output = output
        self._complain = complain
        self._waiting: dict[str, Tags] = {}
        self._wake = threading.Condition()
        self._closing = False
        self._sent = self._superseded = self._failed = 0
        self._thread = threading.Thread(target=self._run, name="tutti-output", daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        return self._output.where

    @property
    def counts(self) -> Counts:
        return Counts(self._sent, self._superseded + self._failed)

    def tell(self, name: str, tags: Tags) -> None:
        """Take a window; one of this sound that still waits gives way, and is counted."""
        with self._wake:
            if name in self._waiting:
                self._superseded += 1
            self._waiting[name] = tags
            self._wake.notify()

    def end(self) -> None:
        """Send what waits, and end; returns at once."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the end; an output that hangs is left behind."""
        self._thread.join(timeout_s)
        counts = self.counts
        event(logging.INFO, "output ended", to=self.where, sent=counts.sent, lost=counts.lost)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._closing)
                waiting, self._waiting = self._waiting, {}
            for name, tags in waiting.items():
                self._send(name, tags)
            if not waiting:
                break  # closing, and nothing left
        try:
            self._output.close()
        except Exception as error:  # whatever a peer or a driver does, the rest ends in order
            event(logging.ERROR, "output failed at its end", to=self.where, error=repr(error))

    def _send(self, name: str, tags: Tags) -> None:
        try:
            self._output.send(name, tags)
        except Exception as error:  # whatever it is: the meters and the next window go on
            self._failed += 1
            if self._failed == 1:
                event(logging.WARNING, "output lost", to=self.where, error=repr(error))
                reason = getattr(error, "strerror", None) or str(error) or repr(error)
                self._complain(
                    f"{self.where} is not received ({reason}): what is lost is counted, and the "
                    "meters go on."
                )
        else:
            self._sent += 1

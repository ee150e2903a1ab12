"""Who sends by ReaStream, looked at ten times a second while a dialog is open."""

from __future__ import annotations

import contextlib
import threading

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from desktop.background import Background
from realtime.sources import reastream_receiver
from realtime.sources.reastream_receiver import Receiver, release

LOOK_MS = 100


class _Hold:
    """A receiver on loan, given back once, whatever becomes of the widgets."""

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self._over = False

    def take(self, receiver: Receiver) -> None:
        self.receiver = receiver
        if self._over:
            self.give_back()

    def give_back(self) -> None:
        self._over = True
        receiver, self.receiver = self.receiver, None
        if receiver is not None:  # which may take a moment
            threading.Thread(target=release, args=(receiver,), daemon=True).start()


class ReaStreamSenders(QObject):
    """Tells in ``heard`` who sends now, and in ``trouble`` why nobody can be heard.

    The receiver is shared with a session that listens to ReaStream; ``close``, or the end of
    ``parent``, lets go of it.
    """

    heard = pyqtSignal(object)
    trouble = pyqtSignal(str)

    def __init__(self, background: Background, address: tuple[str, int], parent: QObject) -> None:
        super().__init__(parent)
        self._hold = hold = _Hold()
        self._timer = timer = QTimer(self)
        timer.setInterval(LOOK_MS)
        timer.timeout.connect(self._look)
        self.destroyed.connect(lambda: hold.give_back())

        def held(receiver: Receiver | None, error: Exception | None) -> None:
            if receiver is not None:
                hold.take(receiver)
            with contextlib.suppress(RuntimeError):  # the dialog has gone meanwhile
                if receiver is None:
                    self.trouble.emit(str(error))
                elif hold.receiver is not None:
                    timer.start()
                    self._look()

        background.run(lambda: reastream_receiver.hold(*address), held, "hold reastream")

    def close(self) -> None:
        """Stop looking; safe to repeat."""
        self._timer.stop()
        self._hold.give_back()

    def _look(self) -> None:
        receiver = self._hold.receiver
        if receiver is not None:
            self.heard.emit(receiver.senders())

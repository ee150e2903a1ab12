"""What the meters show, told to the live outputs that the command was given."""

from __future__ import annotations

import argparse

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from desktop.heard.bridge import Reading
from desktop.heard.track import as_columns
from desktop.sessions.file_session import FileSession
from desktop.windows.main_window import MainWindow
from realtime.levels import OPEN_DBFS, LevelReading
from realtime.live_outputs.table import LiveOutputs
from realtime.postprocess import Tags
from realtime.spec import WINDOW_S, ModelSpec


class Sending(QObject):
    """A window each hop while something is heard; nothing while a file is paused.

    Raises:
        TuttiError: an output cannot be opened.
    """

    said = pyqtSignal(str)
    """From any thread: what the user should know."""

    def __init__(self, args: argparse.Namespace, spec: ModelSpec) -> None:
        super().__init__()
        self._at_first: list[str] = []
        self._window: MainWindow | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.tick)
        self._outputs = LiveOutputs(args, spec, self._say)
        self._tell = self._outputs.listener()

    def attach(self, window: MainWindow) -> None:
        """Send what this window shows, and tell its user so."""
        self._window = window
        self.said.connect(lambda text: window.status.say(text, stay=True))
        window.status.say(" ".join(self._at_first), stay=True)
        self._timer.start(round(1000 * window.settings.hop_s))

    def tick(self) -> None:
        """Send the newest reading, if something is heard."""
        assert self._window is not None
        self._timer.setInterval(round(1000 * self._window.settings.hop_s))
        session, reading = self._window.session, self._window.reading
        if session is None or reading is None or reading.values is None:
            return
        if isinstance(session, FileSession) and not session.player.playing:
            return
        self._tell(tags_of(reading))

    def close(self) -> None:
        self._timer.stop()
        self._outputs.close()

    def _say(self, text: str) -> None:
        if self._window is None:
            self._at_first.append(text)
        else:
            self.said.emit(text)


def tags_of(reading: Reading) -> Tags:
    """A reading whose ``values`` are known, as a window around its time."""
    assert reading.values is not None
    instruments, families, polyphony, expected = as_columns(reading.values)
    level = reading.level
    return Tags(
        start_s=reading.time_s - WINDOW_S / 2,
        end_s=reading.time_s + WINDOW_S / 2,
        instruments=instruments,
        families=families,
        polyphony=polyphony,
        polyphony_expected=expected,
        level=LevelReading(
            level.rms_dbfs, level.peak_dbfs, level.clipped, level.rms_dbfs < OPEN_DBFS, False
        ),
    )

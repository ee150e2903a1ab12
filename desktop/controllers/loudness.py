"""Loudness beside the tags: when it is measured, and where its panel lies."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QBoxLayout

from desktop.sessions.file_session import FileSession
from desktop.sessions.live_session import LiveSession
from desktop.sessions.probe import Measured, SoundProbe
from desktop.widgets.loudness import LoudnessPanel
from desktop.windows.main_window import MainWindow

LOOK_MS = 200
"""Numbers that change oftener cannot be read."""
LEAST_HEIGHT_PX = 700
"""In a lower window the tags need the room; nothing is measured then."""


class Loudness:
    """Switches the panel, and pulls what a session's probe has measured."""

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self.panel = LoudnessPanel(window.theme)
        self._changed = changed
        window.side_column.insertWidget(window.side_column.indexOf(window.level) + 1, self.panel)
        window.session_changed.connect(self.look)
        self._timer = QTimer(self.panel)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        window.closing.connect(self._timer.stop)
        self.look()

    def toggle(self) -> None:
        self.settings.loudness = not self.settings.loudness
        self.look()
        self._changed()

    def reset(self) -> None:
        """The integrated loudness and the true peak begin anew."""
        if (probe := self._probe()) is not None:
            probe.reset()

    def look(self) -> None:
        """Show the newest measurement, where there is room and it is wanted."""
        window, panel = self.window, self.panel
        if panel.theme is not window.theme:
            panel.set_theme(window.theme)
        beside = window.side_column.direction() == QBoxLayout.Direction.TopToBottom
        roomy = beside and window.height() >= window.theme.px(LEAST_HEIGHT_PX)
        shown = self.settings.loudness and roomy and not window.compact
        if panel.isHidden() == shown:
            panel.setVisible(shown)
        probe = self._probe()
        if probe is None:
            return self._show(Measured())
        probe.measure(shown and not window.isMinimized())
        self._show(probe.latest or Measured())

    def _show(self, measured: Measured) -> None:
        self.panel.set_measured(
            measured.loudness, measured.correlation, measured.spectrum_dbfs
        )

    def _probe(self) -> SoundProbe | None:
        session = self.window.session
        return session.probe if isinstance(session, (FileSession, LiveSession)) else None

"""Looking at what was heard: freeze, span and markers of the roll."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QInputDialog

from desktop.widgets.roll import SPANS_S
from desktop.windows.main_window import MainWindow


class Reviewing:
    """What can be done with the roll. ``changed`` is called after a tick in a menu has changed."""

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self._changed = changed

    def toggle_freeze(self) -> None:
        self.window.roll.set_frozen(not self.window.roll.frozen)
        self._changed()

    def span(self, step: int) -> None:
        now = self.settings.roll_span_s
        nearest = min(range(len(SPANS_S)), key=lambda i: abs(SPANS_S[i] - now))
        self.window.roll.set_span(SPANS_S[max(0, min(len(SPANS_S) - 1, nearest + step))])

    def add_marker(self, note: str = "") -> None:
        """Mark where the sound is now."""
        time_s = self._now_s()
        if time_s is not None:
            self._mark(time_s, note)

    def add_note(self) -> None:
        """Mark where the sound is now, then ask what for."""
        time_s = self._now_s()
        if time_s is None:
            return
        note, ok = QInputDialog.getText(self.window, "Marker", "Note:")
        if ok:
            self._mark(time_s, note.strip())

    def _now_s(self) -> float | None:
        if self.window.session is None:
            self.window.status.say("Open a file or an input first; then markers can be set.")
            return None
        return self.window.session.reading().time_s

    def _mark(self, time_s: float, note: str) -> None:
        self.window.roll.add_marker(time_s, note)
        if self.window.log is not None:
            self.window.log.write("marker", time_s=round(time_s, 3), note=note)

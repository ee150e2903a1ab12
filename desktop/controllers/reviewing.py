"""Looking at what was heard: freeze, span and markers of the roll."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import QInputDialog

from desktop.widgets.roll import SPANS_S
from desktop.windows.main_window import MainWindow
from realtime.clock_time import clock_time

NEAR_S = 1.0
"""One step back, right after a marker, goes to the one before it."""


class Reviewing:
    """What can be done with the roll. ``changed`` is called after a tick in a menu has changed."""

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self._changed = changed
        self._looked_at_s: float | None = None
        window.session_changed.connect(self._forget_place)
        window.roll.markers_changed.connect(window.transport.overview.set_markers)

    def _forget_place(self) -> None:
        self._looked_at_s = None

    def toggle_freeze(self) -> None:
        self.window.roll.set_frozen(not self.window.roll.frozen)
        self._forget_place()
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

    def next_marker(self) -> None:
        self._go_to_marker(1)

    def previous_marker(self) -> None:
        self._go_to_marker(-1)

    def delete_marker(self) -> None:
        """Delete the marker that is nearest to what is heard, or looked at."""
        markers, here_s = self.window.roll.markers, self._here_s()
        if not markers or here_s is None:
            self.window.status.say("There is no marker to delete. M sets one.")
            return
        nearest = min(markers, key=lambda marker: abs(marker.time_s - here_s))
        self.window.roll.set_markers([one for one in markers if one is not nearest])
        self._looked_at_s = None
        what = f" ({nearest.note})" if nearest.note else ""
        self.window.status.say(f"Deleted the marker at {clock_time(nearest.time_s)}{what}.")

    def _go_to_marker(self, step: int) -> None:
        here_s = self._here_s()
        times_s = [marker.time_s for marker in self.window.roll.markers]
        if here_s is None or not times_s:
            self.window.status.say("There is no marker to go to. M sets one.")
            return
        # A file that plays has moved on a little since it was sent to the marker before.
        slack_s = NEAR_S if step < 0 else 0.05
        ahead = [t for t in times_s if step * (t - here_s) > slack_s]
        if not ahead:
            which = "last" if step > 0 else "first"
            self.window.status.say(f"That was the {which} marker.")
            return
        self._look_at(min(ahead) if step > 0 else max(ahead))

    def _look_at(self, time_s: float) -> None:
        if self.window.session is not None and self.window.session.is_live:
            self.window.roll.look_at(time_s)
            self._looked_at_s = time_s
            self._changed()
        else:
            self.window.transport.seek(time_s)

    def _here_s(self) -> float | None:
        """Where one is: what is heard, or, in a frozen history, the marker that was looked up."""
        if self.window.session is None:
            return None
        if self.window.roll.frozen and self._looked_at_s is not None:
            return self._looked_at_s
        return self.window.session.reading().time_s

    def _now_s(self) -> float | None:
        if self.window.session is None:
            self.window.status.say("Open a file or an input first; then markers can be set.")
            return None
        return self.window.session.reading().time_s

    def _mark(self, time_s: float, note: str) -> None:
        self.window.roll.add_marker(time_s, note)
        if self.window.log is not None:
            self.window.log.write("marker", time_s=round(time_s, 3), note=note)

"""What can be done with the meters: order, hiding, names, motion, what is expected."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QInputDialog, QMenu

from desktop.sessions.live_session import LiveSession
from desktop.widgets.meter_rows import FAMILY_NAMES
from desktop.windows.actions import add_choice
from desktop.windows.expected import ExpectedDialog
from desktop.windows.main_window import MainWindow
from desktop.windows.motion import MotionDialog
from realtime.taxonomy import FAMILIES


class Metering:
    """The commands of the meters. ``changed`` is called after a tick in a menu has changed."""

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self._changed = changed
        window.meters.rename_wanted.connect(self._ask_name)
        window.expected.choose_wanted.connect(self.choose_expected)
        window.expected.add_wanted.connect(self._toggle_expected)

    def toggle_sort(self) -> None:
        self.settings.sort = "score" if self.settings.sort == "activity" else "activity"
        self.relayout()

    def toggle_quiet(self) -> None:
        self.window.meters.toggle_quiet()
        self._changed()

    def toggle_motion(self) -> None:
        self.settings.reduced_motion = not self.settings.reduced_motion
        self._changed()

    def set_hop(self, hop_s: float) -> None:
        """How often a live input is looked at: shorter is sooner, and costs more CPU."""
        self.settings.hop_s = hop_s
        self.motion_changed("hop_s")

    def show_hidden(self) -> None:
        self.settings.hidden.clear()
        self.relayout()

    def relayout(self) -> None:
        self.window.meters.relayout()
        self._changed()

    def clear_peaks(self) -> None:
        self.window.follower.peaks.reset()
        self.window.level.clear()

    def motion(self) -> None:
        dialog = MotionDialog(self.settings, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.changed.connect(self.motion_changed)
        dialog.show()

    def motion_changed(self, name: str) -> None:
        session = self.window.session
        if session is None:
            return
        if name == "hop_s":
            if isinstance(session, LiveSession):
                session.set_hop(self.settings.hop_s)
        elif name != "peak_hold_s":
            session.set_smoothing(self.window.smoothing())

    def choose_expected(self) -> ExpectedDialog:
        w = self.window
        dialog = ExpectedDialog(self.settings, w.meters.name_of, w.lately.active, w)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def take() -> None:
            self.settings.expected = dialog.chosen()
            self.settings.missing_after_s = dialog.after.value()

        dialog.accepted.connect(take)
        dialog.open()
        return dialog

    def row_menu(self, name: str) -> QMenu:
        """What can be done with a row: a family or an instrument; empty for neither."""
        meters, s = self.window.meters, self.settings
        menu = QMenu(self.window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if name in FAMILIES:
            fold = "Unfold" if name in s.collapsed else "Fold"
            title = f"{fold} {FAMILY_NAMES[name].lower()}"
            add_choice(menu, title, lambda: meters.toggle_collapsed(name))
        elif name:
            pin = "Unpin" if name in s.pinned else "Pin"
            add_choice(menu, pin, lambda: meters.toggle_pinned(name))
            add_choice(menu, "Hide", lambda: meters.toggle_hidden(name))
            add_choice(menu, "Rename…", lambda: self._ask_name(name))
            expect = "Not expected" if name in s.expected else "Expected"
            add_choice(menu, expect, lambda: self._toggle_expected(name))
        return menu

    def _toggle_expected(self, name: str) -> None:
        if name in self.settings.expected:
            self.settings.expected.remove(name)
        else:
            self.settings.expected.append(name)

    def _ask_name(self, name: str) -> None:
        meters = self.window.meters
        text, ok = QInputDialog.getText(
            self.window, "Rename", "Name shown (empty: its own):", text=meters.name_of(name)
        )
        if ok:
            self.rename(name, text)

    def rename(self, name: str, text: str) -> None:
        """Show another name for an instrument; an empty one brings its own back."""
        self.settings.names.pop(name, None)
        if text.strip():
            self.settings.names[name] = text.strip()[:40]
        self.window.meters.relayout()
        self.window.roll.update()

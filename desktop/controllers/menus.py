"""The table of commands with their keys, and the menus in the top bar."""

from __future__ import annotations

import functools
from pathlib import Path

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QDialog, QMenu

from desktop.controllers.correcting import Correcting
from desktop.controllers.helping import Helping
from desktop.controllers.loudness import Loudness
from desktop.controllers.metering import Metering
from desktop.controllers.presets import Presets
from desktop.controllers.reviewing import Reviewing
from desktop.controllers.saving import Saving
from desktop.controllers.sources import Sources
from desktop.controllers.undoing import Undoing
from desktop.controllers.view import SCALES, View
from desktop.widgets.roll import SPANS_S
from desktop.windows.actions import Command, add_choice, install
from desktop.windows.keys import KeySheet
from desktop.windows.main_window import MainWindow
from realtime.outputs.formats import FORMATS
from realtime.taxonomy import INSTRUMENTS

SAVED = [one for one in FORMATS.values() if one.saved]
_SAVE_KEYS = {"csv": ("Ctrl+S",), "audacity": ("Ctrl+Shift+S",)}


DELAYS = (
    ("Calm: two looks a second", 0.5),
    ("Sooner: five looks a second, delay 0.3 s less", 0.2),
    ("Soonest: ten looks a second, delay 0.4 s less", 0.1),
)
"""What a click on the delay offers: text and hop in seconds."""


class Menus:
    """Binds every command to a window."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.settings = window.settings
        self.sources = Sources(window)
        self.saving = Saving(window)
        self.helping = Helping(window)
        self.loudness = Loudness(window, self._show_checks)
        self.metering = Metering(window, self._show_checks)
        self.correcting = Correcting(window)
        self.reviewing = Reviewing(window, self._show_checks)
        self.undoing = Undoing(window)
        self.view = View(window, self._show_checks)
        self.presets = Presets(window, self._settings_changed)
        self.commands = self._commands()
        self.actions = install(window, self.commands)
        self.recent = QMenu("Recent files", window)
        self._build()
        self._show_checks()
        window.meters.menu_wanted.connect(self._row_menu)
        window.status.leave_compact.connect(self.view.toggle_compact)
        window.session_changed.connect(self._show_recent)
        window.meters.edited.connect(self._show_checks)

    def _commands(self) -> list[Command]:
        w, step = self.window, self.window.transport
        meters, roll = self.metering, self.reviewing
        return [
            Command("open", "File", "Open a file…", ("Ctrl+O",), self.sources.open_file),
            Command("live", "File", "Live input…", ("Ctrl+L",), self.sources.choose_live),
            Command("chain", "File", "Effects chain…", ("Ctrl+E",), self.sources.show_chain),
            Command("audit", "File", "Audibility of stems…", ("Ctrl+B",), self.sources.show_audit),
            Command("close", "File", "Close what is open", ("Ctrl+W",), w.reset_session),
            *(Command(one.name, "File", f"Save as {one.title}…", _SAVE_KEYS.get(one.name, ()),
                      functools.partial(self.saving.save, one.name)) for one in SAVED),
            Command("png", "File", "Save a picture…", ("Ctrl+P",), self.saving.save_picture),
            Command("logs", "File", "Show the session logs", (), self.saving.show_logs),
            Command("quit", "File", "Quit", ("Ctrl+Q",), w.close),
            Command("play", "Playback", "Play or pause", ("Space",), step.toggle_play),
            Command("start", "Playback", "To the start", ("Home",), lambda: step.seek(0.0)),
            Command("back", "Playback", "5 s back", (",",), lambda: step.step(-5.0)),
            Command("on", "Playback", "5 s forward", (".",), lambda: step.step(5.0)),
            Command("loop", "Playback", "Loop 8 s from here, or end the loop", ("L",),
                    step.toggle_loop),
            Command("slower", "Playback", "Slower", ("[",), lambda: step.change_speed(-1)),
            Command("faster", "Playback", "Faster", ("]",), lambda: step.change_speed(1)),
            Command("activity", "Meters", "Sort by activity", ("S",), meters.toggle_sort, True),
            Command("quiet", "Meters", "Show the quiet ones", ("A",), meters.toggle_quiet, True),
            Command("unhide", "Meters", "Show hidden instruments", ("Shift+H",),
                    meters.show_hidden),
            Command("loudness", "Meters", "Loudness", ("K",), self.loudness.toggle, True),
            Command("clear", "Meters", "Clear peaks, the clip lamp and the loudness", ("R",),
                    self._clear),
            Command("motion", "Meters", "Meter motion…", ("Ctrl+M",), meters.motion),
            Command("expected", "Meters", "Expected instruments…", ("E",), meters.choose_expected),
            Command("still", "Meters", "Reduced motion", (), meters.toggle_motion, True),
            Command("freeze", "History", "Freeze", ("F",), roll.toggle_freeze, True),
            Command("shorter", "History", "Shorter span", ("Ctrl+Left",), lambda: roll.span(-1)),
            Command("longer", "History", "Longer span", ("Ctrl+Right",), lambda: roll.span(1)),
            Command("marker", "History", "Set a marker", ("M",), roll.add_marker),
            Command("note", "History", "Set a marker with a note…", ("N",), roll.add_note),
            Command("next_marker", "History", "To the next marker", ("PgDown",),
                    roll.next_marker),
            Command("previous_marker", "History", "To the marker before", ("PgUp",),
                    roll.previous_marker),
            Command("delete_marker", "History", "Delete the nearest marker", ("Shift+M",),
                    roll.delete_marker),
            Command("undo", "View", "Undo", ("Ctrl+Z",), self.undoing.undo),
            Command("redo", "View", "Do again", ("Ctrl+Shift+Z", "Ctrl+Y"), self.undoing.redo),
            Command("compact", "View", "Compact, always on top", ("C",),
                    self.view.toggle_compact, True),
            Command("on_top", "View", "Always on top", ("T",), self.view.toggle_on_top, True),
            Command("full", "View", "Full screen", ("F11",), self.view.toggle_full, True),
            Command("theme", "View", "Dark or light", ("D",), self.view.flip_theme),
            Command("bigger", "View", "Larger", ("Ctrl++", "Ctrl+="), lambda: self.view.zoom(1)),
            Command("smaller", "View", "Smaller", ("Ctrl+-",), lambda: self.view.zoom(-1)),
            Command("actual", "View", "Normal size", ("Ctrl+0",), lambda: self.view.set_scale(1.0)),
            Command("keys", "View", "All keys", ("?",), self.show_keys),
            Command("guide", "View", "Guide", ("F1",), self.helping.show_guide),
            Command("about", "View", "About Tutti…", (), self.helping.show_about),
        ]  # fmt: skip

    # -- menus -----------------------------------------------------------------------

    def _build(self) -> None:
        bar, window, act = self.window.topbar, self.window, self.actions
        sources = QMenu(window)
        sources.addActions([act["open"], act["live"], act["chain"], act["audit"]])
        sources.addMenu(self.recent)
        sources.addSeparator()
        sources.addActions([act["close"], act["quit"]])
        view = QMenu(window)
        view.addActions([act[n] for n in ("undo", "redo")])
        view.addSeparator()
        meters = ("activity", "quiet", "unhide", "loudness", "clear", "motion", "still")
        view.addActions([act[n] for n in meters])
        view.addSeparator()
        spans = view.addMenu("History span")
        for span_s in SPANS_S:
            add_choice(spans, span_text(span_s), functools.partial(window.roll.set_span, span_s))
        view.addActions([act[n] for n in ("freeze", "marker", "note")])
        markers = view.addMenu("Markers")
        if markers is not None:
            steps = ("next_marker", "previous_marker", "delete_marker")
            markers.addActions([act[n] for n in steps])
        view.addSeparator()
        themes = view.addMenu("Theme")
        for choice in ("dark", "light", "system"):
            add_choice(themes, choice.capitalize(), functools.partial(self.view.set_theme, choice))
        sizes = view.addMenu("Size")
        for scale in SCALES:
            add_choice(sizes, f"{scale * 100:.0f} %", functools.partial(self.view.set_scale, scale))
        view.addActions([act[n] for n in ("compact", "on_top", "full")])
        view.addSeparator()
        view.addMenu(self.presets.menu)
        view.addSeparator()
        view.addActions([act[n] for n in ("guide", "keys", "about")])
        saving = QMenu(window)
        saving.addActions([act[n] for n in (*(f.name for f in SAVED), "png", "logs")])
        bar.add_button("Open", "A file or a live input", sources)
        bar.add_button("Expected", "Tick the instruments of the session (E)").clicked.connect(
            lambda: self.metering.choose_expected()
        )
        bar.add_button("View", "What is shown, and how", view)
        bar.add_button("Save", "The timeline, a picture, the log", saving)
        bar.add_button("?", "All keys").clicked.connect(lambda: self.show_keys())
        delays = QMenu(window)
        for text, hop_s in DELAYS:
            add_choice(delays, text, functools.partial(self.metering.set_hop, hop_s))
        delays.addAction(act["motion"])
        bar.delay.set_choices(delays)
        self._show_recent()

    def _show_recent(self) -> None:
        self.recent.clear()
        for path in self.settings.recent_files:
            call = functools.partial(self.window.open_file, Path(path), play=True)
            add_choice(self.recent, Path(path).name, call)
        self.recent.setEnabled(bool(self.settings.recent_files))

    def _show_checks(self) -> None:
        s, w = self.settings, self.window
        for name, on in (
            ("activity", s.sort == "activity"), ("quiet", s.quiet_open),
            ("still", s.reduced_motion), ("loudness", s.loudness), ("freeze", w.roll.frozen),
            ("compact", w.compact), ("on_top", s.on_top), ("full", w.isFullScreen()),
        ):  # fmt: skip
            self.actions[name].setChecked(on)

    def _settings_changed(self) -> None:
        """Show and use settings that came from a preset."""
        self.metering.relayout()
        self.window.use_thresholds()
        self.metering.motion_changed("attack_s")
        self.metering.motion_changed("hop_s")
        self.window.roll.set_span(self.settings.roll_span_s)

    def _clear(self) -> None:
        self.metering.clear_peaks()
        self.loudness.reset()

    def _row_menu(self, name: str, where: QPoint) -> None:
        menu = self.metering.row_menu(name)
        if name in INSTRUMENTS:
            self.correcting.add_to(menu, name)
        menu.addSeparator()
        menu.addActions([self.actions[n] for n in ("activity", "quiet", "unhide")])
        menu.popup(where)

    def show_keys(self) -> QDialog:
        sheet = KeySheet(self.commands, self.window.theme, self.window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.show()
        return sheet


def span_text(span_s: float) -> str:
    return f"{span_s:.0f} s" if span_s < 60 else f"{span_s / 60:.0f} min"

"""Commands, their keys, the menus in the top bar, and the dialogs they open."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMenu, QWidget

from desktop.actions import Command, install
from desktop.file_session import FileSession
from desktop.live import open_live
from desktop.live_session import LiveSession
from desktop.main_window import MainWindow
from desktop.saving import Saving
from desktop.settings import Settings
from desktop.view import SCALES, View
from desktop.widgets.expected import ExpectedDialog
from desktop.widgets.keys import KeySheet
from desktop.widgets.live_input import LiveInputDialog
from desktop.widgets.meter_rows import FAMILY_NAMES
from desktop.widgets.motion import MotionDialog
from desktop.widgets.roll import SPANS_S
from realtime.taxonomy import FAMILIES

SOUND_FILES = "Sound files (*.wav *.flac *.ogg *.mp3 *.aif *.aiff)"


class Menus:
    """Binds every command to a window."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.settings = window.settings
        self.saving = Saving(window)
        self.view = View(window, self._show_checks)
        self.commands = self._commands()
        self.actions = install(window, self.commands)
        self.recent = QMenu("Recent files", window)
        self.presets = QMenu("Presets", window)
        self._build()
        self._show_checks()
        window.meters.menu_wanted.connect(self._row_menu)
        window.meters.rename_wanted.connect(self._rename)
        window.expected.choose_wanted.connect(self.choose_expected)
        window.status.leave_compact.connect(self.view.toggle_compact)
        window.session_changed.connect(self._show_recent)

    def _commands(self) -> list[Command]:
        w, step = self.window, self.window.transport
        return [
            Command("open", "File", "Open a file…", ("Ctrl+O",), self.open_file),
            Command("live", "File", "Live input…", ("Ctrl+L",), self.choose_live),
            Command("chain", "File", "Effects chain…", ("Ctrl+E",), self.show_chain),
            Command("audit", "File", "Audibility of stems…", ("Ctrl+B",), self.show_audit),
            Command("close", "File", "Close what is open", ("Ctrl+W",), w.reset_session),
            Command("csv", "File", "Save as CSV…", ("Ctrl+S",), lambda: self.saving.save("csv")),
            Command("jsonl", "File", "Save as JSON lines…", (), lambda: self.saving.save("jsonl")),
            Command("audacity", "File", "Save as Audacity labels…", ("Ctrl+Shift+S",),
                    lambda: self.saving.save("audacity")),
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
            Command("activity", "Meters", "Sort by activity", ("S",), self.toggle_sort, True),
            Command("only", "Meters", "Only active instruments", ("A",), self.toggle_only, True),
            Command("unhide", "Meters", "Show hidden instruments", ("Shift+H",), self.show_hidden),
            Command("clear", "Meters", "Clear peaks and the clip lamp", ("R",), self.clear_peaks),
            Command("motion", "Meters", "Meter motion…", ("Ctrl+M",), self.motion),
            Command("expected", "Meters", "Expected instruments…", ("E",), self.choose_expected),
            Command("freeze", "History", "Freeze", ("F",), self.toggle_freeze, True),
            Command("shorter", "History", "Shorter span", ("Ctrl+Left",), lambda: self.span(-1)),
            Command("longer", "History", "Longer span", ("Ctrl+Right",), lambda: self.span(1)),
            Command("marker", "History", "Set a marker", ("M",), self.add_marker),
            Command("note", "History", "Set a marker with a note…", ("N",), self.add_note),
            Command("compact", "View", "Compact, always on top", ("C",),
                    self.view.toggle_compact, True),
            Command("on_top", "View", "Always on top", ("T",), self.view.toggle_on_top, True),
            Command("full", "View", "Full screen", ("F11",), self.view.toggle_full, True),
            Command("theme", "View", "Dark or light", ("D",), self.view.flip_theme),
            Command("bigger", "View", "Larger", ("Ctrl++", "Ctrl+="), lambda: self.view.zoom(1)),
            Command("smaller", "View", "Smaller", ("Ctrl+-",), lambda: self.view.zoom(-1)),
            Command("actual", "View", "Normal size", ("Ctrl+0",), lambda: self.view.set_scale(1.0)),
            Command("keys", "View", "All keys", ("?", "F1"), self.show_keys),
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
        view.addActions([act[n] for n in ("activity", "only", "unhide", "clear", "motion")])
        view.addSeparator()
        spans = view.addMenu("History span")
        for span_s in SPANS_S:
            self._choice(spans, span_text(span_s), functools.partial(window.roll.set_span, span_s))
        view.addActions([act[n] for n in ("freeze", "marker", "note")])
        view.addSeparator()
        themes = view.addMenu("Theme")
        for choice in ("dark", "light", "system"):
            self._choice(
                themes, choice.capitalize(), functools.partial(self.view.set_theme, choice)
            )
        sizes = view.addMenu("Size")
        for scale in SCALES:
            self._choice(
                sizes, f"{scale * 100:.0f} %", functools.partial(self.view.set_scale, scale)
            )
        view.addActions([act[n] for n in ("compact", "on_top", "full")])
        view.addSeparator()
        view.addMenu(self.presets)
        self.presets.aboutToShow.connect(self._show_presets)
        saving = QMenu(window)
        saving.addActions([act[n] for n in ("csv", "jsonl", "audacity", "png", "logs")])
        bar.add_button("Open", "A file or a live input", sources)
        bar.add_button("Expected", "Tick the instruments of the session (E)").clicked.connect(
            lambda: self.choose_expected()
        )
        bar.add_button("View", "What is shown, and how", view)
        bar.add_button("Save", "The timeline, a picture, the log", saving)
        bar.add_button("?", "All keys").clicked.connect(lambda: self.show_keys())
        self._show_recent()

    def _choice(self, menu: QMenu | None, text: str, call: Callable[[], object]) -> None:
        if menu is not None:
            action = menu.addAction(text)
            if action is not None:
                action.triggered.connect(lambda _checked=False: call())

    def _show_recent(self) -> None:
        self.recent.clear()
        for path in self.settings.recent_files:
            self._choice(
                self.recent, Path(path).name, functools.partial(self.window.open_file, Path(path))
            )
        self.recent.setEnabled(bool(self.settings.recent_files))

    def _show_presets(self) -> None:
        self.presets.clear()
        for name in sorted(self.settings.presets):
            self._choice(self.presets, name, functools.partial(self.load_preset, name))
        self.presets.addSeparator()
        self._choice(self.presets, "Save as…", self.save_preset)
        if self.settings.presets:
            self._choice(self.presets, "Delete…", self.delete_preset)
        self._choice(self.presets, "Reset to defaults", self.reset)

    def _show_checks(self) -> None:
        s, w = self.settings, self.window
        for name, on in (
            ("activity", s.sort == "activity"), ("only", s.only_active),
            ("freeze", w.roll.frozen), ("compact", w.compact), ("on_top", s.on_top),
            ("full", w.isFullScreen()),
        ):  # fmt: skip
            self.actions[name].setChecked(on)

    # -- sources ---------------------------------------------------------------------

    def open_file(self) -> None:
        recent = self.settings.recent_files
        folder = str(Path(recent[0]).parent) if recent else ""
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a file", folder, SOUND_FILES)
        if path:
            self.window.open_file(Path(path))

    def choose_live(self) -> LiveInputDialog:
        dialog = LiveInputDialog(self.settings, self.window.background, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted_input.connect(lambda _device: self.listen())
        dialog.open()
        return dialog

    def listen(self, name: str | None = None) -> None:
        """Listen to the remembered device, or to one by (part of) its name."""
        w = self.window
        before = w.session
        w.close_session()
        closing = before.closing if isinstance(before, LiveSession) else None
        w.show_session(
            open_live(self.settings, w.model, w.smoothing(), w.log, name, wait_for=closing)
        )
        self.settings.last_source = "live"
        if w.log is not None:
            w.log.write("live", device=w.session.title if w.session else "")

    def show_chain(self) -> QWidget:
        """The effects chain in a window of its own; an open file is its first input."""
        from desktop.widgets.chain import ChainWindow

        w = self.window
        chain = ChainWindow(w.theme, w.model, w)
        chain.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        w.closing.connect(chain.close)
        if isinstance(w.session, FileSession):
            chain.use_file(w.session.path)
        chain.show()
        return chain

    def show_audit(self) -> QWidget:
        """Which stems cannot be heard in a mix, in a window of its own; an open file is the mix."""
        from desktop.widgets.audit import AuditWindow

        w = self.window
        audit = AuditWindow(w.theme, w.model, w)
        audit.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        audit.time_chosen.connect(self._hear_at)
        w.closing.connect(audit.close)
        if isinstance(w.session, FileSession):
            audit.use(w.session.path, [])
        audit.show()
        return audit

    def _hear_at(self, path: Path, time_s: float) -> None:
        session = self.window.session
        if not isinstance(session, FileSession) or session.path != path:
            self.window.open_file(path)
        self.window.transport.seek(time_s)

    # -- meters ----------------------------------------------------------------------

    def toggle_sort(self) -> None:
        self.settings.sort = "score" if self.settings.sort == "activity" else "activity"
        self._meters_changed()

    def toggle_only(self) -> None:
        self.settings.only_active = not self.settings.only_active
        self._meters_changed()

    def show_hidden(self) -> None:
        self.settings.hidden.clear()
        self._meters_changed()

    def _meters_changed(self) -> None:
        self.window.meters.relayout()
        self._show_checks()

    def clear_peaks(self) -> None:
        self.window.follower.peaks.reset()
        self.window.level.clear()

    def motion(self) -> None:
        dialog = MotionDialog(self.settings, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.changed.connect(self._motion_changed)
        dialog.show()

    def _motion_changed(self, name: str) -> None:
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

    def _row_menu(self, name: str, where: QPoint) -> None:
        meters, s = self.window.meters, self.settings
        menu = QMenu(self.window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if name in FAMILIES:
            fold = "Unfold" if name in s.collapsed else "Fold"
            title = f"{fold} {FAMILY_NAMES[name].lower()}"
            self._choice(menu, title, lambda: meters.toggle_collapsed(name))
        elif name:
            pin = "Unpin" if name in s.pinned else "Pin"
            self._choice(menu, pin, lambda: meters.toggle_pinned(name))
            self._choice(menu, "Hide", lambda: meters.toggle_hidden(name))
            self._choice(menu, "Rename…", lambda: self._rename(name))
            expect = "Not expected" if name in s.expected else "Expected"
            self._choice(menu, expect, lambda: self._toggle_expected(name))
        menu.addSeparator()
        menu.addActions([self.actions[n] for n in ("activity", "only", "unhide")])
        menu.popup(where)

    def _toggle_expected(self, name: str) -> None:
        if name in self.settings.expected:
            self.settings.expected.remove(name)
        else:
            self.settings.expected.append(name)

    def _rename(self, name: str) -> None:
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

    # -- history ---------------------------------------------------------------------

    def toggle_freeze(self) -> None:
        self.window.roll.set_frozen(not self.window.roll.frozen)
        self._show_checks()

    def span(self, step: int) -> None:
        now = self.settings.roll_span_s
        nearest = min(range(len(SPANS_S)), key=lambda i: abs(SPANS_S[i] - now))
        self.window.roll.set_span(SPANS_S[max(0, min(len(SPANS_S) - 1, nearest + step))])

    def add_marker(self, note: str = "") -> None:
        session = self.window.session
        if session is None:
            self.window.status.say("Open a file or an input first; then markers can be set.")
            return
        time_s = session.reading().time_s
        self.window.roll.add_marker(time_s, note)
        if self.window.log is not None:
            self.window.log.write("marker", time_s=round(time_s, 3), note=note)

    def add_note(self) -> None:
        session = self.window.session
        if session is None:
            self.add_marker()
            return
        time_s = session.reading().time_s
        text, ok = QInputDialog.getText(self.window, "Marker", "Note:")
        if ok:
            self.window.roll.add_marker(time_s, text.strip())
            if self.window.log is not None:
                self.window.log.write("marker", time_s=round(time_s, 3), note=text.strip())

    # -- presets ---------------------------------------------------------------------

    def save_preset(self) -> None:
        name, ok = QInputDialog.getText(self.window, "Save preset", "Name:")
        if ok and name.strip():
            self.settings.presets[name.strip()[:40]] = self.settings.preset()

    def load_preset(self, name: str) -> None:
        self.settings.apply(self.settings.presets.get(name), preset_only=True)
        self._all_changed()

    def delete_preset(self) -> None:
        names = sorted(self.settings.presets)
        name, ok = QInputDialog.getItem(self.window, "Delete preset", "Preset:", names, 0, False)
        if ok:
            self.settings.presets.pop(name, None)

    def reset(self) -> None:
        """Everything a preset holds, back to the defaults."""
        self.settings.apply(Settings().preset(), preset_only=True)
        self._all_changed()

    def _all_changed(self) -> None:
        self._meters_changed()
        self._motion_changed("attack_s")
        self._motion_changed("hop_s")
        self.window.roll.set_span(self.settings.roll_span_s)

    def show_keys(self) -> QDialog:
        sheet = KeySheet(self.commands, self.window.theme, self.window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.show()
        return sheet


def span_text(span_s: float) -> str:
    return f"{span_s:.0f} s" if span_s < 60 else f"{span_s / 60:.0f} min"

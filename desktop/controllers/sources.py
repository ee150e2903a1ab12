"""What is listened to: the commands that open a file, an input, a chain or stems."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

import realtime
from desktop.sessions.file_session import FileSession
from desktop.sessions.live_session import LiveSession
from desktop.sessions.open_live import open_live
from desktop.windows.live_input import LiveInputDialog
from desktop.windows.main_window import MainWindow
from desktop.windows.sound_dialog import ask_sound
from realtime.sources.device import Device

DEMO = Path(realtime.__file__).parent / "assets" / "demo.ogg"


class Sources:
    """Opens what a window listens to, and the windows that listen to more than one thing."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.settings = window.settings
        window.welcome.open_wanted.connect(self.open_file)
        window.welcome.listen_wanted.connect(self.choose_live)
        window.welcome.demo_wanted.connect(self.play_demo)

    def play_demo(self) -> None:
        """The piece that comes with the program."""
        self.window.open_file(DEMO, play=True)

    def open_file(self) -> None:
        recent = self.settings.recent_files
        folder = str(Path(recent[0]).parent) if recent else ""
        path = ask_sound(self.window, "Open a file", folder)
        if path is not None:
            self.window.open_file(path, play=True)

    def choose_live(self) -> LiveInputDialog:
        dialog = LiveInputDialog(self.settings, self.window.background, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted_input.connect(self.listen)
        dialog.open()
        return dialog

    def listen(self, chosen: Device | str | None = None) -> None:
        """Listen to the remembered device, or to ``chosen``; see ``open_live``."""
        w = self.window
        before = w.session
        w.close_session()
        closing = before.closing if isinstance(before, LiveSession) else None
        w.show_session(
            open_live(self.settings, w.model, w.smoothing(), w.log, chosen, wait_for=closing)
        )
        self.settings.last_source = "live"
        if w.log is not None:
            w.log.write("live", device=w.session.title if w.session else "")

    def show_chain(self) -> QWidget:
        """The effects chain in a window of its own; an open file is its first input."""
        from desktop.windows.chain import ChainWindow

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
        from desktop.windows.audit import AuditWindow

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

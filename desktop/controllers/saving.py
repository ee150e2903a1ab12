"""Saving what was heard and what is seen, and finding the logs: the commands of the Save menu."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QFileDialog

from desktop.kept.save import save_picture, save_timeline
from desktop.windows.main_window import MainWindow
from realtime.errors import TuttiError
from realtime.outputs.formats import FORMATS


class Saving:
    """Asks where, writes in the background, and says in the status bar how it went."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def save(self, kind: str) -> None:
        session = self.window.session
        timeline = session.timeline() if session else None
        if session is None or timeline is None:
            self.window.status.say("There is nothing to save yet: open a file or an input first.")
            return
        what, suffix = FORMATS[kind].title, FORMATS[kind].suffix
        path, _ = QFileDialog.getSaveFileName(
            self.window,
            f"Save as {what}",
            f"{Path(session.title).stem}{suffix}",
            f"{what} (*{suffix})",
        )
        if path:
            self.save_to(Path(path), kind)

    def save_to(self, path: Path, kind: str) -> None:
        """Write the timeline in the background and say how it went."""
        session, say = self.window.session, self.window.status.say
        timeline = session.timeline() if session else None
        if timeline is None:
            return
        markers = [(marker.time_s, marker.note) for marker in self.window.roll.markers]

        def told(_result: object, error: Exception | None) -> None:
            say(str(error) if error else f"Saved {path.name}: {len(timeline)} windows.")

        self.window.background.run(
            lambda: save_timeline(timeline, path, kind, markers), told, "save"
        )

    def save_picture(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self.window, "Save a picture", "tutti.png", "PNG (*.png)"
        )
        if path:
            self.save_picture_to(Path(path))

    def save_picture_to(self, path: Path) -> None:
        """The window as it is, as a PNG."""
        try:
            save_picture(self.window, path)
        except TuttiError as error:
            self.window.status.say(str(error))
        else:
            self.window.status.say(f"Saved {path.name}.")

    def show_logs(self) -> None:
        if self.window.log is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.window.log.path.parent)))

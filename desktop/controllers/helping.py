"""Help: the guide, and what this program is."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

from desktop.kept.session_log import logs_folder
from desktop.kept.settings import settings_path
from desktop.windows.about import AboutDialog
from desktop.windows.guide import GuideWindow
from desktop.windows.main_window import MainWindow
from realtime.errors import TuttiError


class Helping:
    """The commands of F1 and of About."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def show_guide(self) -> QWidget | None:
        try:
            guide = GuideWindow(self.window.theme, self.window)
        except TuttiError as error:
            self.window.status.say(str(error), stay=True)
            return None
        guide.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.window.closing.connect(guide.close)
        guide.show()
        return guide

    def show_about(self) -> AboutDialog:
        about = AboutDialog(
            self.window.theme, self._model(), settings_path(), logs_folder(), self.window
        )
        about.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        about.open()
        return about

    def _model(self) -> str:
        model = self.window.model
        if not model.done():
            return "not loaded yet"
        error = model.exception()
        if error is not None:
            return str(error)
        spec = model.result().spec
        return f"{spec.name} {spec.version}"

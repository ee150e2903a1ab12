"""How the window looks and lies: theme, size, compact, on top, full screen."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtWidgets import QApplication

from desktop.looks.dress import dress, resolve_theme
from desktop.windows.main_window import MainWindow

SCALES = (0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
COMPACT_SIZE = (320, 600)


class View:
    """The commands of the View menu that concern the window as a whole.

    ``changed`` is called after what a menu shows as ticked has changed.
    """

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self._changed = changed
        self._full_geometry: QByteArray | None = None

    def set_theme(self, choice: str) -> None:
        self.settings.theme = choice
        self.apply_theme()

    def flip_theme(self) -> None:
        self.set_theme("light" if self.window.theme.is_dark else "dark")

    def set_scale(self, scale: float) -> None:
        self.settings.scale = scale
        self.apply_theme()

    def zoom(self, step: int) -> None:
        nearest = min(range(len(SCALES)), key=lambda i: abs(SCALES[i] - self.settings.scale))
        self.set_scale(SCALES[max(0, min(len(SCALES) - 1, nearest + step))])

    def apply_theme(self) -> None:
        theme = resolve_theme(self.settings.theme, self.settings.scale)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            dress(app, theme, follow_system=self.settings.theme == "system")
        self.window.set_theme(theme)

    def toggle_compact(self) -> None:
        w = self.window
        if not w.compact:
            self._full_geometry = w.saveGeometry()
            w.set_compact(True)
            self.stay_on_top(True)
            w.resize(*(w.theme.px(side) for side in COMPACT_SIZE))
        else:
            w.set_compact(False)
            self.stay_on_top(self.settings.on_top)
            if self._full_geometry is not None:
                w.restoreGeometry(self._full_geometry)
        w.meters.relayout()
        self._changed()

    def toggle_on_top(self) -> None:
        self.settings.on_top = not self.settings.on_top
        self.stay_on_top(self.settings.on_top)
        self._changed()

    def stay_on_top(self, on_top: bool) -> None:
        w = self.window
        visible = w.isVisible()
        w.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint, on_top)
        if visible:
            w.show()

    def toggle_full(self) -> None:
        w = self.window
        w.setWindowState(w.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._changed()

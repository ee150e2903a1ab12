"""The application's looks: which theme, and how the whole application takes it on."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from desktop.looks.theme import Theme


def resolve_theme(choice: str, scale: float) -> Theme:
    """The theme for ``dark``, ``light`` or ``system``; a system that does not say gets dark."""
    if choice == "system":
        hints = QApplication.styleHints()
        light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
        choice = "light" if light else "dark"
    return Theme.named(choice, scale)


def first_scale(screen_height_px: int) -> float:
    """The size to begin with: a screen of many pixels that its system does not enlarge gets more.

    ``screen_height_px`` counts the system's own scaling: 1440 for a 5K screen at 200 %.
    """
    return 2.0 if screen_height_px >= 2600 else 1.5 if screen_height_px >= 1900 else 1.0


def dress(app: QApplication, theme: Theme, *, follow_system: bool = False) -> None:
    """Give the whole application a theme; the window frame follows where the system can."""
    hints = QApplication.styleHints()
    if hints is not None:
        scheme = Qt.ColorScheme.Dark if theme.is_dark else Qt.ColorScheme.Light
        hints.setColorScheme(Qt.ColorScheme.Unknown if follow_system else scheme)
    app.setPalette(theme.palette())
    app.setFont(theme.font(14))
    app.setStyleSheet(theme.style_sheet())

"""Starting the window: application, theme, settings, screenshot."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QApplication

from desktop import settings as stored
from desktop.bridge import ModelLoader
from desktop.main_window import MainWindow
from desktop.player import SilentSink
from desktop.theme import Theme
from realtime.errors import TuttiError

WINDOW_SIZE = (1440, 900)


def application() -> QApplication:
    """The one QApplication, named and styled."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(sys.argv[:1])
    app.setApplicationName("tutti")
    app.setApplicationDisplayName("Tutti")
    app.setStyle("Fusion")
    return app


def resolve_theme(choice: str, scale: float) -> Theme:
    """The theme for ``dark``, ``light`` or ``system``."""
    if choice == "system":
        hints = QApplication.styleHints()
        dark = hints is None or hints.colorScheme() != Qt.ColorScheme.Light
        choice = "dark" if dark else "light"
    return Theme.named(choice, scale)


def dress(app: QApplication, theme: Theme) -> None:
    """Give the whole application a theme, the window frame included where it follows."""
    hints = app.styleHints()
    if hints is not None:
        hints.setColorScheme(Qt.ColorScheme.Dark if theme.is_dark else Qt.ColorScheme.Light)
    app.setPalette(theme.palette())
    app.setFont(theme.font(14))
    app.setStyleSheet(theme.style_sheet())


def run_monitor(args: argparse.Namespace) -> int:
    """Open the window and run until it is closed, or until the screenshot is drawn.

    Raises:
        TuttiError: the screenshot cannot be written.
    """
    app = application()
    path = stored.settings_path()
    settings, damage = stored.load(path)
    loader = ModelLoader(args.model)
    choice = args.theme or settings.theme
    theme = resolve_theme(choice, settings.scale)
    dress(app, theme)
    window = MainWindow(settings, theme, loader.future)
    window.resize(*(theme.px(side) for side in WINDOW_SIZE))
    if args.screenshot is not None:
        window.sink = _silent
    window.show()
    if damage:
        window.status.say(damage)
    if args.file is not None:
        window.open_file(args.file, play=not args.paused)
    failure: list[str] = []
    if args.screenshot is not None:
        QTimer.singleShot(
            round(args.after * 1000), lambda: _shoot(app, window, args.screenshot, failure)
        )
    code = app.exec()
    if args.screenshot is None:
        try:
            stored.save(settings, path)
        except OSError as error:
            print(f"tutti: the settings were not saved ({error}).", file=sys.stderr)
    if failure:
        raise TuttiError(failure[0])
    return code


def _silent(sample_rate_hz: int, channels: int) -> SilentSink:
    return SilentSink(sample_rate_hz)


def _shoot(app: QApplication, window: MainWindow, path: Path, failure: list[str]) -> None:
    window.tick()
    if not window.grab().save(str(path)):
        failure.append(f"{path} cannot be written: name another file, ending in .png.")
    window.close()
    app.quit()

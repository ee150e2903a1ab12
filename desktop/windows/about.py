"""About Tutti: both versions, licences, where settings and logs lie; copied for a report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QGuiApplication
from PyQt6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.looks.icons import program_icon
from desktop.looks.theme import Theme
from realtime import __version__

LIBRARIES = (
    ("PyQt6", "Qt's windows", "GPL-3.0"),
    ("onnxruntime", "runs the network", "MIT"),
    ("pedalboard", "effects and plugins", "GPL-3.0"),
    ("av", "FFmpeg: files, loudness", "BSD-3; its FFmpeg GPL-3.0"),
    ("sounddevice", "PortAudio", "MIT"),
    ("soundfile", "libsndfile", "BSD-3; libsndfile LGPL-2.1"),
    ("soxr", "sample rates", "LGPL-2.1"),
    ("numpy", "numbers", "BSD-3"),
    ("rich", "the terminal", "MIT"),
)
"""Each with what it is for, and its licence."""


def facts(model: str, settings: Path, logs: Path) -> list[tuple[str, str]]:
    """Names and values, as shown and as copied."""
    return [
        ("Version", __version__),
        ("Model", model),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("Settings", str(settings)),
        ("Logs", str(logs)),
    ]


class AboutDialog(QDialog):
    """``model``: name and version of the network that hears, or why there is none."""

    def __init__(
        self,
        theme: Theme,
        model: str,
        settings: Path,
        logs: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Tutti")
        self.facts = facts(model, settings, logs)
        px = theme.px
        icon = QLabel()
        icon.setPixmap(program_icon().pixmap(px(72), px(72)))
        name = QLabel("Tutti")
        name.setStyleSheet(f"font-size: {px(30)}px; font-weight: 600")
        what = _words(
            "Meters that show which instruments sound in your mix, and how many. It hears on this "
            "computer alone: nothing is sent anywhere.", theme,
        )  # fmt: skip
        head = QHBoxLayout()
        head.setSpacing(px(20))
        head.addWidget(icon)
        words = QVBoxLayout()
        words.addWidget(name)
        words.addWidget(what)
        head.addLayout(words, 1)
        free = _words(
            "Free software under the GNU General Public License, version 3 or later, without any "
            "warranty. It is made of:", theme,
        )  # fmt: skip
        copy = QPushButton("Copy for a report")
        copy.clicked.connect(self.copy)
        show = QPushButton("Show the logs")
        show.setEnabled(logs.is_dir())
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(logs))))
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(copy)
        buttons.addWidget(show)
        buttons.addStretch()
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(28), px(24), px(28), px(24))
        column.setSpacing(px(20))
        column.addLayout(head)
        column.addLayout(_table([(n, v, "") for n, v in self.facts], theme))
        column.addWidget(free)
        column.addLayout(_table([(_named(n), w, of) for n, w, of in LIBRARIES], theme))
        column.addLayout(buttons)
        self.setMinimumWidth(px(680))
        close.setFocus()

    def copy(self) -> None:
        """The facts as text, for a report of a fault."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(f"{name}: {value}" for name, value in self.facts))


def _named(package: str) -> str:
    try:
        return f"{package} {metadata(package)['Version']}"
    except PackageNotFoundError:  # the packaged program does not carry every package's own word
        return package


def _words(text: str, theme: Theme) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setFont(theme.font(15))
    label.setMinimumHeight(theme.px(40))
    return label


def _table(rows: list[tuple[str, str, str]], theme: Theme) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.px(20))
    grid.setVerticalSpacing(theme.px(5))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            label = QLabel(text)
            label.setFont(theme.font(14, bold=column == 0))
            label.setMinimumHeight(theme.px(20))
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if column:
                label.setProperty("role", "muted")
            grid.addWidget(label, row, column)
    grid.setColumnStretch(2 if any(third for *_, third in rows) else 1, 1)
    return grid

"""The sheet of every key, made from the same table as the menus."""

from __future__ import annotations

from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from desktop.looks.theme import Theme
from desktop.windows.actions import WIDGET_KEYS, Command

_COLUMNS = 3


class KeySheet(QDialog):
    """Groups of keys in columns; any key closes it."""

    def __init__(
        self, commands: list[Command], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        px = theme.px
        groups: dict[str, list[tuple[str, str]]] = {}
        for command in commands:
            if command.keys:
                shown = _native(command.keys[0])
                groups.setdefault(command.group, []).append((shown, command.text))
        for group, keys, text in WIDGET_KEYS:
            groups.setdefault(f"{group}, when chosen with Tab", []).append((keys, text))
        grid = QGridLayout(self)
        grid.setContentsMargins(px(32), px(24), px(32), px(32))
        grid.setHorizontalSpacing(px(48))
        heights = [0] * _COLUMNS
        columns = [QVBoxLayout() for _ in range(_COLUMNS)]
        for index, column in enumerate(columns):
            column.setSpacing(px(16))
            grid.addLayout(column, 0, index)
        for name, rows in groups.items():
            index = heights.index(min(heights))
            heights[index] += len(rows) + 2
            columns[index].addLayout(_group(name, rows, theme))
        for column in columns:
            column.addStretch()


def _group(name: str, rows: list[tuple[str, str]], theme: Theme) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.px(16))
    grid.setVerticalSpacing(theme.px(6))
    heading = QLabel(name)
    heading.setFont(theme.font(12, bold=True, spaced=True))
    heading.setProperty("role", "muted")
    grid.addWidget(heading, 0, 0, 1, 2)
    for row, (keys, text) in enumerate(rows, 1):
        key = QLabel(keys)
        key.setFont(theme.font(14, bold=True))
        key.setMinimumWidth(theme.px(88))
        grid.addWidget(key, row, 0)
        grid.addWidget(QLabel(text.rstrip("…")), row, 1)
    grid.setColumnStretch(1, 1)
    return grid


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)

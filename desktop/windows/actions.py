"""Every command of the window with its key; menus and the ``?`` sheet are made from this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMenu, QWidget


@dataclass(frozen=True)
class Command:
    """A command: its name, its place, its text, its keys, and what it calls."""

    name: str
    group: str
    text: str
    keys: tuple[str, ...]
    call: Callable[[], object]
    checkable: bool = False


def install(window: QWidget, commands: list[Command]) -> dict[str, QAction]:
    """Make the actions and give them to the window, so that their keys work everywhere in it."""
    actions = {}
    for command in commands:
        action = QAction(command.text, window)
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        action.setCheckable(command.checkable)
        action.triggered.connect(lambda _checked=False, call=command.call: call())
        window.addAction(action)
        actions[command.name] = action
    return actions


def add_choice(menu: QMenu | None, text: str, call: Callable[[], object]) -> None:
    """A line of a menu that has no key of its own."""
    if menu is not None:
        action = menu.addAction(text)
        if action is not None:
            action.triggered.connect(lambda _checked=False: call())


WIDGET_KEYS = (
    ("Meters", "Up, Down", "Choose a row"),
    ("Meters", "Enter", "Fold or unfold a family"),
    ("Meters", "P", "Pin or unpin the instrument"),
    ("Meters", "X", "Hide the instrument"),
    ("Meters", "F2", "Rename the instrument"),
    ("Meters", "Menu", "All that can be done with the row"),
    ("History", "+, −", "Shorter or longer span (also Ctrl+wheel)"),
    ("History", "Wheel", "Move through the past while frozen"),
    ("File", "Left, Right", "5 s back or forward"),
    ("File", "Wheel, +, −", "Closer or farther (Shift+wheel moves)"),
    ("File", "0", "The whole file (or a double click)"),
)
"""Keys that the focused widget takes itself."""

"""Presets: named sets of what is shown and how, and the menu that lists them."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PyQt6.QtWidgets import QInputDialog, QMenu

from desktop.kept.settings import Settings
from desktop.windows.actions import add_choice
from desktop.windows.main_window import MainWindow


class Presets:
    """Saves, loads and forgets presets. ``changed`` is called when settings came from one."""

    def __init__(self, window: MainWindow, changed: Callable[[], None]) -> None:
        self.window = window
        self.settings = window.settings
        self._changed = changed
        self.menu = QMenu("Presets", window)
        self.menu.aboutToShow.connect(self._list)

    def _list(self) -> None:
        self.menu.clear()
        for name in sorted(self.settings.presets):
            add_choice(self.menu, name, functools.partial(self.load, name))
        self.menu.addSeparator()
        add_choice(self.menu, "Save as…", self.save)
        if self.settings.presets:
            add_choice(self.menu, "Delete…", self.delete)
        add_choice(self.menu, "Reset to defaults", self.reset)

    def save(self) -> None:
        name, ok = QInputDialog.getText(self.window, "Save preset", "Name:")
        if ok and name.strip():
            self.settings.presets[name.strip()[:40]] = self.settings.preset()

    def load(self, name: str) -> None:
        self.settings.apply(self.settings.presets.get(name), preset_only=True)
        self._changed()

    def delete(self) -> None:
        names = sorted(self.settings.presets)
        name, ok = QInputDialog.getItem(self.window, "Delete preset", "Preset:", names, 0, False)
        if ok:
            self.settings.presets.pop(name, None)

    def reset(self) -> None:
        """Everything a preset holds, back to the defaults."""
        self.settings.apply(Settings().preset(), preset_only=True)
        self._changed()

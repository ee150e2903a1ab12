"""Asking for sound files."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtWidgets import QFileDialog, QWidget

from realtime.sources.file import SUFFIXES

_FILTER = f"Sound and films ({' '.join(f'*{suffix}' for suffix in SUFFIXES)});;All files (*)"


def ask_sound(parent: QWidget, title: str, folder: str = "") -> Path | None:
    """A sound file, or None where the dialog was closed."""
    path, _ = QFileDialog.getOpenFileName(parent, title, folder, _FILTER)
    return Path(path) if path else None


def ask_sounds(parent: QWidget, title: str, folder: str = "") -> list[Path]:
    """Any number of sound files; none where the dialog was closed."""
    paths, _ = QFileDialog.getOpenFileNames(parent, title, folder, _FILTER)
    return [Path(path) for path in paths]

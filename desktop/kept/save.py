"""Saving the session's timeline in any of ``realtime.outputs.formats``, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.outputs.formats import FORMATS
from realtime.timeline import Timeline
from realtime.whole_file import whole_file

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

def save_timeline(
    timeline: Timeline, path: Path, kind: str, markers: Sequence[tuple[float, str]] = ()
) -> None:
    """Write a timeline; ``markers`` (seconds, note) go where the format has room for them.

    Raises:
        TuttiError: the file cannot be written.
    """
    FORMATS[kind].save(timeline, path, markers=markers)


def save_picture(widget: QWidget, path: Path) -> None:
    """Write what a widget shows, in the form that the file's ending names.

    Raises:
        TuttiError: the file cannot be written.
    """
    picture = widget.grab()
    try:
        with whole_file(path) as partial:
            if not picture.save(str(partial)):
                raise OSError
    except OSError:
        raise TuttiError(
            f"{path} cannot be written: name another file, ending in .png."
        ) from None

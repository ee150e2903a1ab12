"""Saving the session's timeline: CSV, JSON lines, Audacity labels, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.timeline import Timeline
from realtime.whole_file import whole_file

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

FORMATS = {
    "csv": ("CSV table", ".csv"),
    "jsonl": ("JSON lines", ".jsonl"),
    "audacity": ("Audacity labels", ".txt"),
}


def save_timeline(
    timeline: Timeline, path: Path, kind: str, markers: Sequence[tuple[float, str]] = ()
) -> None:
    """Write a timeline; ``markers`` (seconds, note) go into the Audacity labels.

    Raises:
        TuttiError: the file cannot be written.
    """
    write_lines(path, _lines(timeline, kind, markers))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text, or leave what was there.

    Raises:
        TuttiError: the file cannot be written.
    """
    try:
        with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        raise TuttiError(
            f"{path} cannot be written ({error.strerror}): choose another folder."
        ) from None


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


def _lines(timeline: Timeline, kind: str, markers: Sequence[tuple[float, str]]) -> Iterator[str]:
    from realtime.outputs import audacity, csv, jsonl

    if kind == "csv":
        yield csv.header(timeline.spec)
        yield from csv.lines(timeline)
    elif kind == "jsonl":
        yield from jsonl.lines(timeline)
    else:
        yield from audacity.lines(timeline)
        for time_s, note in markers:
            text = " ".join((note or "Marker").split())
            yield f"{time_s:.6f}\t{time_s:.6f}\t{text}"

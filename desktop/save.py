"""Saving the session's timeline: CSV, JSON lines, Audacity labels, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from realtime.errors import TuttiError
from realtime.timeline import Timeline

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
    write_whole(path, _lines(timeline, kind, markers))


def write_whole(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text, or leave what was there.

    Raises:
        TuttiError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line + "\n")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TuttiError(
            f"{path} cannot be written ({error.strerror}): choose another folder."
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

"""A folder of recordings with a ``recordings.csv``: the form in which anyone can add test music.

Columns: ``path``, ``split`` (``solo``, ``weak`` or ``stems``), ``instruments`` (separated by
``;``, names of ``taxonomy.FINE``, ``a|b`` where the source does not say which), ``complete`` (1
where every sounding instrument is named) and ``group`` (clips of one piece). A row without
instruments is skipped. Beside a file ``x.flac``, ``x.activity.csv`` (``second,instruments``) or
``x.csv`` (``start,end,instrument``) may tell what sounds when.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.truth import Excerpt, Segment, existing, truth_of

KINDS = {"solo": "solo", "weak": "mix", "stems": "mix"}


def load(folder: Path) -> list[Excerpt]:
    """The labelled clips of the folder.

    Raises:
        TuttiError: the table or a file it names is missing, or a row cannot be read.
    """
    table = existing(folder / "recordings.csv", "name a folder that holds a recordings.csv")
    clips = []
    for line, row in read_rows(table):
        try:
            names = _names(row["instruments"])
            if not names:
                continue
            complete = {"0": False, "1": True}[row["complete"]]
            path = folder / row["path"]
            truth = truth_of(names, complete=complete, counted=row["split"] != "weak")
            clip = Excerpt(
                path=existing(path, f"{table} names it in line {line}"),
                truth=truth,
                kind=KINDS[row["split"]],
                group=row.get("group") or row["path"],
                segments=_segments(path),
                steady=complete and truth.instrument is not None,
            )
        except KeyError as error:
            raise TuttiError(f"{table}, line {line}: {error} is missing or not known.") from None
        clips.append(clip)
    if not clips:
        raise TuttiError(f"{table} names no labelled recording.")
    return clips


def _segments(path: Path) -> tuple[Segment, ...]:
    """What sounds when, from the table beside a recording; nothing where there is none."""
    activity, sequence = path.with_suffix(".activity.csv"), path.with_suffix(".csv")
    table = next((found for found in (activity, sequence) if found.exists()), None)
    if table is None:
        return ()
    segments = []
    for line, row in read_rows(table):
        try:
            if table == activity:
                start_s = float(row["second"])
                end_s, names = start_s + 1.0, _names(row["instruments"])
            else:
                start_s, end_s = float(row["start"]), float(row["end"])
                names = _names(row["instrument"])
            segments.append(Segment(start_s, end_s, truth_of(names, complete=True)))
        except (KeyError, ValueError) as error:
            raise TuttiError(f"{table}, line {line}: {error} is missing or not known.") from None
    return tuple(segments)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(";") if name.strip()]


def read_rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their line number; cells that a short row lacks are empty."""
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, restval="")
        try:
            for row in reader:
                yield reader.line_num, {key: value for key, value in row.items() if key}
        except (csv.Error, UnicodeDecodeError) as error:
            raise TuttiError(f"{table} is not a CSV table ({error}).") from None

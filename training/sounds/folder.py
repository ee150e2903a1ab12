"""A folder of sound files with a manifest of what they are.

``manifest.csv`` has the columns path and instrument and may have source, licence,
midi_pitch, articulation and split; paths are relative to the folder. Beside it may lie
``several.csv`` and ``noise.csv`` (``training.sounds.stretches``).
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources.file import SUFFIXES, FileSource
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE
from training.bank.clips import SPLITS

TABLES = ("manifest.csv", "several.csv", "noise.csv")
COLUMNS = ("path", "instrument", "family", "source", "licence", "midi_pitch", "articulation")


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's manifest, each with a known label and ``split``, which may be empty.

    Raises TuttiError naming the manifest and the line of what is wrong.
    """
    path = folder / TABLES[0]
    rows = read_table(path, ("path", "instrument"))
    for line, row in enumerate(rows, start=2):
        label = row["instrument"]
        if label not in FINE:
            near = difflib.get_close_matches(label, FINE, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise TuttiError(f"{path}, line {line}: unknown instrument '{label}'{hint}")
        _pitch(row, path, line)
    return [{name: row.get(name, "") for name in (*COLUMNS, "split")} for row in rows]


def read_table(path: Path, needed: Collection[str]) -> list[dict[str, str]]:
    """The rows of a table of sound files; a ``split`` in it is one of ours, or empty.

    Raises TuttiError naming the table, and the line where one is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or [])]
            found = list(reader)
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TuttiError(f"{path} is not a CSV table in UTF-8 ({error}).") from error
    if missing:
        raise TuttiError(
            f"{path} lacks the column '{missing[0]}'; it needs {' and '.join(needed)}."
        )
    # Fields beyond the header's have no name, those that a short line lacks no text.
    rows = [{name: text or "" for name, text in row.items() if name is not None} for row in found]
    for line, row in enumerate(rows, start=2):
        if row.get("split") and row["split"] not in SPLITS:
            raise TuttiError(
                f"{path}, line {line}: split '{row['split']}' is none of {', '.join(SPLITS)}."
            )
    return rows


def require_files(folder: Path, named: Iterable[str]) -> None:
    """Every file that a table names is there, and every sound that is there is named.

    Raises TuttiError with the first that is not.
    """
    paths = {folder / path for path in named}
    if lacking := sorted(path for path in paths if not path.is_file()):
        raise TuttiError(
            f"{lacking[0]} is missing ({len(lacking)} such in all) though a table of {folder} "
            "names it; bring it, or take its row out."
        )
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if nameless := sorted(path for path in found if path not in paths):
        raise TuttiError(
            f"{nameless[0]} has no row in {', '.join(TABLES)} ({len(nameless)} such in all); "
            "add one, or take the file away."
        )


def _pitch(row: Mapping[str, str | None], path: Path, line: int) -> float | None:
    text = (row.get("midi_pitch") or "").strip()
    if not text:
        return None
    try:
        pitch = float(text)
    except ValueError:
        pitch = math.nan
    if not 0 <= pitch <= 127:
        raise TuttiError(f"{path}, line {line}: midi_pitch '{text}' is no number from 0 to 127.")
    return pitch


def decode(path: Path) -> NDArray[np.float32]:
    """A sound file as mono float32 at 16 kHz; raises TuttiError naming a bad file."""
    mono, rate_hz = decode_mono(path)
    if rate_hz != SAMPLE_RATE_HZ:
        import soxr

        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(mono, np.float32)


def decode_mono(path: Path) -> tuple[NDArray[np.float32], int]:
    """A sound file as mono float32 at its own rate in Hz; raises TuttiError naming a bad file."""
    with FileSource(path) as source:
        blocks = [block.mean(axis=1) for block in source]
    return np.concatenate(blocks), source.sample_rate_hz

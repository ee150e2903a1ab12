"""A folder of sound files with a manifest of what they are.

``manifest.csv`` has the columns path and instrument and may have source,
licence, midi_pitch and articulation; paths are relative to the folder.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE

COLUMNS = ("path", "instrument", "family", "source", "licence", "midi_pitch", "articulation")


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's manifest, each with a known label and a file that exists.

    Raises TuttiError naming the manifest and the line of what is wrong.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [
                name for name in ("path", "instrument") if name not in (reader.fieldnames or [])
            ]
            rows = list(reader)
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TuttiError(f"{path} is not a CSV table in UTF-8 ({error}).") from error
    if missing:
        raise TuttiError(f"{path} lacks the column '{missing[0]}'; it needs path and instrument.")
    for line, row in enumerate(rows, start=2):
        label = row["instrument"] or ""
        if label not in FINE:
            near = difflib.get_close_matches(label, FINE, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise TuttiError(f"{path}, line {line}: unknown instrument '{label}'{hint}")
        _pitch(row, path, line)
    return [{name: row.get(name) or "" for name in COLUMNS} for row in rows]


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
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise TuttiError(f"{path} cannot be decoded ({error}).") from error
    mono = samples.mean(axis=1)
    if rate_hz != SAMPLE_RATE_HZ:
        import soxr

        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(mono, np.float32)

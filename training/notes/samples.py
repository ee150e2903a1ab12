"""Recorded notes: a folder of sound files with a manifest of what they are.

``manifest.csv`` has the columns path, instrument, family, source, licence,
midi_pitch, articulation; paths are relative to the folder.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FAMILY_OF, FINE
from training.notes.clips import MAX_PHRASE_S, Clip, as_note, cut, trimmed
from training.notes.pitch import contradicts
from training.notes.splits import library_split

COLUMNS = ("path", "instrument", "family", "source", "licence", "midi_pitch", "articulation")
PHRASE_FROM_S = 3.5
"""A longer recording is kept whole, as a phrase, where its notes cannot be told apart."""

_PHRASES = ("speech", "phrase", "sung phrase")
_SHORT = re.compile(
    r"pizz|staccato|short|percussive|slap|col-legno-battuto|pluck|pick|strike|detache", re.I
)
_MOVING = re.compile(r"trill|tremolo|gliss|harmonic|flutter|slide|chord|double stop", re.I)
_SUSTAINING_FAMILIES = {"voice", "bowed_string", "woodwind", "brass"}
_SUSTAINING = {"organ", "accordion", "harmonium", "harmonica", "synth_pad", "string_ensemble"}


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


def label_of(row: Mapping[str, str]) -> str:
    """The label of a row: bowed basses apart from plucked ones, speech as voice."""
    label = row["instrument"]
    if label == "double_bass" and re.search(r"arco|bow", row["articulation"], re.I):
        return "bowed_double_bass"
    return "voice" if label == "speech" else label


def sustains(label: str, articulation: str) -> bool:
    """Whether the sound goes on as long as it is held."""
    if _SHORT.search(articulation):
        return False
    family = FAMILY_OF.get(FINE[label].instrument or "") or "".join(FINE[label].families)
    return label in _SUSTAINING or family in _SUSTAINING_FAMILIES or "bowed" in articulation


def is_phrase(row: Mapping[str, str], duration_s: float) -> bool:
    """Speech, sung lines and loops; single notes are long only by their ringing."""
    if any(word in row["articulation"] for word in _PHRASES):
        return True
    return duration_s > PHRASE_FROM_S and not row["midi_pitch"]


def clips(
    folder: Path,
    rows: Sequence[Mapping[str, str]],
    *,
    dropped: Counter[str],
    split: str | None = None,
) -> Iterator[Clip]:
    """The clips of these rows; ``split`` overrides the table of splits.

    What cannot be decoded, or sounds another pitch than its row says, is left
    out and counted in ``dropped``.
    """
    for row in rows:
        try:
            samples = decode(folder / row["path"])
        except TuttiError:
            dropped["cannot be decoded"] += 1
            continue
        label = label_of(row)
        clip = Clip(
            samples=samples,
            label=label,
            source=row["source"] or folder.name,
            split=split or library_split(label, row["source"]),
            pitch=float(row["midi_pitch"]) if row["midi_pitch"] else None,
            articulation=row["articulation"],
            sustain=sustains(label, row["articulation"]),
            licence=row["licence"],
            origin=row["path"],
        )
        if np.isfinite(samples).all() and is_phrase(row, len(samples) / SAMPLE_RATE_HZ):
            yield _phrase(clip)
            continue
        if (
            clip.pitch is not None
            and clip.sustain
            and not _MOVING.search(clip.articulation)
            and contradicts(samples, clip.pitch)
        ):
            dropped["sounds another pitch"] += 1
            continue
        yield as_note(clip) if np.isfinite(samples).all() else clip


def _phrase(clip: Clip) -> Clip:
    samples = cut(trimmed(clip.samples), MAX_PHRASE_S)
    return replace(clip, samples=samples, kind="phrase", pitch=None)

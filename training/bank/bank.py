"""The note bank: labelled clips back to back in one memory-mapped file.

A bank is a folder of three files:

- ``audio.i16``: little-endian int16, mono, 16 kHz, all clips back to back;
- ``clips.csv``: one row a clip in audio order (``COLUMNS``);
- ``bank.json``: format, version, sizes, dropped clips by reason, seed, recipe.

``training.bank.writer`` makes one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE
from training.bank.clips import KINDS, SPLITS, Clip

FORMAT = "tutti-bank"
VERSION = 1
AUDIO_FILE = "audio.i16"
COLUMNS = (
    "start", "length", "label", "source", "split", "kind", "pitch", "velocity",
    "articulation", "sustain", "piece", "onset", "licence", "origin",
)  # fmt: skip


@dataclass(frozen=True)
class Bank:
    """An open bank; every column is an array with one entry a clip.

    ``start``, ``length`` and ``onset`` are int64 samples, ``pitch`` and
    ``velocity`` float32 with NaN where unknown, ``sustain`` bool, the others
    strings. ``audio`` is the whole sound, int16, memory-mapped.
    """

    path: Path
    manifest: Mapping[str, Any]
    audio: NDArray[np.int16]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    label: NDArray[np.str_]
    source: NDArray[np.str_]
    split: NDArray[np.str_]
    kind: NDArray[np.str_]
    pitch: NDArray[np.float32]
    velocity: NDArray[np.float32]
    articulation: NDArray[np.str_]
    sustain: NDArray[np.bool_]
    piece: NDArray[np.str_]
    onset: NDArray[np.int64]
    licence: NDArray[np.str_]
    origin: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Opens and checks a bank; raises TuttiError naming the file at fault."""
        folder = Path(path)
        manifest = read_manifest(folder)
        audio_path, table_path = folder / AUDIO_FILE, folder / "clips.csv"
        try:
            size = audio_path.stat().st_size
            with table_path.open(newline="", encoding="utf-8") as file:
                columns = parse_rows(file, table_path)
        except OSError as error:
            raise TuttiError(
                f"{error.filename} cannot be read ({error.strerror}); build the bank again."
            ) from error
        samples, clips = manifest["samples"], len(columns["start"])
        if size != 2 * samples:
            raise TuttiError(
                f"{audio_path} holds {size} bytes but {folder / 'bank.json'} promises "
                f"{2 * samples}; build or unpack the bank again."
            )
        ends = columns["start"] + columns["length"]
        starts_after = np.concatenate(([0], ends[:-1])) if clips else ends
        if (
            clips != manifest["clips"]
            or (clips and ends[-1] != samples)
            or not np.array_equal(columns["start"], starts_after)
        ):
            raise TuttiError(
                f"{table_path} does not describe {audio_path}; build or unpack the bank again."
            )
        audio: NDArray[np.int16] = (
            np.memmap(audio_path, dtype="<i2", mode="r") if samples else np.zeros(0, np.int16)
        )
        return cls(path=folder, manifest=manifest, audio=audio, **columns)

    def clip(self, index: int) -> NDArray[np.float32]:
        """One clip as float32 in -1..1."""
        start = int(self.start[index])
        pcm = self.audio[start : start + int(self.length[index])]
        return pcm.astype(np.float32) / np.float32(32768)

    def rows(self) -> list[dict[str, str]]:
        """The table as it stands in ``clips.csv``."""
        with (self.path / "clips.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def read_manifest(folder: Path) -> dict[str, Any]:
    """``bank.json``, checked for format and version."""
    path = folder / "bank.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TuttiError(
            f"{folder} is not a note bank ({path.name}: {error.strerror}); "
            "make one with 'tutti bank build'."
        ) from error
    except ValueError as error:
        raise TuttiError(f"{path} is damaged ({error}); build the bank again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise TuttiError(f"{path} does not describe a note bank; build the bank again.")
    if manifest.get("version") != VERSION or manifest.get("sample_rate_hz") != SAMPLE_RATE_HZ:
        raise TuttiError(
            f"{path} is of version {manifest.get('version')} at {manifest.get('sample_rate_hz')} "
            f"Hz, this program reads version {VERSION} at {SAMPLE_RATE_HZ} Hz; "
            "build the bank again."
        )
    if not all(isinstance(manifest.get(key), int) for key in ("clips", "samples")):
        raise TuttiError(f"{path} lacks its sizes; build the bank again.")
    return manifest


def parse_rows(lines: Iterable[str], path: Path) -> dict[str, Any]:
    """The columns of a table of clips as arrays; ``path`` is named in errors."""
    try:
        header, *rows = csv.reader(lines)
    except (ValueError, csv.Error) as error:  # ValueError: no line at all
        raise TuttiError(f"{path} is damaged ({error}); build the bank again.") from error
    if tuple(header) != COLUMNS:
        raise TuttiError(f"{path} lacks the columns of a note bank; build the bank again.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise TuttiError(f"{path}, line {number}: {len(row)} fields instead of {len(COLUMNS)}.")
    text = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}
    columns: dict[str, Any] = {}
    try:
        for name in COLUMNS:
            values = text.get(name, ())
            if name in ("start", "length", "onset"):
                columns[name] = np.array([int(value) for value in values], np.int64)
            elif name in ("pitch", "velocity"):
                columns[name] = np.array([float(value or "nan") for value in values], np.float32)
            elif name == "sustain":
                columns[name] = np.array([value == "1" for value in values], np.bool_)
            else:
                columns[name] = np.array(values, np.str_)
    except ValueError as error:
        raise TuttiError(f"{path} is damaged ({error}); build the bank again.") from error
    allowed: tuple[tuple[str, set[str]], ...] = (
        ("label", {*FINE, ""}),
        ("split", set(SPLITS)),
        ("kind", set(KINDS)),
    )
    for name, known in allowed:
        for line, value in enumerate(columns[name].tolist(), start=2):
            # Music names several instruments in one field.
            music = name == "label" and text["kind"][line - 2] == "music"
            if not known.issuperset(value.split(";") if music else (value,)):
                raise TuttiError(f"{path}, line {line}: unknown {name} '{value}'.")
    return columns


def clip_at(bank: Bank, index: int) -> Clip:
    """One clip with its row."""
    return Clip(
        samples=bank.clip(index),
        label=str(bank.label[index]),
        source=str(bank.source[index]),
        split=str(bank.split[index]),
        kind=str(bank.kind[index]),
        pitch=None if np.isnan(bank.pitch[index]) else float(bank.pitch[index]),
        velocity=None if np.isnan(bank.velocity[index]) else int(bank.velocity[index]),
        articulation=str(bank.articulation[index]),
        sustain=bool(bank.sustain[index]),
        piece=str(bank.piece[index]),
        onset=int(bank.onset[index]),
        licence=str(bank.licence[index]),
        origin=str(bank.origin[index]),
    )

"""The note bank: labelled clips back to back in one memory-mapped file.

A bank is a folder of three files:

- ``audio.i16``: little-endian int16, mono, 16 kHz, all clips back to back;
- ``clips.csv``: one row a clip in audio order (``COLUMNS``);
- ``bank.json``: format, version, sizes, dropped clips by reason, seed, recipe.

A bank is written into a sibling folder whose name starts with a dot and gets
its own name only when it is whole, so a killed build leaves nothing that
could be taken for a bank.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE
from training.notes.clips import KINDS, SPLITS, Clip, fault

FORMAT = "tutti-bank"
VERSION = 1
AUDIO_FILE = "audio.i16"
COLUMNS = (
    "start", "length", "label", "source", "split", "kind", "pitch", "velocity",
    "articulation", "sustain", "piece", "onset", "licence", "origin",
)  # fmt: skip
PEAK = 10 ** (-3 / 20)
"""A clip's loudest sample (of a piece: that of its loudest stem), -3 dBFS."""


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
            if value not in known:
                raise TuttiError(f"{path}, line {line}: unknown {name} '{value}'.")
    return columns


class BankWriter:
    """Writes a bank; use it as a context manager.

    Leaving the block normally makes the bank whole under its name; leaving it
    by an exception removes everything written. An existing bank is replaced
    only with ``overwrite=True``, and only once the new one is whole.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        seed: int | None = None,
        recipe: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.dropped: Counter[str] = Counter()
        self.clips = 0
        self.samples = 0
        self._seed = seed
        self._recipe = dict(recipe or {})
        self._overwrite = overwrite
        self._partial = self.path.parent / f".{self.path.name}.partial-{os.getpid()}"

    def __enter__(self) -> Self:
        if self.path.exists() and not self._overwrite:
            raise TuttiError(f"{self.path} exists already; remove it or choose another name.")
        with self._naming_the_disk():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_stale_partials(self.path)
            self._partial.mkdir()
            self._audio = (self._partial / AUDIO_FILE).open("wb")
            self._table = (self._partial / "clips.csv").open("w", newline="", encoding="utf-8")
            self._rows = csv.writer(self._table, lineterminator="\n")
            self._rows.writerow(COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._naming_the_disk():
                    self._finish()
        finally:
            for file in (self._audio, self._table):
                # A full disk fails again when the buffer is flushed; the folder goes anyway.
                with contextlib.suppress(OSError):
                    file.close()
            shutil.rmtree(self._partial, ignore_errors=True)

    def append(self, clip: Clip) -> bool:
        """Adds one clip, peak-normalised; False if it was dropped (and counted)."""
        reason = fault(clip.samples)
        if reason:
            self.dropped[reason] += 1
            return False
        self._write(clip, to_pcm(clip.samples, PEAK / float(np.abs(clip.samples).max())))
        return True

    def append_piece(self, stems: Sequence[Clip]) -> int:
        """Adds the stems of one piece with their relative levels; returns how many stayed.

        The stems must share a non-empty ``piece`` and a length.
        """
        if len({(stem.piece, len(stem.samples)) for stem in stems}) > 1 or (
            stems and not stems[0].piece
        ):
            raise ValueError("the stems of a piece share its name and length")
        good = []
        for stem in stems:
            reason = fault(stem.samples)
            if reason:
                self.dropped[reason] += 1
            else:
                good.append(stem)
        if good:
            gain = PEAK / max(float(np.abs(stem.samples).max()) for stem in good)
            for stem in good:
                self._write(stem, to_pcm(stem.samples, gain))
        return len(good)

    def append_pcm(self, clip: Clip, pcm: NDArray[np.int16]) -> None:
        """Adds a clip whose samples are already those of a bank."""
        self._write(clip, pcm)

    def drop(self, reason: str, count: int = 1) -> None:
        """Counts clips that a reader refused."""
        self.dropped[reason] += count

    def _write(self, clip: Clip, pcm: NDArray[np.int16]) -> None:
        if clip.label and clip.label not in FINE:
            raise TuttiError(f"{clip.origin or self.path}: unknown label '{clip.label}'.")
        if clip.split not in SPLITS or clip.kind not in KINDS:
            raise ValueError(f"no such split or kind: {clip.split}, {clip.kind}")
        with self._naming_the_disk():
            self._audio.write(pcm.astype("<i2", copy=False).tobytes())
            self._rows.writerow(
                (
                    self.samples, len(pcm), clip.label, clip.source, clip.split, clip.kind,
                    "" if clip.pitch is None else f"{clip.pitch:g}",
                    "" if clip.velocity is None else clip.velocity,
                    clip.articulation, int(clip.sustain), clip.piece, clip.onset,
                    clip.licence, clip.origin,
                )
            )  # fmt: skip
        self.clips += 1
        self.samples += len(pcm)

    def _finish(self) -> None:
        for file in (self._audio, self._table):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "clips": self.clips,
            "samples": self.samples,
            "dropped": dict(sorted(self.dropped.items())),
            "seed": self._seed,
            "recipe": self._recipe,
        }
        (self._partial / "bank.json").write_text(json.dumps(manifest, indent=1) + "\n")
        if self.path.exists():
            if not self._overwrite:
                raise TuttiError(f"{self.path} exists already; remove it or choose another name.")
            replaced = self.path.parent / f".{self.path.name}.replaced-{os.getpid()}"
            self.path.rename(replaced)
            self._partial.rename(self.path)
            shutil.rmtree(replaced)
        else:
            self._partial.rename(self.path)

    def _naming_the_disk(self) -> _DiskErrors:
        return _DiskErrors(self.path)


class _DiskErrors:
    """Turns an OSError into a TuttiError naming the bank."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise TuttiError(
                f"{self._path} cannot be written ({error.strerror}); free some space or choose "
                "another place. Nothing half-written was left."
            ) from error


def to_pcm(samples: NDArray[np.float32], gain: float) -> NDArray[np.int16]:
    """Float samples times ``gain`` as int16, rounded and clipped."""
    scaled = np.rint(samples.astype(np.float32) * np.float32(gain * 32768))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def remove_stale_partials(path: Path) -> None:
    """Removes what builds of this bank left when they were killed."""
    for stale in path.parent.glob(f".{path.name}.partial-*"):
        pid = stale.name.rpartition("-")[2]
        if pid.isdigit() and not _runs(int(pid)):
            shutil.rmtree(stale, ignore_errors=True)


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    if os.name == "nt":  # os.kill would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def copy_into(writer: BankWriter, bank: Bank) -> None:
    """Appends the clips of an open bank unchanged."""
    for index in range(len(bank)):
        start = int(bank.start[index])
        pcm = np.asarray(bank.audio[start : start + int(bank.length[index])])
        writer.append_pcm(clip_at(bank, index), pcm)


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

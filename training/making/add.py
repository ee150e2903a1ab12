"""Makes a larger bank from a bank and more notes; the first bank stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from training.bank.bank import Bank
from training.bank.processes import pool
from training.bank.splits import SOUNDFONT_SPLIT
from training.bank.writer import BankWriter, copy_into
from training.datasets import SETS
from training.making.build import (
    Job,
    Progress,
    music_jobs,
    note_jobs,
    piece_jobs,
    recording_jobs,
    require_fonts,
    sample_jobs,
    silent,
    stretch_jobs,
    voice_jobs,
    write,
)
from training.pieces.players import band_of
from training.sounds import samples
from training.sounds.folder import read_manifest, require_files
from training.sounds.music import tracks
from training.sounds.soundfont import FONTS, Font, kits_of, presets_of
from training.sounds.stretches import read_stretches
from training.sounds.synth import soundfont
from training.sounds.twins import shared_kits, shared_notes, shared_presets
from training.sounds.voices import recorded_speakers

_TAKES = 10
"""Pieces or phrases a job."""
PIECES_A_SOUNDFONT = 120
PIECES_A_FOLDER = 200
_ROWS_AT_ONCE = 100
_COMPARING = "comparing with what is held out"
_GENERAL_MIDI_PROGRAMS = 100
"""Programs of bank 0 from which on a soundfont is taken to follow General MIDI."""


def add_folder(
    bank_path: Path,
    out: Path,
    folder: Path,
    samples_folder: Path | None = None,
    *,
    split: str,
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds a folder of notes with a manifest, and its stretches of music and of noise.

    What its tables place in no split goes to ``split``. To training it also adds songs of
    those who speak in it, and pieces played by its instruments and those of
    ``samples_folder``. Recordings that validation or test hold are left out
    (``training.sounds.twins``), and what has one does not play.

    Raises TuttiError naming the table's line or the sound file at fault.
    """
    rows, stretches = read_manifest(folder), read_stretches(folder)
    require_files(folder, (row["path"] for row in [*rows, *stretches]))
    bank = Bank.open(bank_path)
    training = [row for row in rows if (row["split"] or split) == "train"]
    shared: set[str] = set()
    if training:
        if samples_folder is not None:
            read_manifest(samples_folder)  # a mistake here would only be seen minutes later
        shared = _shared(folder, training, bank_path, processes, progress)
    todo = sample_jobs(folder, [row for row in rows if row["path"] not in shared], split)
    todo += stretch_jobs(folder, stretches, split)
    if training:
        trains = {row["path"] for row in training}
        singers = [
            one
            for one in recorded_speakers(folder)
            if one.split == "train" and trains.issuperset(path for path, _ in one.recordings)
        ]
        todo += voice_jobs(singers, folder)
        silent_ones = shared | {row["path"] for row in rows if row["path"] not in trains}
        left_out = frozenset(folder / path for path in silent_ones)
        if band_of([], [folder], "train", left_out).players:
            folders = [folder] if samples_folder is None else [folder, samples_folder]
            name = f"train of {folder.name}"
            todo += piece_jobs(name, "train", PIECES_A_FOLDER, [], folders, left_out)
    what = {"folder": folder.name, "split": split, "seed": seed}
    with _extended(bank, out, what) as writer:
        writer.drop("note that validation or test holds", len(shared))
        write(writer, todo, seed, processes, progress)


def _shared(
    folder: Path, rows: list[dict[str, str]], bank_path: Path, processes: int, progress: Progress
) -> set[str]:
    """Paths of the notes that validation or test hold."""
    some = [rows[first : first + _ROWS_AT_ONCE] for first in range(0, len(rows), _ROWS_AT_ONCE)]
    shared: set[str] = set()
    with pool(processes) as workers:
        found = workers.map(_shared_of, [folder] * len(some), some, [bank_path] * len(some))
        for number, paths in enumerate(found):
            progress(_COMPARING, number + 1, len(some))
            shared |= paths
    return shared


def _shared_of(folder: Path, rows: list[dict[str, str]], bank_path: Path) -> set[str]:
    notes = samples.clips(folder, rows, dropped=Counter(), split="train")
    return shared_notes(notes, Bank.open(bank_path))


def add_dataset(
    bank_path: Path,
    out: Path,
    name: str,
    folder: Path,
    *,
    longest_s: float,
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds a data set of ``training.datasets`` with its splits; stems become pieces.

    At most ``longest_s`` of a track or a song. Raises TuttiError for a set that is not known or
    never trains, or whose folder is not whole.
    """
    data_set = SETS.get(name)
    if data_set is None or data_set.recordings is None:
        known = ", ".join(known for known, one in SETS.items() if one.recordings)
        raise TuttiError(f"'{name}' is no data set to train with: name one of {known}.")
    bank = Bank.open(bank_path)
    found = data_set.recordings(folder)
    held = set(bank.source.tolist())
    if again := next((one.source for one in found if one.source in held), None):
        raise TuttiError(f"'{again}' is in {bank_path} already: start from a bank without {name}.")
    what = {"data set": name, "longest_s": longest_s, "seed": seed}
    with _extended(bank, out, what) as writer:
        write(writer, recording_jobs(found, longest_s), seed, processes, progress)


def add_soundfonts(
    bank_path: Path,
    out: Path,
    paths: Sequence[Path],
    samples_folder: Path,
    *,
    licences: Sequence[str] = (),
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds General MIDI soundfonts to training: notes, drums, and pieces played by them.

    In the pieces the recorded instruments of ``samples_folder`` play along. Presets
    whose recordings validation or test hold are left out and counted
    (``training.sounds.twins``). ``licences`` are those of the files, in their order.

    Raises TuttiError naming a file that is no General MIDI soundfont, or of which
    nothing is left.
    """
    stated = [*licences, *[""] * len(paths)]
    fonts = [Font(path.stem, path, stated[number]) for number, path in enumerate(paths)]
    bank = Bank.open(bank_path)
    for font in fonts:
        _require_general_midi(font)
        if font.source in bank.source or font.source in SOUNDFONT_SPLIT:
            raise TuttiError(f"{font.path} is one of the soundfonts of {bank_path} already.")
    read_manifest(samples_folder)  # a mistake here would only be seen minutes later
    fonts = _compared(fonts, bank_path, processes, progress)
    todo = note_jobs(fonts) + piece_jobs(
        f"train of {' and '.join(font.source for font in fonts)}",
        "train",
        PIECES_A_SOUNDFONT * len(fonts),
        fonts,
        [samples_folder],
    )
    what = {"soundfonts": [font.source for font in fonts], "seed": seed}
    with _extended(bank, out, what) as writer:
        for font in fonts:
            writer.drop("preset that validation or test holds", len(font.left_out))
        write(writer, todo, seed, processes, progress)


def _require_general_midi(font: Font) -> None:
    programs = sum(bank == 0 for bank, _ in soundfont(font.path).names())
    if programs < _GENERAL_MIDI_PROGRAMS:
        raise TuttiError(
            f"{font.path} holds {programs} of the 128 General MIDI programs, so its labels "
            "cannot be told from its program numbers; add its notes with --folder."
        )


def _compared(fonts: list[Font], bank_path: Path, processes: int, progress: Progress) -> list[Font]:
    """The soundfonts without what validation or test hold."""
    left = []
    progress(_COMPARING, 0, len(fonts))
    with pool(processes) as workers:
        for font in workers.map(_without_held_out, fonts, [bank_path] * len(fonts)):
            left.append(font)
            progress(_COMPARING, len(left), len(fonts))
    return left


def _without_held_out(font: Font, bank_path: Path) -> Font:
    bank = Bank.open(bank_path)
    shared = shared_presets(font, presets_of(font), bank) | shared_kits(font, kits_of(font), bank)
    left = replace(font, left_out=frozenset(shared))
    if not presets_of(left):
        raise TuttiError(
            f"{font.path} holds only recordings that validation or test of {bank_path} hold too."
        )
    return left


def add_pieces(
    bank_path: Path,
    out: Path,
    count: int,
    players: Sequence[Path],
    samples_folder: Path | None,
    *,
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds composed pieces to training.

    They are played by the soundfonts of every bank, by ``players``, which are
    soundfonts and folders of notes, and by the recorded instruments of
    ``samples_folder``. What validation or test hold does not play.

    Raises TuttiError naming a soundfont or a folder that cannot be read.
    """
    bank = Bank.open(bank_path)
    fonts = [Font(path.stem, path, "") for path in players if not path.is_dir()]
    folders = [path for path in players if path.is_dir()]
    left_out: set[Path] = set()
    for font in fonts:
        _require_general_midi(font)
    for folder in folders:
        rows = [row for row in read_manifest(folder) if row["split"] in ("", "train")]
        shared = _shared(folder, rows, bank_path, processes, progress)
        left_out |= {folder / path for path in shared}
    if samples_folder is not None:
        read_manifest(samples_folder)  # a mistake here would only be seen minutes later
        folders.append(samples_folder)
    fonts = _compared(fonts, bank_path, processes, progress)
    require_fonts()
    fonts += [font for font in FONTS if font.split == "train"]
    name = f"train from {len(bank)}"  # no piece of this bank has it
    todo = piece_jobs(name, "train", count, fonts, folders, frozenset(left_out))
    what = {"pieces": count, "players": [path.stem for path in players], "seed": seed}
    with _extended(bank, out, what) as writer:
        write(writer, todo, seed, processes, progress)


def add_music(
    bank_path: Path,
    out: Path,
    folder: Path,
    *,
    longest_s: float,
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds at most ``longest_s`` of each file of music in a folder with a folder a package.

    Raises TuttiError where the folder holds no music, or some that the bank has already.
    """
    bank = Bank.open(bank_path)
    if not folder.is_dir():
        raise TuttiError(f"{folder} is no folder; make it with 'tutti bank fetch OUT --music'.")
    found = tracks(folder)
    held = set(bank.source[bank.kind == "music"].tolist())
    if again := sorted(held.intersection(track.package for track in found)):
        raise TuttiError(f"{again[0]} is in {bank_path} already; take it out of {folder}.")
    what = {"music": sorted({track.package for track in found}), "seed": seed}
    with _extended(bank, out, what) as writer:
        write(writer, music_jobs(found, longest_s), seed, processes, progress)


def add_second_takes(
    bank_path: Path,
    out: Path,
    *,
    seed: int,
    processes: int = 2,
    progress: Progress = silent,
) -> None:
    """Adds each training piece and phrase once more, sent through the effects of a studio."""
    bank = Bank.open(bank_path)
    takes: dict[str, list[int]] = {}
    for index in np.flatnonzero((bank.split == "train") & np.isin(bank.kind, ("stem", "phrase"))):
        takes.setdefault(str(bank.piece[index]) or f"phrase {index}", []).append(int(index))
    groups = list(takes.values())
    todo = [
        Job(f"takes {first}", "make_second_takes", (bank_path, groups[first : first + _TAKES]))
        for first in range(0, len(groups), _TAKES)
    ]
    with _extended(bank, out, {"second takes": "all", "seed": seed}) as writer:
        write(writer, todo, seed, processes, progress)


@contextmanager
def _extended(bank: Bank, out: Path, what: dict[str, Any]) -> Iterator[BankWriter]:
    """A new bank that begins with the clips of another."""
    before = dict(bank.manifest.get("recipe") or {})
    recipe = before | {"added": [*before.get("added", []), what]}
    with BankWriter(out, seed=bank.manifest.get("seed"), recipe=recipe) as writer:
        writer.dropped.update(bank.manifest.get("dropped", {}))
        copy_into(writer, bank)
        yield writer

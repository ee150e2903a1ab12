"""Slakh2100 (Manilow et al., WASPAA 2019): songs rendered from MIDI, a stem an instrument.

``slakh2100_flac_redux`` as unpacked from Zenodo record 4599666: the folders ``train``,
``validation`` and ``test``, in each ``Track00001`` with ``metadata.yaml``, ``mix.flac`` and
``stems/S00.flac``. ``omitted`` is left out, as by its authors: its songs are in the others.
A stem goes by its General MIDI program (``taxonomy.GENERAL_MIDI``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.taxonomy import FINE, GENERAL_MIDI
from training.datasets.recording import Faults, Recording
from training.datasets.songs import Song, Stem, mixes_of, stems_of
from training.datasets.truth import Excerpt, existing
from training.datasets.yaml_file import read_yaml

NAME = "Slakh2100"
SPLITS = {"train": "train", "validation": "val", "test": "test"}
_HOW = "unpack slakh2100_flac_redux whole and name it"
_NAMED = [(target, name) for name, target in FINE.items()]


def label_of(program: int, is_drum: bool) -> str:
    """The name of ``taxonomy.FINE`` that says what a General MIDI program does; ``other`` if none.

    Raises:
        IndexError: there is no such program.
    """
    if is_drum:
        return "drum_kit"
    if program < 0:
        raise IndexError(program)
    return next((name for t, name in _NAMED if t == GENERAL_MIDI[program]), "other")


def songs(folder: Path) -> list[Song]:
    """The songs of the three splits with the stems that were rendered.

    Raises:
        TuttiError: there are none, or a file or a stem's program cannot be used.
    """
    existing(folder, _HOW)
    faults = Faults(_HOW)
    found = []
    for name, split in SPLITS.items():
        for table in sorted((folder / name).glob("*/metadata.yaml")):
            before = len(faults.found)
            song = _song(table, split, faults)
            if song is not None and len(faults.found) == before:
                found.append(song)
        for part in sorted((folder / name).glob("Track*")):
            if not (part / "metadata.yaml").exists():
                faults.add(f"{part / 'metadata.yaml'} is missing")
    faults.end()
    if not found:
        raise TuttiError(f"{folder} holds no train/Track00001/metadata.yaml: {_HOW}.")
    return found


def recordings(folder: Path) -> list[Recording]:
    """The stems; raises as ``songs`` does."""
    return stems_of(songs(folder), NAME)


def load(folder: Path) -> list[Excerpt]:
    """The mixes of the test songs; raises as ``songs`` does."""
    return mixes_of(songs(folder))


def _song(table: Path, split: str, faults: Faults) -> Song | None:
    about = read_yaml(table, faults)
    if about is None:
        return None
    if not isinstance(about.get("stems"), dict):
        faults.add(f"{table} names no stems")
        return None
    part = table.parent
    faults.need(part / "mix.flac")
    stems = []
    for key, entry in sorted(about["stems"].items()):
        stem = _stem(part, table, key, entry, faults)
        if stem is not None:
            stems.append(stem)
    return Song(part.name, part.name, split, part / "mix.flac", tuple(stems), "CC-BY-4.0")


def _stem(part: Path, table: Path, key: str, entry: Any, faults: Faults) -> Stem | None:
    try:
        if not entry["audio_rendered"]:
            return None
        label = label_of(int(entry["program_num"]), bool(entry["is_drum"]))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        faults.add(f"{table}, stem {key}: {error} is missing or no General MIDI program")
        return None
    path = part / "stems" / f"{key}.flac"
    faults.need(path)
    return Stem(path, label)

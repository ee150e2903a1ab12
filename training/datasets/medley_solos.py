"""Medley-solos-DB (Lostanlen et al., 2018): 3-s solos of eight instruments.

The folder as unpacked from Zenodo record 3464194: ``Medley-solos-DB_metadata.csv`` and
``Medley-solos-DB_{subset}-{instrument_id}_{uuid4}.wav``, there or in a folder below.
"""

from __future__ import annotations

import csv
from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.recording import Faults, Recording, to_score
from training.datasets.truth import Excerpt, existing

INSTRUMENT_OF_ID = (
    "clarinet",
    "electric_guitar",
    "voice",
    "flute",
    "piano",
    "saxophone",
    "trumpet",
    "violin",
)
_SPLITS = {"training": "train", "validation": "val", "test": "test"}
_HOW = "unpack Medley-solos-DB whole and name the folder that holds it"


def recordings(folder: Path, subsets: tuple[str, ...] = tuple(_SPLITS)) -> list[Recording]:
    """The solos of these subsets.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    table = existing(folder / "Medley-solos-DB_metadata.csv", _HOW)
    faults = Faults(_HOW)
    audio = {path.name: path for path in folder.rglob("Medley-solos-DB_*.wav")}
    found = []
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                subset, number = row["subset"], int(row["instrument_id"])
                split, label = _SPLITS[subset], INSTRUMENT_OF_ID[number]
                name = f"Medley-solos-DB_{subset}-{number}_{row['uuid4']}.wav"
                source = f"song {row['song_id']}"
            except (KeyError, IndexError, TypeError, ValueError) as error:
                faults.add(f"{table}, line {reader.line_num}: {error}")
                continue
            path = audio.get(name, folder / name)
            if subset in subsets and faults.need(path):
                found.append(
                    Recording(
                        path=path,
                        labels=(label,),
                        split=split,
                        source=source,
                        kind="phrase",
                        sustain=True,
                        licence="CC-BY-4.0",
                    )
                )
    faults.end()
    return found


def load(folder: Path) -> list[Excerpt]:
    """The solos of the test subset.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    if not (clips := to_score(recordings(folder, ("test",)))):
        raise TuttiError(f"{folder} names no solo of the test subset.")
    return clips

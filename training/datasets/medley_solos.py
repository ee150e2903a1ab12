"""Medley-solos-DB (Lostanlen et al., 2018): 3-s solos of eight instruments.

The folder as unpacked from Zenodo record 3464194: ``Medley-solos-DB_metadata.csv`` and
``Medley-solos-DB_{subset}-{instrument_id}_{uuid4}.wav``, there or in a folder below.
"""

from __future__ import annotations

import csv
from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.truth import Excerpt, existing, truth_of

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


def load(folder: Path) -> list[Excerpt]:
    """The solos of the test subset.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    how = "unpack Medley-solos-DB and name the folder that holds it"
    table = existing(folder / "Medley-solos-DB_metadata.csv", how)
    audio = {path.name: path for path in folder.rglob("Medley-solos-DB_test-*.wav")}
    clips = []
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                if row["subset"] != "test":
                    continue
                number = int(row["instrument_id"])
                name = f"Medley-solos-DB_test-{number}_{row['uuid4']}.wav"
                clips.append(
                    Excerpt(
                        path=existing(audio.get(name, folder / name), how),
                        truth=truth_of([INSTRUMENT_OF_ID[number]], complete=True),
                        kind="solo",
                        group=f"song {row['song_id']}",
                        steady=True,
                    )
                )
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise TuttiError(f"{table}, line {reader.line_num}: {error}.") from None
    if not clips:
        raise TuttiError(f"{table} names no solo of the test subset.")
    return clips

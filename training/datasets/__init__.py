"""Labelled music, one module a data set: ``load`` lists what scores, ``recordings`` what trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.datasets import (
    irmas,
    jamendo,
    medley_solos,
    medleydb,
    mixing_secrets,
    musdb,
    nsynth,
    openmic,
    recordings,
    slakh,
)
from training.datasets.recording import Recording
from training.datasets.truth import Excerpt


@dataclass(frozen=True)
class DataSet:
    """What a set holds, who gives it away, and how its folder is read.

    ``mirdata``: its name in the package of that name, which downloads it; empty where only its
    site does. ``recordings`` is None for a set that never trains.
    """

    about: str
    where: str
    load: Callable[[Path], list[Excerpt]]
    recordings: Callable[[Path], list[Recording]] | None
    mirdata: str = ""


SETS: dict[str, DataSet] = {
    "recordings": DataSet(
        "a folder of your own test music", "recordings.csv", recordings.load, None
    ),
    "nsynth": DataSet(
        "305,979 notes of 1,006 instruments", "magenta.tensorflow.org/datasets/nsynth",
        nsynth.load, nsynth.recordings,
    ),
    "irmas": DataSet(
        "6,705 + 2,874 excerpts, predominant instruments", "Zenodo record 1290750",
        irmas.load, irmas.recordings, "irmas",
    ),
    "openmic": DataSet(
        "20,000 clips of 10 s, 20 tags, partly labelled", "Zenodo record 1432913",
        openmic.load, openmic.recordings, "openmic2018",
    ),
    "jamendo": DataSet(
        "55,000 tracks with tags", "github.com/MTG/mtg-jamendo-dataset, scripts/download",
        jamendo.load, jamendo.recordings,
    ),
    "medleydb": DataSet(
        "MedleyDB 1 and 2, 196 songs in stems", "Zenodo records 1649325 and 1715175, on request",
        medleydb.load, medleydb.recordings,
    ),
    "mixing-secrets": DataSet(
        "258 songs in stems, in MedleyDB's form", "github.com/SiddGururani/mixing_secrets",
        mixing_secrets.load, mixing_secrets.recordings,
    ),
    "slakh": DataSet(
        "1,710 songs rendered from MIDI, in stems", "Zenodo record 4599666",
        slakh.load, slakh.recordings, "slakh",
    ),
    "musdb": DataSet(
        "MUSDB18-HQ, 150 songs in four stems", "Zenodo record 3338373",
        musdb.load, musdb.recordings,
    ),
    "medley-solos": DataSet(
        "21,571 solos of 3 s, eight instruments", "Zenodo record 3464194",
        medley_solos.load, medley_solos.recordings, "medley_solos_db",
    ),
}  # fmt: skip

DATASETS = {name: one.load for name, one in SETS.items()}
"""Name of a data set to the function that lists its test clips."""

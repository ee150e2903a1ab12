"""MUSDB18 (Rafii et al., 2017): 150 songs in four stems.

MUSDB18-HQ as unpacked from Zenodo record 3338373: ``train`` and ``test``, in each a folder a song
with ``mixture.wav``, ``vocals.wav``, ``drums.wav``, ``bass.wav`` and ``other.wav``. The fourteen
training songs that its authors validate with go to ``val``. Its first form, ``*.stem.mp4``, holds
five streams a file, which this program does not take apart.
"""

from __future__ import annotations

from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.recording import Faults, Recording
from training.datasets.songs import Song, Stem, mixes_of, stems_of
from training.datasets.truth import Excerpt, existing

NAME = "MUSDB18"
LABELS = {"vocals": "voice", "drums": "drum_kit", "bass": "synth_bass", "other": "other"}
"""Stem to a name of ``taxonomy.FINE``; the bass may be a synthesizer's."""
VALIDATION = frozenset(
    (
        "Actions - One Minute Smile",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Johnny Lokke - Promises & Lies",
        "Patrick Talbot - A Reason To Leave",
        "Triviul - Angelsaint",
        "Alexander Ross - Goodbye Bolero",
        "Fergessen - Nos Palpitants",
        "Leaf - Summerghost",
        "Skelpolu - Human Mistakes",
        "Young Griffo - Pennies",
        "ANiMAL - Rockshow",
        "James May - On The Line",
        "Meaxic - Take A Step",
        "Traffic Experiment - Sirens",
    )
)
_HOW = "unpack musdb18hq whole and name it"


def songs(folder: Path) -> list[Song]:
    """The songs of both folders.

    Raises:
        TuttiError: there are none, or a file of one is missing.
    """
    existing(folder, _HOW)
    if packed := sorted(folder.rglob("*.stem.mp4")):
        raise TuttiError(
            f"{packed[0]} is of MUSDB18's first form ({len(packed)} such in all): take MUSDB18-HQ, "
            "which has a WAV file a stem."
        )
    faults = Faults(_HOW)
    found = []
    for split in ("train", "test"):
        parts = sorted(p for p in (folder / split).glob("*") if p.is_dir())
        for part in parts:
            paths = {name: part / f"{name}.wav" for name in ("mixture", *LABELS)}
            if sum(faults.need(path) for path in paths.values()) < len(paths):
                continue
            stems = tuple(Stem(paths[name], label) for name, label in LABELS.items())
            held = "val" if part.name in VALIDATION and split == "train" else split
            found.append(Song(part.name, part.name, held, paths["mixture"], stems, "see its site"))
    faults.end()
    if not found:
        raise TuttiError(f"{folder} holds no train/ARTIST - TITLE/mixture.wav: {_HOW}.")
    return found


def recordings(folder: Path) -> list[Recording]:
    """The stems but ``other``; raises as ``songs`` does."""
    return stems_of(songs(folder), NAME)


def load(folder: Path) -> list[Excerpt]:
    """The mixtures of the test songs; raises as ``songs`` does."""
    return mixes_of(songs(folder))

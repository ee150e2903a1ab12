"""Mixing Secrets (Gururani and Lerch, ISMIR LBD 2017): multitracks in the form of MedleyDB.

``Medley_Format/Audio/NAME`` as its authors lay it out: ``NAME_METADATA.yaml``, ``NAME_MIX.wav`` and
``NAME_STEMS/*.wav``. Bleeding songs and splits are as in ``medleydb``. Its names of instruments are
freer than there: some are coarser, and one that is not known leaves open what sounds.
"""

from __future__ import annotations

from pathlib import Path

from training.datasets import medleydb
from training.datasets.recording import Recording
from training.datasets.songs import mixes_of, stems_of
from training.datasets.truth import Excerpt

NAME = "Mixing Secrets"
MORE_LABELS = {
    "saxophone": "saxophone", "sax": "saxophone", "electric guitar": "electric_guitar",
    "guitar": "guitar", "bass": "bass", "synth": "synthesizer", "percussion": "percussion",
    "drums": "drum_kit", "strings": "strings", "organ": "organ", "keyboard": "electric_piano",
    "brass": "brass", "vocals": "voice", "singer": "voice", "horns": "brass_section",
}  # fmt: skip
"""Names beside MedleyDB's, in lower case."""


def recordings(folder: Path) -> list[Recording]:
    """The stems; raises as ``medleydb.songs`` does."""
    return stems_of(medleydb.songs(folder, NAME, MORE_LABELS), NAME)


def load(folder: Path) -> list[Excerpt]:
    """The mixes of the test songs; raises as ``medleydb.songs`` does."""
    return mixes_of(medleydb.songs(folder, NAME, MORE_LABELS))

"""Mixing Secrets (Gururani and Lerch, ISMIR LBD 2017): multitracks in the form of MedleyDB.

``Medley_Format/Audio/NAME`` as its authors lay it out: ``NAME_METADATA.yaml``, ``NAME_MIX.wav`` and
``NAME_STEMS/*.wav``. Labels, bleeding songs and splits are as in ``medleydb``.
"""

from __future__ import annotations

from pathlib import Path

from training.datasets import medleydb
from training.datasets.recording import Recording
from training.datasets.songs import mixes_of, stems_of
from training.datasets.truth import Excerpt

NAME = "Mixing Secrets"


def recordings(folder: Path) -> list[Recording]:
    """The stems; raises as ``medleydb.songs`` does."""
    return stems_of(medleydb.songs(folder, NAME), NAME)


def load(folder: Path) -> list[Excerpt]:
    """The mixes of the test songs; raises as ``medleydb.songs`` does."""
    return mixes_of(medleydb.songs(folder, NAME))

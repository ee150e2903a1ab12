"""Songs with a stem an instrument: what every multitrack set comes down to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.datasets.recording import Recording
from training.datasets.truth import Excerpt, truth_of


@dataclass(frozen=True)
class Stem:
    """A stem and the name of ``taxonomy.FINE`` that it goes by."""

    path: Path
    label: str


@dataclass(frozen=True)
class Song:
    """A song; ``source`` is what no two splits share: its artist, or itself."""

    name: str
    source: str
    split: str
    mix: Path
    stems: tuple[Stem, ...]
    licence: str = ""


def stems_of(songs: Iterable[Song], data_set: str) -> list[Recording]:
    """The stems to train with, one piece a song; one that may hold anything teaches nothing."""
    return [
        Recording(
            path=stem.path,
            labels=(stem.label,),
            split=song.split,
            source=f"{data_set} {song.source}",
            kind="stem",
            piece=f"{data_set} {song.name}",
            sustain=True,
            licence=song.licence,
        )
        for song in songs
        for stem in song.stems
        if stem.label != "other"
    ]


def mixes_of(songs: Iterable[Song]) -> list[Excerpt]:
    """The mixes of the test songs; what has a stem sounds somewhere in its song."""
    clips = []
    for song in songs:
        labels = list(dict.fromkeys(stem.label for stem in song.stems))
        truth = truth_of(labels, complete=True, counted=False)
        if song.split == "test" and truth.slots:
            clips.append(Excerpt(song.mix, truth, kind="mix", group=song.source))
    return clips

"""A sound of a data set to train with, and the faults of a folder, told all at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.truth import Excerpt, truth_of

SHARES = (0.65, 0.175, 0.175)
"""Of train, val and test, where a set of songs states no split of its own."""


@dataclass(frozen=True)
class Recording:
    """One file of a data set as its authors describe it.

    ``labels``: names of ``taxonomy.FINE`` that sound; ``complete``: nothing else does; if not,
    the instruments in ``absent`` do not. ``split``: train, val or test. ``source``: what no two
    splits share. ``kind``: note, phrase, stem or music, as in a bank; the stems of one ``piece``
    sound together. ``pitch`` is a MIDI number.
    """

    path: Path
    labels: tuple[str, ...]
    split: str
    source: str
    kind: str = "music"
    complete: bool = True
    absent: tuple[str, ...] = ()
    piece: str = ""
    pitch: float | None = None
    velocity: int | None = None
    articulation: str = ""
    sustain: bool = False
    licence: str = ""


def to_score(recordings: Iterable[Recording]) -> list[Excerpt]:
    """Those of the test split of which something is known to sound, as clips to score."""
    clips = []
    for one in recordings:
        truth = truth_of(one.labels, complete=one.complete, absent=one.absent)
        if one.split != "test" or not (truth.slots or one.absent):
            continue
        solo = one.kind in ("note", "phrase")
        clips.append(
            Excerpt(
                path=one.path,
                truth=truth,
                kind="solo" if solo else "mix",
                group=one.source,
                steady=solo and truth.instrument is not None,
            )
        )
    return clips


def drawn_split(key: str) -> str:
    """The split of a song, by its artist's name or its own; always the same, in ``SHARES``."""
    place = zlib.crc32(key.encode()) / 2**32
    train, val, _ = SHARES
    return "train" if place < train else "val" if place < train + val else "test"


class Faults:
    """What is wrong with a data set's folder; ``end`` raises the first with the count of all."""

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy
        self.found: list[str] = []

    def add(self, fault: str) -> None:
        self.found.append(fault)

    def need(self, path: Path) -> bool:
        """Whether a file is there; one that is not, or is empty, is a fault."""
        if path.is_file() and path.stat().st_size:
            return True
        self.add(f"{path} is {'empty' if path.is_file() else 'missing'}")
        return False

    def end(self) -> None:
        """Raises TuttiError where something was wrong."""
        if self.found:
            many = f" ({len(self.found)} faults in all)" if len(self.found) > 1 else ""
            raise TuttiError(f"{self.found[0]}{many}: {self.remedy}.")

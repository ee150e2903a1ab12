"""A folder of real clips that are trained with and chosen by, never quoted as a test.

``manifest.csv`` holds a clip of one instrument a row: ``path``, ``instrument`` (a name of
``taxonomy.FINE``), ``source``, ``articulation`` (``phrase``: a stretch of playing) and ``split``
(``train`` or ``val``). ``several.csv`` and ``noise.csv`` may be there: clips of ``instruments``
separated by ``;``, ``complete`` where every one is named, and clips of none. A name in
``several.csv`` that the vocabulary has no word for leaves open what sounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from realtime.errors import TuttiError
from realtime.sources.file import SUFFIXES
from realtime.taxonomy import FINE, UNKNOWN
from training.datasets.recordings import read_rows
from training.datasets.truth import Truth, existing, truth_of

SPLITS = ("train", "val")
_TABLES = ("manifest.csv", "several.csv", "noise.csv")


@dataclass(frozen=True)
class RealClip:
    """One clip: its labels as the table names them, and whether they are all that sounds."""

    path: Path
    labels: tuple[str, ...]
    complete: bool
    source: str
    phrase: bool = False

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Its labels as instruments are counted: a kit's drums and cymbals are one."""
        named = (FINE.get(label, UNKNOWN).instrument or label for label in self.labels)
        return frozenset("drums" if name == "cymbals" else name for name in named)

    @property
    def instrument(self) -> str | None:
        """The instrument of the vocabulary, where it is exactly one."""
        return FINE.get(self.labels[0], UNKNOWN).instrument if len(self.labels) == 1 else None


def truth_together(clips: tuple[RealClip, ...]) -> Truth:
    """What is known of clips that sound together; a clip whose labels are open leaves all open."""
    labels = [label for clip in clips for label in clip.labels]
    foreign = dict.fromkeys((label for label in labels if label not in FINE), UNKNOWN)
    complete = all(clip.complete for clip in clips)
    truth = truth_of(labels, complete=complete, vocabulary={**FINE, **foreign}, counted=False)
    count = len(frozenset[str]().union(*(clip.kinds for clip in clips)))
    return Truth(
        truth.slots,
        truth.unknown,
        truth.families,
        truth.unknown_families,
        count if complete else None,
    )


def load(folder: Path, split: str) -> list[RealClip]:
    """The labelled clips of a split, in order of their paths.

    Raises:
        TuttiError: the folder, its manifest or a file of it is missing, a file has no row, or a
            row cannot be read.
    """
    existing(folder, "name a folder of real clips with a manifest.csv")
    existing(folder / _TABLES[0], "it says what the clips of the folder are")
    clips, named = [], set()
    for table, line, row in _rows(folder):
        try:
            path = folder / row["path"]
            existing(path, f"{table} names it in line {line}")
            named.add(path)
            if row["split"] not in SPLITS:
                raise TuttiError(
                    f"{table}, line {line}: split must be train or val, not '{row['split']}'."
                )
            clip = None if table.name == "noise.csv" else _clip(table.name, path, row)
        except KeyError as error:
            raise TuttiError(f"{table}, line {line}: {error} is missing or not known.") from None
        if clip is not None and row["split"] == split:
            clips.append(clip)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if nameless := [path for path in found if path not in named]:
        raise TuttiError(
            f"{nameless[0]} has no row in {', '.join(_TABLES)}: add one, or take the file away."
        )
    if not clips:
        raise TuttiError(f"{folder} has no labelled clips of split {split}.")
    return sorted(clips, key=lambda clip: clip.path.relative_to(folder).as_posix())


def _rows(folder: Path) -> Iterator[tuple[Path, int, dict[str, str]]]:
    for name in _TABLES:
        table = folder / name
        if table.exists():
            for line, row in read_rows(table):
                yield table, line, row


def _clip(table: str, path: Path, row: Mapping[str, str]) -> RealClip | None:
    """The clip of a row; KeyError names what is missing or not known."""
    if table == "manifest.csv":
        if row["instrument"] not in FINE:
            raise KeyError(row["instrument"])
        phrase = row.get("articulation") == "phrase"
        return RealClip(path, (row["instrument"],), True, row["source"], phrase)
    labels = tuple(name.strip() for name in row["instruments"].split(";") if name.strip())
    complete = {"0": False, "1": True}[row["complete"]]
    return RealClip(path, labels, complete, row["source"]) if labels else None

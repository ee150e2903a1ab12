"""Stretches of real sound in a folder of recordings: several instruments at once, or none.

``several.csv`` has the columns path, instruments (separated by ``;``) and complete (1:
every instrument is named), ``noise.csv`` has path; both may have source, licence and split.
A name that the vocabulary has no word for is left out, and what it stands for is then
something unnamed that sounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from realtime.errors import TuttiError
from realtime.taxonomy import FINE
from training.bank.clips import COMPLETE, MAX_PHRASE_S, Clip, cut, trimmed
from training.sounds.folder import TABLES, decode, read_table

_SEVERAL, _NOISE = TABLES[1:]


def read_stretches(folder: Path) -> list[dict[str, str]]:
    """The rows of both tables, each with its ``kind``, ``label`` and ``complete``.

    A table that is not there has none. Raises TuttiError naming the table and the line of
    what is wrong.
    """
    rows = []
    for line, row in _rows(folder / _SEVERAL, ("path", "instruments", "complete")):
        if row["complete"] not in ("0", "1"):
            raise TuttiError(
                f"{folder / _SEVERAL}, line {line}: complete is 1 or 0, not '{row['complete']}'."
            )
        label, complete = named(row["instruments"])
        told = COMPLETE if complete and row["complete"] == "1" else ""
        rows.append(_row(row, kind="music", label=label, complete=told))
    for _, row in _rows(folder / _NOISE, ("path",)):
        rows.append(_row(row, kind="noise", label="", complete=""))
    return rows


def named(instruments: str) -> tuple[str, bool]:
    """The known ones of some names, joined by ``;``, and whether all of them are known."""
    names = list(dict.fromkeys(name.strip() for name in instruments.split(";") if name.strip()))
    known = [name for name in names if name in FINE]
    return ";".join(known), bool(names) and len(known) == len(names)


def clips(
    folder: Path, rows: Sequence[Mapping[str, str]], *, split: str | None = None
) -> Iterator[Clip]:
    """The clips of these rows, at most a minute of each; ``split`` where a row states none.

    A file that cannot be decoded raises TuttiError naming it.
    """
    for row in rows:
        samples = decode(folder / row["path"])
        music = row["kind"] == "music"
        yield Clip(
            samples=cut(trimmed(samples) if music else samples, MAX_PHRASE_S),
            label=row["label"],
            source=row["source"] or folder.name,
            split=row["split"] or split or "train",
            kind=row["kind"],
            articulation=row["complete"],
            sustain=True,
            licence=row["licence"],
            origin=row["path"],
        )


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    if path.exists():
        yield from enumerate(read_table(path, needed), start=2)


def _row(row: Mapping[str, str], **known: str) -> dict[str, str]:
    return {name: row.get(name, "") for name in ("path", "source", "licence", "split")} | known

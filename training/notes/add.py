"""Makes a larger bank from a bank and more notes; the first bank stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from training.notes import nsynth, samples
from training.notes.bank import Bank, BankWriter, copy_into
from training.notes.build import Job, results
from training.notes.clips import Clip
from training.notes.folder import read_manifest

_TAKES = 10
"""Pieces or phrases a job."""


def add_folder(bank: Path, out: Path, folder: Path, *, split: str) -> None:
    """Adds a folder of notes with a manifest; all of it goes to one split.

    Raises TuttiError naming the manifest's line or the sound file at fault.
    """
    rows = read_manifest(folder)
    dropped: Counter[str] = Counter()
    clips = samples.clips(folder, rows, dropped=dropped, split=split)
    _extend(bank, out, clips, dropped, {"folder": folder.name, "split": split})


def add_nsynth(bank: Path, out: Path, folder: Path, *, split: str) -> None:
    """Adds an NSynth folder; NSynth keeps its instruments apart by folder, so does ``split``."""
    _extend(bank, out, nsynth.clips(folder, split), Counter(), {"nsynth": folder.name})


def add_second_takes(
    bank_path: Path,
    out: Path,
    *,
    seed: int,
    processes: int = 2,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> None:
    """Adds each training piece and phrase once more, sent through the effects of a studio."""
    bank = Bank.open(bank_path)
    takes: dict[str, list[int]] = {}
    for index in np.flatnonzero((bank.split == "train") & np.isin(bank.kind, ("stem", "phrase"))):
        takes.setdefault(str(bank.piece[index]) or f"phrase {index}", []).append(int(index))
    groups = list(takes.values())
    todo = [
        Job(f"takes {first}", "make_second_takes", (bank_path, groups[first : first + _TAKES]))
        for first in range(0, len(groups), _TAKES)
    ]
    with _extended(bank, out, {"second takes": "all", "seed": seed}) as writer:
        for done, (job, made) in enumerate(results(todo, seed, processes), start=1):
            for clip in made.clips:
                writer.append(clip)
            for stems in made.pieces:
                writer.append_piece(stems)
            progress(job.name, done, len(todo))


def _extend(
    bank_path: Path, out: Path, clips: Iterator[Clip], dropped: Counter[str], what: dict[str, str]
) -> None:
    with _extended(Bank.open(bank_path), out, what) as writer:
        for clip in clips:
            writer.append(clip)
        writer.dropped.update(dropped)


@contextmanager
def _extended(bank: Bank, out: Path, what: dict[str, Any]) -> Iterator[BankWriter]:
    """A new bank that begins with the clips of another."""
    before = dict(bank.manifest.get("recipe") or {})
    recipe = before | {"added": [*before.get("added", []), what]}
    with BankWriter(out, seed=bank.manifest.get("seed"), recipe=recipe) as writer:
        writer.dropped.update(bank.manifest.get("dropped", {}))
        copy_into(writer, bank)
        yield writer

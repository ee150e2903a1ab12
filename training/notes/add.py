"""Makes a larger bank from a bank and more notes; the first bank stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from training.notes import nsynth, samples
from training.notes.bank import Bank, BankWriter, copy_into
from training.notes.clips import Clip
from training.notes.folder import read_manifest


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


def _extend(
    bank_path: Path, out: Path, clips: Iterator[Clip], dropped: Counter[str], what: dict[str, str]
) -> None:
    bank = Bank.open(bank_path)
    before = dict(bank.manifest.get("recipe") or {})
    recipe = before | {"added": [*before.get("added", []), what]}
    with BankWriter(out, seed=bank.manifest.get("seed"), recipe=recipe) as writer:
        writer.dropped.update(bank.manifest.get("dropped", {}))
        copy_into(writer, bank)
        for clip in clips:
            writer.append(clip)
        writer.dropped.update(dropped)

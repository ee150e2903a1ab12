"""NSynth (Engel et al., ICML 2017): 4-s notes of 1,006 instruments in 11 families.

The folders ``nsynth-train``, ``nsynth-valid`` and ``nsynth-test``, each with ``examples.json`` and
``audio/*.wav``, under the one named; or one of them itself. Its instruments are in train or in the
other two; ``repartition`` is the split of Zhong et al. (APSIPA 2023, IV.A.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from training.datasets.recording import Faults, Recording, to_score
from training.datasets.truth import Excerpt, existing

LABELS = {
    "bass": "synth_bass",  # bass or synthesizer, as with General MIDI's synth basses
    "brass": "brass",
    "flute": "flute",
    "guitar": "guitar",
    "keyboard": "electric_piano",
    "mallet": "mallet",
    "organ": "organ",
    "reed": "reed",
    "string": "bowed_string",
    "synth_lead": "synth_lead",
    "vocal": "voice",
}
"""Family to a name of ``taxonomy.FINE``."""
SPLIT_OF_FOLDER = {"nsynth-train": "train", "nsynth-valid": "val", "nsynth-test": "test"}
_SUSTAINED = {"brass", "flute", "organ", "reed", "string", "synth_lead", "vocal"}
_HOW = "unpack nsynth-{train,valid,test}.jsonwav.tar.gz whole and name the folder that holds them"


def recordings(folder: Path) -> list[Recording]:
    """The notes of every split that is there.

    Raises:
        TuttiError: none is there, or a table or a note of it cannot be used.
    """
    existing(folder, _HOW)
    faults = Faults(_HOW)
    alone = (folder / "examples.json").exists()
    parts = [folder] if alone else [folder / n for n in SPLIT_OF_FOLDER if (folder / n).is_dir()]
    if not parts:
        raise TuttiError(f"{folder} holds neither examples.json nor nsynth-train: {_HOW}.")
    found = [one for part in parts for one in _notes(part, faults)]
    faults.end()
    return found


def load(folder: Path) -> list[Excerpt]:
    """The notes of the test split, or of the one folder named."""
    found = recordings(folder)
    if (folder / "examples.json").exists():
        found = [replace(one, split="test") for one in found]
    if not (clips := to_score(found)):
        raise TuttiError(f"{folder} holds no nsynth-test: {_HOW}.")
    return clips


def repartition(notes: Iterable[Recording], seed: int, share: float = 0.04) -> list[Recording]:
    """Train and valid together, of which ``share`` validates; so that every instrument trains."""
    together = [one for one in notes if one.split != "test"]
    chosen = np.random.default_rng(seed).permutation(len(together))
    held = set(chosen[: round(share * len(together))].tolist())
    return [
        replace(one, split="val" if number in held else "train")
        for number, one in enumerate(together)
    ]


def _notes(part: Path, faults: Faults) -> list[Recording]:
    table = part / "examples.json"
    try:
        entries = json.loads(existing(table, _HOW).read_text(encoding="utf-8"))
    except OSError as error:
        raise TuttiError(f"{table} cannot be read ({error.strerror}): {_HOW}.") from None
    except ValueError as error:
        raise TuttiError(f"{table} is no valid JSON ({error}): {_HOW}.") from None
    if not isinstance(entries, dict) or not entries:
        raise TuttiError(f"{table} is not NSynth's table of notes: {_HOW}.")
    split = SPLIT_OF_FOLDER.get(part.name, "train")
    notes = []
    for name, entry in sorted(entries.items()):
        try:
            note = _note(part, split, name, entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            faults.add(f"{table}, note {name}: {error} is missing or wrong")
            continue
        if faults.need(note.path):
            notes.append(note)
    return notes


def _note(part: Path, split: str, name: str, entry: dict[str, Any]) -> Recording:
    family = entry["instrument_family_str"]
    if family not in LABELS:
        raise ValueError(f"the family '{family}'")
    return Recording(
        path=part / "audio" / f"{name}.wav",
        labels=(LABELS[family],),
        split=split,
        source=f"NSynth {entry['instrument_str']}",
        kind="note",
        pitch=float(entry["pitch"]),
        velocity=max(1, min(127, int(entry["velocity"]))),
        articulation=" ".join(entry.get("qualities_str", ())),
        sustain=family in _SUSTAINED,
        licence="CC-BY-4.0",
    )

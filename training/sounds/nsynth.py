"""NSynth (Engel et al., ICML 2017): a folder with ``examples.json`` and ``audio/*.wav``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError
from training.bank.clips import Clip, as_note
from training.sounds.folder import decode

_LABELS = {
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
_SUSTAINED = {"brass", "flute", "organ", "reed", "string", "synth_lead", "vocal"}
_LICENCE = "CC-BY-4.0"


@dataclass(frozen=True)
class Example:
    """One note of NSynth, by its entry in ``examples.json``."""

    name: str
    family: str
    instrument: str
    pitch: int
    velocity: int
    qualities: str


def read_examples(folder: Path) -> list[Example]:
    """The notes a folder describes; raises TuttiError naming the file at fault."""
    path = folder / "examples.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TuttiError(
            f"{path} cannot be read ({error.strerror}); name the folder that holds examples.json."
        ) from error
    except ValueError as error:
        raise TuttiError(f"{path} is no valid JSON ({error}).") from error
    if not isinstance(entries, dict):
        raise TuttiError(f"{path} is not NSynth's table of notes.")
    examples = []
    for name, entry in sorted(entries.items()):
        try:
            example = Example(
                name,
                entry["instrument_family_str"],
                entry["instrument_str"],
                int(entry["pitch"]),
                int(entry["velocity"]),
                " ".join(entry.get("qualities_str", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TuttiError(f"{path}, note {name}: {error} is missing or wrong.") from error
        if example.family not in _LABELS:
            raise TuttiError(f"{path}, note {name}: unknown family '{example.family}'.")
        examples.append(example)
    return examples


def clips(folder: Path, split: str) -> Iterator[Clip]:
    """Every note as a clip; each of NSynth's instruments is a source of its own."""
    for example in read_examples(folder):
        yield as_note(
            Clip(
                samples=decode(folder / "audio" / f"{example.name}.wav"),
                label=_LABELS[example.family],
                source=f"NSynth {example.instrument}",
                split=split,
                pitch=float(example.pitch),
                velocity=max(1, min(127, example.velocity)),
                articulation=example.qualities,
                sustain=example.family in _SUSTAINED,
                licence=_LICENCE,
                origin=f"audio/{example.name}.wav",
            )
        )

"""Single recorded notes and chords: tonejs-instruments, guitar strums, a pipe organ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.bank.clips import trimmed
from training.making.free import packages
from training.making.free.sound import FreeSound, Samples, run
from training.sounds.folder import decode

_TONEJS = {
    "guitar-acoustic": "acoustic_guitar",
    "guitar-electric": "electric_guitar",
    "guitar-nylon": "acoustic_guitar",
    "piano": "piano",
    "saxophone": "saxophone",
    "trombone": "trombone",
    "tuba": "tuba",
    "xylophone": "xylophone",
}
"""What ``../shared/samples`` does not hold, and validation and test do not either."""
_STEP = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMED_PITCH = re.compile(r"([A-G])([s#]?)(\d)$")


def midi_pitch(name: str) -> int | None:
    """The MIDI number a file is named by (``Cs3``: 49), None where the name is no pitch."""
    found = _NAMED_PITCH.search(name)
    if not found:
        return None
    letter, sharp, octave = found.groups()
    return 12 * (int(octave) + 1) + _STEP[letter] + bool(sharp)


def tonejs(opened: Path) -> Iterator[FreeSound]:
    """Single notes, named by their pitch."""
    for instrument, label in _TONEJS.items():
        folder = packages.opened(packages.TONEJS[instrument], opened)
        for path in sorted(folder.rglob("*.mp3")):
            yield FreeSound(
                f"tonejs/{instrument}-{path.stem}", decode(path), label,
                f"tonejs-instruments {instrument}", "CC-BY-3.0", midi_pitch(path.stem),
            )  # fmt: skip


def strums(opened: Path) -> Iterator[FreeSound]:
    """Chords of an acoustic guitar."""
    folder = packages.opened(packages.STRUMS, opened)
    for path in sorted(folder.rglob("belofilms_GuitarStrums/*.flac")):
        yield FreeSound(
            f"strums/{path.stem}", trimmed(decode(path)), "acoustic_guitar",
            "belofilms guitar strums", "CC-BY-3.0", articulation="chord",
        )  # fmt: skip


_REGISTRATIONS = {
    "montre": ("Montre8",),
    "bourdon": ("Bourdon8",),
    "plein-jeu": ("Montre8", "Bourdon8", "Octavin2"),
    "reeds": ("Trompette8", "Montre8", "Octavin2"),
    "trompette": ("Trompette8",),
    "foundations": ("Montre8", "Gamba8", "FlHarm8"),
}


def pipe_organ(opened: Path) -> Iterator[FreeSound]:
    """Single keys, on one stop or several together."""
    folder = packages.opened(packages.PIPE_ORGAN, opened)
    ranks: dict[str, dict[int, Samples]] = {}
    wave = opened / "pipe.wav"
    for path in sorted(folder.rglob("*8/*.wav")) + sorted(folder.rglob("Octavin2/*.wav")):
        run("wvunpack", "-q", "-y", path, "-o", wave)  # .wav in name, WavPack in content
        ranks.setdefault(path.parent.name, {})[int(path.stem[:3])] = decode(wave)
    wave.unlink(missing_ok=True)
    for name, stops in _REGISTRATIONS.items():
        for key in sorted(set.intersection(*(set(ranks[stop]) for stop in stops))):
            pipes = [ranks[stop][key] for stop in stops]
            length = min(len(pipe) for pipe in pipes)
            yield FreeSound(
                f"organ/{name}-{key:03}", np.sum([pipe[:length] for pipe in pipes], axis=0),
                "organ", "GrandOrgue demo", "CC-BY-SA-2.5 or GPL-2+", key, name,
            )  # fmt: skip

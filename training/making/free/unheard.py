"""Real music that never trains: solos of GCompris, piano and songs of synctoolbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.making.free import packages
from training.making.free.qresource import files

_SOLOS = {
    "accordion": "accordion", "banjo": "banjo", "cello": "cello", "clarinet": "clarinet",
    "cymbal": "cymbals", "electric_guitar": "electric_guitar", "flute_traversiere": "flute",
    "guitar": "acoustic_guitar", "harp": "harp", "horn": "horn", "organ": "organ",
    "piano": "piano", "saxophone": "saxophone", "snare_drum": "drums", "trombone": "trombone",
    "trumpet": "trumpet", "violin": "violin",
}  # fmt: skip
_LIEDER = {"Chopin_Op010-03": "piano", "Schubert_D911": "voice;piano"}


@dataclass(frozen=True)
class Unheard:
    """A recording to evaluate with: its row of ``recordings.csv``, and the file."""

    row: Mapping[str, str]
    content: bytes


def unheard(opened: Path) -> Iterator[Unheard]:
    """Each recording, as its package holds it."""
    held = files(next(packages.opened(packages.SOLOS, opened).rglob("instruments.rcc")))
    for name, instrument in _SOLOS.items():
        content = next(data for path, data in held.items() if path.endswith(f"/{name}.ogg"))
        yield _unheard(f"{name}.ogg", instrument, name, "GCompris", "GPL-3+", content)
    for path in sorted(packages.opened(packages.LIEDER, opened).rglob("data_music/*.wav")):
        piece, instruments = next(item for item in _LIEDER.items() if item[0] in path.name)
        source, licence = "FMP notebooks", "CC-BY-NC-SA-3.0"
        if piece.startswith("Schubert"):
            source, licence = "Schubert Winterreise Dataset", "CC-BY-3.0"
        yield _unheard(path.name, instruments, path.stem, source, licence, path.read_bytes())


def _unheard(
    name: str, instruments: str, group: str, source: str, licence: str, content: bytes
) -> Unheard:
    split = "weak" if ";" in instruments else "solo"
    row = {"path": name, "split": split, "instruments": instruments, "complete": "1"}
    return Unheard(row | {"group": group, "source": source, "licence": licence}, content)

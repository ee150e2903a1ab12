"""Longer recordings: guitars of songs, speakers, and real music that never trains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from realtime.spec import SAMPLE_RATE_HZ
from training.notes.clips import trimmed
from training.notes.folder import decode
from training.notes.free import packages
from training.notes.free.qresource import files
from training.notes.free.sound import Samples, Sound

# Guitars of songs made for Frets on Fire, which come as tracks of their own

_EXCERPT_S = 8.0
_EXCERPTS_A_SONG = 20
_LOUD_DB = -30.0


def metal(opened: Path) -> Iterator[Sound]:
    licences = {"muldjord": "CC-BY-SA-3.0", "sectoid": "MIT"}
    for package in packages.METAL:
        for path in sorted(packages.opened(package, opened).rglob("guitar.ogg")):
            band, song = path.parent.parent.name, path.parent.name
            for number, excerpt in enumerate(excerpts(decode(path))):
                yield Sound(
                    f"metal/{song}-{number:02}".replace(" ", "_"), excerpt, "electric_guitar",
                    f"Frets on Fire songs by {band}", licences[band], articulation="phrase",
                )  # fmt: skip


def excerpts(samples: Samples) -> list[Samples]:
    """Stretches of 8 s, spread over a recording, that sound throughout: at most 20."""
    size, second = round(_EXCERPT_S * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ
    level = np.sqrt(np.mean(np.square(samples[: len(samples) // second * second])
                            .reshape(-1, second), axis=1))  # fmt: skip
    loud = level > 10 ** (_LOUD_DB / 20) * level.max(initial=1e-9)
    stretch = round(_EXCERPT_S)
    starts = [
        at for at in range(0, len(loud) - stretch + 1, stretch) if loud[at : at + stretch].all()
    ]
    chosen = starts[:: max(1, -(-len(starts) // _EXCERPTS_A_SONG))]
    return [samples[at * second : at * second + size] for at in chosen]


# Speakers of two programs for children, who say letters, syllables and words

_SPEECH_S, _PAUSE_S = 6.0, 0.08
_LINES_A_SPEAKER = 8


def speech(opened: Path) -> Iterator[Sound]:
    for program, package in packages.SPEECH.items():
        said: dict[str, list[Path]] = {}
        for path in sorted(packages.opened(package, opened).rglob("*.ogg")):
            found = _LANGUAGE.search(path.as_posix())
            if found and soundfile.info(path).samplerate >= SAMPLE_RATE_HZ:
                said.setdefault(found[1], []).append(path)
        for language, paths in said.items():
            for number, spoken in enumerate(lines(decode(path) for path in paths)):
                yield Sound(
                    f"speech/{program}-{language}-{number}", spoken, "voice",
                    f"{program} speaker, {language}", "GPL-2+", articulation="speech",
                )  # fmt: skip


_LANGUAGE = re.compile(r"(?:klettres|sounds)/([a-zA-Z_]+)/")
"""Not ``sr@latin``: the same recordings as ``sr``."""


def lines(words: Iterable[Samples]) -> list[Samples]:
    """Words one after the other, 6 s a line; at most 8 lines."""
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    found: list[Samples] = []
    line: list[Samples] = []
    for word in words:
        line += [trimmed(word), pause]
        if sum(map(len, line)) >= _SPEECH_S * SAMPLE_RATE_HZ:
            found.append(np.concatenate(line))
            line = []
        if len(found) == _LINES_A_SPEAKER:
            break
    return found


# Real music that never trains: solos of GCompris, piano and songs of synctoolbox

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

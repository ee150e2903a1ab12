"""Longer recordings: the guitars of songs, and speakers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from realtime.sources.file import FileSource
from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import trimmed
from training.making.free import packages
from training.making.free.sound import FreeSound, Samples
from training.sounds.folder import decode

# Guitars of songs made for Frets on Fire, which come as tracks of their own

_EXCERPT_S = 8.0
_EXCERPTS_A_SONG = 20
_LOUD_DB = -30.0


def metal(opened: Path) -> Iterator[FreeSound]:
    """Excerpts of distorted guitars, some clean ones among them."""
    licences = {"muldjord": "CC-BY-SA-3.0", "sectoid": "MIT"}
    for package in packages.METAL:
        for path in sorted(packages.opened(package, opened).rglob("guitar.ogg")):
            band, song = path.parent.parent.name, path.parent.name
            for number, excerpt in enumerate(excerpts(decode(path))):
                yield FreeSound(
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
_LANGUAGE = re.compile(r"(?:klettres|sounds)/([a-zA-Z_]+)/")
"""Not ``sr@latin``: the same recordings as ``sr``."""


def speech(opened: Path) -> Iterator[FreeSound]:
    """Lines of speech; the speaker of a language is taken to be one person."""
    for program, package in packages.SPEECH.items():
        said: dict[str, list[Path]] = {}
        for path in sorted(packages.opened(package, opened).rglob("*.ogg")):
            found = _LANGUAGE.search(path.as_posix())
            if found and _rate_hz(path) >= SAMPLE_RATE_HZ:
                said.setdefault(found[1], []).append(path)
        for language, paths in said.items():
            for number, spoken in enumerate(lines(decode(path) for path in paths)):
                yield FreeSound(
                    f"speech/{program}-{language}-{number}", spoken, "voice",
                    f"{program} speaker, {language}", "GPL-2+", articulation="speech",
                )  # fmt: skip


def _rate_hz(path: Path) -> int:
    with FileSource(path) as source:
        return source.sample_rate_hz


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

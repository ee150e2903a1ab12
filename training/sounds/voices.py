"""Singers made from speakers, because recorded singing under a free licence is scarce.

The WORLD vocoder (Morise et al., IEICE 2016) takes speech apart into pitch,
spectral envelope and aperiodicity. Vowels are stretched to the length of notes,
the pitch is replaced by a sung line, the envelope is warped (another throat)
and the breath changed. Several such copies make a choir. Speakers are those of
the recorded samples and espeak-ng's voices; each stays in one split.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import Clip, cut, trimmed
from training.sounds.folder import decode, read_manifest
from training.sounds.samples import split_of
from training.sounds.singing import sing_line, transposed_line
from training.sounds.vocoder import Speech, analyse, synthesise

_TAKES_RECORDED, _TAKES_ESPEAK = 26, 16
"""Clips a speaker gives a full bank."""
_LANGUAGES = ("en-us", "it", "es", "fr-fr", "de", "pt-br", "sv", "fi", "la", "pl", "ro", "id")
_VARIANTS = {
    "train": (
        "f1", "f2", "f4", "f5", "m1", "m3", "m4", "m5", "m7", "m8", "Andrea", "linda", "steph2",
        "belinda", "michel", "Mike", "Marco", "Lee", "aunty", "adam", "Gene", "pablo",
    ),
    "val": ("f3", "m2", "Alicia", "max"),
    "test": ("anika", "m6", "Annie", "marcelo"),
}  # fmt: skip
_ONSETS = (
    "l",
    "m",
    "n",
    "d",
    "b",
    "r",
    "s",
    "t",
    "k",
    "f",
    "v",
    "p",
    "g",
    "",
    "",
    "tr",
    "st",
    "bl",
)
_VOWELS = ("a", "e", "i", "o", "u", "a", "o", "ai", "oa", "ei", "au")


@dataclass(frozen=True)
class Speaker:
    """``recordings``: path and whether it is sung already; else ``voice`` of espeak-ng."""

    source: str
    split: str
    licence: str
    recordings: tuple[tuple[str, bool], ...] = ()
    voice: str = ""


def speakers(samples: Path, scale: float = 1.0) -> list[Speaker]:
    """Every speaker, or some of them for a small bank."""
    spoken = [
        Speaker(f"espeak-ng {variant}", split, "GPL-3+", voice=variant)
        for split, variants in _VARIANTS.items()
        for variant in variants
    ]
    step = max(1, round(0.2 / scale)) if scale < 0.2 else 1
    return [*recorded_speakers(samples)[::step], *spoken[::step]]


def recorded_speakers(samples: Path) -> list[Speaker]:
    """Who speaks or sings in a folder of recordings."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in read_manifest(samples):
        if row["instrument"] == "voice" and _is_speech_or_song(row["articulation"]):
            found.setdefault((row["source"], split_of(row)), []).append(row)
    return [
        Speaker(
            source,
            split,
            rows[0]["licence"],
            tuple((row["path"], row["articulation"].startswith("sung")) for row in rows),
        )
        for (source, split), rows in sorted(found.items())
    ]


def _is_speech_or_song(articulation: str) -> bool:
    return articulation.startswith(("speech", "sung phrase"))


def clips(
    speaker: Speaker, samples: Path, rng: np.random.Generator, scale: float = 1.0
) -> Iterator[Clip]:
    """Sung phrases, sung notes and choirs of one speaker."""
    takes = _TAKES_RECORDED if speaker.recordings else _TAKES_ESPEAK
    takes = max(1, round(takes * min(1.0, scale * 5)))
    if speaker.recordings:
        known = [(analyse(decode(samples / path)), sung, path) for path, sung in speaker.recordings]
    else:
        known = [(speech, False, text) for speech, text in _spoken(speaker.voice, rng)]
    known = [entry for entry in known if (entry[0].f0_hz > 0).sum() > 40]
    for number in range(takes if known else 0):
        speech, sung, origin = known[int(rng.integers(len(known)))]
        draw = rng.random()
        copies = int(rng.integers(2, 5)) if draw > 0.82 else 1
        alone = draw < 0.2 and not sung
        voice, pitch = _take(speech, sung, copies, alone, rng)
        voice = cut(trimmed(voice), 3.0 if alone else 10.0)
        name = "sung note" if alone else "choir" if copies > 1 else "sung phrase"
        yield Clip(
            samples=voice, label="voice", source=speaker.source, split=speaker.split,
            kind="note" if alone else "phrase", pitch=pitch if alone else None,
            articulation=f"{name}, from speech" if not sung else f"{name}, resung", sustain=True,
            licence=speaker.licence, origin=f"{origin} take {number}",
        )  # fmt: skip


def _take(
    speech: Speech, sung: bool, copies: int, alone: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float32], float | None]:
    """One performance, mixed of ``copies`` singers that follow the same line."""
    if sung and rng.random() < 0.7:
        line = transposed_line(speech, rng)
    else:
        line = sing_line(speech, rng, single_note=alone)
    warp = rng.uniform(0.87, 1.18)
    harmony = rng.choice([0, 0, 0, -12, 4, 7, -5]) if copies > 2 else 0
    voices = []
    for copy in range(copies):
        detune_cents = rng.normal(0, 12) if copies > 1 else 0.0
        shift = float(harmony) if copy % 2 else 0.0
        voices.append(
            synthesise(
                speech,
                line.frames,
                line.f0_hz * 2 ** ((detune_cents / 100 + shift) / 12),
                warp=warp * (rng.uniform(0.93, 1.07) if copies > 1 else 1.0),
                breath=rng.uniform(0.55, 1.5),
                ring_db=rng.uniform(0, 8) if rng.random() < 0.5 else 0.0,
            )
        )
    late = [int(rng.uniform(0, 0.05) * SAMPLE_RATE_HZ) if copies > 1 else 0 for _ in voices]
    total = max(len(voice) + shift for voice, shift in zip(voices, late, strict=True))
    mix = np.zeros(total, np.float32)
    for voice, shift in zip(voices, late, strict=True):
        mix[shift : shift + len(voice)] += voice
    return mix, line.pitch


def _spoken(variant: str, rng: np.random.Generator) -> Iterator[tuple[Speech, str]]:
    """Eight lines of made-up syllables spoken by a voice, in several languages' sounds."""
    for _ in range(8):
        language = str(rng.choice(_LANGUAGES))
        text = _nonsense(rng)
        samples = _espeak(f"{language}+{variant}", text, int(rng.integers(25, 75)))
        yield analyse(samples), f"espeak-ng {language}+{variant} '{text}'"


def _nonsense(rng: np.random.Generator) -> str:
    words = []
    for _ in range(int(rng.integers(4, 8))):
        words.append(
            "".join(
                str(rng.choice(_ONSETS)) + str(rng.choice(_VOWELS))
                for _ in range(int(rng.integers(1, 4)))
            )
        )
    return " ".join(words)


def _espeak(voice: str, text: str, pitch: int) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command: Sequence[str] = (
            "espeak-ng", "-v", voice, "-s", "120", "-p", str(pitch), "-w", str(path), text,
        )  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise TuttiError(
                "espeak-ng is missing; install it (Debian: apt-get install espeak-ng, macOS: "
                "brew install espeak-ng) or leave out voices with --only."
            ) from error
        if done.returncode or not path.exists():
            raise TuttiError(f"espeak-ng could not speak as {voice}: {done.stderr.strip()}")
        return decode(path)

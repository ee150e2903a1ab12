"""Music nobody labelled, as clips: a folder with a folder a package.

``tutti bank fetch OUT --music`` makes one. Of each file a stretch is kept that holds as
little silence as can be had; the licence is read from the package's ``copyright``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import Clip, trimmed
from training.bank.splits import music_split
from training.sounds.folder import decode_mono

SOUNDS = {".ogg", ".oga", ".opus", ".mp3", ".flac"}
COPYRIGHT = "copyright"
"""A package's file of licences, in the form of Debian."""
LONG_ENOUGH_S = 20.0
"""Shorter files are effects and jingles."""
_UNREAD = "see the copyright of its package"
"""The licence where that file is not in the form of Debian."""
_SILENT_DB = -45.0

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class MusicFile:
    """A file of music: its package, and its path in the package's folder."""

    package: str
    path: Path
    origin: str
    licence: str


def tracks(folder: Path) -> list[MusicFile]:
    """The music files of a folder with a folder a package, in order of their paths.

    Raises TuttiError where there are none.
    """
    found = []
    for package in sorted(path for path in folder.iterdir() if path.is_dir()):
        if package.name.startswith("."):
            continue  # what a fetch that was ended left
        stated = package / COPYRIGHT
        text = stated.read_text(encoding="utf-8", errors="replace") if stated.is_file() else ""
        for path in sorted(package.rglob("*")):
            if path.suffix.lower() in SOUNDS:
                origin = path.relative_to(package).as_posix()
                stated_as = licence(text, origin) or (_UNREAD if text else "")
                found.append(MusicFile(package.name, path, origin, stated_as))
    if not found:
        raise TuttiError(
            f"{folder} holds no music in folders of packages; make it with "
            "'tutti bank fetch OUT --music'."
        )
    return found


def clips(
    some: Sequence[MusicFile], longest_s: float, rng: np.random.Generator
) -> Iterator[Clip | str]:
    """A clip of each file, or why there is none."""
    for track in some:
        try:
            sound = excerpt(track.path, longest_s, rng)
        except TuttiError:
            yield "music that cannot be decoded"
            continue
        if len(sound) < LONG_ENOUGH_S * SAMPLE_RATE_HZ:
            yield f"music of less than {LONG_ENOUGH_S:g} s"
            continue
        yield Clip(
            samples=sound,
            label="",
            source=track.package,
            split=music_split(track.package),
            kind="music",
            sustain=True,
            licence=track.licence,
            origin=track.origin,
        )


def excerpt(path: Path, longest_s: float, rng: np.random.Generator) -> Sound:
    """At most ``longest_s`` of a file, mono at 16 kHz, somewhere where it sounds most."""
    mono, rate_hz = decode_mono(path)
    mono = trimmed(mono)
    second = rate_hz
    seconds, wanted = len(mono) // second, int(longest_s)
    if seconds > wanted:
        start = _place(mono[: seconds * second].reshape(seconds, second), wanted, rng) * second
        mono = mono[start : start + wanted * second]
    if rate_hz != SAMPLE_RATE_HZ:
        import soxr

        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(mono, np.float32)


def _place(seconds: Sound, wanted: int, rng: np.random.Generator) -> int:
    """The second at which a stretch begins: one of those with the most seconds that sound."""
    level = np.sqrt(np.mean(np.square(seconds), axis=1))
    sounding = np.concatenate(([0], np.cumsum(level > 10 ** (_SILENT_DB / 20) * level.max())))
    within = sounding[wanted:] - sounding[:-wanted]
    return int(rng.choice(np.flatnonzero(within == within.max())))


def licence(text: str, origin: str) -> str:
    """The short name of a file's licence, from a ``copyright`` in the form of Debian.

    The last paragraph counts whose patterns fit; they are of the source's paths, so any
    ending of the file's own path may fit. Empty where there is no such paragraph.
    """
    parts = origin.split("/")
    endings = ["/".join(parts[first:]) for first in range(len(parts))]
    found = ""
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r", "")):
        fields = _fields(paragraph)
        name = fields.get("license", "").split("\n")[0].strip()
        patterns = fields.get("files", "").split()
        if name and any(
            fnmatch.fnmatchcase(ending, pattern.removeprefix("./").replace("[", "[[]"))
            for pattern in patterns
            for ending in endings
        ):
            found = name
    return found


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.split("\n"):
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields

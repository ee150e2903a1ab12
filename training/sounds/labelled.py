"""A data set's recordings as clips of a bank; its splits stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import COMPLETE, MAX_PHRASE_S, Clip, as_note, cut, trimmed
from training.datasets.recording import Recording
from training.sounds.folder import decode
from training.sounds.music import excerpt

SILENT_NOTE_DB = -60.0
"""RMS of its first second below which a note is dropped (Zhong et al., IV.A.1, state no value)."""
UNREADABLE = "unreadable file (named by 'tutti data check')"

Sound = NDArray[np.float32]


def clips(
    some: Sequence[Recording],
    longest_s: float,
    rng: np.random.Generator,
    dropped: Counter[str],
) -> Iterator[Clip]:
    """The clips of these; of music at most ``longest_s``, where it sounds most."""
    for one in some:
        try:
            music = one.kind == "music"
            samples = excerpt(one.path, longest_s, rng) if music else decode(one.path)
        except (TuttiError, ValueError):  # ValueError: a file without a sample
            dropped[UNREADABLE] += 1
            continue
        if one.kind == "note":
            if nearly_silent(samples):
                dropped["nearly silent note"] += 1
            else:
                yield as_note(_clip(one, samples))
        else:
            yield _clip(one, samples if music else cut(trimmed(samples), MAX_PHRASE_S))


def piece(
    stems: Sequence[Recording], longest_s: float, dropped: Counter[str]
) -> list[Clip]:
    """The stems of one song over the same stretch of it, its middle, of one length."""
    sounds: list[tuple[Recording, Sound]] = []
    for stem in stems:
        try:
            sounds.append((stem, decode(stem.path)))
        except (TuttiError, ValueError):
            dropped[UNREADABLE] += 1
    if not sounds:
        return []
    length = max(len(samples) for _, samples in sounds)
    wanted = min(length, round(longest_s * SAMPLE_RATE_HZ))
    start = (length - wanted) // 2
    whole = ((stem, samples[start : start + wanted]) for stem, samples in sounds)
    return [_clip(stem, np.pad(part, (0, wanted - len(part)))) for stem, part in whole]


def nearly_silent(note: Sound) -> bool:
    """Whether a note says too little to be learned from."""
    power = float(np.mean(np.square(note[:SAMPLE_RATE_HZ]))) if len(note) else 0.0
    return bool(10 * np.log10(power + 1e-20) < SILENT_NOTE_DB)


def _clip(one: Recording, samples: Sound) -> Clip:
    told = COMPLETE if one.complete else ""
    return Clip(
        samples=samples,
        label=";".join(dict.fromkeys(one.labels)),
        source=one.source,
        split=one.split,
        kind=one.kind,
        pitch=one.pitch,
        velocity=one.velocity,
        articulation=told if one.kind == "music" else one.articulation,
        sustain=one.sustain or one.kind == "music",
        piece=one.piece,
        licence=one.licence,
        origin="/".join(one.path.parts[-2:]),
    )

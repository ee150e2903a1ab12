"""Recorded notes and phrases: the files of a folder with a manifest, as clips."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FAMILY_OF, FINE
from training.bank.clips import MAX_PHRASE_S, Clip, as_note, cut, trimmed
from training.bank.splits import library_split
from training.sounds.folder import decode
from training.sounds.pitch import contradicts

PHRASE_FROM_S = 3.5
"""A longer recording is kept whole, as a phrase, where its notes cannot be told apart."""

_PHRASES = ("speech", "phrase", "sung phrase")
_SHORT = re.compile(
    r"pizz|staccato|short|percussive|slap|col-legno-battuto|pluck|pick|strike|detache", re.I
)
_MOVING = re.compile(r"trill|tremolo|gliss|harmonic|flutter|slide|chord|double stop", re.I)
_SUSTAINING_FAMILIES = {"voice", "bowed_string", "woodwind", "brass"}
_SUSTAINING = {"organ", "accordion", "harmonium", "harmonica", "synth_pad", "string_ensemble"}


def label_of(row: Mapping[str, str]) -> str:
    """The label of a row: bowed basses apart from plucked ones, speech as voice."""
    label = row["instrument"]
    if label == "double_bass" and re.search(r"arco|bow", row["articulation"], re.I):
        return "bowed_double_bass"
    return "voice" if label == "speech" else label


def split_of(row: Mapping[str, str]) -> str:
    """The split a row states, or the one of the table of splits."""
    return row.get("split") or library_split(label_of(row), row["source"])


def sustains(label: str, articulation: str) -> bool:
    """Whether the sound goes on as long as it is held."""
    if _SHORT.search(articulation):
        return False
    family = FAMILY_OF.get(FINE[label].instrument or "") or "".join(FINE[label].families)
    return label in _SUSTAINING or family in _SUSTAINING_FAMILIES or "bowed" in articulation


def is_phrase(row: Mapping[str, str], duration_s: float) -> bool:
    """Speech, sung lines and loops; single notes are long only by their ringing."""
    if any(word in row["articulation"] for word in _PHRASES):
        return True
    return duration_s > PHRASE_FROM_S and not row["midi_pitch"]


def clips(
    folder: Path,
    rows: Sequence[Mapping[str, str]],
    *,
    dropped: Counter[str],
    split: str | None = None,
) -> Iterator[Clip]:
    """The clips of these rows; ``split`` overrides the table of splits, not what a row states.

    A note that sounds another pitch than its row says is left out and counted
    in ``dropped``; a file that cannot be decoded raises TuttiError naming it.
    """
    for row in rows:
        samples = decode(folder / row["path"])
        label = label_of(row)
        clip = Clip(
            samples=samples,
            label=label,
            source=row["source"] or folder.name,
            split=row.get("split") or split or library_split(label, row["source"]),
            pitch=float(row["midi_pitch"]) if row["midi_pitch"] else None,
            articulation=row["articulation"],
            sustain=sustains(label, row["articulation"]),
            licence=row["licence"],
            origin=row["path"],
        )
        if np.isfinite(samples).all() and is_phrase(row, len(samples) / SAMPLE_RATE_HZ):
            yield _phrase(clip)
            continue
        if (
            clip.pitch is not None
            and clip.sustain
            and not _MOVING.search(clip.articulation)
            and contradicts(samples, clip.pitch)
        ):
            dropped["sounds another pitch"] += 1
            continue
        yield as_note(clip) if np.isfinite(samples).all() else clip


def _phrase(clip: Clip) -> Clip:
    samples = cut(trimmed(clip.samples), MAX_PHRASE_S)
    return replace(clip, samples=samples, kind="phrase", pitch=None)

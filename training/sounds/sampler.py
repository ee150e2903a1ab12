"""Plays recorded notes as an instrument, so that composed parts get real timbres.

Each key takes the recording named nearest to it, at another speed. Held notes
that outlast their recording go on in a loop; slurred notes lose their attack;
pitch bend and expression are followed as a synthesizer would.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE
from training.bank.clips import trimmed
from training.bank.splits import library_split
from training.sounds.folder import decode, read_manifest
from training.sounds.presets import SAMPLED_BANK, Preset
from training.sounds.samples import label_of, split_of, sustains

_FEWEST_NOTES = 7
_NARROWEST = 12
_STRETCH = 3
"""Semitones beyond its recordings that an instrument is played."""
_UNSUITED = re.compile(
    r"trill|tremolo|gliss|harmonic|flutter|slide|chord|staccato|short|col-legno|slap|percussive|"
    r"detache|subtone",
    re.I,
)
_DYNAMIC = re.compile(r"(pianissimo|mezzo-piano|mezzo-forte|fortissimo|piano|forte)_[a-z]")
_FULL_LAYER = 12
"""Notes from which on a dynamic, vowel or size of an instrument is played by itself."""
_RINGING = {"harp", "acoustic_guitar", "mallet_percussion", "banjo", "mandolin", "ukulele"}
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Note:
    """What is to be played; times in seconds."""

    start_s: float
    end_s: float
    key: int
    velocity: int


@dataclass(frozen=True)
class Instrument:
    """Recordings of one library under one label and of one kind: (pitch, path)."""

    label: str
    source: str
    layer: str
    licence: str
    sustain: bool
    recordings: tuple[tuple[float, str], ...]
    split: str

    @property
    def preset(self) -> Preset:
        """How the composer sees it."""
        pitches = [pitch for pitch, _ in self.recordings]
        low, high = int(min(pitches)) - _STRETCH, int(max(pitches)) + _STRETCH
        name = f"{self.source} {self.layer}".strip()
        return Preset(SAMPLED_BANK, 0, name, self.label, max(low, 21), min(high, 108), self.sustain)


@dataclass(frozen=True)
class Kit:
    """Recorded drums: paths by key of the General MIDI drum channel."""

    source: str
    licence: str
    recordings: Mapping[int, tuple[str, ...]]
    split: str


@lru_cache(maxsize=4)
def instruments(folder: Path) -> tuple[Instrument, ...]:
    """Every library of a folder of samples that has enough notes to play a melody."""
    groups: dict[tuple[str, str, str], dict[str, list[dict[str, str]]]] = {}
    for row in read_manifest(folder):
        if row["midi_pitch"] and not _UNSUITED.search(row["articulation"]):
            layers = groups.setdefault((label_of(row), row["source"], split_of(row)), {})
            layers.setdefault(_layer(row), []).append(row)
    found = []
    for (label, source, split), layers in sorted(groups.items()):
        full = {name: rows for name, rows in layers.items() if len(rows) >= _FULL_LAYER}
        if not full:
            full = {"": [row for rows in layers.values() for row in rows]}
        for name, rows in sorted(full.items()):
            recordings = tuple((float(row["midi_pitch"]), row["path"]) for row in rows)
            pitches = [pitch for pitch, _ in recordings]
            if len(rows) >= _FEWEST_NOTES and max(pitches) - min(pitches) >= _NARROWEST:
                sustain = sustains(label, rows[0]["articulation"])
                found.append(
                    Instrument(
                        label, source, name, rows[0]["licence"], sustain, recordings, split
                    )
                )
    return tuple(found)


def _layer(row: Mapping[str, str]) -> str:
    dynamic = _DYNAMIC.search(row["path"])
    return " ".join(part for part in (row["articulation"], dynamic and dynamic[1]) if part)


_KIT_KEYS: tuple[tuple[str, tuple[int, ...]], ...] = (
    # Articulation, keys it stands for; the first that matches counts.
    (r"hihat.*(half|open)|cymbal open", (46,)),
    (r"hihat.*pedal|cymbal pedal", (44,)),
    (r"hihat|hihat closed|cymbal closed|electronic hihat", (42,)),
    (r"ride", (51, 53, 59)),
    (r"crash|cymbal hard|cymbal soft|splash|drum machine cymbal", (49, 52, 55, 57)),
    (r"kick|bass (hard|soft)|heavy kick", (35, 36)),
    (r"rim|side|stick", (37,)),
    (r"snare", (38, 40)),
    (r"tom", (41, 43, 45, 47, 48, 50)),
)
_STAND_INS = {37: 38, 44: 42, 46: 42, 51: 42, 53: 42, 59: 42, 49: 46, 52: 46, 55: 46, 57: 46}
"""Keys a kit may lack, and which to hit instead; hi-hats before what they stand in for."""
_TOMS = (41, 43, 45, 47, 48, 50)


@lru_cache(maxsize=4)
def kits(folder: Path) -> tuple[Kit, ...]:
    """Every library with a kick, a snare and a hi-hat."""
    held: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    licences = {}
    for row in read_manifest(folder):
        if row["instrument"] not in ("drums", "cymbals"):
            continue
        for pattern, keys in _KIT_KEYS:
            if re.search(pattern, row["articulation"]):
                split = row["split"] or library_split("drums", row["source"])
                for key in keys:
                    held[row["source"], split][key].append(row["path"])
                licences[row["source"]] = row["licence"]
                break
    found = []
    for (source, split), by_key in sorted(held.items()):
        if {36, 38, 42} <= by_key.keys():
            for key, stand_in in {**_STAND_INS, **dict.fromkeys(_TOMS, 38)}.items():
                by_key.setdefault(key, by_key[stand_in])
            paths = {key: tuple(paths) for key, paths in sorted(by_key.items())}
            found.append(Kit(source, licences[source], paths, split))
    return tuple(found)


@lru_cache(maxsize=4000)
def _recording(folder: Path, path: str) -> Samples:
    return trimmed(decode(folder / path))


def play(
    folder: Path,
    instrument: Instrument,
    notes: Sequence[Note],
    duration_s: float,
    rng: np.random.Generator,
    *,
    bends: Sequence[tuple[float, float]] = (),
    expression: Sequence[tuple[float, float]] = (),
) -> Samples:
    """The notes as sound, ``round(duration_s * 16000)`` samples at any level.

    ``bends``: time and bend in semitones; ``expression``: time and gain.
    """
    out = np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.float32)
    times = np.arange(len(out)) / SAMPLE_RATE_HZ
    bend = _curve(times, bends, 0.0, hold=True)
    release_s = 0.09 if instrument.sustain else 0.5 if _rings(instrument.label) else 0.18
    last_end_s = -1.0
    for note in notes:
        pitch, path = _nearest(instrument.recordings, note.key, rng)
        slurred = instrument.sustain and note.start_s - last_end_s < 0.02
        last_end_s = note.end_s
        start = round(note.start_s * SAMPLE_RATE_HZ)
        held = max(round((note.end_s - note.start_s) * SAMPLE_RATE_HZ), 400)
        length = min(held + round(release_s * SAMPLE_RATE_HZ), len(out) - start)
        if length < 64:
            continue
        ratio = 2 ** ((note.key - pitch + bend[start : start + length]) / 12)
        position = np.cumsum(ratio) - ratio[0]
        sound = _recording(folder, path)
        if slurred:
            position += min(rng.uniform(0.05, 0.09) * SAMPLE_RATE_HZ, len(sound) / 4)
        if instrument.sustain and position[-1] >= len(sound) - 2:
            sound = looped(sound, int(position[-1]) + 4)
        voice = interpolated(sound, position)
        voice *= _envelope(length, held, slurred)
        out[start : start + length] += voice * np.float32((note.velocity / 100) ** 1.3)
    return out * _curve(times, expression, 1.0, hold=False).astype(np.float32)


def strike(
    folder: Path, kit: Kit, notes: Sequence[Note], duration_s: float, rng: np.random.Generator
) -> Samples:
    """Drum hits as sound; every hit of a key takes one of its recordings."""
    out = np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.float32)
    tuning = {key: rng.uniform(0.94, 1.06) for key in kit.recordings}
    for step, key in enumerate(_TOMS):
        tuning[key] = 0.9 * 2 ** (step / 9)
    for note in notes:
        paths = kit.recordings.get(note.key)
        if not paths:
            continue
        sound = _recording(folder, paths[int(rng.integers(len(paths)))])
        start = round(note.start_s * SAMPLE_RATE_HZ)
        ratio = tuning[note.key]
        length = min(int((len(sound) - 2) / ratio), len(out) - start)
        if length > 0:
            voice = interpolated(sound, np.arange(length) * ratio)
            out[start : start + length] += voice * np.float32((note.velocity / 100) ** 1.5)
    return out


def _rings(label: str) -> bool:
    return (FINE[label].instrument or label) in _RINGING


def _nearest(
    choices: Sequence[tuple[float, str]], key: int, rng: np.random.Generator
) -> tuple[float, str]:
    distances = np.array([abs(pitch - key) for pitch, _ in choices])
    near = np.flatnonzero(distances <= distances.min() + 0.5)
    return choices[int(near[rng.integers(len(near))])]


def _curve(
    times: NDArray[np.float64], points: Sequence[tuple[float, float]], rest: float, *, hold: bool
) -> NDArray[np.float64]:
    if not points:
        return np.full(len(times), rest)
    at, values = (np.array(column) for column in zip(*points, strict=True))
    curve: NDArray[np.float64]
    if hold:  # a bend stays until the next one
        index = np.searchsorted(at, times, side="right") - 1
        curve = np.where(index >= 0, values[np.maximum(index, 0)], rest)
    else:
        curve = np.interp(times, at, values)
    return curve


def _envelope(length: int, held: int, slurred: bool) -> Samples:
    gain = np.ones(length, np.float32)
    if slurred:
        fade = min(round(0.025 * SAMPLE_RATE_HZ), length)
        gain[:fade] = np.sin(np.linspace(0, np.pi / 2, fade))
    if length > held:
        gain[held:] = np.cos(np.linspace(0, np.pi / 2, length - held)) ** 2
    elif length > 160:
        gain[-160:] *= np.linspace(1, 0, 160, dtype=np.float32)
    return gain


def interpolated(sound: Samples, position: NDArray[np.floating]) -> Samples:
    """The sound at fractional positions (cubic, Catmull-Rom); silence after its end."""
    index = np.floor(position).astype(np.int64)
    part = (position - index).astype(np.float32)
    padded = np.concatenate((sound[:1], sound, np.zeros(3, np.float32)))
    index = np.minimum(index, len(sound))
    a, b, c, d = (padded[index + shift] for shift in range(4))
    cubic = b + 0.5 * part * (
        c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a))
    )
    return np.asarray(np.where(index < len(sound), cubic, 0.0), np.float32)


def looped(sound: Samples, length: int) -> Samples:
    """A held sound made longer by repeating its middle, joined where it matches itself."""
    total = len(sound)
    start, end = int(0.35 * total), int(0.8 * total)
    fade = min(round(0.06 * SAMPLE_RATE_HZ), (end - start) // 3)
    if fade < 80 or total >= length:
        return np.pad(sound, (0, max(0, length - total)))
    # The best join: where the sound before the end looks most like that before the start.
    search = min(400, end - start - 2 * fade)
    pattern = sound[start : start + fade]
    scores = [
        float(pattern @ sound[end - fade - shift : end - shift])
        / (float(np.linalg.norm(sound[end - fade - shift : end - shift])) + 1e-9)
        for shift in range(search)
    ]
    end -= int(np.argmax(scores))
    down = np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    cycle = sound[start:end].copy()
    cycle[-fade:] = cycle[-fade:] * down + sound[start : start + fade] * (1 - down)
    body = np.concatenate((sound[start : start + fade], cycle[fade:]))
    repeats = -(-(length - start) // max(1, len(cycle) - fade)) + 1
    pieces = [sound[:start], body, *[cycle[fade:]] * repeats]
    return np.concatenate(pieces)[:length]

"""What a player plays: one function a role, all with the same signature.

Each takes the song, the player's range and a random generator, and returns
notes in beats. Nothing here knows of sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.pieces.song import Song, ladder, nearest


@dataclass(frozen=True)
class Played:
    """One note: times in beats, ``late_s`` shifts the start (a strum's stagger)."""

    beat: float
    length: float
    key: int
    velocity: int
    late_s: float = 0.0


Role = Callable[[Song, int, int, np.random.Generator], list[Played]]

_RHYTHMS_4 = (
    (1, 1, 1, 1), (2, 1, 1), (1, 1, 2), (1.5, 0.5, 2), (0.5, 0.5, 1, 0.5, 0.5, 1), (3, 1),
    (1.5, 0.5, 1, 1), (0.5, 0.5, 0.5, 0.5, 2), (1, 0.5, 0.5, 1, 1), (4,), (2, 2),
    (0.5, 1, 0.5, 1, 1), (0.5,) * 8, (0.25, 0.25, 0.5, 1, 0.5, 0.5, 1),
    (2 / 3, 2 / 3, 2 / 3, 1, 1), (0.75, 0.75, 0.5, 1, 1),
)  # fmt: skip
_RHYTHMS_3 = (
    (1, 1, 1), (2, 1), (1.5, 0.5, 1), (0.5, 0.5, 1, 1), (3,), (0.5,) * 6, (1, 2), (1, 0.5, 0.5, 1),
    (0.5, 0.5, 0.5, 0.5, 1),
)  # fmt: skip


def _velocity(base: float, accent: bool, rng: np.random.Generator) -> int:
    return int(np.clip(base + (10 if accent else 0) + rng.normal(0, 6), 25, 127))


def _loudness(rng: np.random.Generator) -> float:
    return float(rng.uniform(58, 105))


def melody(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Phrases of two bars: steps with leaps, chord tones on strong beats, rests between."""
    rhythms = _RHYTHMS_3 if song.beats == 3 else _RHYTHMS_4
    cells = [rhythms[i] for i in rng.integers(len(rhythms), size=3)]
    busy = rng.random()
    span = min(high - low, int(rng.integers(12, 20)))
    floor = int(rng.integers(low, max(low + 1, high - span + 1)))
    steps = ladder(song.scale, floor, floor + span)
    index = int(rng.integers(len(steps) // 4, max(len(steps) // 4 + 1, 3 * len(steps) // 4)))
    length = float(rng.choice([0.5, 0.85, 0.95, 1.0, 1.03], p=[0.12, 0.2, 0.3, 0.23, 0.15]))
    base = _loudness(rng)
    notes = []
    for bar in range(song.bars):
        beat = float(bar * song.beats)
        cell = cells[int(rng.integers(3))]
        end_of_phrase = bar % 2 == 1
        for number, duration in enumerate(cell):
            strong = beat % 1 == 0 and (beat % song.beats) in (0, 2)
            last = end_of_phrase and number == len(cell) - 1
            if last and rng.random() < 0.4 or rng.random() < 0.12 * (1 - busy):
                beat += duration
                continue
            leap = rng.random() < 0.18
            move = (
                int(rng.choice([-4, -3, 3, 4]))
                if leap
                else int(rng.choice([-2, -1, -1, 1, 1, 2, 0]))
            )
            index = int(np.clip(index + move, 0, len(steps) - 1))
            if index in (0, len(steps) - 1):
                index = int(np.clip(index + (2 if index == 0 else -2), 0, len(steps) - 1))
            key = steps[index]
            if strong or last:
                tones = [nearest(pc, key, floor, floor + span) for pc in song.chord_at(beat)]
                key = min(tones, key=lambda tone: abs(tone - key))
                index = int(np.argmin([abs(step - key) for step in steps]))
            notes.append(Played(beat, duration * length, key, _velocity(base, strong, rng)))
            beat += duration
    return notes


def counter_melody(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Slow guide tones, one or two a bar, with a passing note at times."""
    around = float(rng.uniform(low + (high - low) * 0.3, low + (high - low) * 0.7))
    base = _loudness(rng) - 8
    notes = []
    for bar in range(song.bars):
        beat = float(bar * song.beats)
        if rng.random() < 0.1:
            continue
        halves = 2 if rng.random() < 0.5 else 1
        for half in range(halves):
            tone = int(rng.choice(song.chords[bar]))
            key = nearest(tone, around, low, high)
            around = 0.7 * around + 0.3 * key + float(rng.normal(0, 1.5))
            around = float(np.clip(around, low, high))
            duration = song.beats / halves
            at = beat + half * duration
            notes.append(Played(at, duration * 0.98, key, _velocity(base, half == 0, rng)))
    return notes


def bass(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Root and fifth, a walking line, a riff, or eighths."""
    style = str(rng.choice(["root-fifth", "walking", "riff", "eighths", "long"]))
    centre = low + min(10, (high - low) / 2)
    top = min(high, low + 24)
    base = _loudness(rng)
    riff = sorted({0.0, *rng.choice(np.arange(1, song.beats * 2) / 2, 3, replace=False)})
    notes: list[Played] = []
    for bar, chord in enumerate(song.chords):
        start = float(bar * song.beats)
        root = nearest(chord[0], centre, low, top)
        fifth = nearest(chord[2], root + 5, low, top)
        if style == "long":
            line = [(0.0, song.beats * 0.95, root)]
        elif style == "root-fifth":
            half = song.beats / 2
            line = [(0.0, half * 0.9, root), (half, half * 0.9, fifth)]
        elif style == "eighths":
            line = [
                (i / 2, 0.42, root if rng.random() < 0.88 else fifth) for i in range(song.beats * 2)
            ]
        elif style == "walking":
            after = song.chords[(bar + 1) % song.bars]
            target = nearest(after[0], root, low, top)
            walk = [root, nearest(chord[1], root + 2, low, top), fifth]
            walk = [*walk[: song.beats - 1], target + int(rng.choice([-1, 1, 2]))]
            line = [(float(i), 0.9, key) for i, key in enumerate(walk)]
        else:
            tones = [root, root, fifth, nearest(chord[1], root, low, top), min(root + 12, top)]
            ends = [*riff[1:], float(song.beats)]
            line = [
                (at, min(end - at, 1.5) * 0.9, tones[int(rng.integers(len(tones)))] if at else root)
                for at, end in zip(riff, ends, strict=True)
            ]
        notes += [
            Played(start + at, length, int(np.clip(key, low, high)), _velocity(base, at == 0, rng))
            for at, length, key in line
        ]
    return notes


def _voicing(chord: tuple[int, ...], low: int, high: int, around: float) -> list[int]:
    keys = sorted(nearest(pc, around + 2 * i, low, high) for i, pc in enumerate(chord))
    return sorted(set(keys))


def comping(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Chords in a repeated rhythm, as a pianist or organist accompanies."""
    patterns = (
        (0, 2), (0, 1.5, 3), (0.5, 1.5, 2.5), tuple(range(song.beats)), (1, 2), (0, 1.5, 2.5),
        tuple(i / 2 for i in range(2 * song.beats)),
    )  # fmt: skip
    hits = [hit for hit in patterns[int(rng.integers(len(patterns)))] if hit < song.beats]
    short = rng.random() < 0.5
    around = float(np.clip(rng.uniform(54, 68), low + 4, high - 8))
    base = _loudness(rng) - 6
    notes = []
    for bar, chord in enumerate(song.chords):
        keys = _voicing(chord, low, high, around)
        for number, hit in enumerate(hits):
            gap = ([*hits[1:], float(song.beats)][number]) - hit
            velocity = _velocity(base, hit == 0, rng)
            notes += [
                Played(
                    bar * song.beats + hit, min(gap, 0.4) if short else gap * 0.95, key,
                    max(20, velocity - int(rng.integers(0, 8))), float(rng.uniform(0, 0.008)),
                )
                for key in keys
            ]  # fmt: skip
    return notes


def pad(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """One held chord a bar, joined to the next."""
    around = float(np.clip(rng.uniform(52, 70), low + 4, max(low + 5, high - 8)))
    base = _loudness(rng) - 10
    return [
        Played(bar * song.beats, song.beats * 1.02, key, _velocity(base, False, rng))
        for bar, chord in enumerate(song.chords)
        for key in _voicing(chord, low, high, around)
    ]


def strum(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """A strummed instrument: down and up strokes, 10 to 30 ms from string to string."""
    grid = np.arange(song.beats * 2) / 2
    down = rng.random(len(grid)) < np.where(grid % 1 == 0, 0.9, 0.5)
    down[0] = True
    strings = int(rng.integers(4, 7))
    bottom = int(np.clip(rng.uniform(low, low + 10), low, max(low, high - 16)))
    spread_s = float(rng.uniform(0.010, 0.030))
    base = _loudness(rng)
    hits = grid[down]
    notes = []
    for bar, chord in enumerate(song.chords):
        keys = ladder(chord, bottom, min(high, bottom + 28))[:strings]
        for number, hit in enumerate(hits):
            up = hit % 1 != 0
            gap = float([*hits[1:], song.beats][number] - hit)
            order = keys[::-1][: max(2, strings - 2)] if up else keys
            velocity = _velocity(base - (12 if up else 0), hit == 0, rng)
            notes += [
                Played(bar * song.beats + float(hit), gap * 0.97, key, velocity, i * spread_s)
                for i, key in enumerate(order)
            ]
    return notes


def power_chords(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Root, fifth and octave in driving eighths or held, as on a distorted guitar."""
    held = rng.random() < 0.3
    base = _loudness(rng) + 8
    notes = []
    for bar, chord in enumerate(song.chords):
        root = nearest(chord[0], low + 6, low, high)
        step = song.beats if held else 0.5
        for i in range(round(song.beats / step)):
            if not held and i and rng.random() < 0.15:
                continue
            velocity = _velocity(base, i % 2 == 0, rng)
            notes += [
                Played(bar * song.beats + i * step, step * 0.92, root + interval, velocity)
                for interval in (0, 7, 12)
                if root + interval <= high
            ]
    return notes


def arpeggio(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """Broken chords: up, down, up and down, or as a banjo rolls."""
    step = float(rng.choice([0.25, 1 / 3, 0.5, 0.5]))
    if song.beat_s * step < 0.09:
        step *= 2
    ring = float(rng.choice([0.9, 1.8, 3.0]))
    bottom = int(rng.integers(low, max(low + 1, high - 18)))
    size = int(rng.integers(3, 7))
    shape = str(rng.choice(["up", "down", "both", "roll"]))
    order = rng.permutation(size) if shape == "roll" else np.arange(size)
    if shape == "down":
        order = order[::-1]
    elif shape == "both":
        order = np.concatenate((order, order[-2:0:-1]))
    base = _loudness(rng)
    notes = []
    for bar, chord in enumerate(song.chords):
        keys = ladder(chord, bottom, high)[:size]
        for i in range(int(song.beats / step + 1e-6)):
            key = keys[int(order[i % len(order)]) % len(keys)]
            at = i * step
            length = min(step * ring, song.beats - at)
            notes.append(
                Played(bar * song.beats + at, length, key, _velocity(base, i % 4 == 0, rng))
            )
    return notes


def two_hands(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """A piano alone: a bass or broken chords below, a melody or chords above middle C.

    A keyboard too short for two hands plays a melody.
    """
    if low > 46 or high < 74:
        return melody(song, low, high, rng)
    left_role: Role = [bass, arpeggio, comping][int(rng.integers(3))]
    left = left_role(song, max(low, 36), 58, rng)
    right_role: Role = melody if rng.random() < 0.75 else comping
    return left + right_role(song, 60, min(high, 88), rng)


def tremolo(song: Song, low: int, high: int, rng: np.random.Generator) -> list[Played]:
    """A melody whose longer notes are struck again and again, as on a mandolin."""
    rate_s = float(rng.uniform(0.07, 0.11))
    notes = []
    for note in melody(song, low, high, rng):
        length_s = note.length * song.beat_s
        if length_s < 0.4:
            notes.append(note)
            continue
        count = int(length_s / rate_s)
        notes += [
            Played(
                note.beat, note.length / count, note.key,
                int(np.clip(note.velocity + rng.normal(-6, 5), 25, 127)), i * rate_s,
            )
            for i in range(count)
        ]  # fmt: skip
    return notes

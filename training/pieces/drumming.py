"""Drum patterns on the General MIDI keys: a groove, its fills, and hand percussion."""

from __future__ import annotations

import numpy as np

from training.pieces.parts import Played
from training.pieces.song import Song

_KICKS_4 = ((0, 2), (0, 2.5), (0, 0.5, 2), (0, 1.5, 2.5), (0, 1, 2, 3), (0, 1.75, 2.5), (0,))
_TOMS = (50, 48, 47, 45, 43, 41)


def _hit(beat: float, key: int, velocity: float, rng: np.random.Generator) -> Played:
    return Played(beat, 0.2, key, int(np.clip(velocity + rng.normal(0, 6), 12, 127)))


def drum_set(song: Song, rng: np.random.Generator) -> list[Played]:
    """Kick, snare, hi-hat or ride, a crash on the one, a fill every few bars."""
    base = float(rng.uniform(70, 110))
    kicks = _KICKS_4[int(rng.integers(len(_KICKS_4)))] if song.beats == 4 else (0,)
    snares = (1.0, 3.0) if song.beats == 4 else ((1.0, 2.0) if rng.random() < 0.5 else (2.0,))
    if song.beats == 4 and rng.random() < 0.15:
        snares = (2.0,)
    kick, snare = int(rng.choice([35, 36])), int(rng.choice([38, 38, 40, 37]))
    top = int(rng.choice([42, 42, 42, 51, 59, 46, 44]))
    step = float(rng.choice([0.5, 0.5, 1.0, 0.25]))
    if song.beat_s * step < 0.11:
        step *= 2
    if song.swing > 0.55:
        top, step = (51 if rng.random() < 0.8 else 42), 1.0
    with_top, with_drums = rng.random() > 0.08, rng.random() > 0.08
    fill_every = int(rng.choice([2, 4, 4, 8]))
    notes: list[Played] = []
    for bar in range(song.bars):
        start = float(bar * song.beats)
        filling = fill_every > 1 and bar % fill_every == fill_every - 1 and rng.random() < 0.8
        fill_from = song.beats - float(rng.choice([1, 2])) if filling else float(song.beats)
        if with_top or not with_drums:
            notes += _top(song, start, fill_from, top, step, base, rng)
        if bar % 4 == 0 and rng.random() < 0.6:
            notes.append(_hit(start, int(rng.choice([49, 57, 55, 52])), base + 5, rng))
        if not with_drums:
            continue
        for at in kicks:
            if at < fill_from and rng.random() < 0.95:
                notes.append(_hit(start + at, kick, base + 6, rng))
        for at in snares:
            if at < fill_from:
                notes.append(_hit(start + at, snare, base + 4, rng))
        if rng.random() < 0.3:
            ghost = float(rng.integers(song.beats * 4)) / 4
            if ghost < fill_from:
                notes.append(_hit(start + ghost, snare, base - 45, rng))
        if filling:
            notes += _fill(start + fill_from, start + song.beats, snare, base, rng)
    return notes


def _top(
    song: Song, start: float, until: float, key: int, step: float, base: float,
    rng: np.random.Generator,
) -> list[Played]:  # fmt: skip
    notes = []
    for i in range(int(until / step + 1e-6)):
        at = i * step
        its_key = 46 if key == 42 and rng.random() < 0.06 else key
        notes.append(_hit(start + at, its_key, base - (4 if at % 1 == 0 else 16), rng))
        if song.swing > 0.55 and int(at) % 2 == 1:  # the jazz ride's skip beat
            notes.append(_hit(start + at + 0.5, key, base - 14, rng))
    return notes


def _fill(
    start: float, end: float, snare: int, base: float, rng: np.random.Generator
) -> list[Played]:
    count = int((end - start) * 4)
    toms = np.sort(rng.choice(len(_TOMS), count, replace=True))
    return [
        _hit(start + i / 4, snare if rng.random() < 0.3 else _TOMS[int(tom)], base + i, rng)
        for i, tom in enumerate(toms)
        if rng.random() < 0.85
    ]


def hand_percussion(song: Song, rng: np.random.Generator) -> list[Played]:
    """Two or three of shaker, tambourine, congas, claves, cowbell and the like."""
    choices = (70, 82, 54, 56, 60, 61, 62, 63, 64, 65, 67, 69, 75, 76, 39)
    keys = [key for key in rng.choice(choices, int(rng.integers(1, 4)), replace=False) if key < 82]
    notes = []
    for key in keys or [70]:
        grid = np.arange(song.beats * 4) / 4
        density = float(rng.uniform(0.15, 0.6))
        pattern = grid[rng.random(len(grid)) < density]
        if key in (69, 70, 54):
            pattern = grid[:: int(rng.choice([1, 2]))]
        base = float(rng.uniform(60, 100))
        notes += [
            _hit(bar * song.beats + float(at), int(key), base - (0 if at % 1 == 0 else 14), rng)
            for bar in range(song.bars)
            for at in pattern
        ]
    return notes

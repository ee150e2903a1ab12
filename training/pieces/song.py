"""The frame a piece's parts share: tempo, metre, key and chords."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}
_PROGRESSIONS = (
    (0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (5, 3, 0, 4), (1, 4, 0, 0), (0, 3, 0, 4),
    (0, 5, 1, 4), (0, 2, 3, 4), (0, 6, 5, 4), (0, 0, 3, 4), (3, 4, 0, 5), (0, 6, 3, 0),
    (0, 3, 6, 2), (1, 4, 0, 5), (0, 0, 0, 0), (0, 4, 0, 4),
)  # fmt: skip
TARGET_S = (9.0, 15.0)
"""A piece lasts about this long before its last notes ring out."""


@dataclass(frozen=True)
class Song:
    """Chords are one a bar, as pitch classes from the root up; times are in beats."""

    tempo_bpm: float
    beats: int
    """In a bar."""
    bars: int
    key: int
    mode: str
    chords: tuple[tuple[int, ...], ...]
    swing: float
    """Where the off-beat eighth falls, 0.5 (straight) to 0.67 (triplet)."""

    @property
    def beat_s(self) -> float:
        return 60 / self.tempo_bpm

    @property
    def length_beats(self) -> int:
        return self.bars * self.beats

    @property
    def scale(self) -> tuple[int, ...]:
        """The pitch classes of the key."""
        return tuple((self.key + step) % 12 for step in _SCALES[self.mode])

    def chord_at(self, beat: float) -> tuple[int, ...]:
        return self.chords[min(int(beat // self.beats), self.bars - 1)]

    def seconds(self, beat: float) -> float:
        """Time of a beat, the off-beat eighths swung."""
        whole, part = divmod(beat, 1.0)
        swung = part * 2 * self.swing if part < 0.5 else 1 - (1 - part) * 2 * (1 - self.swing)
        return (whole + swung) * self.beat_s


def draw_song(
    rng: np.random.Generator,
    *,
    tempo_bpm: tuple[float, float] = (60, 180),
    swing: float = 0.5,
) -> Song:
    """A random frame within a tempo range."""
    tempo = float(rng.uniform(*tempo_bpm))
    beats = 3 if rng.random() < 0.22 else 4
    bars = max(2, round(rng.uniform(*TARGET_S) * tempo / 60 / beats))
    mode = str(rng.choice(list(_SCALES), p=[0.4, 0.25, 0.13, 0.12, 0.1]))
    key = int(rng.integers(12))
    scale = _SCALES[mode]
    degrees = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
    size = 4 if rng.random() < 0.3 else 3
    slow = 2 if tempo > 140 else 1  # fast pieces keep a chord for two bars
    chords = tuple(
        tuple(
            (key + scale[(degrees[bar // slow % len(degrees)] + 2 * third) % 7]) % 12
            for third in range(size)
        )
        for bar in range(bars)
    )
    return Song(tempo, beats, bars, key, mode, chords, swing)


def nearest(pitch_class: int, around: float, low: int, high: int) -> int:
    """The key of a pitch class nearest to ``around`` within a range of at least an octave."""
    first = low + (pitch_class - low) % 12
    keys = np.arange(first, high + 1, 12)
    if not len(keys):
        return int(np.clip(round(around), low, high))
    return int(keys[np.argmin(np.abs(keys - around))])


def ladder(pitch_classes: tuple[int, ...], low: int, high: int) -> list[int]:
    """Every key of some pitch classes within a range, upwards."""
    return [key for key in range(low, high + 1) if key % 12 in pitch_classes]

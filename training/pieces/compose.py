"""Writes short pieces for several instruments: real structure for the mixer.

A piece is a ``pretty_midi.PrettyMIDI`` with one instrument a part, in one key,
tempo and metre, plus what MIDI does not say: the label and the preset of each
part. Half the pieces are ensembles of a style, half random groups that seek
out the labels heard least so far, so that over many pieces all labels appear
about evenly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pretty_midi

from realtime.taxonomy import INSTRUMENTS
from training.bank.splits import coarse
from training.pieces.drumming import drum_set, hand_percussion
from training.pieces.ensembles import ROLES, ROLES_OF, STYLES, WIND_ROLES, Seat
from training.pieces.parts import Played
from training.pieces.song import Song, draw_song
from training.sounds.presets import SAMPLED_BANK, Preset

RING_S = 1.2
"""How long a piece goes on after its last bar, for notes to ring out."""
_BEND_STEPS_S = 0.02
_RECORDED_SHARE = 0.55
_CENTS_A_BEND = 200 / 8192


@dataclass(frozen=True)
class Sound:
    """What plays a part: a preset of a source, or with ``kit`` a drum kit."""

    source: str
    preset: Preset | None = None
    kit: int | None = None

    @property
    def recorded(self) -> bool:
        """Whether it is played from recordings, not by a soundfont."""
        return self.kit == SAMPLED_BANK or bool(self.preset and self.preset.bank == SAMPLED_BANK)


Palette = Mapping[str, Sequence[Sound]]
"""The sounds to be had for each label (of the model, or a masked finer one)."""


@dataclass(frozen=True)
class Part:
    """``index`` is the part's place in ``Piece.midi.instruments``."""

    index: int
    label: str
    role: str
    sound: Sound


@dataclass(frozen=True)
class Piece:
    style: str
    song: Song
    midi: pretty_midi.PrettyMIDI
    parts: tuple[Part, ...]
    duration_s: float


def compose_many(palette: Palette, count: int, rng: np.random.Generator) -> Iterator[Piece]:
    """``count`` pieces whose labels come out about evenly."""
    heard: Counter[str] = Counter()
    for _ in range(count):
        piece = compose(palette, rng, heard)
        heard.update({coarse(part.label) for part in piece.parts})
        yield piece


def compose(palette: Palette, rng: np.random.Generator, heard: Mapping[str, int]) -> Piece:
    """One piece; ``heard`` counts the labels of earlier ones, rarer labels are preferred."""
    if rng.random() < 0.35:
        style = STYLES[int(rng.integers(len(STYLES)))]
        song = draw_song(
            rng,
            tempo_bpm=style.tempo_bpm,
            swing=float(rng.uniform(0.58, 0.67)) if style.swings else 0.5,
        )
        name, seats = style.name, [seat for seat in style.seats if rng.random() < seat.chance]
    else:
        song = draw_song(rng, swing=0.62 if rng.random() < 0.12 else 0.5)
        name, seats = "free", _free_seats(palette, rng, heard)
    midi = pretty_midi.PrettyMIDI(initial_tempo=song.tempo_bpm)
    duration_s = song.length_beats * song.beat_s + RING_S
    parts: list[Part] = []
    for seat in seats or [Seat("melody", ("violin",))]:
        label = _pick(seat.labels, palette, heard, rng)
        if label is None:
            continue
        sound = _choose(palette[label], rng)
        played = _play(seat.role, sound, song, rng)
        if played:
            midi.instruments.append(_instrument(label, sound, played, song, duration_s, rng))
            parts.append(Part(len(midi.instruments) - 1, label, seat.role, sound))
    return Piece(name, song, midi, tuple(parts), duration_s)


def _free_seats(palette: Palette, rng: np.random.Generator, heard: Mapping[str, int]) -> list[Seat]:
    labels = [label for label in INSTRUMENTS if palette.get(label)]
    counts = np.array([heard.get(label, 0) for label in labels], float)
    weights = np.exp(-(counts - counts.min()))
    size = min(int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1])), len(labels))
    weights += 1e-6
    chosen = rng.choice(len(labels), size, replace=False, p=weights / weights.sum())
    return [
        Seat(str(rng.choice(ROLES_OF.get(labels[i], WIND_ROLES))), (labels[i],)) for i in chosen
    ]


def _pick(
    labels: Sequence[str], palette: Palette, heard: Mapping[str, int], rng: np.random.Generator
) -> str | None:
    held = [label for label in labels if palette.get(label)]
    if not held:
        return None
    least = min(heard.get(coarse(label), 0) for label in held)
    weights = np.array([0.2 + np.exp(least - heard.get(coarse(label), 0)) for label in held])
    return held[int(rng.choice(len(held), p=weights / weights.sum()))]


def _choose(sounds: Sequence[Sound], rng: np.random.Generator) -> Sound:
    """Recorded instruments half of the time where there are any, then evenly over sources."""
    recorded = [sound for sound in sounds if sound.recorded]
    if recorded:
        rendered = [sound for sound in sounds if not sound.recorded]
        sounds = recorded if rng.random() < _RECORDED_SHARE or not rendered else rendered
    sources = sorted({sound.source for sound in sounds})
    source = sources[int(rng.integers(len(sources)))]
    its = [sound for sound in sounds if sound.source == source]
    return its[int(rng.integers(len(its)))]


def _play(role: str, sound: Sound, song: Song, rng: np.random.Generator) -> list[Played]:
    if role == "drums":
        return drum_set(song, rng)
    if role == "percussion":
        return hand_percussion(song, rng)
    preset = sound.preset
    if preset is None:
        return []
    if preset.high - preset.low < 20 and role not in ("bass", "melody", "counter"):
        role = "melody"
    return ROLES[role](song, preset.low, preset.high, rng)


def _instrument(
    label: str, sound: Sound, played: Sequence[Played], song: Song, duration_s: float,
    rng: np.random.Generator,
) -> pretty_midi.Instrument:  # fmt: skip
    program = sound.kit if sound.preset is None else sound.preset.program
    out = pretty_midi.Instrument(
        program=max(0, program or 0), is_drum=sound.preset is None, name=label
    )
    looseness_s = float(rng.uniform(0.0, 0.012))
    for note in played:
        late_s = note.late_s + float(rng.normal(0, looseness_s))
        start = max(0.0, song.seconds(note.beat) + late_s)
        end = song.seconds(note.beat + note.length) + note.late_s
        end = min(max(end, start + 0.05), duration_s - 0.05)
        if end > start:
            out.notes.append(pretty_midi.Note(note.velocity, note.key, start, end))
    out.notes.sort(key=lambda note: note.start)
    if sound.preset is not None and sound.preset.sustain:
        _breathe(out, sound.preset, rng)
    return out


def _breathe(part: pretty_midi.Instrument, preset: Preset, rng: np.random.Generator) -> None:
    """What a bow or a breath does to held notes: swells, vibrato, sliding into a note."""
    monophonic = _is_monophonic(part)
    if preset.swells or rng.random() < 0.5:
        _swell(part, preset, rng)
    if rng.random() < 0.5:
        depth = int(rng.integers(15, 90))
        part.control_changes.append(pretty_midi.ControlChange(1, depth, 0.0))
    if monophonic and rng.random() < 0.6:
        vibrato_cents = float(rng.uniform(8, 45)) if rng.random() < 0.7 else 0.0
        slides = rng.random() < 0.3
        rate_hz = float(rng.uniform(4.5, 6.5))
        for note in part.notes:
            _bend_note(part, note, vibrato_cents, rate_hz, slides and rng.random() < 0.3, rng)


def _is_monophonic(part: pretty_midi.Instrument) -> bool:
    ends = [note.end for note in part.notes[:-1]]
    starts = [note.start for note in part.notes[1:]]
    return all(end < start + 0.06 for end, start in zip(ends, starts, strict=True))


def _swell(part: pretty_midi.Instrument, preset: Preset, rng: np.random.Generator) -> None:
    end = part.get_end_time()
    times = np.arange(0.0, end, 0.06)
    period_s, phase = rng.uniform(2.0, 6.0), rng.uniform(0, 2 * np.pi)
    depth = rng.uniform(10, 40)
    values = np.clip(115 - depth * (1 + np.sin(2 * np.pi * times / period_s + phase)), 30, 127)
    for controller in (11, 2) if preset.swells else (11,):
        part.control_changes += [
            pretty_midi.ControlChange(controller, int(value), float(time))
            for time, value in zip(times, values, strict=True)
        ]


def _bend_note(
    part: pretty_midi.Instrument, note: pretty_midi.Note, vibrato_cents: float, rate_hz: float,
    slides: bool, rng: np.random.Generator,
) -> None:  # fmt: skip
    length = note.end - note.start
    cents = np.zeros(max(1, int(length / _BEND_STEPS_S)))
    times = np.arange(len(cents)) * _BEND_STEPS_S
    if slides:
        cents -= rng.uniform(60, 180) * np.exp(-times / rng.uniform(0.02, 0.06))
    if vibrato_cents and length > 0.35:
        onset = np.clip((times - rng.uniform(0.1, 0.3)) / 0.25, 0, 1)
        cents += vibrato_cents * onset * np.sin(2 * np.pi * rate_hz * times)
    if not cents.any():
        cents = cents[:1]
    part.pitch_bends += [
        pretty_midi.PitchBend(int(np.clip(round(value / _CENTS_A_BEND), -8192, 8191)),
                              float(note.start + time))
        for time, value in zip(times, cents, strict=False)
    ]  # fmt: skip

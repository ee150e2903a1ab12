"""Composed pieces keep to their key, their players' ranges and their time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from font_fixture import small_font
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.taxonomy import INSTRUMENTS
from training.bank.splits import coarse
from training.pieces.compose import Palette, Piece, Sound, compose, compose_many
from training.pieces.drumming import drum_set, hand_percussion
from training.pieces.ensembles import ROLES, ROLES_OF, STYLES
from training.pieces.parts import melody, strum
from training.pieces.players import band_of, events_of
from training.pieces.render import active_rms, stems
from training.pieces.song import TARGET_S, draw_song
from training.sounds.presets import GM_DRUM_CHANNEL, drum_label, melodic_presets


def gm_palette() -> Palette:
    held: dict[str, list[Sound]] = {
        name: [Sound("font", kit=0)] for name in ("drums", "cymbals", "percussion")
    }
    names = {(0, program): "" for program in range(120)} | {(8, 24): "", (16, 25): ""}
    for preset in melodic_presets("font", names):
        for name in {preset.label, coarse(preset.label)} - {"drums", "cymbals", "percussion"}:
            held.setdefault(name, []).append(Sound("font", preset=preset))
    return held


PALETTE = gm_palette()


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return list(compose_many(PALETTE, 150, np.random.default_rng(5)))


def test_notes_keep_to_their_players_ranges_and_time(pieces: list[Piece]) -> None:
    for piece in pieces:
        assert piece.parts
        for part in piece.parts:
            notes = piece.midi.instruments[part.index].notes
            assert notes
            assert all(0 <= note.start < note.end <= piece.duration_s for note in notes)
            assert all(1 <= note.velocity <= 127 for note in notes)
            if part.sound.preset:
                low, high = part.sound.preset.low, part.sound.preset.high
                assert all(low <= note.pitch <= high for note in notes), part
            else:
                assert all(note.pitch in GM_DRUM_CHANNEL for note in notes)


def test_pieces_last_about_as_long_as_asked(pieces: list[Piece]) -> None:
    lengths = [piece.duration_s for piece in pieces]
    assert TARGET_S[0] - 3 < min(lengths)
    assert max(lengths) < TARGET_S[1] + 7
    assert TARGET_S[0] < np.median(lengths) < TARGET_S[1] + 2


def test_every_instrument_appears_about_evenly(pieces: list[Piece]) -> None:
    counts = Counter(
        label for piece in pieces for label in {coarse(part.label) for part in piece.parts}
    )
    drums = counts["drums"] + counts["cymbals"]  # one part plays both
    others = [counts[name] for name in INSTRUMENTS if name not in ("drums", "cymbals")]
    assert min(others) > 0.5 * np.mean(others)
    assert max(others) < 2 * np.mean(others)
    assert drums > np.mean(others)


def test_pieces_have_one_to_many_parts(pieces: list[Piece]) -> None:
    sizes = Counter(len(piece.parts) for piece in pieces)
    assert {1, 2, 3, 4, 5} <= set(sizes)
    assert max(sizes) <= 8


def test_all_parts_of_a_piece_are_in_its_key(pieces: list[Piece]) -> None:
    shares = []
    for piece in pieces:
        for part in piece.parts:
            # A walking bass leads chromatically and power chords stack fifths.
            if part.sound.preset is None or part.role in ("bass", "power", "two hands"):
                continue
            notes = piece.midi.instruments[part.index].notes
            shares.append(np.mean([note.pitch % 12 in piece.song.scale for note in notes]))
    assert min(shares) == 1.0


def test_the_same_generator_writes_the_same_piece() -> None:
    def written() -> list[tuple[float, int, int]]:
        piece = compose(PALETTE, np.random.default_rng(11), {})
        return [
            (note.start, note.pitch, note.velocity)
            for part in piece.midi.instruments
            for note in part.notes
        ]

    assert written() == written()


@given(st.integers(0, 10_000), st.sampled_from(sorted(ROLES)))
@settings(max_examples=150, deadline=None)
def test_every_role_is_playable_on_any_range(seed: int, role: str) -> None:
    rng = np.random.default_rng(seed)
    song = draw_song(rng)
    low = int(rng.integers(28, 70))
    high = low + int(rng.integers(20, 50))
    notes = ROLES[role](song, low, high, rng)
    assert all(low <= note.key <= high for note in notes)
    assert all(0 <= note.beat < song.length_beats for note in notes)
    assert all(note.length > 0 and 1 <= note.velocity <= 127 for note in notes)


def test_melodies_move_mostly_by_step_and_rest_at_times() -> None:
    steps, sounding = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        song = draw_song(rng)
        notes = melody(song, 55, 91, rng)
        keys = [note.key for note in notes]
        steps += np.abs(np.diff(keys)).tolist()
        sounding.append(sum(note.length for note in notes) / song.length_beats)
    assert np.mean(np.array(steps) <= 4) > 0.65
    assert np.max(steps) <= 24
    assert 0.4 < np.mean(sounding) < 0.98


def test_a_strum_runs_over_the_strings_in_10_to_30_ms_steps() -> None:
    rng = np.random.default_rng(2)
    song = draw_song(rng)
    notes = strum(song, 40, 80, rng)
    first = [note for note in notes if note.beat == 0]
    gaps = np.diff([note.late_s for note in first])
    assert len(first) >= 3
    assert np.all((gaps >= 0.010) & (gaps <= 0.030))
    assert [note.key for note in first] == sorted(note.key for note in first)


def test_swing_delays_only_the_off_beats() -> None:
    song = draw_song(np.random.default_rng(1), tempo_bpm=(120, 120), swing=2 / 3)
    assert song.seconds(2.0) == pytest.approx(1.0)
    assert song.seconds(2.5) == pytest.approx(1.0 + 0.5 * 2 / 3)
    times = [song.seconds(beat) for beat in np.arange(0, 4, 0.05)]
    assert np.all(np.diff(times) > 0)


def test_drum_patterns_use_drums_and_cymbals() -> None:
    labels: Counter[str] = Counter()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        labels.update({drum_label(note.key) for note in drum_set(draw_song(rng), rng)})
    assert labels["drums"] > 20
    assert labels["cymbals"] > 20
    rng = np.random.default_rng(0)
    hands = hand_percussion(draw_song(rng), rng)
    assert {drum_label(note.key) for note in hands} <= {"percussion", "cymbals"}


def test_styles_name_roles_and_labels_that_exist() -> None:
    for style in STYLES:
        for seat in style.seats:
            assert seat.role in ROLES or seat.role in ("drums", "percussion")
            assert any(label in PALETTE for label in seat.labels), seat
    assert set(ROLES_OF) <= set(INSTRUMENTS)


@pytest.fixture(scope="module")
def rendered() -> list[tuple[Piece, list]]:  # type: ignore[type-arg]
    font = small_font()
    rng = np.random.default_rng(8)
    band = band_of([font])
    return [
        (piece, stems(piece, f"p{i}", band, rng))
        for i, piece in enumerate(compose_many(band.palette, 14, rng))
    ]


def test_stems_are_equally_long_and_named(rendered) -> None:  # type: ignore[no-untyped-def]
    for number, (piece, clips) in enumerate(rendered):
        lengths = {len(clip.samples) for clip in clips}
        assert lengths == {round(piece.duration_s * 16_000)}
        assert {clip.piece for clip in clips} == {f"p{number}"}
        assert {clip.kind for clip in clips} == {"stem"}


def test_a_drum_part_becomes_stems_by_label(rendered) -> None:  # type: ignore[no-untyped-def]
    parts = 0
    for piece, clips in rendered:
        for part in piece.parts:
            if part.sound.preset is None:
                keys = {note.pitch for note in piece.midi.instruments[part.index].notes}
                its = [
                    clip.label for clip in clips if clip.origin.endswith(f"128/{part.sound.kit}")
                ]
                assert {drum_label(key) for key in keys} == set(its)
                parts += 1
    assert parts


def test_stems_start_when_their_first_note_does(rendered) -> None:  # type: ignore[no-untyped-def]
    for piece, clips in rendered:
        for part in piece.parts:
            if part.sound.preset is None:
                continue
            first = piece.midi.instruments[part.index].notes[0].start
            onsets = [
                clip.onset / 16_000
                for clip in clips
                if clip.origin.endswith(
                    f"{part.sound.preset.bank}/{part.sound.preset.program} {part.sound.preset.name}"
                )
            ]
            assert any(first - 0.01 <= onset <= first + 0.5 for onset in onsets)


def test_levels_follow_the_roles_not_the_soundfont(rendered) -> None:  # type: ignore[no-untyped-def]
    by_role: dict[str, list[float]] = {}
    for _, clips in rendered:
        for clip in clips:
            if clip.label not in ("cymbals", "percussion"):
                by_role.setdefault(clip.articulation, []).append(
                    20 * np.log10(active_rms(clip.samples))
                )
    everything = np.concatenate([np.array(values) for values in by_role.values()])
    assert np.percentile(everything, 95) - np.percentile(everything, 5) < 24


def test_midi_becomes_events_in_order(pieces: list[Piece]) -> None:
    part = max(
        (p for piece in pieces for p in piece.midi.instruments), key=lambda p: len(p.pitch_bends)
    )
    events = events_of(part)
    assert sum(event.kind == "on" for event in events) == len(part.notes)
    assert sum(event.kind == "off" for event in events) == len(part.notes)
    bends = [event.a for event in events if event.kind == "bend"]
    assert bends
    assert all(-8192 <= bend <= 8191 for bend in bends)

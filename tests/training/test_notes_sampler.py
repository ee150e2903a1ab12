"""Recorded notes played as an instrument: pitch, length, loops, slurs, bends, levels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pieces.players import band_of
from training.sounds.pitch import detect
from training.sounds.presets import SAMPLED_BANK
from training.sounds.sampler import (
    Instrument,
    Note,
    instruments,
    interpolated,
    kits,
    looped,
    play,
    strike,
)

RATE_HZ = 16_000
RNG = np.random.default_rng


def tone(pitch: float, seconds: float) -> np.ndarray:
    """Five harmonics that start softly."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(np.sin(2 * np.pi * k * f0 * time) / k for k in range(1, 6) if k * f0 < 7000)
    return np.asarray(0.3 * sound * np.minimum(1, time / 0.03), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flute in two dynamics, a harp, a few notes of an oboe, and a small drum kit."""
    path = tmp_path_factory.mktemp("samples")
    rows = []

    def add(
        name: str, samples: np.ndarray, label: str, source: str, pitch: object, how: str
    ) -> None:
        soundfile.write(path / name, samples, RATE_HZ)
        rows.append((name, label, "", source, "CC0-1.0", pitch, how))

    for pitch in range(60, 84, 2):
        for dynamic in ("piano", "forte"):
            add(
                f"flute_{pitch}_{dynamic}_normal.wav",
                tone(pitch, 1.0),
                "flute",
                "F",
                pitch,
                "normal",
            )
        add(f"flute_{pitch}_trill.wav", tone(pitch, 1.0), "flute", "F", pitch, "major-trill")
    for pitch in range(40, 80, 4):
        decay = np.exp(-3 * np.arange(32_000) / RATE_HZ).astype(np.float32)
        add(f"harp_{pitch}.wav", tone(pitch, 2.0) * decay, "harp", "H", pitch, "pluck")
    for pitch in (60, 62, 64):
        add(f"oboe_{pitch}.wav", tone(pitch, 1.0), "oboe", "O", pitch, "sustain")
    noise = RNG(0).standard_normal(4000).astype(np.float32) * 0.1
    for number, how in enumerate(("kick", "snare", "hihat closed", "crash", "tom")):
        label = "cymbals" if how in ("hihat closed", "crash") else "drums"
        add(f"kit_{number}.wav", np.roll(noise, number), label, "K", "", how)
    add("kick_only.wav", noise, "drums", "half a kit", "", "kick")
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("path", "instrument", "family", "source", "licence", "midi_pitch", "articulation")
        )
        writer.writerows(rows)
    return path


def found(folder: Path, label: str) -> Instrument:
    return next(its for its in instruments(folder) if its.label == label)


def test_libraries_with_enough_notes_become_instruments_by_dynamic(folder: Path) -> None:
    names = [(its.label, its.layer, len(its.recordings)) for its in instruments(folder)]
    assert names == [
        ("flute", "normal forte", 12),
        ("flute", "normal piano", 12),
        ("harp", "", 10),
    ]
    preset = found(folder, "flute").preset
    assert (preset.low, preset.high, preset.sustain) == (57, 85, True)
    assert preset.bank == SAMPLED_BANK


@pytest.mark.parametrize("key", [58, 61, 66, 73, 84])
def test_keys_between_recordings_sound_their_pitch(folder: Path, key: int) -> None:
    samples = play(folder, found(folder, "flute"), [Note(0, 0.8, key, 90)], 1.0, RNG(1))
    assert detect(samples) == pytest.approx(key, abs=0.1)


def test_a_note_longer_than_its_recording_goes_on(folder: Path) -> None:
    samples = play(folder, found(folder, "flute"), [Note(0, 3.5, 67, 90)], 4.0, RNG(1))
    frames = samples[4000:54_000].reshape(-1, 1000)
    level = np.sqrt((frames**2).mean(axis=1))
    assert level.min() > 0.6 * level.max()
    assert detect(samples[40_000:54_000]) == pytest.approx(67, abs=0.1)
    assert np.abs(samples[59_000:]).max() < 1e-4


def test_a_plucked_note_decays_as_it_was_recorded(folder: Path) -> None:
    samples = play(folder, found(folder, "harp"), [Note(0, 1.5, 60, 90)], 3.0, RNG(1))
    early, late = samples[1600:3200].std(), samples[17_600:19_200].std()
    assert early / late == pytest.approx(np.exp(3.0), rel=0.15)


def test_slurred_notes_lose_their_soft_start(folder: Path) -> None:
    notes = [Note(0, 0.5, 60, 90), Note(0.5, 1.0, 64, 90)]
    apart = [notes[0], Note(0.55, 1.0, 64, 90)]
    slurred, detached = (
        play(folder, found(folder, "flute"), which, 1.2, RNG(1)) for which in (notes, apart)
    )
    gap = slice(int(0.51 * RATE_HZ), int(0.545 * RATE_HZ))
    assert slurred[gap].std() > 1.5 * detached[gap].std()


def test_bends_and_expression_are_followed(folder: Path) -> None:
    flute = found(folder, "flute")
    bent = play(folder, flute, [Note(0, 0.9, 69, 90)], 1.0, RNG(1), bends=[(0.0, 1.5)])
    assert detect(bent) == pytest.approx(70.5, abs=0.1)
    swell = play(
        folder, flute, [Note(0, 0.9, 69, 90)], 1.0, RNG(1), expression=[(0.0, 0.1), (0.9, 1.0)]
    )
    assert swell[12_000:13_600].std() > 3 * swell[1600:3200].std()


def test_louder_velocities_are_louder(folder: Path) -> None:
    soft, loud = (
        play(folder, found(folder, "harp"), [Note(0, 0.5, 60, velocity)], 1.0, RNG(1)).std()
        for velocity in (40, 110)
    )
    assert loud > 2.5 * soft


def test_kits_need_kick_snare_and_hat_and_fill_in_what_they_lack(folder: Path) -> None:
    (kit,) = kits(folder)
    assert kit.source == "K"
    assert kit.recordings[36] == ("kit_0.wav",)
    assert kit.recordings[51] == kit.recordings[42]
    assert kit.recordings[49] == ("kit_3.wav",)
    samples = strike(folder, kit, [Note(0.25, 0.3, 38, 90)], 1.0, RNG(1))
    assert not samples[:3999].any()
    assert samples[4000:8000].std() > 0.01
    assert strike(folder, kit, [Note(0.9, 1.5, 49, 90)], 1.0, RNG(1)).shape == (16_000,)


def test_a_band_offers_the_libraries_of_its_split_only(folder: Path) -> None:
    train = band_of([], [folder], "train")
    assert {sound.source for sounds in train.palette.values() for sound in sounds} == {
        "F",
        "H",
        "K",
    }
    assert all(sound.recorded for sound in train.players)
    assert not band_of([], [folder], "test").players


@given(st.lists(st.floats(0, 999), min_size=1, max_size=50))
@settings(max_examples=80, deadline=None)
def test_interpolation_is_exact_on_samples_and_smooth_between(positions: list[float]) -> None:
    sound = np.sin(np.arange(1000) / 10).astype(np.float32)
    at = np.array(positions)
    np.testing.assert_allclose(interpolated(sound, np.floor(at)), sound[at.astype(int)], atol=1e-6)
    inside = at[(at > 2) & (at < 996)]
    np.testing.assert_allclose(interpolated(sound, inside), np.sin(inside / 10), atol=1e-3)


def test_nothing_sounds_past_the_end_of_a_recording() -> None:
    sound = np.ones(100, np.float32)
    assert not interpolated(sound, np.arange(105.0, 300.0)).any()


@given(st.integers(2000, 30_000), st.integers(1, 80_000))
@settings(max_examples=40, deadline=None)
def test_loops_are_as_long_as_asked_and_never_jump(total: int, length: int) -> None:
    sound = np.sin(2 * np.pi * 313.7 * np.arange(total) / RATE_HZ).astype(np.float32)
    out = looped(sound, length)
    assert len(out) >= length
    if total > 6000:
        step = 2 * np.pi * 313.7 / RATE_HZ
        assert np.abs(np.diff(out[: max(length, 2)])).max() < 1.6 * step

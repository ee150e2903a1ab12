"""Second takes: the effects change the sound, and nothing that is known of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.writer import BankWriter
from training.making.add import add_second_takes
from training.sounds.studio import MAX_SHIFT_SEMITONES, MAX_STRETCH, retuned, treated

RATE_HZ = 16_000


def sine(hz: float, seconds: float = 2.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def strongest_hz(sound: np.ndarray) -> float:
    middle = sound[RATE_HZ // 4 : -RATE_HZ // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(np.argmax(spectrum) * RATE_HZ / len(middle))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("amplified", [False, True])
def test_a_part_keeps_its_length_and_becomes_another_sound(seed: int, amplified: bool) -> None:
    dry = sine(330)
    wet = treated(dry, np.random.default_rng(seed), amplified=amplified)
    assert wet.shape == dry.shape
    assert wet.dtype == np.float32
    assert np.abs(wet).max() == pytest.approx(0.5, abs=1e-3)
    # Its pitch is still in it, whatever was added.
    spectrum = np.abs(np.fft.rfft(wet * np.hanning(len(wet))))
    hz = np.fft.rfftfreq(len(wet), 1 / RATE_HZ)
    at_harmonics = spectrum[np.abs(hz / 330 - np.round(hz / 330)) < 0.05].max()
    assert at_harmonics > 3 * np.median(spectrum)


def test_a_seed_gives_the_same_take_and_the_global_generators_are_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two, other = (treated(sine(330), np.random.default_rng(s)) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_all_parts_of_a_piece_move_alike() -> None:
    moved = 0
    for seed in range(10):
        low, high = retuned([sine(220), sine(330)], np.random.default_rng(seed))
        assert len(low) == len(high) == 2 * RATE_HZ
        assert strongest_hz(high) / strongest_hz(low) == pytest.approx(1.5, rel=0.01)
        semitones = 12 * np.log2(strongest_hz(low) / 220)
        assert abs(semitones) <= MAX_SHIFT_SEMITONES + 0.1
        moved += abs(semitones) > 0.1
    assert 0 < moved < 10
    assert 1.0 < MAX_STRETCH < 1.5


def test_a_bank_gets_its_training_pieces_and_phrases_again(tmp_path: Path) -> None:
    def clip(label: str, kind: str, split: str, piece: str = "") -> Clip:
        sound = sine(220, 1.5)
        return Clip(sound, label, f"source of {split}", split, kind, piece=piece)

    with BankWriter(tmp_path / "dry") as writer:
        writer.append(clip("flute", "note", "train"))
        writer.append(clip("voice", "phrase", "train"))
        writer.append_piece([clip(name, "stem", "train", "p") for name in ("flute", "piano")])
        writer.append_piece([clip("flute", "stem", "val", "v")])
    for out in ("one", "two"):
        add_second_takes(tmp_path / "dry", tmp_path / out, seed=1, processes=1)
    dry, wet = Bank.open(tmp_path / "dry"), Bank.open(tmp_path / "one")
    np.testing.assert_array_equal(wet.audio[: len(dry.audio)], dry.audio)
    np.testing.assert_array_equal(wet.audio, Bank.open(tmp_path / "two").audio)
    added = wet.rows()[len(dry) :]
    assert sorted((row["label"], row["kind"], row["piece"]) for row in added) == [
        ("flute", "stem", "p again"),
        ("piano", "stem", "p again"),
        ("voice", "phrase", ""),
    ]
    assert {row["split"] for row in added} == {"train"}
    assert {row["source"] for row in added} == {"source of train"}
    assert wet.manifest["recipe"]["added"] == [{"second takes": "all", "seed": 1}]

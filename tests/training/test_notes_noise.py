"""Synthesised noises are what their names say, differ by split, and are no instrument."""

from __future__ import annotations

import numpy as np
import pytest

from training.sounds.noise import NOISES, clips, hum, room
from training.sounds.pitch import detect

RATE_HZ = 16_000
COUNT = 4 * RATE_HZ


def spectrum_db(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return np.fft.rfftfreq(len(sound), 1 / RATE_HZ), 10 * np.log10(power + 1e-20)


@pytest.mark.parametrize("seed", range(5))
def test_hum_stands_on_the_mains(seed: int) -> None:
    hz, level_db = spectrum_db(hum(COUNT, np.random.default_rng(seed)))
    floor_db = np.median(level_db[(hz > 20) & (hz < 400)])
    strength = {
        mains: np.mean(
            [level_db[np.abs(hz - mains * k) < 1.0].max() - floor_db for k in (1, 2, 3, 4)]
        )
        for mains in (50, 60)
    }
    assert max(strength.values()) > 20
    assert max(strength.values()) > min(strength.values()) + 8


def test_room_noise_falls_with_frequency() -> None:
    hz, level_db = spectrum_db(room(COUNT, np.random.default_rng(1)))
    low = level_db[(hz > 50) & (hz < 200)].mean()
    high = level_db[(hz > 3000) & (hz < 6000)].mean()
    assert low > high + 15


@pytest.mark.parametrize("name", ["room", "hiss", "clicks", "rain"])
def test_most_noise_has_no_pitch(name: str) -> None:
    heard = [
        detect(NOISES[name](COUNT, np.random.default_rng(seed)).astype(np.float32))
        for seed in range(6)
    ]
    assert sum(pitch is not None for pitch in heard) <= 2


def test_clips_come_in_every_kind_and_differ_by_split() -> None:
    train = list(clips("train", 12, np.random.default_rng(1)))
    val = list(clips("val", 6, np.random.default_rng(2)))
    assert {clip.articulation for clip in train} == set(NOISES)
    assert {clip.label for clip in train + val} == {""}
    assert all(np.isfinite(clip.samples).all() for clip in train + val)
    for one, other in zip(train, val, strict=False):
        assert not np.array_equal(one.samples, other.samples)

"""Damaged, clipped, offset and very quiet input, through the whole live engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from realtime.engine import Engine
from realtime.levels import block_level
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.sources.base import Block
from realtime.sources.file import FileSource
from realtime.sources.synthetic import SyntheticSource
from realtime.stats import Stats

DEMO = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


@pytest.fixture(scope="module")
def music() -> Block:
    """Twenty seconds of the demo piece at -12 dBFS RMS, and its rate with it."""
    with FileSource(DEMO, block_s=20.0) as file:
        sound = next(iter(file))
        rate_hz = file.sample_rate_hz
    import soxr

    sound = soxr.resample(sound, rate_hz, RATE_HZ)
    return (sound * 10 ** (-12 / 20) / np.sqrt(np.mean(sound**2))).astype(np.float32)


def heard(model: TagModel, sound: Block) -> tuple[list[Tags], Stats]:
    source = SyntheticSource(
        lambda first, count: sound[first : first + count],
        RATE_HZ,
        channels=sound.shape[1],
        speed=0,
        duration_s=len(sound) / RATE_HZ,
    )
    tags: list[Tags] = []
    engine = Engine(model, source)
    engine.subscribe(tags.append)
    engine.start()
    assert engine.wait(60)
    engine.stop()
    return tags, engine.latest().stats


def test_minus_60_dbfs_is_recognised_as_at_minus_12(model, music, record_property):
    """Music at -60 dBFS: scores as at -12 dBFS, to 0.03."""
    loud, _ = heard(model, music)
    quiet, _ = heard(model, music * np.float32(10 ** (-48 / 20)))
    assert len(loud) == len(quiet)
    assert not any(each.level.silent for each in quiet)
    gap = max(
        float(np.abs(a.instruments - b.instruments).max()) for a, b in zip(loud, quiet, strict=True)
    )
    record_property("largest difference of a score", f"{gap:.4f}")
    assert gap <= 0.03


def test_offset_changes_nothing(model, music):
    """A DC offset of half of full scale is removed."""
    plain, _ = heard(model, music)
    offset, _ = heard(model, music + np.float32(0.5))
    for a, b in zip(plain[1:-1], offset[1:-1], strict=True):
        np.testing.assert_allclose(a.instruments, b.instruments, atol=0.03)


@pytest.mark.parametrize("damage", [np.nan, np.inf, -np.inf, 1e30])
def test_damaged_samples_are_heard_as_nothing(model, music, damage, record_property):
    """NaN, infinite and absurd samples: counted, heard as 0, gone a second later."""
    broken = music.copy()
    broken[5 * RATE_HZ : 5 * RATE_HZ + 100] = damage
    tags, stats = heard(model, broken)
    assert stats.windows_failed == 0
    assert all(np.isfinite(each.instruments).all() for each in tags)
    assert [i for i, each in enumerate(tags) if each.level.non_finite] == [9, 10]
    record_property("windows failed", stats.windows_failed)


def test_clipping_is_seen_in_the_windows_it_is_in(model, music):
    """Ten clipped samples: seen in the two windows they are in, in no other."""
    clipped = 0.2 * music
    clipped[3 * RATE_HZ + 10 : 3 * RATE_HZ + 20] = 1.0
    tags, _ = heard(model, clipped)
    assert [i for i, each in enumerate(tags) if each.level.clipped] == [5, 6]


def test_gate_closes_below_where_it_opens(model, music):
    """Hysteresis: a level between the thresholds keeps the gate as it was."""
    second = music[:RATE_HZ] / np.sqrt(np.mean(music[:RATE_HZ] ** 2))

    def at(dbfs: float) -> Block:
        return (np.tile(second, (4, 1)) * 10 ** (dbfs / 20)).astype(np.float32)

    tags, _ = heard(model, np.concatenate([at(-72.5), at(-60), at(-72.5), at(-90), at(-72.5)]))
    silent = {tags[i].start_s: tags[i].level.silent for i in range(len(tags))}
    assert [silent[t] for t in (2.0, 6.0, 10.0, 14.0, 18.0)] == [True, False, False, True, True]


def test_input_meter_reads_known_levels():
    """A full-scale sine reads -3 dBFS RMS and 0 dBFS peak; the loudest channel counts."""
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    level = block_level(np.stack([0.1 * sine, sine], axis=1))
    assert level.rms_dbfs == pytest.approx(-3.01, abs=0.01)
    assert level.peak_dbfs == pytest.approx(0.0, abs=0.01)
    assert level.clipped
    assert block_level(np.zeros((100, 2), np.float32)).exact_zeros
    assert block_level(np.full((10, 1), np.nan, np.float32)).non_finite == 10

"""The meter of the newest input: the loudest channel by definition, damage counted, not heard."""

import math

import numpy as np
import pytest

from realtime.levels import FLOOR_DBFS, OPEN_DBFS, block_level
from realtime.windows import CLIP_LEVEL


def square(level: float, frames: int = 100) -> np.ndarray:
    return np.tile([level, -level], frames // 2).astype(np.float32)


def test_the_loudest_channel_is_read_and_the_peak_of_all():
    spike = np.zeros(100, np.float32)
    spike[7] = -0.8
    level = block_level(np.stack([square(0.1), spike, square(0.5)], axis=1))
    assert level.rms_dbfs == pytest.approx(20 * math.log10(0.5))
    assert level.peak_dbfs == pytest.approx(20 * math.log10(0.8))
    assert (level.clipped, level.silent, level.exact_zeros, level.non_finite) == (
        False, False, False, 0,
    )  # fmt: skip


def test_an_offset_is_a_peak_and_no_level():
    level = block_level(np.full((100, 2), 0.25, np.float32))
    assert level.rms_dbfs == FLOOR_DBFS
    assert level.peak_dbfs == pytest.approx(20 * math.log10(0.25))
    assert level.silent


@pytest.mark.parametrize(
    ("peak", "clipped"), [(1.0, True), (1.5, True), (CLIP_LEVEL, True), (0.9, False)]
)
def test_full_scale_is_clipped(peak, clipped):
    assert block_level(square(peak)[:, None]).clipped is clipped


@pytest.mark.parametrize(("above_db", "silent"), [(0.01, False), (-0.01, True)])
def test_silence_begins_below_where_the_gate_opens(above_db, silent):
    level = block_level(square(10 ** ((OPEN_DBFS + above_db) / 20))[:, None])
    assert level.silent is silent
    assert not level.exact_zeros


def test_a_quiet_tone_on_a_large_offset_is_read():
    """Sums of float32 would lose it: 400 thousand frames."""
    block = np.tile(0.9 + square(1e-5, 400_000)[:, None], 2).astype(np.float32)
    assert block_level(block).rms_dbfs == pytest.approx(-100.0, abs=0.05)


@pytest.mark.parametrize("shape", [(0, 2), (50, 2), (50, 0)])
def test_nothing_is_silence(shape):
    level = block_level(np.zeros(shape, np.float32))
    assert (level.rms_dbfs, level.peak_dbfs) == (FLOOR_DBFS, FLOOR_DBFS)
    assert (level.clipped, level.silent, level.exact_zeros, level.non_finite) == (
        False, True, True, 0,
    )  # fmt: skip


@pytest.mark.parametrize("damage", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_counted_and_read_as_0(damage):
    block = square(0.5, 200).reshape(100, 2)
    block[:, 1] = 0.0
    block[3, 1] = block[4, 1] = damage
    level = block_level(block)
    assert level.non_finite == 2
    assert level.rms_dbfs < 20 * math.log10(0.5) + 0.01
    assert level.peak_dbfs == pytest.approx(20 * math.log10(0.5))
    assert not level.clipped
    one = block_level(np.array([[damage]], np.float32))
    assert (one.non_finite, one.exact_zeros, one.silent) == (1, False, True)

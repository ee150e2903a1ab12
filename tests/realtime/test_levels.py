"""Levels in dBFS by definition, and a gate that does not chatter."""

import math

import numpy as np
import pytest

from realtime.levels import CLOSE_DBFS, FLOOR_DBFS, OPEN_DBFS, SilenceGate, rms, to_dbfs
from realtime.windows import Window, WindowCutter


def window(samples, **facts):
    return Window(0.0, np.asarray(samples, np.float32), **facts)


def at_level(dbfs, seed=0):
    """A window of noise of an exact RMS level."""
    samples = np.random.default_rng(seed).normal(size=16_000)
    samples -= samples.mean()
    return window(samples / np.sqrt(np.mean(samples**2)) * 10 ** (dbfs / 20))


def test_decibels_by_definition():
    assert to_dbfs(1.0) == 0.0
    assert to_dbfs(0.1) == pytest.approx(-20)
    assert to_dbfs(0.0) == to_dbfs(1e-12) == FLOOR_DBFS
    t = np.arange(16_000) / 16_000
    sine = window(np.sin(2 * np.pi * 100 * t), input_peak=1.0, input_clipped=True)
    reading = SilenceGate().read(sine)
    assert reading.rms_dbfs == pytest.approx(20 * math.log10(1 / math.sqrt(2)), abs=1e-3)
    assert reading.peak_dbfs == 0.0
    assert reading.clipped
    assert rms(np.zeros(0, np.float32)) == 0.0


@pytest.mark.parametrize("dbfs", [-60, -69.5])
def test_quiet_music_is_not_silence(dbfs):
    assert not SilenceGate().read(at_level(dbfs)).silent


def test_the_gate_has_hysteresis():
    meter = SilenceGate()
    between = (OPEN_DBFS + CLOSE_DBFS) / 2
    levels = [-100, between, OPEN_DBFS + 0.5, between, between, CLOSE_DBFS - 0.5, between, -50]
    silent = [meter.read(at_level(level)).silent for level in levels]
    assert silent == [True, True, False, False, False, True, True, False]
    meter.reset()
    assert meter.read(at_level(between)).silent


def test_noise_around_one_threshold_does_not_chatter():
    meter = SilenceGate()
    rng = np.random.default_rng(1)
    silent = [meter.read(at_level(OPEN_DBFS + rng.normal(0, 1.0))).silent for _ in range(200)]
    assert np.count_nonzero(np.diff(silent)) <= 1


def test_exact_zeros_are_told_from_quiet_and_from_damage():
    def of(audio):
        cutter = WindowCutter(48_000, 2)
        return SilenceGate().read(cutter.push(np.asarray(audio, np.float32))[0])

    zeros = np.zeros((60_000, 2))
    assert of(zeros).exact_zeros
    assert of(zeros).silent
    assert of(zeros).rms_dbfs == of(zeros).peak_dbfs == FLOOR_DBFS
    assert not of(zeros + 1e-9).exact_zeros
    broken = of(np.full((60_000, 2), np.nan))
    assert broken.silent
    assert not broken.exact_zeros
    assert broken.non_finite >= 48_000 * 2


def test_padding_does_not_lower_the_level():
    samples = np.zeros(16_000, np.float32)
    samples[:100] = np.tile([0.5, -0.5], 50)
    assert SilenceGate().read(window(samples, frames=100)).rms_dbfs == pytest.approx(
        20 * math.log10(0.5)
    )


def test_dc_is_silence():
    cutter = WindowCutter(48_000, 1)
    first, *_ = cutter.push(np.full(60_000, 0.25, np.float32))
    reading = SilenceGate().read(first)
    assert reading.peak_dbfs == pytest.approx(20 * math.log10(0.25))
    # The edge where the offset begins is a click, so only far below the offset, not exactly 0.
    assert reading.rms_dbfs < -40


def test_a_gate_that_opens_below_where_it_closes_is_refused():
    with pytest.raises(ValueError, match="close_dbfs"):
        SilenceGate(open_dbfs=-80, close_dbfs=-70)

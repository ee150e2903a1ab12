"""EBU Tech 3341's signals read what they must, at any rate and in blocks of any size."""

import math

import numpy as np
import pytest

from realtime.loudness import Loudness, LoudnessMeter

RATE_HZ = 48_000


def tone(level_dbfs, seconds, *, rate_hz=RATE_HZ, channels=2, hertz=1000.0):
    """A sine whose peak is ``level_dbfs`` in every channel."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 10.0 ** (level_dbfs / 20.0) * np.sin(2 * np.pi * hertz * time_s)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def measured(sound, rate_hz=RATE_HZ, block_frames=4096):
    meter = LoudnessMeter(rate_hz, sound.shape[1])
    newest = Loudness()
    for start in range(0, len(sound), block_frames):
        newest = meter.push(sound[start : start + block_frames]) or newest
    return newest


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_tone_of_1_khz_reads_its_level_in_all_three(level, rate_hz):
    """EBU Tech 3341, cases 1 and 2: -23.0 and -33.0 LUFS, to a tenth."""
    read = measured(tone(level, 5.0, rate_hz=rate_hz), rate_hz, rate_hz // 50)
    assert read.momentary_lufs == pytest.approx(level, abs=0.1)
    assert read.short_term_lufs == pytest.approx(level, abs=0.1)
    assert read.integrated_lufs == pytest.approx(level, abs=0.1)
    assert read.true_peak_dbtp == pytest.approx(level, abs=0.2)


def test_one_channel_alone_counts_3_db_less():
    assert measured(tone(-23.0, 4.0, channels=1)).integrated_lufs == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        [(-36, 10), (-23, 60), (-36, 10)],  # case 3
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],  # case 4
        [(-26, 20), (-20, 20.1), (-26, 20)],  # case 5
    ],
)
def test_gates_leave_out_what_is_quiet(parts):
    sound = np.concatenate([tone(level, seconds) for level, seconds in parts])
    assert measured(sound).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_the_true_peak_lies_between_the_samples():
    """A sine of a quarter of the rate, at 45 degrees: its samples are 3 dB below its peaks."""
    time = np.arange(RATE_HZ)
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / 4800)
    wave = 0.5 * np.sin(np.pi / 2 * time + np.pi / 4) * fade
    sound = np.repeat(wave[:, None], 2, axis=1)
    assert np.abs(sound).max() == pytest.approx(0.354, abs=0.01)
    assert measured(sound).true_peak_dbtp == pytest.approx(-6.0, abs=0.3)


def test_momentary_forgets_sooner_than_short_term():
    read = measured(np.concatenate([tone(-20, 4.0), tone(-40, 1.0)]))
    assert read.momentary_lufs == pytest.approx(-40.0, abs=0.1)
    assert -23.0 < read.short_term_lufs < -20.5


def test_silence_and_what_is_no_number_read_nothing():
    assert measured(np.zeros((RATE_HZ, 2), np.float32)) == Loudness()
    broken = tone(-23.0, 4.0)
    broken[RATE_HZ] = np.nan
    assert math.isfinite(measured(broken).integrated_lufs)
    assert LoudnessMeter(RATE_HZ, 2).push(np.zeros((0, 2), np.float32)) is None


def test_of_many_channels_the_first_two_are_measured():
    sound = np.concatenate([tone(-23.0, 4.0), tone(-3.0, 4.0)], axis=1)
    assert measured(sound).integrated_lufs == pytest.approx(-23.0, abs=0.1)

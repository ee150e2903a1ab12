"""Masking as physics, and gains, offsets and passages against known mixes."""

import numpy as np
import pytest
import soundfile

from realtime.audit import ear, gains
from realtime.audit.measure import StemSignal, measure
from realtime.audit.passages import passages, sounding
from realtime.errors import TuttiError

RATE_HZ = 32_000
SECONDS = 6.0
FRAMES = round(RATE_HZ * SECONDS)


def tone(frequency_hz, level_db=-26.0):
    t = np.arange(FRAMES) / RATE_HZ
    return 10 ** (level_db / 20) * np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * t)


def noise(low_hz, high_hz, seed, level_db=-26.0, frames=FRAMES):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    frequency_hz = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    spectrum[(frequency_hz < low_hz) | (frequency_hz > high_hz)] = 0
    sound = np.fft.irfft(spectrum, frames)
    return 10 ** (level_db / 20) * sound / np.sqrt(np.mean(sound**2))


def db(level):
    return 10 ** (level / 20)


@pytest.fixture
def compare(tmp_path):
    """``compare(mix, stem, ...)``: the measurement of arrays (frames,) or (frames, channels)."""

    def run(mix, *stems, rate_hz=RATE_HZ):
        paths = []
        for number, sound in enumerate((mix, *stems)):
            paths.append(tmp_path / f"{number}.wav")
            soundfile.write(paths[-1], sound, rate_hz, subtype="FLOAT")
        return measure(paths[0], paths[1:], lambda what, done_s, total_s: None)

    return run


def ranges(signal, min_s=1.0):
    return [(one.start_s, one.end_s) for one in passages(signal, min_s)]


def whole(signal):
    (only,) = passages(signal, 1.0)
    return only.start_s <= 0.2 and only.end_s >= SECONDS - 0.2


# -- masking ---------------------------------------------------------------------------


def test_a_tone_30_db_under_noise_in_its_band_is_masked(compare):
    band, quiet_tone = noise(900, 1100, 1), tone(1000, -56.0)
    weak, strong = compare(band + quiet_tone, quiet_tone, band).stems
    assert whole(weak)
    # It would be heard 3 dB below the noise in its filter, which lets most of the band in.
    assert passages(weak, 1.0)[0].short_by_db == pytest.approx(27.0, abs=3.0)
    assert ranges(strong) == []


@pytest.mark.parametrize("frequency_hz", [300, 4000])
def test_the_same_tone_far_from_the_noise_is_heard(compare, frequency_hz):
    band, quiet_tone = noise(900, 1100, 1), tone(frequency_hz, -56.0)
    assert ranges(compare(band + quiet_tone, quiet_tone, band).stems[0]) == []


def test_masking_spreads_further_upwards_than_downwards(compare):
    band = noise(950, 1050, 2)
    margins = {}
    for erb_steps in (-3, 3):
        number = ear.erb_number(np.array([1000.0]))[0] + erb_steps
        quiet_tone = tone((10 ** (number / 21.4) - 1) / 0.00437, -56.0)
        signal = compare(band + quiet_tone, quiet_tone, band).stems[0]
        margins[erb_steps] = np.median(signal.margin_db)
    assert margins[3] < margins[-3] - 3.0


def test_stems_of_equal_level_in_different_bands_are_both_heard(compare):
    low, high = noise(300, 500, 3), noise(2000, 3000, 4)
    measured = compare(low + high, low, high)
    assert [ranges(stem) for stem in measured.stems] == [[], []]


def test_a_louder_copy_masks(compare):
    sound = noise(200, 5000, 5)
    quiet, loud = compare(5 * sound, sound, 4 * sound).stems
    assert whole(quiet)
    assert ranges(loud) == []


@pytest.mark.parametrize("frequency_hz", [25, 100, 1000, 3300, 10_000])
def test_in_quiet_the_threshold_is_that_of_a_tone_alone(compare, frequency_hz):
    # Played at the listening level, so only its difference to the threshold counts.
    sound = tone(frequency_hz, 0.0)
    signal = compare(sound, sound).stems[0]
    above_db = ear.LISTENING_LEVEL_DB_SPL - ear.quiet_db_spl(np.array(frequency_hz))
    expected = min(above_db, ear.MAX_MARGIN_DB)
    if frequency_hz >= ear.LOWEST_HZ:
        assert np.median(signal.margin_db) == pytest.approx(expected, abs=1.5)
    else:
        assert np.median(signal.margin_db) < expected + 3.0


def test_rumble_below_the_threshold_in_quiet_is_not_heard(compare):
    loud, rumble = noise(2000, 3000, 6), tone(25, -46.0)
    assert whole(compare(loud + rumble, rumble, loud).stems[0])


# -- gains and offsets --------------------------------------------------------------------


@pytest.fixture
def pair():
    return noise(200, 4000, 7), noise(200, 4000, 8)


def buried(start_s, end_s, by_db=-30.0, frames=FRAMES):
    gain = np.ones(frames)
    gain[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = db(by_db)
    return gain


def assert_found(signal, start_s, end_s):
    (only,) = passages(signal, 1.0)
    assert only.start_s == pytest.approx(start_s, abs=0.5)
    assert only.end_s == pytest.approx(end_s, abs=0.5)
    assert only.reason == "masked"


def test_a_buried_stretch_is_found_and_nothing_else(compare, pair):
    first, second = pair
    measured = compare(first * buried(2, 4) + second, first, second)
    assert_found(measured.stems[0], 2, 4)
    assert ranges(measured.stems[1]) == []


def test_faders_pan_and_an_equaliser_are_allowed_for(compare, pair):
    first, second = pair
    spectrum = np.fft.rfft(second)
    frequency_hz = np.fft.rfftfreq(FRAMES, 1 / RATE_HZ)
    tilted = np.fft.irfft(spectrum * db(3.0 * np.log2(np.maximum(frequency_hz, 50) / 1000)), FRAMES)
    left = 0.25 * first * buried(2, 4) + 0.2 * tilted
    right = 0.1 * first * buried(2, 4) + 0.3 * tilted
    measured = compare(np.stack((left, right), axis=1), first, second)
    assert measured.residual_db < -15
    assert_found(measured.stems[0], 2, 4)
    assert ranges(measured.stems[1]) == []


def test_a_delayed_and_saturated_mix_is_aligned(compare, pair):
    first, second = pair
    late = round(0.0231 * RATE_HZ)
    mix = np.tanh(3 * np.roll(first * buried(2, 4) + second, late)) / 2
    measured = compare(mix, first, second)
    assert [stem.late_s for stem in measured.stems] == pytest.approx([0.0231] * 2, abs=1e-4)
    assert_found(measured.stems[0], 2 + 0.0231, 4 + 0.0231)


@pytest.mark.parametrize("late_s", [-0.04, 0.0, 0.31])
def test_offsets_either_way(compare, pair, late_s):
    first, second = pair
    measured = compare(np.roll(first + second, round(late_s * RATE_HZ)), first, second)
    assert [stem.late_s for stem in measured.stems] == pytest.approx([late_s] * 2, abs=1e-4)


def test_inverted_polarity_is_no_absence(compare, pair):
    first, second = pair
    measured = compare(second - first, first, second)
    assert all(stem.found for stem in measured.stems)
    assert measured.stems[0].gain_db == pytest.approx(0.0, abs=0.5)


def test_gains_are_those_of_the_mix(compare, pair):
    first, second = pair
    measured = compare(db(-7) * first + db(-2) * second, first, second)
    assert [stem.gain_db for stem in measured.stems] == pytest.approx([-7, -2], abs=0.3)
    assert measured.residual_db < -40


def test_a_stem_left_out_of_the_mix_is_told(compare, pair):
    first, second = pair
    measured = compare(second, first, second)
    assert [stem.found for stem in measured.stems] == [False, True]
    (only,) = passages(measured.stems[0], 1.0)
    assert only.reason == "not in the mix"


def test_a_muted_stretch_is_not_in_the_mix(compare, pair):
    first, second = pair
    gain = buried(2, 4.5, by_db=-200.0)
    (only,) = passages(compare(first * gain + second, first, second).stems[0], 1.0)
    assert (only.start_s, only.end_s) == pytest.approx((2, 4.5), abs=0.5)
    assert only.reason == "not in the mix"


def test_a_stem_that_was_not_given_shows_in_the_residual(compare, pair):
    first, second = pair
    measured = compare(first + second + noise(200, 4000, 9), first, second)
    assert measured.residual_db == pytest.approx(-4.8, abs=0.5)


def test_a_silent_stem_never_sounds(compare, pair):
    silent = compare(pair[0], np.zeros(FRAMES), pair[0]).stems[0]
    assert not sounding(silent).any()
    assert ranges(silent) == []


def test_lengths_rates_and_channels_may_differ(tmp_path):
    long = noise(200, 4000, 10, frames=FRAMES * 3)
    short = noise(200, 4000, 11)
    mix = long[: FRAMES * 2].copy()
    mix[:FRAMES] += short * buried(2, 4)
    import soxr

    soundfile.write(tmp_path / "mix.wav", np.stack((mix, mix), axis=1), RATE_HZ)
    soundfile.write(tmp_path / "long.wav", soxr.resample(long, RATE_HZ, 48_000), 48_000)
    stereo = np.stack((short, short), axis=1)
    soundfile.write(tmp_path / "short.flac", soxr.resample(stereo, RATE_HZ, 44_100), 44_100)
    stems = [tmp_path / "long.wav", tmp_path / "short.flac"]
    measured = measure(tmp_path / "mix.wav", stems, lambda what, done_s, total_s: None)
    assert measured.duration_s == pytest.approx(2 * SECONDS, abs=0.01)
    assert_found(measured.stems[1], 2, 4)
    assert ranges(measured.stems[0]) == []


def test_a_silent_mix_is_refused(compare, pair):
    with pytest.raises(TuttiError, match="is silent"):
        compare(np.zeros(FRAMES), pair[0])


def test_the_prior_decides_where_the_data_cannot_tell():
    rng = np.random.default_rng(12)
    shape = (1, 1, 8, ear.FRAME // 2 + 1)
    one = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    sums = gains.cross_spectra(np.concatenate((3 * one, one, one)).astype(np.complex64))
    found, residual = gains.solve(sums, np.array([2.0, 1.0], np.complex128), 1.0)
    np.testing.assert_allclose(found, np.broadcast_to([2.0, 1.0], found.shape), atol=0.01)
    assert residual.sum() < 1e-3 * sums.mix.sum()


# -- passages ---------------------------------------------------------------------------------


def signal(margin_db, level_dbfs=None):
    margin = np.array(margin_db, np.float32)
    level = np.full(len(margin), -20.0) if level_dbfs is None else np.array(level_dbfs)
    return StemSignal(
        level.astype(np.float32), margin, np.zeros(len(margin), np.float32), 0.0, 0.0, True, 1.0, 0
    )


def test_flicker_and_rests_do_not_end_a_passage_but_being_heard_does():
    margin = [-5] * 20 + [5] * 2 + [-5] * 20 + [5] * 10 + [-5] * 20
    assert ranges(signal(margin)) == [(0.0, pytest.approx(4.2)), (pytest.approx(5.2), 7.2)]


def test_short_passages_are_left_out():
    margin = [5] * 10 + [-5] * 8 + [5] * 10
    assert ranges(signal(margin), 1.0) == []
    assert ranges(signal(margin), 0.5) == [(1.0, pytest.approx(1.8))]


def test_what_dies_away_is_not_missed():
    level = [-20.0] * 20 + [-55.0] * 20
    assert ranges(signal([5] * 20 + [-5] * 20, level)) == []

"""What each channel choice keeps and loses."""

import numpy as np
import pytest

from realtime.downmix import Downmix, parse_channel
from realtime.errors import TuttiError
from realtime.windows import WindowCutter

RATE_HZ = 44_100


def heard(audio, channel):
    """The second window of a signal (frames, channels)."""
    cutter = WindowCutter(RATE_HZ, audio.shape[1], channel=channel)
    return cutter.push(audio.astype(np.float32))[1].samples


def level_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20)


def pink_noise(seed=0, seconds=3):
    """Music-like: equal power per octave above 100 Hz."""
    n = RATE_HZ * seconds
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    spectrum *= np.where((hz > 100) & (hz < 7_000), 1 / np.sqrt(np.maximum(hz, 1)), 0)
    noise = np.fft.irfft(spectrum, n)
    return 0.1 * noise / np.std(noise)


@pytest.mark.parametrize("right", [1.0, -1.0, 0.3, -0.7])
def test_mono_keeps_the_level_at_any_pan_and_polarity(right):
    source = pink_noise()
    stereo = np.stack((source, right * source), axis=1)
    expected = 10 * np.log10((1 + right**2) / 2)
    alone = heard(source[:, np.newaxis], "mono")
    assert level_db(heard(stereo, "mono")) - level_db(alone) == pytest.approx(expected, abs=0.5)


def test_mono_hears_both_an_instrument_in_phase_and_one_out_of_phase():
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    centre, wide = np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 1_000 * t)
    stereo = 0.1 * np.stack((centre + wide, centre - wide), axis=1)
    spectra = {c: np.abs(np.fft.rfft(heard(stereo, c))) for c in ("mono", "mid", "side")}
    assert spectra["mono"][1_000] == pytest.approx(spectra["mono"][440], rel=0.01)
    assert spectra["mid"][1_000] < 0.001 * spectra["mid"][440]
    assert spectra["side"][440] < 0.001 * spectra["side"][1_000]


def test_mono_of_in_phase_stereo_sounds_like_its_channel():
    source = pink_noise()
    both = np.stack((source, source), axis=1)
    mono, alone = heard(both, "mono"), heard(source[:, np.newaxis], "mono")
    above = slice(150, 7_000)
    ratio = np.abs(np.fft.rfft(mono * np.hanning(16_000))) / np.maximum(
        np.abs(np.fft.rfft(alone * np.hanning(16_000))), 1e-9
    )
    assert np.median(20 * np.log10(ratio[above])) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(
    ("channel", "keeps"),
    [("left", {0}), ("right", {1}), ((2, 2), {2}), ((2, 3), {2, 3}), ("mono", {0, 1, 2, 3})],
)
def test_a_choice_hears_its_channels_and_no_other(channel, keeps):
    for number in range(4):
        audio = np.zeros((3 * RATE_HZ, 4))
        audio[:, number] = pink_noise()
        level = level_db(heard(audio, channel))
        assert (level > -40) == (number in keeps)
        assert number in keeps or level < -150


def test_mono_input_is_every_channel_but_side():
    audio = pink_noise()[:, np.newaxis]
    for channel in ("left", "right", "mid"):
        np.testing.assert_array_equal(heard(audio, channel), heard(audio, "mono"))
    with pytest.raises(TuttiError, match="no side"):
        heard(audio, "side")


@pytest.mark.parametrize("channel", [(0, 2), (5, 5), (-1, 0), "centre"])
def test_a_channel_that_is_not_there_is_refused(channel):
    with pytest.raises(TuttiError, match="no channel"):
        WindowCutter(RATE_HZ, 2, channel=channel)


def test_no_channels_is_refused():
    with pytest.raises(TuttiError, match="no channels"):
        WindowCutter(RATE_HZ, 0)


def test_channel_names_and_numbers_are_read_from_1():
    assert parse_channel("mid") == "mid"
    assert parse_channel("3") == (2, 2)
    assert parse_channel("3,4") == (2, 3)
    for text in ("0", "1,2,3", "", "centre", "-1", "1,"):
        with pytest.raises(ValueError, match=r"invalid literal|^-?[\d,]+$"):
            parse_channel(text)


def test_the_first_and_the_last_channel_can_be_chosen():
    for number in (0, 2):
        assert Downmix(3, (number,)).streams == 1

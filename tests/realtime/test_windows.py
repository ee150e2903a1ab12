"""The window cutter: any cut of the same audio gives the same windows; times and levels hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from realtime.windows import WindowCutter

RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)


def cut(audio, rate_hz, block=None, **options):
    """All windows of an array (frames,) or (frames, channels), pushed in blocks."""
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    cutter = WindowCutter(rate_hz, channels, **options)
    block = block or max(1, len(audio))
    windows = []
    for start in range(0, len(audio), block):
        windows += cutter.push(audio[start : start + block])
    return windows + cutter.flush()


def noise(frames, channels=2, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, (frames, channels)).astype(np.float32)


def sine(hz, rate_hz, seconds, amplitude=0.5):
    return (
        amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)
    ).astype(np.float32)


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def assert_same(windows, others):
    assert [w.start_s for w in windows] == [w.start_s for w in others]
    assert [w.frames for w in windows] == [w.frames for w in others]
    for window, other in zip(windows, others, strict=True):
        np.testing.assert_allclose(window.samples, other.samples, atol=2e-6)
        assert window.input_peak == other.input_peak
        assert window.non_finite == other.non_finite


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("block", [1, 7, 65_536])
def test_the_block_size_changes_nothing(rate_hz, block):
    audio = noise(int(1.3 * rate_hz))
    assert_same(cut(audio, rate_hz, block, hop_s=0.1), cut(audio, rate_hz, hop_s=0.1))


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from([8_000, 11_025, 16_000, 44_056, 48_000]),
    channels=st.integers(1, 5),
    hop_s=st.floats(0.05, 1.0),
    sizes=st.lists(st.integers(0, 30_000), min_size=1, max_size=12),
)
def test_any_cut_of_a_stream_gives_the_same_windows(rate_hz, channels, hop_s, sizes):
    audio = noise(sum(sizes), channels)
    cutter = WindowCutter(rate_hz, channels, hop_s)
    windows = []
    edges = np.cumsum([0, *sizes])
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        windows += cutter.push(audio[start:end])
    windows += cutter.flush()
    assert_same(windows, cut(audio, rate_hz, hop_s=hop_s))
    assert cutter.duration_s == pytest.approx(len(audio) / rate_hz)
    if len(audio):
        # No gap, and the last sample is in the last window.
        assert all(np.diff([w.start_s for w in windows]) <= hop_s + 1e-4)
        assert windows[-1].end_s == pytest.approx(len(audio) / rate_hz, abs=2e-4)
    else:
        assert windows == []


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_click_lands_within_a_millisecond(rate_hz, channels):
    click_s = 2.3456
    audio = np.zeros((3 * rate_hz, channels), np.float32)
    audio[round(click_s * rate_hz)] = 1.0
    found = [w for w in cut(audio, rate_hz, 512) if w.start_s <= click_s < w.end_s]
    assert len(found) == 2
    for window in found:
        at_s = window.start_s + np.abs(window.samples).argmax() / SAMPLE_RATE_HZ
        assert at_s == pytest.approx(click_s, abs=0.001)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_in_band_keeps_its_level_and_pitch(rate_hz):
    hz = 1_000
    window = cut(sine(hz, rate_hz, 3), rate_hz)[2]
    assert rms(window.samples) == pytest.approx(0.5 / np.sqrt(2), rel=0.005)
    assert np.abs(np.fft.rfft(window.samples)).argmax() == hz


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("hz", [8_200, 9_000, 15_000, 21_000])
def test_a_tone_above_8_khz_is_gone_not_folded(rate_hz, hz):
    window = cut(sine(hz, rate_hz, 3), rate_hz)[2]
    assert rms(window.samples) < 0.5e-4


def test_the_top_of_the_band_is_kept():
    window = cut(sine(7_300, 48_000, 3), 48_000)[2]
    assert rms(window.samples) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_dc_is_removed():
    window = cut(sine(440, 48_000, 3, 0.001) + 0.5, 48_000)[2]
    assert abs(window.samples.mean()) < 1e-7
    assert rms(window.samples) == pytest.approx(0.001 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "starts", "last_end"),
    [
        (0.2, [0.0], 0.2),
        (1.0, [0.0], 1.0),
        (1.2, [0.0, 0.5], 1.2),
        (2.0, [0.0, 0.5, 1.0], 2.0),
        (2.5, [0.0, 0.5, 1.0, 1.5], 2.5),
    ],
)
def test_the_last_partial_window_is_padded_once(seconds, starts, last_end):
    windows = cut(noise(int(16_000 * seconds), 1), 16_000)
    assert [w.start_s for w in windows] == starts
    assert windows[-1].end_s == pytest.approx(last_end)
    assert not windows[-1].samples[windows[-1].frames :].any()
    assert all(w.samples.shape == (WINDOW_SAMPLES,) for w in windows)


def test_one_frame_gives_one_window_and_none_gives_none():
    assert len(cut(np.ones((1, 2), np.float32), 192_000)) == 1
    assert cut(np.zeros((0, 2), np.float32), 48_000) == []
    cutter = WindowCutter(48_000, 1)
    cutter.push(np.ones(10, np.float32))
    assert len(cutter.flush()) == 1
    assert cutter.flush() == []
    with pytest.raises(RuntimeError):
        cutter.push(np.ones(10, np.float32))


def test_the_hop_changes_while_running():
    cutter = WindowCutter(16_000, 1, hop_s=1.0)
    audio = noise(8 * 16_000, 1)
    starts = [w.start_s for w in cutter.push(audio[: 3 * 16_000])]
    assert starts == [0.0, 1.0, 2.0]
    cutter.set_hop(0.05)  # counts from the window at 2.0, whose audio must still be there
    windows = cutter.push(audio[3 * 16_000 : 4 * 16_000])
    assert windows[0].start_s == pytest.approx(2.05)
    expected = audio[int(2.05 * 16_000) : int(3.05 * 16_000), 0]
    np.testing.assert_allclose(windows[0].samples, expected - expected.mean(), atol=1e-6)
    assert np.allclose(np.diff([w.start_s for w in windows]), 0.05)
    cutter.set_hop(0.5)
    later = cutter.push(audio[4 * 16_000 :]) + cutter.flush()
    assert later[0].start_s == pytest.approx(windows[-1].start_s + 0.5)


def test_nan_and_infinity_are_heard_as_zero_and_counted():
    clean = noise(32_000)
    broken = clean.copy()
    for frame, channel, value in ((100, 0, np.nan), (20_000, 1, np.inf), (20_001, 0, -3e38)):
        broken[frame, channel] = value
        clean[frame, channel] = 0.0
    windows, expected = cut(broken, 16_000, 333), cut(clean, 16_000)
    for window, other in zip(windows, expected, strict=True):
        np.testing.assert_allclose(window.samples, other.samples, atol=2e-6)
    assert [w.non_finite for w in windows] == [1, 2, 2]
    assert all(w.input_peak < 1.0 for w in windows)
    cutter = WindowCutter(16_000, 2)
    cutter.push(broken)
    assert cutter.non_finite == 3


def test_clipping_is_seen_before_resampling_hides_it():
    audio = sine(997, 44_100, 4, 0.5)
    audio[int(2.6 * 44_100)] = 1.0
    assert [w.input_clipped for w in cut(audio, 44_100)] == [
        w.start_s <= 2.6 < w.end_s for w in cut(audio, 44_100)
    ]


def test_memory_does_not_grow():
    cutter = WindowCutter(44_100, 2)
    held = []
    for _ in range(200):
        cutter.push(noise(44_100))
        held.append(len(cutter._pending) + len(cutter._input._peaks))
    assert max(held[100:]) <= max(held[:100])
    assert max(held) < 2 * WINDOW_SAMPLES


@pytest.mark.parametrize("rate_hz", [0, -44_100, 999, 1e9, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(rate_hz):
    with pytest.raises(TuttiError, match="sample rate"):
        WindowCutter(rate_hz, 1)


@pytest.mark.parametrize("hop_s", [0.0, 0.049, 1.01, -1, float("nan")])
def test_an_impossible_hop_is_refused(hop_s):
    with pytest.raises(TuttiError, match="hop"):
        WindowCutter(48_000, 1, hop_s)


def test_a_block_of_another_channel_count_is_refused():
    with pytest.raises(ValueError, match="block must be"):
        WindowCutter(48_000, 2).push(np.zeros((10, 3), np.float32))

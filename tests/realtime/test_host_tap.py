"""Taps: times of what passed, gaps, a new stream, and a thread that sound never waits for."""

import logging
import threading

import numpy as np
import pytest

from realtime import taxonomy
from realtime.host.tap import QUEUE_S, Tap, TapThread, TapTimeline
from realtime.model import TagModel
from realtime.smoothing import NO_SMOOTHING, Smoothing
from realtime.tagger import Tagger

RATE_HZ = 16_000
PIANO, FLUTE = taxonomy.INSTRUMENTS.index("piano"), taxonomy.INSTRUMENTS.index("flute")


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


@pytest.fixture
def tap(model):
    return Tap("here", model, 0.5, smoothing=NO_SMOOTHING)


@pytest.fixture
def heard(tap):
    tags = []
    tap.subscribe(tags.append)
    return tags


def times(tags):
    return [(round(one.start_s, 3), round(one.end_s, 3)) for one in tags]


def test_a_tap_hears_what_tagging_a_file_hears(tap, heard, tones, model):
    audio = np.concatenate([tones(["piano"], 2.0), np.zeros(20_000, "f4"), tones(["flute"], 1.3)])
    for start in range(0, len(audio), 700):
        tap.push(audio[None, start : start + 700], RATE_HZ)
    tap.cut()
    wanted = Tagger(model, hop_s=0.5, smoothing=NO_SMOOTHING).tag(audio, RATE_HZ).tags
    assert times(heard) == times(wanted)
    for one, other in zip(heard, wanted, strict=True):
        np.testing.assert_allclose(one.instruments, other.instruments, atol=1e-5)
        assert one.level == other.level
    assert tap.latest is heard[-1]
    assert tap.now_s == pytest.approx(len(audio) / RATE_HZ)
    tap.cut()
    assert len(heard) == len(wanted), "what was given out is not given again"


def test_each_window_of_a_long_block_gets_its_own_scores(tap, heard, tones):
    """Silent ones between them, which the model is not asked about."""
    quiet = np.zeros(RATE_HZ, "f4")
    tap.push(np.concatenate([quiet, tones(["piano"]), quiet, tones(["flute"]), quiet])[None],
             RATE_HZ)  # fmt: skip
    found = {round(one.start_s, 1): one for one in heard}
    assert found[1.0].instruments[[PIANO, FLUTE]] == pytest.approx([1, 0], abs=0.05)
    assert found[3.0].instruments[[PIANO, FLUTE]] == pytest.approx([0, 1], abs=0.05)
    assert found[0.0].level.silent
    assert found[2.0].instruments.max() == 0.0


def test_audio_that_was_dropped_is_a_gap(tap, heard, tones):
    piano = tones(["piano"], 1.2)[None]
    tap.push(piano, RATE_HZ, 0)
    tap.push(piano[:, :8_000], RATE_HZ, piano.shape[1])
    assert tap.now_s == pytest.approx(1.7)
    tap.push(piano, RATE_HZ, 5 * RATE_HZ)
    assert tap.now_s == pytest.approx(6.2)
    tap.cut()
    starts = [one.start_s for one in heard]
    ends = [one.end_s for one in heard]
    assert starts == pytest.approx([0.0, 0.5, 1.0, 5.0, 5.5])
    assert ends == pytest.approx([1.0, 1.5, 1.7, 6.0, 6.2], abs=0.001)


def test_the_channels_and_the_rate_are_those_of_the_stream(model, tones):
    tap = Tap("here", model, 1.0, channel="right", smoothing=NO_SMOOTHING)
    sound = np.stack([np.zeros(48_000, "f4"), tones(["flute"], 1.0, 48_000)])
    tap.push(np.tile(sound, (1, 2)), 48_000)
    assert tap.latest.instruments[FLUTE] > 0.9
    assert tap.now_s == pytest.approx(2.0)


def test_nothing_is_no_block(tap, tones):
    assert (tap.level, tap.latest, tap.now_s) == (None, None, 0.0)
    tap.push(tones(["flute"], 0.5)[None], RATE_HZ)
    level = tap.level
    tap.push(np.zeros((1, 0), "f4"), RATE_HZ, 99)
    assert tap.level == level
    assert tap.now_s == pytest.approx(0.5)


def test_smoothing_is_the_taps(model, tones):
    tap = Tap("here", model, 0.5, smoothing=Smoothing(0.5, 0.5))
    tap.push(np.concatenate([np.zeros(RATE_HZ, "f4"), tones(["flute"])])[None], RATE_HZ)
    assert tap.latest.instruments[FLUTE] == pytest.approx(0.86, abs=0.2)
    assert tap.latest.instruments[FLUTE] < 0.95


def test_a_new_stream_knows_nothing_of_the_last(model, tones):
    tap, new = (Tap("here", model, 0.5, smoothing=Smoothing(1.0, 1.0)) for _ in range(2))
    tap.push(tones(["piano"], 2.8)[None], RATE_HZ)
    tap.reset()
    assert (tap.level, tap.latest, tap.now_s) == (None, None, 0.0)
    quiet = 10 ** (-72 / 20) * 2**0.5 * tones(["flute"], 1.0) / np.abs(tones(["flute"], 1.0)).max()
    sound = np.concatenate([quiet, tones(["flute"], 1.5)])[None].astype("f4")
    found = {}
    for which in (tap, new):
        found[which] = []
        which.subscribe(found[which].append)
        which.push(sound, RATE_HZ)
    assert times(found[tap]) == times(found[new])
    for one, other in zip(found[tap], found[new], strict=True):
        np.testing.assert_array_equal(one.instruments, other.instruments)
        assert one.level == other.level
    assert found[tap][0].level.silent, "the gate is closed at first"


def test_a_listener_can_leave_twice_and_while_it_is_called(tap, tones):
    calls = []
    leave = tap.subscribe(lambda tags: (calls.append("once"), leave()))
    tap.subscribe(lambda tags: calls.append("always"))
    tap.push(tones(["flute"], 2.0)[None], RATE_HZ)
    leave()
    assert calls == ["once", "always", "always", "always"]


def test_a_timeline_counts_from_its_beginning(tap, tones, model):
    timeline = TapTimeline(model.spec, "here", 0.5)
    assert (timeline.file, timeline.duration_s, len(timeline)) == ("here", 0.0, 0)
    assert timeline.non_finite == 0
    tap.subscribe(timeline.add)
    tap.push(np.zeros((1, 8_000), "f4"), RATE_HZ)
    tap.push(tones(["flute"], 1.7)[None], RATE_HZ)
    tap.cut()
    assert timeline.start_s == pytest.approx([-0.5, 0.0, 0.5, 1.0])
    assert timeline.end_s == pytest.approx([0.5, 1.0, 1.5, 1.7], abs=0.001)
    assert timeline.duration_s == pytest.approx(1.7, abs=0.001)
    assert timeline.spec is model.spec
    timeline.add(timeline.tags[0])
    assert timeline.duration_s == pytest.approx(1.7, abs=0.001), "an earlier end does not shorten"


@pytest.fixture
def thread():
    made = TapThread()
    yield made
    made.close()


def test_the_thread_hears_a_copy_in_order(thread, tap, heard, tones):
    audio = tones(["piano"], 2.0)[None].copy()
    for start in range(0, audio.shape[1], 8_000):
        block = audio[:, start : start + 8_000]
        thread.push(tap, block, RATE_HZ, start)
        block[:] = 0.0  # the host goes on with its own
    thread.call(lambda: None)
    assert times(heard) == [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)]
    assert all(one.instruments[PIANO] > 0.9 for one in heard)
    assert thread.blocks_dropped == 0


def test_the_oldest_audio_gives_way_and_calls_do_not(thread, tap):
    """Behind: what waits is bounded, and what somebody waits for is not dropped."""
    busy, go = threading.Event(), threading.Event()
    thread._add(0.0, lambda: (busy.set(), go.wait(20)))
    assert busy.wait(20)
    called = threading.Event()
    thread._add(0.0, called.set)
    passed = []
    tap.push = lambda block, rate_hz, first_frame: passed.append(first_frame)
    block = np.zeros((1, RATE_HZ // 2), "f4")
    blocks = round(QUEUE_S / 0.5)
    for number in range(blocks + 3):
        thread.push(tap, block, RATE_HZ, number)
        assert thread.blocks_dropped == max(0, number + 1 - blocks)
    go.set()
    thread.call(lambda: None)
    assert called.is_set()
    assert passed == list(range(3, blocks + 3))
    for number in range(blocks):  # what was heard makes room again
        thread.push(tap, block, RATE_HZ, number)
        thread.call(lambda: None)
    assert thread.blocks_dropped == 3


def test_a_failure_is_told_and_the_other_taps_go_on(thread, tap, caplog):
    def fail(*_):
        raise RuntimeError("broken listener")

    went_on = []
    tap.push = fail
    with caplog.at_level(logging.ERROR):
        thread.push(tap, np.zeros((1, 10), "f4"), RATE_HZ, 0)
        thread.call(lambda: went_on.append(True))
    assert went_on
    (record,) = caplog.records
    assert record.fields["error"] == "RuntimeError('broken listener')"


def test_a_closed_thread_ends_and_drops_what_waits():
    thread = TapThread()
    busy, go, after = threading.Event(), threading.Event(), []
    thread._add(0.0, lambda: (busy.set(), go.wait(20)))
    thread._add(0.0, lambda: after.append(True))
    assert busy.wait(20)
    threading.Timer(0.05, go.set).start()
    thread.close()
    assert not thread._thread.is_alive()
    assert not after
    inside = TapThread()
    inside._add(0.0, inside.close)  # from its own thread it cannot wait for itself
    inside._thread.join(10)
    assert not inside._thread.is_alive()


def test_a_call_that_takes_too_long_is_not_waited_for(thread):
    go = threading.Event()
    thread.call(lambda: go.wait(20), timeout_s=0.01)
    go.set()

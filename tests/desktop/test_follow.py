"""Glide, held peaks, the look back over 10 s, the calm order, and what is expected."""

from __future__ import annotations

import numpy as np
import pytest

from desktop.heard.ballistics import Glide, PeakHold
from desktop.heard.expectation import Presence, judge
from desktop.heard.follow import ActivityOrder, Follower, Lately, look_back
from desktop.heard.track import COLUMNS, Track
from realtime.taxonomy import INSTRUMENTS

HALF = np.full(24, 0.5)


def track_of(parts: list[tuple[list[str], float]], hop_s: float = 0.5) -> Track:
    """Windows in which the named instruments are certain, for so many seconds each."""
    track, time_s = Track(), 0.5
    for names, seconds in parts:
        for _ in range(round(seconds / hop_s)):
            instruments = np.array([1.0 if n in names else 0.0 for n in INSTRUMENTS], np.float32)
            polyphony = np.eye(7, dtype=np.float32)[min(len(names), 6)]
            track.append(time_s, instruments, np.zeros(8, np.float32), polyphony, len(names))
            time_s += hop_s
    return track


def test_glide_reaches_63_percent_after_its_time_constant():
    glide = Glide(1, time_constant_s=0.1)
    for _ in range(100):
        glide.step(np.array([1.0]), 0.001)
    assert glide.values[0] == pytest.approx(1 - np.exp(-1), abs=1e-6)


def test_glide_does_not_depend_on_the_frame_rate():
    fast, slow = Glide(1), Glide(1)
    for _ in range(4):
        fast.step(np.array([0.8]), 0.01)
    slow.step(np.array([0.8]), 0.04)
    assert fast.values == pytest.approx(slow.values)


def test_peak_holds_then_falls_steadily():
    peak = PeakHold(1, hold_s=1.0, fall_per_s=0.5)
    peak.step(np.array([0.8]), 0.1)
    for _ in range(9):
        assert peak.step(np.array([0.0]), 0.1)[0] == 0.8
    peak.step(np.array([0.0]), 0.1)
    after = [peak.step(np.array([0.0]), 0.1)[0] for _ in range(4)]
    assert np.diff(after) == pytest.approx([-0.05] * 3)


def test_peak_never_below_the_value():
    peak, rng = PeakHold(3, hold_s=0.2), np.random.default_rng(1)
    for _ in range(500):
        values = rng.random(3)
        assert np.all(peak.step(values, 0.03) >= values)


def test_follower_shows_the_first_row_at_once_and_falls_to_nothing():
    follower = Follower()
    row = np.full(COLUMNS, 0.75)
    assert follower.step(row, 0.033).instruments == pytest.approx(np.full(24, 0.75))
    for _ in range(60):
        shown = follower.step(None, 0.033)
    assert shown.instruments is None


def test_look_back_tells_how_long_ago():
    track = track_of([(["flute"], 5.0), (["piano"], 20.0)])
    lately = look_back(track, 20.0, HALF)
    assert lately.ago_s[INSTRUMENTS.index("flute")] == pytest.approx(15.0, abs=0.51)
    assert lately.ago_s[INSTRUMENTS.index("piano")] == pytest.approx(0.0, abs=0.51)
    assert not lately.ever[INSTRUMENTS.index("violin")]
    assert lately.active == {"piano"}
    assert lately.largest == 1


def test_look_back_hears_no_more_of_the_future_than_the_window_around_now():
    track = track_of([(["flute"], 5.0), (["piano", "violin"], 20.0)])
    lately = look_back(track, 4.0, HALF)
    assert lately.active == {"flute"}
    assert lately.largest == 1


def test_order_changes_at_most_every_3_s_and_keeps_equals_in_place():
    order = ActivityOrder()
    mean = np.zeros(24)
    mean[5] = 0.9
    first = order.update(Lately(mean=mean), 0.0)
    assert first[0] == INSTRUMENTS[5]
    assert first[1:] == tuple(n for n in INSTRUMENTS if n != INSTRUMENTS[5])
    mean[7] = 1.0
    assert order.update(Lately(mean=mean), 2.9) == first
    assert order.update(Lately(mean=mean), 3.0)[:2] == (INSTRUMENTS[7], INSTRUMENTS[5])


def test_expected_instruments_are_judged():
    track = track_of([(["flute", "bass"], 5.0), (["piano"], 4.0)])
    lately = look_back(track, 9.0, HALF)
    findings = {f.instrument: f for f in judge(lately, ["piano", "flute", "oboe"], 8.0)}
    assert findings["piano"].state == Presence.HEARD
    assert findings["flute"].state == Presence.QUIET
    assert findings["oboe"].state == Presence.MISSING
    assert not findings["oboe"].ever
    assert findings["bass"].state == Presence.UNEXPECTED
    assert "voice" not in findings


def test_missing_after_the_time_that_was_set():
    track = track_of([(["flute"], 5.0), ([], 20.0)])
    lately = look_back(track, 20.0, HALF)
    assert judge(lately, ["flute"], 10.0)[0].state == Presence.MISSING
    assert judge(lately, ["flute"], 30.0)[0].state == Presence.QUIET


def test_nothing_expected_nothing_told():
    track = track_of([(["flute"], 5.0)])
    assert judge(look_back(track, 5.0, HALF), [], 10.0) == []


def test_a_blip_is_not_called_unexpected():
    track = track_of([(["piano"], 9.0), (["piano", "harp"], 0.5), (["piano"], 0.5)])
    findings = judge(look_back(track, 10.0, HALF), ["piano"], 10.0)
    assert [f.instrument for f in findings] == ["piano"]

"""The ring against a plain list, and frames against simulated clocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.clock_check import ClockCheck
from realtime.ring import AudioRing

RATE_HZ = 48_000
BLOCK = 2400


@settings(max_examples=200, deadline=None)
@given(
    capacity=st.integers(1, 50),
    channels=st.integers(1, 3),
    steps=st.lists(
        st.one_of(st.integers(0, 120), st.sampled_from(["read", "read 5", "look"])), max_size=30
    ),
)
def test_ring_is_a_list_that_forgets(capacity, channels, steps):
    """The ring, at random: what is read or gave way is exactly what was written."""
    ring = AudioRing(capacity, channels)
    everything = np.arange(10_000 * channels, dtype=np.float32).reshape(-1, channels)
    written = read = lost = 0
    for step in steps:
        if step in ("read", "read 5"):
            limit = 5 if step == "read 5" else None
            first, frames = ring.read(limit)
            assert first == read
            read = written if limit is None else min(written, read + limit)
            np.testing.assert_array_equal(frames, everything[first:read])
        elif step == "look":
            frames = ring.newest(7)
            start = max(0, written - min(7, capacity))
            np.testing.assert_array_equal(frames, everything[start:written])
        else:
            gave_way = ring.write(everything[written : written + step])
            written += step
            expected = max(0, written - capacity - read)
            read += expected
            lost += expected
            assert gave_way == expected
        assert ring.waiting == written - read <= capacity
        assert (ring.lost, ring.written) == (lost, written)


def test_ring_of_nothing_is_refused():
    with pytest.raises(ValueError, match="holds nothing"):
        AudioRing(0, 2)


def arrivals(seconds: float, drift: float = 0.0, jitter_s: float = 0.0) -> np.ndarray:
    """Times at which blocks of a device arrive whose clock runs ``drift`` too fast."""
    rng = np.random.default_rng(0)
    due_s = np.arange(1, int(seconds * RATE_HZ / BLOCK)) * BLOCK / RATE_HZ / (1.0 + drift)
    return np.maximum.accumulate(due_s + rng.exponential(jitter_s, len(due_s)))


def found_missing(times_s: np.ndarray, keep: np.ndarray | None = None) -> int:
    clock = ClockCheck(RATE_HZ)
    kept = np.ones(len(times_s), bool) if keep is None else keep
    changes = [clock.arrived(BLOCK, float(now_s) + 1e6) for now_s in times_s[kept]]
    assert sum(changes) == clock.missing
    return clock.missing


@pytest.mark.parametrize("drift", [-200e-6, 0.0, 200e-6])
@pytest.mark.parametrize("jitter_s", [0.0, 0.005, 0.05])
def test_an_hour_without_loss(drift, jitter_s):
    """An hour of poor crystals and scheduling jitter: nothing is taken for a loss."""
    assert found_missing(arrivals(3600, drift, jitter_s)) == 0


@pytest.mark.parametrize(("first", "lost_blocks"), [(400, 4), (400, 20), (400, 200), (5, 100)])
def test_one_loss_is_found_in_full(first, lost_blocks):
    """One silent loss of 0.2, 1 and 10 s: found, to within 20 ms."""
    times_s = arrivals(60, 50e-6, 0.005)
    keep = np.ones(len(times_s), bool)
    keep[first : first + lost_blocks] = False
    assert found_missing(times_s, keep) == pytest.approx(lost_blocks * BLOCK, abs=0.02 * RATE_HZ)


def test_thirteen_percent_lost_here_and_there_is_found():
    """13 % lost here and there without an overflow flag: found, to within 5 % of it."""
    times_s = arrivals(120, 0.0, 0.002)
    keep = np.random.default_rng(1).random(len(times_s)) > 0.13
    missing = found_missing(times_s, keep)
    assert missing == pytest.approx((~keep).sum() * BLOCK, rel=0.05)


@pytest.mark.parametrize("held_s", [2.0, 6.0])
def test_late_is_not_lost(held_s):
    """Two seconds held back and then delivered at once: nothing is lost."""
    for begins_s in np.arange(20.0, 21.2, 0.05):
        times_s = arrivals(30)
        late = (times_s > begins_s) & (times_s < begins_s + held_s)
        times_s[late] = begins_s + held_s
        clock = ClockCheck(RATE_HZ)  # not even for a moment:
        assert not any(clock.arrived(BLOCK, float(now_s)) for now_s in times_s)


def test_what_was_thought_lost_and_came_is_taken_back():
    """Half a second thought lost that came after twenty: taken back."""
    times_s = arrivals(60)
    times_s[(times_s > 20)] += 0.5
    times_s[times_s > 40.5] -= 0.5
    assert found_missing(np.maximum.accumulate(times_s)) < 0.02 * RATE_HZ

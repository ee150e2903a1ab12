"""The count as a range, and spans of lost sound: numbers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.heard.count import COVERAGE, count_range, count_ranges, range_text
from desktop.heard.losses import Losses

DISTRIBUTIONS = st.lists(st.floats(0.001, 1.0), min_size=7, max_size=7).map(
    lambda values: np.array(values) / np.sum(values)
)


@given(DISTRIBUTIONS)
def test_a_range_holds_the_likeliest_count_and_enough(distribution):
    low, high = count_range(distribution)
    assert low <= distribution.argmax() <= high
    assert distribution[low : high + 1].sum() >= COVERAGE - 1e-5


@given(DISTRIBUTIONS)
def test_many_ranges_are_as_one_by_one(distribution):
    low, high = count_ranges(np.stack([distribution, distribution[::-1]]))
    assert (low[0], high[0]) == count_range(distribution)


@given(DISTRIBUTIONS, DISTRIBUTIONS)
def test_a_range_that_is_kept_is_still_true(before, now):
    low, high = count_range(now, count_range(before))
    assert low <= now.argmax() <= high
    assert now[low : high + 1].sum() >= 0.72 - 1e-5


def test_a_lone_piano_is_one_or_two_never_two_point_one():
    assert range_text(count_range(np.array([0.0, 0.88, 0.1, 0.02, 0, 0, 0]))) == "1"
    assert range_text(count_range(np.array([0.0, 0.55, 0.35, 0.1, 0, 0, 0]))) == "1 to 2"
    assert range_text(count_range(np.array([0, 0, 0, 0, 0, 0.3, 0.7]))) == "5 to 6+"


def test_a_range_does_not_flicker_at_its_border():
    shown = None
    seen = set()
    for share in (0.79, 0.81, 0.79, 0.82, 0.78):
        shown = count_range(np.array([0, share, 1 - share, 0, 0, 0, 0]), shown)
        seen.add(shown)
    assert seen == {(1, 2)}
    assert count_range(np.array([0, 0.98, 0.02, 0, 0, 0, 0]), shown) == (1, 1)


def test_losses_are_spans_of_the_session():
    losses = Losses()

    def note(now_s: float, missing_s: float = 0.0, dropped: int = 0, away: bool = False) -> None:
        losses.note(now_s, missing_s=missing_s, windows_dropped=dropped, hop_s=0.5, away=away)

    note(1.0)
    assert losses.spans == []
    note(5.0, missing_s=0.3)
    assert losses.spans == [pytest.approx((4.7, 5.0))]
    note(10.0, missing_s=0.3, dropped=2)
    assert losses.spans[1:] == [pytest.approx((9.0, 10.0))]
    for step in range(1, 41):
        note(20.0 + step * 0.1, missing_s=0.3, dropped=2, away=step > 1)
    assert losses.spans[2:] == [pytest.approx((20.1, 24.0))]
    assert losses.at(22.0) == losses.spans[2]
    assert losses.at(15.0) is None

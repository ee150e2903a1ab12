"""Times in seconds: the same at any hop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.smoothing import NO_SMOOTHING, Smoother, Smoothing


def response(signal, hop_s, seconds, **times):
    """Smoothed values of ``signal(t)`` at t = hop, 2 hop ... ; signal is constant in each hop."""
    smoother = Smoother(**times)
    smoother.reset(np.array([signal(0.0)]))
    count = round(seconds / hop_s)
    return np.array([smoother.step(np.array([signal(i * hop_s)]), hop_s)[0] for i in range(count)])


def pulse(t):
    """Up at 0.5 s, down at 2.0 s."""
    return 1.0 if 0.5 <= round(t, 6) < 2.0 else 0.0


@pytest.mark.parametrize("hold_s", [0.0, 0.25, 0.3])
def test_hop_50_ms_and_500_ms_agree_where_both_look(hold_s):
    times = {"attack_s": 0.2, "release_s": 0.4, "hold_s": hold_s}
    fine = response(pulse, 0.05, 5.0, **times)[9::10]
    coarse = response(pulse, 0.5, 5.0, **times)
    np.testing.assert_allclose(fine, coarse, atol=1e-6)


@pytest.mark.parametrize("hop_s", [0.05, 0.1, 0.5])
def test_attack_and_release_are_time_constants(hop_s):
    rise = response(lambda t: 1.0 if t >= hop_s else 0.0, hop_s, 3.0, attack_s=0.5, release_s=1.0)
    after_attack = rise[round(0.5 / hop_s)]
    assert after_attack == pytest.approx(1 - np.exp(-1), abs=1e-6)
    fall = response(lambda t: 0.0 if t >= hop_s else 1.0, hop_s, 3.0, attack_s=0.5, release_s=1.0)
    assert fall[round(1.0 / hop_s)] == pytest.approx(np.exp(-1), abs=1e-6)


def test_hold_keeps_the_value_then_releases():
    values = response(lambda t: 1.0 if t < 0.1 else 0.0, 0.1, 2.0, release_s=0.4, hold_s=0.5)
    np.testing.assert_allclose(values[:6], 1.0)
    assert values[6] == pytest.approx(np.exp(-0.1 / 0.4), abs=1e-6)


def test_a_second_rise_starts_the_hold_afresh():
    smoother = Smoother(attack_s=0.0, release_s=0.1, hold_s=0.3)
    smoother.reset(np.array([1.0]))
    down, up = np.array([0.0]), np.array([1.0])
    for _ in range(3):
        assert smoother.step(down, 0.1)[0] == 1.0
    smoother.step(up, 0.1)
    for _ in range(3):
        assert smoother.step(down, 0.1)[0] == 1.0
    assert smoother.step(down, 0.1)[0] < 1.0


def test_no_smoothing_passes_through():
    smoother = Smoother(NO_SMOOTHING.attack_s, NO_SMOOTHING.release_s, NO_SMOOTHING.hold_s)
    for value in (0.1, 0.9, 0.3):
        assert smoother.step(np.array([value]), 0.5)[0] == pytest.approx(value)


def test_the_first_values_pass_through_and_reset_forgets():
    smoother = Smoother()
    assert smoother.step(np.array([0.7]), 0.0)[0] == pytest.approx(0.7)
    smoother.step(np.array([0.0]), 0.1)
    smoother.reset()
    assert smoother.step(np.array([0.9]), 0.1)[0] == pytest.approx(0.9)


def test_equal_times_keep_a_distribution_a_distribution():
    rng = np.random.default_rng(0)
    smoother = Smoother(0.4, 0.4)
    for _ in range(50):
        assert smoother.step(rng.dirichlet(np.ones(7)), 0.1).sum() == pytest.approx(1.0, abs=1e-6)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 2),
    st.floats(0, 2),
    st.floats(0, 2),
    st.floats(0, 5),
)
def test_the_output_never_leaves_the_range_of_the_input(values, attack_s, release_s, hold_s, dt_s):
    smoother = Smoother(attack_s, release_s, hold_s)
    out = [smoother.step(np.array([value]), dt_s)[0] for value in values]
    assert min(values) - 1e-6 <= min(out)
    assert max(out) <= max(values) + 1e-6


def test_labels_do_not_touch_each_other():
    rng = np.random.default_rng(3)
    inputs = rng.random((40, 5))
    together, apart = Smoother(hold_s=0.2), [Smoother(hold_s=0.2) for _ in range(5)]
    for row in inputs:
        alone = [one.step(row[i : i + 1], 0.1)[0] for i, one in enumerate(apart)]
        np.testing.assert_array_equal(together.step(row, 0.1), alone)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_impossible_times_are_refused(bad):
    with pytest.raises(ValueError, match="release_s"):
        Smoothing(release_s=bad)
    with pytest.raises(ValueError, match="dt_s"):
        Smoother().step(np.zeros(3), -0.1)


def test_no_time_moves_nothing_even_without_smoothing():
    smoother = Smoother(0.0, 0.0, 0.0)
    smoother.step(np.array([0.5]), 0.0)
    assert smoother.step(np.array([1.0]), 0.0)[0] == 0.5
    assert smoother.step(np.array([1.0]), 1e-6)[0] == 1.0

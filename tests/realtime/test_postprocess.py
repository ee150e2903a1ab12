"""From raw scores to tags: silence, smoothing over real time, and frozen figures."""

import numpy as np
import pytest

from realtime.levels import LevelReading
from realtime.model import Scores
from realtime.postprocess import Postprocessor, expected_polyphony
from realtime.smoothing import NO_SMOOTHING, Smoothing

LOUD = LevelReading(-20.0, -10.0, clipped=False, silent=False, exact_zeros=False)
QUIET = LevelReading(-90.0, -80.0, clipped=False, silent=True, exact_zeros=False)


def random_scores(n, seed=0):
    rng = np.random.default_rng(seed)
    return Scores(
        rng.random((n, 24), dtype=np.float32),
        rng.random((n, 8), dtype=np.float32),
        rng.dirichlet(np.ones(7), n).astype(np.float32),
    )


def constant_scores(value):
    polyphony = np.zeros((1, 7), np.float32)
    polyphony[0, 2] = 1.0
    return Scores(
        np.full((1, 24), value, np.float32), np.full((1, 8), value, np.float32), polyphony
    )


def test_expected_polyphony_counts_six_or_more_as_six():
    assert expected_polyphony(np.eye(7)[6]) == 6.0
    assert expected_polyphony(np.array([0.5, 0, 0.5, 0, 0, 0, 0])) == 1.0


def test_without_smoothing_the_scores_come_through(spec):
    scores = random_scores(5)
    post = Postprocessor(spec, NO_SMOOTHING)
    for i in range(5):
        tags = post.step(scores, LOUD, i * 0.5, index=i)
        np.testing.assert_allclose(tags.instruments, scores.instruments[i], atol=1e-6)
        np.testing.assert_allclose(tags.families, scores.families[i], atol=1e-6)
        np.testing.assert_allclose(tags.polyphony, scores.polyphony[i], atol=1e-6)
        assert (tags.start_s, tags.end_s) == (i * 0.5, i * 0.5 + 1.0)


def test_nothing_sounds_in_silence_at_once_and_without_scores(spec):
    post = Postprocessor(spec)
    post.step(constant_scores(1.0), LOUD, 0.0)
    tags = post.step(None, QUIET, 0.5)
    assert not tags.instruments.any()
    assert not tags.families.any()
    assert tags.polyphony.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert tags.polyphony_expected == 0.0
    # The scores of a silent window do not matter.
    ignored = post.step(constant_scores(1.0), QUIET, 1.0)
    assert not ignored.instruments.any()


def test_sound_after_silence_rises_with_the_attack(spec):
    post = Postprocessor(spec, Smoothing(attack_s=0.2, release_s=0.4))
    post.step(None, QUIET, 0.0)
    tags = post.step(constant_scores(1.0), LOUD, 0.1)
    np.testing.assert_allclose(tags.instruments, 1 - np.exp(-0.1 / 0.2), atol=1e-6)


def test_a_loud_window_needs_scores(spec):
    with pytest.raises(ValueError, match="scores"):
        Postprocessor(spec).step(None, LOUD, 0.0)


@pytest.mark.parametrize("smoothing", [Smoothing(), Smoothing(0.5, 1.0, 0.5)])
def test_hop_50_ms_and_500_ms_settle_alike(spec, smoothing):
    def run(hop_s):
        post = Postprocessor(spec, smoothing)
        found = {}
        for i in range(round(6 / hop_s) + 1):
            at_s = i * hop_s
            # A window's scores hold for the hop before it: 1.0 for starts in (1, 3].
            value = 1.0 if 1.0 < round(at_s, 6) <= 3.0 else 0.0
            tags = post.step(constant_scores(value), LOUD, at_s)
            found[round(at_s, 3)] = tags.instruments[0]
        return found

    fine, coarse = run(0.05), run(0.5)
    for at_s, value in coarse.items():
        assert fine[at_s] == pytest.approx(value, abs=1e-5)


def test_a_gap_in_the_windows_is_time_that_passed(spec):
    post = Postprocessor(spec, Smoothing(0.2, 0.4))
    post.step(constant_scores(1.0), LOUD, 0.0)
    late = post.step(constant_scores(0.0), LOUD, 30.0)
    assert late.instruments.max() < 1e-6


def test_reset_forgets_the_past(spec):
    post = Postprocessor(spec)
    post.step(constant_scores(1.0), LOUD, 100.0)
    post.reset()
    tags = post.step(constant_scores(0.25), LOUD, 0.0)
    np.testing.assert_allclose(tags.instruments, 0.25)


def test_new_times_go_on_from_the_values_shown(spec):
    post = Postprocessor(spec, Smoothing(0.2, 0.4))
    post.step(constant_scores(1.0), LOUD, 0.0)
    post.set_smoothing(Smoothing(0.2, 1.0))
    tags = post.step(constant_scores(0.0), LOUD, 0.5)
    np.testing.assert_allclose(tags.instruments, np.exp(-0.5), atol=1e-6)


def test_polyphony_stays_a_distribution(spec):
    post = Postprocessor(spec, Smoothing(0.1, 0.7, 0.3))
    scores = random_scores(50)
    for i in range(50):
        tags = post.step(scores, LOUD, 0.1 * i, index=i)
        assert tags.polyphony.sum() == pytest.approx(1.0, abs=1e-5)


def test_tags_cannot_be_changed_by_a_listener(spec):
    tags = Postprocessor(spec).step(constant_scores(0.5), LOUD, 0.0)
    for array in (tags.instruments, tags.families, tags.polyphony):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


GOLDEN = {
    "instruments": [0.782312, 0.557268, 0.432028, 0.522731, 0.598291, 0.518563],
    "families": [0.684642, 0.759908, 0.461549],
    "polyphony": [0.076449, 0.098429, 0.161349, 0.251791, 0.136198, 0.111438, 0.164346],
}
"""Tags after 12 windows of ``random_scores(12, seed=42)`` at 0.25 s, the fifth silent."""


def test_a_fixed_input_gives_the_stored_figures(spec):
    post = Postprocessor(spec, Smoothing(0.2, 0.4, 0.1))
    scores = random_scores(12, seed=42)
    for i in range(12):
        tags = post.step(scores, QUIET if i == 4 else LOUD, i * 0.25, index=i)
    np.testing.assert_allclose(tags.instruments[:6], GOLDEN["instruments"], atol=1e-5)
    np.testing.assert_allclose(tags.families[:3], GOLDEN["families"], atol=1e-5)
    np.testing.assert_allclose(tags.polyphony, GOLDEN["polyphony"], atol=1e-5)

"""Scores on cases whose answer is known by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, label_ranking_average_precision_score

from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.datasets.truth import Truth, truth_of
from training.scoring import metrics

K = len(INSTRUMENTS)
AT = {name: i for i, name in enumerate(INSTRUMENTS)}


def says(**values: float) -> np.ndarray:
    """Scores (1, 24): those named, 0 elsewhere."""
    row = np.zeros((1, K))
    for name, value in values.items():
        row[0, AT[name]] = value
    return row


def micro(truth: Truth, predicted: np.ndarray) -> metrics.F1:
    target, known = metrics.resolve([truth], predicted - 0.5)
    return metrics.f1(target, known, predicted >= 0.5)


EITHER = truth_of(["drums", "acoustic_guitar|electric_guitar"], complete=True)


@pytest.mark.parametrize("guitars", [{"acoustic_guitar": 1.0}, {"electric_guitar": 1.0},
                                     {"acoustic_guitar": 1.0, "electric_guitar": 0.9}])  # fmt: skip
def test_any_member_of_a_slot_is_a_hit_and_the_others_no_false_positive(guitars: dict) -> None:
    score = micro(EITHER, says(drums=1.0, **guitars))
    assert score.micro == 1.0
    assert score.support.sum() == 2


def test_a_slot_that_nothing_is_said_of_is_one_miss() -> None:
    score = micro(EITHER, says(drums=1.0))
    assert score.micro_precision == 1.0
    assert score.micro_recall == 0.5


def test_a_predicted_member_with_a_low_threshold_counts_though_another_has_a_higher_probability():
    # Electric guitar 0.4 against a threshold of 0.3; acoustic 0.6 against 0.9.
    margin = says(electric_guitar=0.1, acoustic_guitar=-0.3) - 0.5 * (
        says(electric_guitar=1, acoustic_guitar=1) == 0
    )
    target, known = metrics.resolve([truth_of(["guitar"], complete=True)], margin)
    assert metrics.f1(target, known, margin >= 0).micro == 1.0


def test_an_incomplete_source_has_no_false_positives() -> None:
    truth = truth_of(["mallet"], complete=False)
    assert micro(truth, says(mallet_percussion=1, drums=1, bass=1)).micro == 1.0
    assert micro(truth, says(drums=1)).micro_recall == 0.0


def test_a_complete_source_has_false_positives() -> None:
    assert micro(truth_of(["mallet"], complete=True), says(mallet_percussion=1, drums=1)).micro == (
        pytest.approx(2 / 3)
    )


def test_what_other_may_be_is_neither_right_nor_wrong() -> None:
    truth = truth_of(["bass", "trumpet|trombone|saxophone|other"], complete=True)
    base = micro(truth, says(bass=1))
    assert base.micro == 1.0
    assert base.support.sum() == 1
    assert micro(truth, says(bass=1, trumpet=1, saxophone=1)).micro == 1.0
    assert micro(truth, says(bass=1, flute=1)).micro < 1.0


def test_two_slots_over_the_same_instruments_need_two_of_them() -> None:
    truth = truth_of(["acoustic_guitar|electric_guitar", "electric_guitar|bass"], complete=True)
    assert micro(truth, says(electric_guitar=0.9)).micro_recall == 0.5
    assert micro(truth, says(electric_guitar=0.9, bass=0.8)).micro_recall == 1.0


def test_a_slot_that_holds_a_named_instrument_asks_for_nothing_more() -> None:
    truth = truth_of(["acoustic_guitar", "acoustic_guitar|electric_guitar"], complete=True)
    assert micro(truth, says(acoustic_guitar=1)).micro == 1.0
    assert micro(truth, says(acoustic_guitar=1, electric_guitar=1)).micro == 1.0


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_f1_agrees_with_scikit_learn_where_everything_is_known(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, predicted = rng.random((2, 12, 5)) < 0.4
    ours = metrics.f1(target, np.ones_like(target), predicted)
    assert np.nan_to_num(ours.micro) == pytest.approx(
        f1_score(target, predicted, average="micro", zero_division=0)
    )
    occurs = target.any(axis=0)
    theirs = f1_score(target, predicted, average=None, zero_division=0)[occurs]
    np.testing.assert_allclose(ours.f1[occurs], theirs)
    assert np.isnan(ours.f1[~occurs]).all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_what_is_unknown_changes_no_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, known = rng.random((2, 12, 5)) < 0.5
    scores = rng.random((12, 5))
    changed = np.where(known, scores, rng.random((12, 5)))
    flipped = target ^ (~known & (rng.random((12, 5)) < 0.5))
    for score in (
        lambda t, s: metrics.f1(t, known, s >= 0.5).f1,
        lambda t, s: metrics.ranking_precision(t, known, s),
        lambda t, s: metrics.average_precision(t, known, s),
        lambda t, s: metrics.roc_auc(t, known, s),
        lambda t, s: metrics.calibration_error(t, known, s),
    ):
        np.testing.assert_equal(score(target, scores), score(flipped, changed))


def test_ranking_precision_is_the_library_s_and_skips_what_has_no_ranking() -> None:
    rng = np.random.default_rng(1)
    target = rng.random((30, 6)) < 0.4
    scores = rng.random((30, 6))
    target[0], target[1] = False, True
    ours = metrics.ranking_precision(target, np.ones_like(target), scores)
    assert np.isnan(ours[:2]).all()
    ranked = np.isfinite(ours)
    assert metrics.mean(ours) == pytest.approx(
        label_ranking_average_precision_score(target[ranked], scores[ranked])
    )


def test_a_calibrated_source_has_no_calibration_error_and_an_overconfident_one_its_excess() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((40_000, 1))
    target = rng.random((40_000, 1)) < scores
    known = np.ones_like(target)
    assert metrics.calibration_error(target, known, scores) < 0.02
    sure = np.full((1000, 1), 0.95)
    half = np.arange(1000)[:, None] % 2 == 0
    assert metrics.calibration_error(half, known[:1000], sure) == pytest.approx(0.45)


def test_polyphony_of_six_and_eight_is_one_class() -> None:
    told = np.eye(7)[[0, 1, 3, 6, 6]]
    found = metrics.polyphony(np.array([0, 1, 2, 6, 8]), told)
    assert found.accuracy == pytest.approx(0.8)
    assert found.mean_absolute_error == pytest.approx(0.2)
    assert found.f1[6] == 1.0
    assert found.f1[2] == 0.0
    assert np.isnan(found.f1[3])
    assert found.support.tolist() == [1, 1, 1, 0, 0, 0, 2]
    assert found.confusion[2, 3] == 1


def test_a_group_counts_as_one_item() -> None:
    groups = ["a", "b", "b", "b", "b"]
    weights = metrics.group_weights(groups)
    target = np.ones((5, 1), bool)
    predicted = np.array([[True], [False], [False], [False], [False]])
    known = np.ones_like(target)
    assert metrics.f1(target, known, predicted).micro_recall == pytest.approx(0.2)
    assert metrics.f1(target, known, predicted, weights).micro_recall == pytest.approx(0.5)


def test_the_interval_holds_the_mean_and_depends_on_pieces_not_clips() -> None:
    rng = np.random.default_rng(3)
    values = rng.random(40)

    def mean(weights: np.ndarray) -> float:
        return metrics.weighted_mean(values, weights)

    apart = metrics.interval(mean, [str(i) for i in range(40)], np.random.default_rng(0))
    assert apart[0] < values.mean() < apart[1]
    error = values.std() / np.sqrt(40)
    assert apart[1] - apart[0] == pytest.approx(2 * 1.96 * error, rel=0.15)
    one_piece = metrics.interval(mean, ["same"] * 40, np.random.default_rng(0))
    assert np.isnan(one_piece).all()


def test_family_truth_follows_the_labels() -> None:
    truth = truth_of(["violin", "electric_piano"], complete=True)
    target, known = metrics.family_truth([truth])
    assert {name for name, on in zip(FAMILIES, target[0], strict=True) if on} == {
        "bowed_string",
        "key",
    }
    assert known.all()

"""Scores of multi-label tagging, ranking, solos, polyphony and calibration, with masks.

Everywhere: n items, k labels; ``target`` (n, k) says what sounds, ``known`` (n, k) what may be
scored at all, ``weights`` (n,) how much each item counts. Where scikit-learn computes a score, it
does; it has no masks, so they are applied around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.datasets.truth import Truth

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


def resolve(truths: Sequence[Truth], scores: Floats) -> tuple[Bools, Bools]:
    """``target`` and ``known``, both (n, 24), given the scores (n, 24).

    A slot of several members counts as one label, and as the member that scores best: the others
    are masked. So it is a hit if any member is predicted, and predicting more than one does no
    harm. To resolve for F1 pass the margins over the thresholds, for ranking the probabilities.
    """
    index = {name: i for i, name in enumerate(INSTRUMENTS)}
    target = np.zeros((len(truths), len(INSTRUMENTS)), bool)
    known = np.ones_like(target)
    for row, truth in enumerate(truths):
        known[row, [index[name] for name in truth.unknown]] = False
        definite = [index[name] for slot in truth.slots if len(slot) == 1 for name in slot]
        target[row, definite] = known[row, definite] = True
        either = [[index[name] for name in slot] for slot in truth.slots if len(slot) > 1]
        for members in either:
            known[row, [one for one in members if not target[row, one]]] = False
        for members in either:
            # A slot that holds a definite instrument is no label of its own.
            if not set(members) & set(definite):
                free = [one for one in members if not target[row, one]]
                if free:
                    best = free[int(np.argmax(scores[row, free]))]
                    target[row, best] = known[row, best] = True
    return target, known


def family_truth(truths: Sequence[Truth]) -> tuple[Bools, Bools]:
    """``target`` and ``known`` of the families, both (n, 8)."""
    target = np.array([[name in truth.families for name in FAMILIES] for truth in truths], bool)
    unknown = [[name in truth.unknown_families for name in FAMILIES] for truth in truths]
    return target.reshape(-1, len(FAMILIES)), ~np.array(unknown, bool).reshape(-1, len(FAMILIES))


@dataclass(frozen=True)
class F1:
    """Precision, recall and F1. Per-label arrays (k,) hold NaN where there is nothing to score.

    ``macro`` is the mean over the labels that occur; a label that never occurs but is predicted
    lowers ``micro`` alone.
    """

    micro: float
    macro: float
    micro_precision: float
    micro_recall: float
    precision: Floats
    recall: Floats
    f1: Floats
    support: NDArray[np.int64]


def f1(target: Bools, known: Bools, predicted: Bools, weights: Floats | None = None) -> F1:
    """F1 of a prediction (n, k) where the truth is known."""
    weight = np.ones(len(target)) if weights is None else np.asarray(weights, float)
    true_positive = weight @ (target & predicted & known)
    false_positive = weight @ (~target & predicted & known)
    false_negative = weight @ (target & ~predicted & known)
    occurs = true_positive + false_negative > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        label_f1 = 2 * true_positive / (2 * true_positive + false_positive + false_negative)
        precision = true_positive / (true_positive + false_positive)
        recall = true_positive / (true_positive + false_negative)
    total = true_positive.sum(), false_positive.sum(), false_negative.sum()
    return F1(
        micro=_ratio(2 * total[0], 2 * total[0] + total[1] + total[2]),
        macro=float(label_f1[occurs].mean()) if occurs.any() else float("nan"),
        micro_precision=_ratio(total[0], total[0] + total[1]),
        micro_recall=_ratio(total[0], total[0] + total[2]),
        precision=precision,
        recall=recall,
        f1=np.where(occurs, label_f1, np.nan),
        support=(target & known).sum(axis=0),
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def ranking_precision(target: Bools, known: Bools, scores: Floats) -> Floats:
    """Label-ranking average precision of each item (n,); LRAP is its mean.

    NaN where an item has no known label that sounds or none that does not.
    """
    precision = np.full(len(target), np.nan)
    for row in range(len(target)):
        mask = known[row]
        if target[row, mask].any() and not target[row, mask].all():
            precision[row] = sk.label_ranking_average_precision_score(
                target[row : row + 1, mask], scores[row : row + 1, mask]
            )
    return precision


def per_label(
    score: Callable[[Bools, Floats], float], target: Bools, known: Bools, scores: Floats
) -> Floats:
    """A scikit-learn score of each label (k,), NaN where it never or always sounds."""
    values = np.full(target.shape[1], np.nan)
    for label in range(target.shape[1]):
        mask = known[:, label]
        truth = target[mask, label]
        if truth.any() and not truth.all():
            values[label] = score(truth, scores[mask, label])
    return values


def average_precision(target: Bools, known: Bools, scores: Floats) -> Floats:
    """Average precision of each label (k,); mAP is its mean."""
    return per_label(sk.average_precision_score, target, known, scores)


def roc_auc(target: Bools, known: Bools, scores: Floats) -> Floats:
    """Area under the ROC curve of each label (k,)."""
    return per_label(sk.roc_auc_score, target, known, scores)


def calibration_error(target: Bools, known: Bools, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and frequency over equal bins.

    Naeini, Cooper and Hauskrecht, AAAI 2015; all labels pooled.
    """
    confidence, frequency, count = reliability(target, known, scores, bins)
    used = count > 0
    gaps = np.abs(confidence[used] - frequency[used])
    return _ratio(float(count[used] @ gaps), float(count.sum()))


def reliability(
    target: Bools, known: Bools, scores: Floats, bins: int = 15
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean confidence, share that sounds, and count in each of the equal bins of 0..1."""
    values, truth = scores[known].astype(float), target[known].astype(float)
    which = np.minimum((values * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(which, values, minlength=bins) / count
        frequency = np.bincount(which, truth, minlength=bins) / count
    return confidence, frequency, count


@dataclass(frozen=True)
class Polyphony:
    """How well the count of instruments is told; per-count arrays (7,), the last is 6 or more."""

    accuracy: float
    mean_absolute_error: float
    f1: Floats
    support: NDArray[np.int64]
    confusion: NDArray[np.int64]
    """Rows: the true count; columns: the count told."""


def polyphony(count: NDArray[np.integer], distribution: Floats) -> Polyphony:
    """Scores of distributions (n, 7) against true counts (n,); 6 and more are one class.

    The error is of the expected count, in instruments.
    """
    classes = np.arange(distribution.shape[1])
    true = np.minimum(count, classes[-1])
    told = distribution.argmax(axis=1)
    _, _, scores, _ = sk.precision_recall_fscore_support(
        true, told, labels=classes, zero_division=0.0
    )
    return Polyphony(
        accuracy=float(np.mean(told == true)),
        mean_absolute_error=float(np.mean(np.abs(distribution @ classes - true))),
        f1=np.where(np.isin(classes, true), scores, np.nan),
        support=np.bincount(true, minlength=len(classes)),
        confusion=sk.confusion_matrix(true, told, labels=classes),
    )


def group_weights(groups: Sequence[str]) -> Floats:
    """Weights (n,) that make every group count as one item."""
    _, inverse, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return 1.0 / size[inverse]


def interval(
    statistic: Callable[[Floats], float],
    groups: Sequence[str],
    rng: np.random.Generator,
    repeats: int = 1000,
) -> tuple[float, float]:
    """95 % interval of a statistic of weights (n,), by resampling whole groups (percentiles).

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993. Clips of one piece are not
    independent, so pieces are drawn, not clips; of one piece nothing can be drawn (NaN).
    """
    _, inverse = np.unique(np.asarray(groups), return_inverse=True)
    number = int(inverse.max()) + 1
    if number < 2:
        return float("nan"), float("nan")
    draws = rng.multinomial(number, np.full(number, 1 / number), size=repeats)
    values = np.array([statistic(draw[inverse].astype(float)) for draw in draws])
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def weighted_mean(values: Floats, weights: Floats) -> float:
    """Mean of the values that are not NaN."""
    there = np.isfinite(values)
    return _ratio(float(values[there] @ weights[there]), float(weights[there].sum()))


def mean(values: Floats) -> float:
    """Mean of the values that are not NaN; NaN where there are none."""
    return weighted_mean(values, np.ones(len(values)))

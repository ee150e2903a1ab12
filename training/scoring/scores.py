"""The account of what was heard: every score of a data set, ready for the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.scoring import metrics
from training.scoring.evaluate import Answers, Items
from training.scoring.metrics import Floats

Scores = dict[str, Any]
"""Numbers, and dictionaries of numbers, that go into the JSON report as they are."""


def score(items: Items, rng: np.random.Generator) -> Scores:
    """Every multi-label score of some items, with 95 % intervals over groups."""
    if not len(items):
        return {"items": 0}
    target, known = metrics.resolve(items.truths, items.margin)
    ranked = metrics.resolve(items.truths, items.probability)
    predicted = items.margin >= 0
    whole = metrics.f1(target, known, predicted)
    grouped = metrics.f1(target, known, predicted, metrics.group_weights(items.groups))
    families = metrics.f1(*metrics.family_truth(items.truths), items.family_margin >= 0)
    ranking = metrics.ranking_precision(*ranked, items.probability)
    precision = metrics.average_precision(*ranked, items.probability)
    area = metrics.roc_auc(*ranked, items.probability)

    def f1_of(name: str) -> Callable[[Floats], float]:
        return lambda weights: getattr(metrics.f1(target, known, predicted, weights), name)

    return {
        "items": len(items),
        "groups": len(set(items.groups)),
        "labels": int(whole.support.sum()),
        "micro_f1": whole.micro,
        "micro_f1_interval": metrics.interval(f1_of("micro"), items.groups, rng),
        "micro_precision": whole.micro_precision,
        "micro_recall": whole.micro_recall,
        "macro_f1": whole.macro,
        "macro_f1_interval": metrics.interval(f1_of("macro"), items.groups, rng),
        "group_micro_f1": grouped.micro,
        "group_macro_f1": grouped.macro,
        "family_micro_f1": families.micro,
        "family_macro_f1": families.macro,
        "lrap": metrics.mean(ranking),
        "lrap_interval": metrics.interval(
            lambda weights: metrics.weighted_mean(ranking, weights), items.groups, rng
        ),
        "map": metrics.mean(precision),
        "roc_auc": metrics.mean(area),
        "calibration_error": metrics.calibration_error(*ranked, items.probability),
        "per_label": {
            name: {
                "precision": whole.precision[label],
                "recall": whole.recall[label],
                "f1": whole.f1[label],
                "average_precision": precision[label],
                "roc_auc": area[label],
                "support": int(whole.support[label]),
                "predicted": int((predicted & known)[:, label].sum()),
            }
            for label, name in enumerate(INSTRUMENTS)
        },
        "per_family": {
            name: {
                "precision": families.precision[label],
                "recall": families.recall[label],
                "f1": families.f1[label],
                "support": int(families.support[label]),
            }
            for label, name in enumerate(FAMILIES)
        },
    }


def score_solos(items: Items, rng: np.random.Generator) -> Scores:
    """Top-1 of items that hold one named instrument, and what is taken for what (24, 24)."""
    solos = items.where(truth.instrument is not None for truth in items.truths)
    if not len(solos):
        return {"solos": 0}
    named = np.array([INSTRUMENTS.index(str(truth.instrument)) for truth in solos.truths])
    told = solos.probability.argmax(axis=1)
    right = (named == told).astype(float)
    confusion = np.zeros((len(INSTRUMENTS), len(INSTRUMENTS)), int)
    np.add.at(confusion, (named, told), 1)
    return {
        "solos": len(solos),
        "top1": float(right.mean()),
        "top1_interval": metrics.interval(
            lambda weights: metrics.weighted_mean(right, weights), solos.groups, rng
        ),
        "right": int(right.sum()),
        "confusion": confusion.tolist(),
    }


def score_polyphony(items: Items) -> Scores:
    """How well the number of instruments is told, where it is known."""
    counted = items.where(truth.count is not None for truth in items.truths)
    if not len(counted):
        return {"items": 0}
    count = np.array([truth.count for truth in counted.truths], int)
    found = metrics.polyphony(count, counted.polyphony)
    return {
        "items": len(counted),
        "accuracy": found.accuracy,
        "mean_absolute_error": found.mean_absolute_error,
        "f1_per_count": found.f1.tolist(),
        "support_per_count": found.support.tolist(),
        "confusion": found.confusion.tolist(),
    }


def score_heard(heard: Answers, rng: np.random.Generator) -> Scores:
    """The whole account of one data set."""
    solos = heard.clips.where(kind == "solo" for kind in heard.clip_kinds)
    mixes = heard.clips.where(kind == "mix" for kind in heard.clip_kinds)
    solo_windows = heard.windows.where(kind == "solo" for kind in heard.window_kinds)
    mix_windows = heard.windows.where(kind == "mix" for kind in heard.window_kinds)
    return {
        "clips": score(heard.clips, rng),
        "solo_clips": score(solos, rng),
        "mix_clips": score(mixes, rng),
        "windows": score(heard.windows, rng),
        "solos": score_solos(solos, rng),
        "solo_segments": score_solos(heard.segments, rng),
        "polyphony_solo_windows": score_polyphony(solo_windows),
        "polyphony_mix_windows": score_polyphony(mix_windows),
    }


def score_mixtures(items: Items, rng: np.random.Generator) -> Scores:
    """Mixtures of unseen sources: all, few (0 to 3) and many (4 to 6) instruments."""
    counts = [truth.count for truth in items.truths]
    few = items.where(count is not None and count <= 3 for count in counts)
    many = items.where(count is not None and 4 <= count <= 6 for count in counts)
    return {
        "all": score(items, rng),
        "few": score(few, rng),
        "many": score(many, rng),
        "solos": score_solos(items, rng),
        "polyphony": score_polyphony(items),
        "polyphony_few": score_polyphony(few),
        "polyphony_many": score_polyphony(many),
        "macro_f1_per_count": {
            str(count): _macro_f1(items.where(c == count for c in counts))
            for count in sorted({c for c in counts if c is not None})
        },
    }


def _macro_f1(items: Items) -> float:
    target, known = metrics.resolve(items.truths, items.margin)
    return metrics.f1(target, known, items.margin >= 0).macro

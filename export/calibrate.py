"""Thresholds: what counts as present, on mixtures and clips that no training has heard.

One threshold for all labels, the best for micro-F1. A label has its own only where 20 clips back
it, of a source no more than five counted, and where its own, chosen without a source, does better
on that source than the common one: from a handful of clips the best of a label is chance.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from realtime.spec import ModelSpec
from training.scoring.real import GRID

_CLIPS, _OF_A_SOURCE = 20, 5
"""Clips that must carry a label for a threshold of its own, and how many of a source count."""
_GAIN = 0.01
"""So much must its F1 on sources left out gain by it."""
_SHRINK = 25.0
"""So many imagined examples pull a label's threshold towards the common one."""
_DRAWS = 200


@dataclass(frozen=True)
class Examples:
    """What was said of n sounds, and what is true; arrays are ``[n, labels]``.

    ``carrier``: number of the clip that carries the label, -1 where none does or it is not known
    which. ``sources``: of the clips.
    """

    probability: NDArray[np.floating]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    carrier: NDArray[np.int64]
    sources: tuple[str, ...] = ()


def choose_thresholds(examples: Examples, rng: np.random.Generator) -> list[float]:
    """One threshold a label, by the rule of this module.

    The curves are flat and ragged at their top, so a threshold is the mean of the optima of
    many bootstrap draws of the examples (Breiman, "Bagging predictors", Machine Learning 1996).
    """
    draws = rng.poisson(1.0, (len(examples.truth), _DRAWS)).astype(np.float64)
    labels = range(examples.truth.shape[1])
    curves = [_curves(examples, label, draws) for label in labels]
    above, below = np.sum([one[0] for one in curves], axis=0), np.sum([one[1] for one in curves], 0)
    f1 = above / np.maximum(below, 1.0)
    common = _optimum(f1)
    chosen = [common] * len(labels)
    for label in labels:
        if _is_backed(examples, label) and _helps(examples, label, draws, f1, common):
            chosen[label] = _own(curves[label], f1)
    return chosen


def _curves(
    examples: Examples, label: int, weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of a label's F1 over what is known: ``[grid, draws]`` each.

    ``weights`` ``[n, draws]``: how often an example counts in each draw.
    """
    known = examples.known[:, label]
    weights = weights[known]
    said = examples.probability[known, label][None] >= GRID[:, None]
    true = examples.truth[known, label].astype(np.float64)
    said = said.astype(np.float64)
    return 2 * ((said * true) @ weights), said @ weights + true @ weights


def _optimum(f1: NDArray[np.float64]) -> float:
    """Mean over draws of the threshold at the top; of equal ones, the middle."""
    top = f1 >= f1.max(axis=0) - 1e-12
    return float(np.round((GRID @ top / top.sum(axis=0)).mean(), 3))


def _own(
    curves: tuple[NDArray[np.float64], NDArray[np.float64]], common_f1: NDArray[np.float64]
) -> float:
    above, below = curves
    return _optimum((above + _SHRINK * common_f1) / (below + _SHRINK))


def _is_backed(examples: Examples, label: int) -> bool:
    clips = set(examples.carrier[:, label].tolist()) - {-1}
    of_source = Counter(examples.sources[clip] for clip in clips)
    return sum(min(count, _OF_A_SOURCE) for count in of_source.values()) >= _CLIPS


def _helps(
    examples: Examples,
    label: int,
    draws: NDArray[np.float64],
    common_f1: NDArray[np.float64],
    common: float,
) -> bool:
    """Is the label's own threshold better than the common one on sources it was not chosen on?

    Examples without the label have no source: they are dealt out among the sources.
    """
    names = np.array([*examples.sources, ""])[examples.carrier[:, label]]
    sources = sorted(set(names.tolist()) - {""})
    fold = np.array([sources.index(name) if name else -1 for name in names.tolist()])
    without = np.flatnonzero(fold < 0)
    fold[without] = np.arange(len(without)) % len(sources)
    known, truth = examples.known[:, label], examples.truth[:, label]
    counts = np.zeros((2, 2))
    for number in range(len(sources)):
        kept = (fold != number)[:, None]
        own = _own(_curves(examples, label, draws * kept), common_f1)
        held = known & (fold == number)
        for row, threshold in enumerate((own, common)):
            said = examples.probability[held, label] >= threshold
            counts[row] += 2 * (said & truth[held]).sum(), said.sum() + truth[held].sum()
    own_f1, common_only = counts[:, 0] / np.maximum(counts[:, 1], 1)
    return bool(own_f1 >= common_only + _GAIN)


def with_thresholds(spec: ModelSpec, instruments: list[float], families: list[float]) -> ModelSpec:
    """The specification with new thresholds, in label order."""
    return replace(
        spec,
        thresholds=dict(zip(spec.instruments, instruments, strict=True)),
        family_thresholds=dict(zip(spec.families, families, strict=True)),
    )

"""Thresholds from mixtures of unseen sources: what counts as present.

Chosen on the validation split of a bank, never on recordings that are scored.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from realtime.spec import ModelSpec

_BETA = 0.5
"""A meter that lights for what is not there does more harm than one that misses the
faint: precision weighs twice as much as recall."""
_GRID = np.round(np.arange(0.05, 0.96, 0.01), 2)
_SHRINK = 25.0
"""So many imagined examples pull a label's threshold towards the common one."""
_DRAWS = 200


def f_curves(
    probability: NDArray[np.float32],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of a label's F-beta, over what is known: ``[grid, draws]`` each.

    ``probability``, ``truth`` and ``known`` are ``[n]``, ``weights`` ``[n, draws]``: how often
    an example counts in each draw.
    """
    weights = weights[known]
    said = (probability[known][None] >= _GRID[:, None]).astype(np.float64)
    true = truth[known].astype(np.float64)
    return (1 + _BETA**2) * ((said * true) @ weights), said @ weights + _BETA**2 * (true @ weights)


def choose_thresholds(
    probability: NDArray[np.float32],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[float]:
    """One threshold a label, for the best F-beta, drawn towards the one best for all.

    Arrays are ``[n, labels]``. A label with few examples keeps near the common
    threshold: its own optimum would be chance. The curves are flat and ragged at their
    top, so the threshold is the mean of the optima of many bootstrap draws of the
    examples (Breiman, "Bagging predictors", Machine Learning 1996).
    """
    draws = rng.poisson(1.0, (len(truth), _DRAWS)).astype(np.float64)
    curves = [
        f_curves(probability[:, k], truth[:, k], known[:, k], draws) for k in range(truth.shape[1])
    ]
    above = np.sum([curve[0] for curve in curves], axis=0)
    below = np.sum([curve[1] for curve in curves], axis=0)
    common = above / np.maximum(below, 1.0)
    chosen = []
    for label_above, label_below in curves:
        score = (label_above + _SHRINK * common) / (label_below + _SHRINK)
        chosen.append(float(np.round(_GRID[np.argmax(score, axis=0)].mean(), 3)))
    return chosen


def with_thresholds(spec: ModelSpec, instruments: list[float], families: list[float]) -> ModelSpec:
    """The specification with new thresholds, in label order."""
    return replace(
        spec,
        thresholds=dict(zip(spec.instruments, instruments, strict=True)),
        family_thresholds=dict(zip(spec.families, families, strict=True)),
    )

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


def f_curve(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of F-beta at each threshold of the grid, over what is known."""
    probability, truth = probability[known], truth[known]
    said = probability[None] >= _GRID[:, None]
    hits = (said & truth).sum(axis=1).astype(float)
    weight = _BETA**2
    return (1 + weight) * hits, said.sum(axis=1) + weight * float(truth.sum())


def choose_thresholds(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> list[float]:
    """One threshold a label, for the best F-beta, drawn towards the one best for all.

    Arrays are ``[n, labels]``. A label with few examples keeps near the common
    threshold: its own optimum would be chance.
    """
    curves = [f_curve(probability[:, k], truth[:, k], known[:, k]) for k in range(truth.shape[1])]
    above = np.sum([curve[0] for curve in curves], axis=0)
    below = np.sum([curve[1] for curve in curves], axis=0)
    common = above / np.maximum(below, 1.0)
    chosen = []
    for label_above, label_below in curves:
        score = (label_above + _SHRINK * common) / (label_below + _SHRINK)
        chosen.append(float(_GRID[int(np.argmax(score))]))
    return chosen


def with_thresholds(spec: ModelSpec, instruments: list[float], families: list[float]) -> ModelSpec:
    """The specification with new thresholds, in label order."""
    return replace(
        spec,
        thresholds=dict(zip(spec.instruments, instruments, strict=True)),
        family_thresholds=dict(zip(spec.families, families, strict=True)),
    )

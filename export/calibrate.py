"""Thresholds from mixtures of unseen sources: what counts as present.

Chosen on the validation split of a bank, never on recordings that are scored.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from realtime.spec import ModelSpec

_GRID = np.round(np.arange(0.05, 0.96, 0.01), 2)
_SHRINK = 25.0
"""So many imagined examples pull a label's threshold towards the common one."""


def f1_curve(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits and (said + true) at each threshold of the grid, over what is known."""
    probability, truth = probability[known], truth[known]
    said = probability[None] >= _GRID[:, None]
    hits = (said & truth).sum(axis=1).astype(float)
    return hits, said.sum(axis=1) + float(truth.sum())


def choose_thresholds(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> list[float]:
    """One threshold a label, for the best F1, drawn towards the one best for all.

    Arrays are ``[n, labels]``. A label with few examples keeps near the common
    threshold: its own optimum would be chance.
    """
    curves = [f1_curve(probability[:, k], truth[:, k], known[:, k]) for k in range(truth.shape[1])]
    hits = np.sum([curve[0] for curve in curves], axis=0)
    sizes = np.sum([curve[1] for curve in curves], axis=0)
    common = 2 * hits / np.maximum(sizes, 1.0)
    chosen = []
    for label_hits, label_sizes in curves:
        pull = _SHRINK * common
        score = (2 * label_hits + 2 * pull) / np.maximum(label_sizes + 2 * _SHRINK, 1.0)
        chosen.append(float(_GRID[int(np.argmax(score))]))
    return chosen


def with_thresholds(spec: ModelSpec, instruments: list[float], families: list[float]) -> ModelSpec:
    """The specification with new thresholds, in label order."""
    return replace(
        spec,
        thresholds=dict(zip(spec.instruments, instruments, strict=True)),
        family_thresholds=dict(zip(spec.families, families, strict=True)),
    )

"""The number of instruments, brought to what real music says of it.

The network's logits ``z`` of 0 to 6 and more become ``scale * z + bias``. Both go into the
weights of its last layer, so that a file with them runs wherever one without them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.models.network import OUTPUTS, Network

_FIRST, _LAST = 1, 5
"""The counts that real clips and mixtures of them hold."""
_PULL = 0.03
"""Weight of the squared biases: few sources must not move them far."""
_LEAST = 1e-7


@dataclass(frozen=True)
class Correction:
    """``scale`` of the logits and ``bias`` of each of them (7,)."""

    scale: float
    bias: tuple[float, ...]


def fit_correction(polyphony: NDArray[np.floating], count: NDArray[np.int64]) -> Correction:
    """The likeliest correction of windows ``polyphony`` ``[n, 7]`` that hold ``count`` ``[n]``.

    Every count weighs the same. None has a bias of 0's, nor one of 6 and more: they go with
    the count next to them.
    """
    logits, true = _logits(polyphony), torch.from_numpy(count)
    log_scale = torch.zeros((), dtype=torch.double, requires_grad=True)
    bias = torch.zeros(_LAST - _FIRST + 1, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_scale, bias], max_iter=200, line_search_fn="strong_wolfe")

    def of_all() -> Tensor:
        beyond = logits.shape[1] - 1 - _LAST
        return torch.cat([bias[:1].expand(_FIRST), bias, bias[-1:].expand(beyond)])

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = _surprise(log_scale.exp() * logits + of_all(), true)
        value = value + _PULL * bias.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return Correction(log_scale.exp().item(), tuple(of_all().tolist()))


def correction_that_holds(
    polyphony: NDArray[np.floating],
    count: NDArray[np.int64],
    sources: Sequence[frozenset[str]],
    rng: np.random.Generator,
) -> Correction | None:
    """The correction, or None where one fitted on half of the sources fails the other half.

    ``sources`` ``[n]``: those that sound in each window; in the test a window is of the half
    that three quarters of its sources belong to, or of neither.
    """
    names = sorted(frozenset[str]().union(*sources))
    one_half = set(rng.permutation(names)[: len(names) // 2].tolist())
    share = np.array([len(of & one_half) / len(of) for of in sources])
    halves = share >= 0.75, share <= 0.25
    before = after = 0.0
    for fitted, held in (halves, halves[::-1]):
        if not fitted.any() or not held.any():
            return None
        found = fit_correction(polyphony[fitted], count[fitted])
        logits, true = _logits(polyphony[held]), torch.from_numpy(count[held])
        before += float(_surprise(logits, true))
        after += float(_surprise(found.scale * logits + torch.tensor(found.bias), true))
    return fit_correction(polyphony, count) if after < before else None


def fold(model: Network, correction: Correction) -> None:
    """Put the correction into the weights of the network's last layer, in place."""
    last, rows = model.last_layer, slice(sum(OUTPUTS[:2]), None)
    with torch.no_grad():
        last.weight[rows] *= correction.scale
        last.bias[rows] *= correction.scale
        last.bias[rows] += torch.tensor(correction.bias, dtype=last.bias.dtype)


def _logits(polyphony: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.log(np.clip(polyphony, _LEAST, 1.0).astype(np.float64)))


def _surprise(logits: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy, every count that occurs weighing the same."""
    weight = 1 / torch.bincount(true, minlength=logits.shape[1])[true].double()
    return (F.cross_entropy(logits, true, reduction="none") * weight).sum() / weight.sum()
